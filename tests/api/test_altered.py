"""What is cut was a cause: without its wire to the source a network knows no more than one that has no source."""

from pathlib import Path

import pytest
import torch

import heedful
from heedful import Model
from heedful.api.train import run
from heedful.training.progress import Quiet
from support import letter_pairs, published
from support.families import oracle
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


@torch.inference_mode()
def test_published_networks_are_cut_as_their_own_library_would_cut_them(tmp_path: Path) -> None:
    """GPT-2 without a head is GPT-2 whose projection takes nothing up from it; what is searched is what is scored."""
    model = heedful.load(published.gpt2(tmp_path / "gpt2"))
    theirs = oracle.AutoModelForCausalLM.from_pretrained(tmp_path / "gpt2").eval()
    theirs.transformer.h[1].attn.c_proj.weight[8:16] = 0  # the second of three heads
    words = oracle.AutoTokenizer.from_pretrained(tmp_path / "gpt2")
    ids = words("The old house stands", return_tensors="pt")["input_ids"]
    log_probs = theirs(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[:, 0]
    prompt = len(words("The old house")["input_ids"])
    plain = model.score([("The old house", " stands")])
    with model.altered(without="decoder.1.head.1"):
        cut = model.score([("The old house", " stands")])
        [[answer]] = model.answer(["The old house"], {"generate.beam": 3, "generate.max_length": 5})
        assert model.score([("The old house", answer.output)]) == pytest.approx([answer.score], abs=1e-4)
    assert cut == pytest.approx([float(log_probs[prompt - 1 :].sum())], abs=1e-4)
    assert cut != plain and model.score([("The old house", " stands")]) == plain
