"""The laws of training, for every network of the lineage: saved = live, resumed = uninterrupted, same seed = same
weights. That it learns is in test_laws_of_learning.py.
"""

import hashlib
import json
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

import heedful
from conftest import SEED, sample
from heedful.api.model import Model
from heedful.api.running import run
from heedful.networks.lineage import allowed
from heedful.sections import Network, Recipe
from heedful.tasks import translate
from heedful.training.checkpoint import weights_of
from heedful.training.progress import Quiet
from letters import backwards, recipe, words
from networks import label, rows, sharpen, tiny, variants

# Law 5: saved = live.


@pytest.fixture(scope="module", params=[False, True], ids=["apart", "shared"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Any]:
    """A recipe and its data, whose two sides have a vocabulary each, or one."""
    folder = tmp_path_factory.mktemp("data")
    pairs = [(word, backwards(word)) for word in words(30, 4, seed=0)]
    made = recipe(folder, tiny("gru"), pairs, pairs[:5], data__shared_tokenizer=request.param)
    return made, translate.prepare(made, folder, lambda text: None, None)


@pytest.mark.parametrize("network", [*rows(), *sample(variants(), 8)], ids=label)
def test_saved_is_live(network: Network, prepared: tuple[Recipe, Any], tmp_path: Path) -> None:
    """Loaded, it gives the same answers with the same scores; saved again, the same bytes."""
    settings = prepared[0].model_copy(update={"network": network})
    translator = translate.build(settings, prepared[1])
    sharpen(translator.network)
    live = Model(tmp_path, settings, (translator,))
    live.save(tmp_path / "one")
    kept = heedful.load(tmp_path / "one")
    kept.save(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert {"config.json", "model.safetensors", "recipe.toml"} < files(tmp_path / "one").keys()
    ours, theirs = (weights_of(model.trained[0].network) for model in (live, kept))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    asked = words(12, 6, seed=1)
    for changes in ({"generate.beam": 3, "generate.n_best": 3}, {"generate.sample": True}):
        assert kept.answer(asked, changes) == live.answer(asked, changes)


def files(folder: Path) -> dict[str, str]:
    """The sha256 of each file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


# Law 6: resumed = uninterrupted.

PLANS: dict[str, dict[str, Any]] = {
    "steps": {"train__steps": 24},
    "epochs": {"train__epochs": 2.6},
    "accumulated": {"train__steps": 14, "train__accumulate": 3},
    "another schedule": {"train__steps": 24, "train__schedule": "inverse_sqrt", "train__warmup": 5.0},
    "no average": {"train__steps": 24, "train__average": 0.0},
    "patience": {"train__steps": 24, "train__patience": 2, "train__learning_rate": 1e-6},
    "bfloat16": {"train__steps": 12, "train__precision": "bfloat16"},
    "workers": {"train__epochs": 3.0, "train__workers": 2},
}
EVERY = 3  # steps between two validations, and so checkpoints


def short(folder: Path, network: Network, **changes: Any) -> Recipe:
    """A recipe that trains for moments."""
    folder.mkdir(exist_ok=True)
    pairs = [(word, backwards(word)) for word in words(60, 5, seed=2)]
    small = {"train__batch_tokens": 30, "train__valid_every": EVERY}
    return recipe(folder, network, pairs[:50], pairs[50:], **small | changes)


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run leaves behind but what the clock says."""
    newest = max((folder / "checkpoints").glob("step-*"))
    left: dict[str, Any] = {name: sha for name, sha in files(newest).items() if name.endswith(".safetensors")}
    left |= json.loads((newest / "values.json").read_text()) | {"seconds": None}
    left["model"] = files(folder)["model.safetensors"]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    left["valid"] = [line | {"seconds": None} for line in lines if line["kind"] == "valid"]
    left["scores"] = json.loads((folder / "scores.json").read_text())["scores"]
    return left


class Died(Exception):
    """In place of a power cut."""


@dataclass
class Fate(Quiet):
    """Breaks a run off after some of its steps."""

    at: set[int]
    how: Callable[[], None]

    def step(self, done: float, text: str) -> None:
        step = int(text.split(" · ")[0].removeprefix("step ").replace(",", ""))
        if step in self.at:
            self.at.remove(step)
            self.how()


def die() -> None:
    raise Died


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("how", [die, stop])
@pytest.mark.parametrize(("name", "plan"), sample(product(allowed("translate"), PLANS), 10))
def test_resumed_is_uninterrupted(name: str, plan: str, how: Callable[[], None], tmp_path: Path) -> None:
    """Broken off after any steps, with and without time to save: the same bytes in the end."""
    asked = short(tmp_path / "files", tiny(name, dropout=0.2), **PLANS[plan])
    run(asked, tmp_path / "whole", Quiet())
    fate = Fate(set(random.Random(f"{SEED}").sample(range(1, 13), 3)), how)
    planned = len(fate.at)
    for _ in range(planned):
        with suppress(Died, KeyboardInterrupt):
            run(asked, tmp_path / "broken", fate)
    run(asked, tmp_path / "broken", Quiet())
    assert len(fate.at) < planned
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "whole")


@pytest.mark.parametrize("network", sample(rows(dropout=0.2), 3), ids=label)
def test_killed_at_any_instant_it_goes_on(network: Network, tmp_path: Path) -> None:
    """By SIGKILL, again and again, a while after a random step: while it computes, validates or saves."""
    asked = short(tmp_path / "files", network, train__steps=30)
    run(asked, tmp_path / "whole", Quiet())
    draw, kills = random.Random(f"{SEED}"), 0
    for _ in range(8):
        kills += killed(asked, tmp_path / "broken", draw.randint(1, 2 * EVERY), draw.uniform(0, 0.03))
    assert kills > 0
    run(asked, tmp_path / "broken", Quiet())
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "whole")


def killed(asked: Recipe, folder: Path, steps: int, seconds: float) -> bool:
    """Lets a process of its own train, and kills it some time after some steps; whether it was alive then."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=tell, args=(asked, folder, there))
    process.start()
    there.close()
    with suppress(EOFError):  # it came to its end before
        for _ in range(steps):
            here.recv()
    process.join(seconds)
    alive = process.is_alive()
    process.kill()
    process.join()
    here.close()
    return alive


def tell(asked: Recipe, folder: Path, pipe: Connection) -> None:
    """Trains, and says so at each step."""
    run(asked, folder, Teller(pipe))


@dataclass
class Teller(Quiet):
    pipe: Connection

    def step(self, done: float, text: str) -> None:
        self.pipe.send(text)


# Law 7: same seed, same weights.


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more processes than there are cores
@pytest.mark.parametrize("network", rows(dropout=0.2), ids=label)
def test_a_seed_decides_the_weights(network: Network, tmp_path: Path) -> None:
    """To the byte, whatever the process did before, and however many workers prepare the batches."""

    def weights(name: str, **changes: Any) -> str:
        asked = short(tmp_path / "files", network, train__steps=8, **changes)
        run(asked, tmp_path / name, Quiet())
        return files(tmp_path / name)["model.safetensors"]

    first = weights("first")
    torch.manual_seed(123)
    random.seed(123)
    for workers in (0, 2, 4):
        assert weights(f"workers {workers}", train__workers=workers) == first
    assert weights("other", seed=1) != first
