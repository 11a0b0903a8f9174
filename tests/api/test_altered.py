"""What is cut was a cause: without its wire to the source a network knows no more than one that has no source."""

from pathlib import Path

from heedful import Model
from heedful.api.train import run
from heedful.training.progress import Quiet
from support import letter_pairs
from support.tiny_networks import tiny

SCHEDULE = {"train__steps": 200, "train__batch_tokens": 600, "train__learning_rate": 0.005}


def pairs(count: int) -> list[tuple[str, str]]:
    """Words and the same backwards."""
    return [(word, letter_pairs.reverse(word)) for word in letter_pairs.words(count, 3, seed=4)]


def mean_score(model: Model, rows: list[tuple[str, str]]) -> float:
    """The log probability of a target, on average."""
    return sum(model.score(rows)) / len(rows)


def test_without_its_memory_a_network_knows_no_more_than_one_without_a_source(tmp_path: Path) -> None:
    rows = pairs(250)
    train, valid = rows[50:], rows[:50]
    models: list[Model] = []
    for number, blank in enumerate((False, True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        asked = [[("a" if blank else source, target) for source, target in side] for side in (train, valid)]
        recipe = letter_pairs.recipe(folder, tiny("vaswani2017", width=32), *asked, **SCHEDULE)
        models.append(run(recipe, folder / "run", Quiet()))
    whole, blank = models
    sourceless = mean_score(blank, [("a", target) for _, target in valid])
    assert mean_score(whole, valid) > sourceless + 2
    with whole.altered(without="memory"):
        assert mean_score(whole, valid) <= sourceless
        assert len(set(whole.predict([source for source, _ in valid]))) == 1
