"""Engines made for trained weights: folders in the user's cache, each under the hash of what it was made of."""

import json
import uuid
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from heedful.data.checksums import hash_file
from heedful.data.folders import cache_folder
from heedful.engines.onnx_engine import FACTS, OnnxEngine
from heedful.errors import HeedfulError
from heedful.small_files import read_json_table

if TYPE_CHECKING:
    from heedful.engines.onnx_graphs import Graph

FORMAT = 1
"""Counts up when graphs are written otherwise: engines of before are then made anew."""
NEEDED = ("onnx", "onnxruntime", "onnxscript")
REFUSED = "refused.json"
"""In place of graphs: why a network has none."""


@cache
def installed() -> bool:
    """Whether there is all that engines are made with and asked through."""
    return all(find_spec(package) for package in NEEDED)


def require() -> None:
    """Raises HeedfulError for what is not installed."""
    for package in NEEDED:
        if find_spec(package) is None:
            raise HeedfulError(f"engine=onnx needs the package {package}.", 'pip install "heedful[fast]"')


def place_of(model: Path) -> Path:
    """Where the engine of a model's folder stands, if it was made: under the hash of config and weights."""
    files = [model / "config.json", *sorted(model.glob("*.safetensors"))]
    parts = [f"{FORMAT}", *(f"{file.name} {hash_file(file)}" for file in files)]
    return cache_folder() / "engines" / sha256("\n".join(parts).encode()).hexdigest()[:32]


def open_built(place: Path) -> OnnxEngine | None:
    """The engine that stands there, None if there is none yet; raises HeedfulError where the network has none."""
    if (place / FACTS).exists():
        return OnnxEngine(place)
    if (place / REFUSED).exists():
        reason = read_json_table(place / REFUSED)
        raise HeedfulError(reason["problem"], reason["cure"])
    return None


def make(place: Path, graphs: "Callable[[], Sequence[Graph]]") -> None:
    """Makes an engine of graphs, or notes why there can be none; what another process made meanwhile is left alone."""
    from heedful.engines.onnx_build import build

    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
    partial.mkdir(parents=True)
    try:
        build(graphs(), partial)
    except HeedfulError as error:
        reason = {"problem": error.problem, "cure": error.cure}
        (partial / REFUSED).write_text(json.dumps(reason), encoding="utf-8")
    if place.exists():
        discard(partial)
    else:
        partial.rename(place)


def discard(folder: Path) -> None:
    """Removes a folder of an engine."""
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
