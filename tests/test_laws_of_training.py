"""The laws of training, for every network of the lineage: saved = live, resumed = uninterrupted, same seed = same
weights, and it learns.
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
from heedful import recipe as recipes
from heedful.api.model import Model
from heedful.api.running import run
from heedful.networks.lineage import allowed, resolve
from heedful.sections import Network, Recipe
from heedful.tasks import translate
from heedful.training.checkpoint import weights_of
from heedful.training.progress import Quiet
from networks import label, rows, sharpen, tiny, variants

LETTERS = "abcdefgh"
Pairs = list[tuple[str, str]]


def words(count: int, longest: int, seed: int) -> list[str]:
    """Different words of letters between spaces, of 1 to `longest` letters."""
    draw, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        found[" ".join(draw.choices(LETTERS, k=draw.randint(1, longest)))] = None
    return list(found)


def backwards(word: str) -> str:
    return word[::-1]


def recipe(folder: Path, network: Network, train: Pairs, valid: Pairs, **changes: Any) -> Recipe:
    """A recipe for these pairs, written under `folder`, with a network of settings that are resolved."""
    for name, pairs in (("train", train), ("valid", valid)):
        lines = "".join(f"{source}\t{target}\n" for source, target in pairs)
        (folder / f"{name}.tsv").write_text(lines, encoding="utf-8")
    small = {
        "data.train": [str(folder / "train.tsv")],
        "data.valid": [str(folder / "valid.tsv")],
        "data.overlap": "keep",
        "train.threads": 1,
        "train.precision": "float32",
        "train.valid_limit": 8,
        "generate.beam": 2,
        "generate.max_length": 8,
    }
    made = recipes.build("translate", small | {key.replace("__", "."): value for key, value in changes.items()})
    return made.model_copy(update={"network": network})


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


# Law 8: it learns.

MOMENTS = 400  # steps


@dataclass(frozen=True)
class Promise:
    """What a row learns at size tiny within moments, and how. One vector holds short words only, that of an Elman
    network shorter ones still, and four LSTMs in a row have only begun by then: the point of the lineage.
    """

    longest: int  # letters of words that it copies and mirrors
    error: float  # percent of letters that may be wrong, of words never seen
    rate: float = 1e-2


PROMISES = {
    "rnn": Promise(longest=4, error=15, rate=5e-3),
    "lstm": Promise(longest=5, error=5),
    "gru": Promise(longest=5, error=8),
    "cho2014": Promise(longest=5, error=8),
    "sutskever2014": Promise(longest=3, error=15),
    "bahdanau2015": Promise(longest=9, error=3),
    "luong2015": Promise(longest=7, error=10, rate=5e-3),
    "vaswani2017": Promise(longest=9, error=3, rate=2e-3),
}


def learnt(folder: Path, name: str, train: Pairs, valid: Pairs, **changes: Any) -> dict[str, float]:
    """The scores of a row of size tiny on `valid`, after training on `train`."""
    network = resolve(Network(name=name, size="tiny", dropout=0.0))
    settled = {
        "train__steps": MOMENTS,
        "train__learning_rate": PROMISES[name].rate,
        "train__batch_tokens": 500,
        "train__average": 0.0,
        "train__label_smoothing": 0.0,
        "train__valid_every": MOMENTS,
        "generate__max_length": 12,
    }
    model = run(recipe(folder, network, train, valid, **settled | changes), folder / "run", Quiet())
    return {name: measure.value for name, measure in model.evaluate().measures.items()}


def test_every_row_promises() -> None:
    assert [*PROMISES] == allowed("translate")


@pytest.mark.parametrize("name", allowed("translate"))
def test_it_memorises(name: str, tmp_path: Path) -> None:
    """40 words and answers that have nothing to do with them: 99 of 100 letters."""
    pairs = list(zip(words(40, 6, seed=3), words(40, 6, seed=4), strict=True))
    assert learnt(tmp_path, name, pairs, pairs)["symbol_error"] <= 1


@pytest.mark.parametrize(("name", "job"), sample(product(allowed("translate"), (str, backwards)), 10))
def test_it_learns_as_far_as_it_promises(name: str, job: Callable[[str], str], tmp_path: Path) -> None:
    """To copy and to mirror words of up to so many letters, scored on words that it has not seen."""
    promise = PROMISES[name]
    count = min(2400, len(LETTERS) ** promise.longest * 2 // 3)
    pairs = [(word, job(word)) for word in words(count, promise.longest, seed=5)]
    assert learnt(tmp_path, name, pairs[100:], pairs[:100])["symbol_error"] <= promise.error


def test_one_vector_does_not_hold_what_attention_does(tmp_path: Path) -> None:
    """At nine letters, where the rows with attention keep their promise."""
    pairs = [(word, word) for word in words(2400, 9, seed=5)]
    assert learnt(tmp_path, "gru", pairs[100:], pairs[:100])["symbol_error"] > 2 * PROMISES["bahdanau2015"].error
