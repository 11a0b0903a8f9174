"""From a recipe to a run: data, training, scores, and the folder that reports them."""

import importlib.metadata
import json
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from heedful import recipe as recipes
from heedful.api.model import Model, load, write_model
from heedful.api.pretrained import Start, begin, held, inherited, start_of
from heedful.api.report import called, write_report
from heedful.data.fingerprint import changed_files
from heedful.data.readers.hub import hub_parts
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.report.terminal import scores_table
from heedful.report.words import listed
from heedful.results import Findings, Progress, Scores
from heedful.schema import Recipe, TrainSettings
from heedful.tasks import task
from heedful.tasks.recipes import build
from heedful.training import decide as defaults
from heedful.training.checkpoint import put_weights, read_tensors, write_file
from heedful.training.loop import Loop, Outcome, Work
from heedful.training.progress import Listener, terminal

SPEED_EXAMPLES = 1000  # answered again to time them


def train(
    name: str,
    data: str | list[str],
    *,
    network: str = "auto",
    size: str | None = None,
    minutes: float | None = None,
    output: Path | str | None = None,
    start: Path | str | None = None,
    settings: dict[str, Any] | None = None,
) -> Model:
    """Trains a network for a task on files; `settings` are any further keys, as {"train.learning_rate": 3e-4}.

    `start`: a run, or published weights, to begin with.

    heedful.train("translate", "pairs.tsv", network="vaswani2017", minutes=5)
    """
    files = [data] if isinstance(data, str) else list(data)
    changes = {"data.train": files, "network.name": network, "network.size": size, "train.minutes": minutes}
    given = {key: value for key, value in changes.items() if value is not None}
    given |= {"start": str(start)} if start else {}
    recipe = build(name, given | (settings or {}))
    with terminal() as listener:
        return run(recipe, Path(output) if output else None, listener)


def run(recipe: Recipe, output: Path | None, listener: Listener) -> Model:
    """Trains a recipe in a folder (runs/<data>-<network> if none is given), or goes on with what stands there."""
    asked = recipe
    module = task(recipe.task)
    start = start_of(recipe.start) if recipe.start else None
    if start:
        recipe = inherited(recipe, start)
    recipe = module.resolve(recipe)
    recipe = replace(recipe, train=defaults.resolve(recipe.train))
    torch.set_num_threads(int(recipe.train.threads))
    folder = output or default_folder(recipe)
    if finished(folder, asked, recipe):
        listener.note(
            f"{folder} is finished: this recipe was trained there. To train on, raise its budget in a new folder:"
        )
        listener.note(f"heedful train … --from {folder} -o OTHER")
        return load(folder)
    begun = time.time()
    recipe, prepared, trained, about = ready(recipe, start, folder, listener)
    write_model(folder, recipe, trained, weights=False)
    write_fingerprint(folder, recipe, prepared.fingerprint)
    model = Model(folder, recipe, (trained,))
    listener.note(opening(recipe, called(model), model.weights))
    if hasattr(module, "first"):
        recipe = before(module.first(trained, prepared, recipe), recipe, folder, listener)
    listener.begin(recipe.network.name, budget(recipe))
    outcome = Loop(module.work(trained, prepared, recipe), recipe.train, recipe.seed, folder, listener).run()
    model = load(folder)
    conclude(model, outcome, prepared, begun, about, listener)
    return model


def ready(recipe: Recipe, start: Start | None, folder: Path, listener: Listener) -> tuple[Recipe, Any, Any, list[str]]:
    """All that there is before the first step: the recipe that the data settle, the data, the network with the weights
    it begins with, and what is to be said of where they come from.
    """
    module, given = task(recipe.task), start.given if start else None
    with made(folder):
        prepared = module.prepare(recipe, folder, listener.note, given)
        recipe = module.fitted(recipe, prepared)
        trained = module.build(recipe, prepared, given)
        taken = begin(trained.network, module.given(trained), start) if start else None
        about = (taken.lines(str(start)) if taken else []) + held(trained.network, recipe, taken)
    for line in about or [advice(recipe, prepared)]:
        if line:
            listener.note(line)
    return recipe, prepared, trained, about


def advice(recipe: Recipe, prepared: Any) -> str:
    """What the task advises who begins from nothing; most have nothing to say."""
    module = task(recipe.task)
    return module.advice(recipe, prepared) if hasattr(module, "advice") and not recipe.start else ""


def before(
    first: tuple[Work, TrainSettings, TrainSettings] | None, recipe: Recipe, folder: Path, listener: Listener
) -> Recipe:
    """Learns what a task has learnt before the rest, in a folder of its own; the recipe with what is left to spend."""
    if first is None:
        return recipe
    (work, train, rest), place = first, folder / "codebook"
    place.mkdir(exist_ok=True)
    listener.begin("codebook", budget(replace(recipe, train=train)))
    Loop(work, train, recipe.seed, place, listener).run()
    put_weights(work.network, read_tensors(place / "model.safetensors"), place)
    return replace(recipe, train=rest)


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """The folder, taken away again if it is new and a mistake in the data leaves nothing to keep in it."""
    new = [part for part in (folder, *folder.parents) if not part.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except HeedfulError:
        if new:
            shutil.rmtree(new[-1])
        raise


def conclude(model: Model, outcome: Outcome, prepared: Any, begun: float, about: list[str], listener: Listener) -> None:
    """Scores the best weights once, and writes the report."""
    some, what = (prepared.test, "test") if prepared.test else (prepared.valid, "valid")
    listener.note(f"scoring {count(len(some), f'{what} example')}")
    scores = model.scored(some, model.recipe)
    speed = answering_speed(model, [one.source for one in some[:SPEED_EXAMPLES]])
    module = task(model.task)
    remarks = module.remarks(model.trained[0], prepared) if hasattr(module, "remarks") else []
    for line in remarks:
        listener.note(line)
    facts = {
        "on": what,
        "weights": model.weights,
        "train_tokens_per_second": outcome.tokens_per_second,
        "generate_tokens_per_second": speed,
        "peak_memory_mb": outcome.peak_memory_mb,
        "training_seconds": outcome.position.seconds,
        "wall_seconds": time.time() - begun,
        "best_step": outcome.position.best_step,
        "steps": outcome.position.step,
        "notes": [*prepared.notes, *remarks],
        "start": [line.strip() for line in about],
    }
    write_file(
        model.folder / "scores.json",
        lambda path: path.write_text(json.dumps({"facts": facts, "scores": scores.plain()}, ensure_ascii=False)),
    )
    write_report(model, scores, facts, curve_of(model.folder))
    for line in scores_table(scores).splitlines():
        listener.note(line)


def answering_speed(model: Model, inputs: list[str]) -> float:
    """Tokens a second that the model writes, end tokens counted."""
    clock = time.perf_counter()
    answers = model.answer(model.prompts(inputs))
    seconds = time.perf_counter() - clock
    return sum(len(found[0].tokens) + 1 for found in answers) / seconds


def curve_of(folder: Path) -> list[Progress]:
    """The lines of a run's metrics.jsonl."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [Progress(**json.loads(line)) for line in lines]


def scores_of(folder: Path) -> tuple[dict[str, Any], Scores]:
    """What was measured when the run ended: facts and scores."""
    kept = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return kept["facts"], TypeAdapter(Scores).validate_python(kept["scores"])


def check(recipe: Recipe) -> Findings:
    """Looks at a recipe's data before anything is trained on it."""
    return task(recipe.task).check(recipe)


def finished(folder: Path, asked: Recipe, resolved: Recipe) -> bool:
    """Whether this recipe was trained to its end in the folder.

    Raises HeedfulError if another recipe stands there, or this one on data that have changed since.
    """
    path = folder / "recipe.toml"
    if not path.exists():
        return False
    old = recipes.load(path)
    others = recipes.differences(old, resolved)
    # what was left to the software may have been decided otherwise on another machine
    free = {key for key, value in recipes.flat(recipes.as_table(asked)).items() if value in ("auto", None)}
    others = [
        line for line in others if line.partition(":")[0] not in free - {"train.minutes", "train.steps", "train.epochs"}
    ]
    if others:
        raise HeedfulError(
            f"{folder} holds a run of another recipe.", "\n".join([*others, "Take another folder: -o runs/NAME"])
        )
    refuse_changed(folder, resolved)
    return (folder / "scores.json").exists()


def refuse_changed(folder: Path, recipe: Recipe) -> None:
    """Raises HeedfulError if what a run learns from is no longer what it began with."""
    path = folder / "fingerprint.json"
    if path.exists() and (found := changed_files(json.loads(path.read_text(encoding="utf-8"))["data"], recipe.data)):
        raise HeedfulError(
            f"{folder} holds a run on other data: {listed(found)} changed since.", "Take another folder: -o runs/NAME"
        )


def default_folder(recipe: Recipe) -> Path:
    """runs/<data stem>-<network>."""
    return Path("runs") / f"{data_stem(recipe)}-{recipe.network.name}"


def data_stem(recipe: Recipe) -> str:
    """What the training data are called: the first file without its ending, or the name of a sample or dataset.

    >>> [data_stem(recipes.build("label", {"data.train": [one]})) for one in ("a/b.csv", "sample://c/d", "hf://e/f/g")]
    ['b', 'c', 'f']
    """
    if not recipe.data.train:
        raise HeedfulError("There is no file to learn from.", f"As heedful train {recipe.task} pairs.tsv")
    first = recipe.data.train[0]
    if first.startswith("hf://"):
        return hub_parts(first)[0].partition("/")[2]
    if first.startswith("sample://"):
        return first.removeprefix("sample://").partition("/")[0]
    return Path(first).absolute().stem


def opening(recipe: Recipe, network: str, weights: int) -> str:
    """What is about to happen, in a line."""
    train = recipe.train
    threads = int(train.threads)
    where = f"{threads} core{'s' * (threads != 1)}" if train.device == "cpu" else train.device
    return f"{budget(recipe)} on {where} ({train.precision}) · {network}, {weights / 1e6:.2f} M weights"


def budget(recipe: Recipe) -> str:
    """The budget as people say it."""
    train = recipe.train
    if train.minutes is not None:
        return f"{train.minutes:g} minute{'s' * (train.minutes != 1)}"
    if train.steps is not None:
        return f"{train.steps:,} step{'s' * (train.steps != 1)}"
    return f"{train.epochs:g} epoch{'s' * (train.epochs != 1)}"


def write_fingerprint(folder: Path, recipe: Recipe, data: dict[str, Any]) -> None:
    """What the run was made of: data hashes, versions, machine."""
    facts = {
        "data": data,
        "versions": {name: importlib.metadata.version(name) for name in ("heedful", "torch", "tokenizers", "numpy")},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": recipe.train.device,
        "threads": recipe.train.threads,
        "precision": recipe.train.precision,
    }
    write_file(folder / "fingerprint.json", lambda path: path.write_text(json.dumps(facts, indent=1), encoding="utf-8"))
