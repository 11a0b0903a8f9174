"""How a model in a page is asked: what its task keeps beside the weights, the tokenizers among it."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from heedful.data.tokenizers.learn import KINDS, SMALLEST, learn
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.exporters.package import Package
from heedful.tasks.task import find_task

SEARCHED_BY = (
    "length_penalty",
    "repetition_penalty",
    "no_repeat_ngram",
    "sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "stop",
)
"""Settings of a search that the page follows as they are."""
SIDES = ("source", "target")


def asking_of(package: Package) -> dict[str, Any]:
    """What the page knows beside the network: special tokens, limits, names, the search, tokenizers."""
    with saved(package) as (asking, tokenizers):
        for side, tokenizer in tokenizers.items():
            asking[side]["tokenizer"] = {"kind": tokenizer.kind, "file": vocabulary_of(tokenizer)}
        settings = package.recipe.generate
        search = {key: getattr(settings, key) for key in SEARCHED_BY} | {"beam": max(settings.beam, settings.n_best)}
        return {"normal_form": "none"} | asking | {"generate": search}


@contextmanager
def saved(package: Package) -> Generator[tuple[dict[str, Any], dict[str, Tokenizer]]]:
    """What the task keeps of a model, and the tokenizers of its sides."""
    answering, model = find_task(package.recipe.task).answering, package.model
    with TemporaryDirectory() as name:
        folder = Path(name)
        answering.save(model, folder)
        asking = answering.config(model) | answering.manifest(model, folder, package.recipe.generate)
        files = {side: asking.get(side, {}).get("tokenizer") for side in SIDES}
        yield asking, {side: load_tokenizer(folder / file) for side, file in files.items() if file}


def foreign_tokenizer(package: Package) -> bool:
    """Whether one of a model's tokenizers does not split texts as those that are learnt here do."""
    with saved(package) as (_, tokenizers):
        return any(
            tokenizer.kind not in KINDS or tokenizer.shift or frame_of(tokenizer) != frame_of_kind(tokenizer.kind)
            for tokenizer in tokenizers.values()
        )


def frame_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """All of a tokenizer.json but its vocabulary, and whether texts are lower-cased first."""
    file = json.loads(tokenizer.dump())
    file["model"] = {key: value for key, value in file["model"].items() if key not in ("vocab", "merges")}
    first: dict[str, Any] = file["normalizer"] or {"type": "none"}
    steps: list[dict[str, Any]] = first.get("normalizers", [first])
    return file | {"normalizer": [step for step in steps if step["type"] not in ("Lowercase", "none")]}


@cache
def frame_of_kind(kind: str) -> dict[str, Any]:
    """The same of a tokenizer of a kind that is learnt here."""
    return frame_of(learn(kind, ["a b"], SMALLEST + 8))


def vocabulary_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """What the page reads of a tokenizer.json."""
    file = json.loads(tokenizer.dump())
    return {"normalizer": file["normalizer"], "model": {key: file["model"].get(key) for key in ("vocab", "merges")}}
