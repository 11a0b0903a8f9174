"""Cross-validation: every row is answered once, by a network that did not learn from it; the last learns from all."""

import json
import math
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from heedful import recipe as recipes
from heedful.api import folds
from heedful.api.known_rows import known_rows
from heedful.api.scores import read_scores
from heedful.api.verbs import compare
from heedful.data.documents.kind import pieces_of
from heedful.data.folds import folds_of_groups, folds_within
from heedful.data.hold_out import group_rows
from heedful.data.pairs.read import Pair
from heedful.errors import HeedfulError
from heedful.metrics.classes import count_confusions, evaluate_classes
from heedful.metrics.folds import scores_over_folds
from heedful.metrics.scores import evaluate
from heedful.results import Example, Paired
from heedful.schema import Recipe
from heedful.tasks.joins import allowed
from heedful.tasks.recipes import change
from heedful.tasks.task import find_task
from heedful.training.progress import Quiet
from support.tiny_tasks import COLUMN, TASKS, recipe, write_data


class Notes(Quiet):
    """Keeps what is said, and stops with an error at a line that begins so."""

    def __init__(self, last: str = "-") -> None:
        self.lines, self.last = list[str](), last

    def note(self, text: str) -> None:
        self.lines.append(text)
        if text.startswith(self.last):
            raise HeedfulError("Stopped.")


@pytest.fixture
def texts(tmp_path: Path) -> Recipe:
    rows = [f"{a}{b}{c} text\t{'one' if a in 'abc' else 'two'}" for a in "abcdef" for b in "abcd" for c in "de"]
    (tmp_path / "texts.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    settings = {"data.train": [str(tmp_path / "texts.tsv")], "network.name": "gru", "network.size": "tiny"}
    settings |= {"train.steps": 2, "train.threads": 1, "data.folds": 2, "train.keep": True}
    return recipes.build("classify", settings)


@pytest.mark.parametrize("seed", range(5))
def test_folds_part_rows_evenly_class_by_class(seed: int) -> None:
    """Whole groups, whose rows have one of three classes, one of them rare; the order of rows changes nothing."""
    rng = np.random.default_rng(seed)
    rows, folds = 300, int(rng.integers(2, 8))
    group_of_row = rng.integers(0, 120, rows)
    class_of_row = rng.choice(3, 120, p=(0.7, 0.25, 0.05))[group_of_row]
    hashes = rng.permutation(10_000)[:120].astype(np.uint64)[group_of_row]
    fold = folds_of_groups(
        group_rows(hashes, class_rows=np.arange(rows), class_numbers=class_of_row, class_count=3), folds
    )
    assert {*fold.tolist()} == {*range(1, folds + 1)}
    largest = np.bincount(group_of_row).max()
    for number in range(3):
        held = np.bincount(fold[class_of_row == number], minlength=folds + 1)[1:]
        assert held.max() - held.min() <= largest
    for group in np.unique(group_of_row):
        assert len({*fold[group_of_row == group].tolist()}) == 1
    order = rng.permutation(rows)
    again = group_rows(hashes[order], class_rows=np.arange(rows), class_numbers=class_of_row[order], class_count=3)
    assert (folds_of_groups(again, folds) == fold[order]).all()


def test_rows_of_one_source_are_dealt_in_turn() -> None:
    fold = folds_within(group_rows(np.array([7, 7, 7, 3, 3, 3], np.uint64)), 3)
    assert sorted(fold[:3].tolist()) == sorted(fold[3:].tolist()) == [1, 2, 3]


@pytest.mark.parametrize("task", TASKS)
def test_each_fold_is_scored_on_what_it_did_not_learn(task: str, tmp_path: Path) -> None:
    """And together they are all there is; of the last training all rows are known."""
    files = write_data(tmp_path, 1)
    file = files[f"train-{COLUMN.get(task, 'texts')}"]
    asked = recipe(files, task, allowed(task)[0], data__folds=2, data__valid="auto", data__overlap="drop")
    learning, held = find_task(task).learning, list[Example]()
    for fold in (1, 2, "auto"):
        resolved = learning.resolve(change(asked, {"data.fold": fold}))
        folder = tmp_path / str(fold)
        data = learning.prepare(resolved, folder, lambda note: None)
        resolved = learning.resolve_for_data(resolved, data)
        model = learning.build(resolved, data)
        examples = learning.answering.examples(model, [file], resolved.data, lambda bad: None)
        if fold == "auto":
            assert not data.test and data.valid
            known, _, rest = known_rows(folder, task, model, examples).partition(" of ")
            assert known == rest.split()[0]
        else:
            held += data.test
            assert data.test and data.valid
            assert not known_rows(folder, task, model, data.test)
    sources = [example.source for example in held]
    assert sorted({*sources}) == sorted({example.source for example in examples})
    assert len({example.where for example in held}) == len(held)


@pytest.mark.parametrize("lines, pieces", [(100, 8), (3, 8), (1, 5)])
def test_a_document_alone_is_cut_into_pieces_that_make_it_up(lines: int, pieces: int) -> None:
    text = "".join(f"Line {number} of the text.\n" for number in range(1, lines + 1))
    parts = pieces_of(Pair(text, text, "", "book.txt", 1), pieces)
    assert "".join(part.source for part in parts) == text and abs(len(parts) - pieces) <= 1
    starts = accumulate((len(part.source) for part in parts), initial=0)
    assert [part.line for part in parts] == [
        1 + text[:start].count("\n") for start, _ in zip(starts, parts, strict=False)
    ]
    if lines == 100:
        assert all(part.source.startswith(f"Line {part.line} ") for part in parts)


def test_scores_of_folds_are_means_with_students_interval() -> None:
    """Of 90 and 80: t of one degree of freedom is 12.706, and nothing is above 100 %. Answers are counted together."""
    folds = []
    for wrong, names in ((1, ("a", "b")), (2, ("a", "b", "c"))):
        rows = np.full((10, len(names)), 0.1)
        rows[np.arange(10), [0] * 10] = 0.9
        folds.append(evaluate_classes([f"{wrong}-{n}" for n in range(10)], names, rows / rows.sum(1, keepdims=True),
                                      [("b",)] * wrong + [("a",)] * (10 - wrong), samples=0))  # fmt: skip
    scores = scores_over_folds(folds)
    accuracy = scores.measures["accuracy"]
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx((85, 85 - 12.706 * 5, 100), abs=0.01)
    assert (scores.count, len(scores.cases)) == (20, 20) and [fold.count for fold in scores.folds] == [10, 10]
    assert scores.confusion and scores.confusion.names == ("a", "b", "c")
    assert scores.confusion.counts == ((17, 0, 0), (3, 0, 0), (0, 0, 0))
    assert {each.name: each.count for each in scores.by_class} == {"a": 17, "b": 3, "c": 0}
    assert sum(bin_.count for bin_ in scores.reliability) == 20
    tested = [replace(fold, against_baseline=Paired("accuracy", gain, gain - 9, gain + 9, 0.2, 10))
              for fold, gain in zip(folds, (10.0, 30.0), strict=True)]  # fmt: skip
    test = scores_over_folds(tested).against_baseline
    assert test and (test.difference, test.examples, test.runs) == (20, 20, 2)
    assert (test.p, test.high) == pytest.approx((1 - 2 * math.atan(2) / math.pi, 20 + 127.06), abs=0.01)  # t = 2
    assert scores.against_baseline is None
    alone = scores_over_folds(folds[:1]).measures["accuracy"]
    assert alone.low == alone.high == alone.value == 90


def test_entities_and_folds_of_several_kinds_are_counted_together() -> None:
    """Types of entities are counted over all answers; where folds are scored in other ways, by what they share."""
    folds = []
    for answer in ("B-PER\tO", "B-PER\tB-LOC"):
        entities = evaluate("entities", ["a b"], [answer], [("B-PER\tB-LOC",)], samples=0)
        confusion = count_confusions(["B-LOC", "B-PER", "O"], ["B-PER", "B-LOC"], answer.split("\t"))
        folds.append(replace(entities, confusion=confusion))
    found = {each.name: (each.count, each.recall) for each in scores_over_folds(folds).by_class}
    assert found == {"LOC": (2, 50.0), "PER": (2, 100.0)}
    mixed = [evaluate(kind, ["a"], ["A B"], [("A B",)], samples=0) for kind in ("symbols", "text")]
    assert scores_over_folds(mixed).primary == "exact"


def test_cross_validation_goes_on_and_is_reported(texts: Recipe, tmp_path: Path) -> None:
    """Stopped behind the first fold, the same call trains what is left; nothing that was finished is touched."""
    run, notes = tmp_path / "run", Notes(last="fold 2")
    with pytest.raises(HeedfulError, match="Stopped"):
        folds.run(texts, run, notes)
    assert notes.lines[0] == "3 trainings of 2 steps: 2 folds, then all rows"
    finished = (run / "folds/1/scores.json").read_bytes(), (run / "folds/1/scores.json").stat().st_mtime_ns
    folds.run(texts, run, Quiet())
    assert finished == ((run / "folds/1/scores.json").read_bytes(), (run / "folds/1/scores.json").stat().st_mtime_ns)
    facts, scores = read_scores(run)
    parts = [read_scores(run / "folds" / str(number))[1] for number in (1, 2)]
    assert scores.count == sum(part.count for part in parts) == 48 and facts.on == "folds"
    assert scores.measures["accuracy"].value == pytest.approx(sum(p.measures["accuracy"].value for p in parts) / 2)
    assert {case.source for case in scores.cases} == {case.source for part in parts for case in part.cases}
    for name in ("report.html", "README.md"):
        page = (run / name).read_text("utf-8")
        assert "did not learn from it" in page and "fold" in page
    assert json.loads((run / "scores.json").read_text("utf-8"))["scores"]["folds"][1]["number"] == 2
    weights = (run / "model.safetensors").read_bytes()
    again = Notes()
    assert any("learnt from too" in remark for remark in folds.run(texts, run, again).evaluate().remarks)
    assert "is finished" in again.lines[0] and (run / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"data.folds": 1}, "data.folds=1 leaves nothing"),
        ({"data.fold": 3}, "There is no fold 3 of 2"),
        ({"data.folds": 0, "data.fold": 3}, "There is no fold 3 of 0"),
        ({"data.folds": 100}, "There are 48 sources, too few for data.folds=100"),
    ],
)
def test_folds_that_cannot_be_are_refused(
    changes: dict[str, object], words: str, texts: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(HeedfulError, match=words):
        folds.run(change(texts, changes), tmp_path / "run", Quiet())
    with pytest.raises(HeedfulError, match="compare has no cross-validation"):
        compare(replace(texts), networks=["gru"], output=tmp_path / "compared", listener=Quiet())
