"""The laws of answering and training, for every task beside translate and every network that can do it.

A neighbour never matters, saved = live, same seed = same weights, and it learns.
That resumed = uninterrupted is in test_laws_of_resuming.py.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import heedful
from conftest import SEED, sample
from heedful.api.model import Model
from heedful.api.running import run
from heedful.training.checkpoint import weights_of
from heedful.training.progress import Quiet
from shapes import CASES, COLUMN, recipe, written

CLOSE = 1e-5


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return written(tmp_path_factory.mktemp("files"), SEED)


def trained(files: dict[str, str], folder: Path, task: str, network: str, **changes: Any) -> Model:
    """A tiny model after a few steps."""
    return run(recipe(files, task, network, **changes), folder, Quiet())


def asked(model: Model) -> list[str]:
    """What a model of these files can be asked with."""
    return [example.source for example in model.examples(None, model.recipe)]


def told(model: Model, sources: list[str]) -> list[tuple[str, float]]:
    """The best answer to each source, and its score."""
    return [(found[0].output, found[0].score) for found in model.answer(sources, {"generate.sample": False})]


def digest(model: Model) -> str:
    """The weights as one number."""
    parts = weights_of(model.trained[0].network)
    return hashlib.sha256(b"".join(parts[name].numpy().tobytes() for name in sorted(parts))).hexdigest()


some_cases = pytest.mark.parametrize(("task", "network"), sample(CASES, 10))


@some_cases
def test_a_neighbour_never_matters_and_saved_is_live(
    files: dict[str, str], task: str, network: str, tmp_path: Path
) -> None:
    model = trained(files, tmp_path / "run", task, network)
    sources = asked(model)
    together = told(model, sources)
    for place in (0, len(sources) - 1):
        [(output, score)] = told(model, [sources[place]])
        assert score == pytest.approx(together[place][1], abs=CLOSE * max(1.0, abs(score)))
        assert output == together[place][0]
    backwards = told(model, sources[::-1])[::-1]
    assert [output for output, _ in backwards] == [output for output, _ in together]
    model.save(tmp_path / "saved")
    assert told(heedful.load(tmp_path / "saved"), sources) == together


@some_cases
def test_same_seed_same_weights(files: dict[str, str], task: str, network: str, tmp_path: Path) -> None:
    """Whatever processes prepare the batches; and another seed gives others."""
    one, two = (trained(files, tmp_path / f"{n}", task, network, train__workers=n) for n in (0, 2))
    assert digest(one) == digest(two)
    assert digest(trained(files, tmp_path / "other", task, network, seed=1)) != digest(one)


LEARNT = {
    "classify": ("accuracy", 95),
    "caption": ("exact", 90),
    "match": ("recall_at_1", 90),
    "label": ("accuracy", 90),
}
"""What a network comes to on what it learnt from."""


@pytest.mark.parametrize(
    ("task", "network"), sample([case for case in CASES if case[0] in LEARNT and case != ("label", "frame")], 6)
)
def test_it_learns(files: dict[str, str], task: str, network: str, tmp_path: Path) -> None:
    """What it was shown; a network without order or neighbours too, since a mean of patches tells these apart."""
    settings = {
        "train__steps": 1000 if network == "rnn" else 400,
        "train__valid_every": 1000,
        "train__learning_rate": 2e-3 if network in ("rnn", "vaswani2017") else 5e-3,
        "train__average": 0.0,
        "train__augment": [],
        "network__width": 32,
        "network__dropout": 0.0,
    }
    model = trained(files, tmp_path / "run", task, network, **settings)
    measure, least = LEARNT[task]
    column = COLUMN.get(task, "texts")
    assert model.evaluate(files[f"train-{column}"]).measures[measure].value >= least


def test_a_step_alone_cannot_tell_how_it_moves(files: dict[str, str], tmp_path: Path) -> None:
    """Where the networks that see neighbours learn it (above), the yardstick does not."""
    model = trained(files, tmp_path / "run", "label", "frame", train__steps=200, network__width=32)
    assert model.evaluate(files["train-steps"]).measures["accuracy"].value < 75


def test_a_causal_network_sees_nothing_ahead_and_windows_cover_all(files: dict[str, str], tmp_path: Path) -> None:
    model = trained(files, tmp_path / "run", "label", "vaswani2017", network__causal=True, data__window=8)
    labeller = model.trained[0]
    values = torch.randn(2, 9, 2)
    values[1, :5] = values[0, :5]
    logits = labeller.network.eval()(values, torch.tensor([9, 9]))
    assert torch.allclose(logits[0, :5], logits[1, :5], atol=1e-6) and not torch.allclose(logits[0, 5], logits[1, 5])
    long = max(asked(model), key=lambda source: len(Path(source).read_text().splitlines()))
    track = model.answer([long])[0][0].track
    assert track is not None and track.disagreement is not None
    covered = {step for low, high in track.windows for step in range(low, high)}
    assert covered == set(range(len(track.labels))) and all(high - low == 8 for low, high in track.windows)


def test_pictures_come_back_from_their_codes(files: dict[str, str], tmp_path: Path) -> None:
    """The codebook is learnt first, in a budget of its own, and kept with the model."""
    model = trained(files, tmp_path / "run", "draw", "gru", train__steps=300, train__codebook=0.9)
    artist = model.trained[0]
    prepared = model.prepared()
    assert prepared is not None
    pixels = torch.from_numpy(prepared.target.pixels(np.arange(prepared.target.size)))
    back = artist.network.codebook.decode(artist.network.codebook.encode(pixels))
    apart = (back.float() - pixels.float()).abs().mean()
    plain = (pixels.float() - pixels.float().mean((0, 1, 2))).abs().mean()
    assert apart < 0.7 * plain
    drawing = model.answer(["a red bar"])[0][0]
    assert drawing.picture.startswith(b"\x89PNG") and len(drawing.output.split()) == artist.network.codebook.positions
