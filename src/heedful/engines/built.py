"""Engines made for trained weights: folders in the user's cache, each under the hash of what it was made of."""

import json
import shutil
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

FORMAT = 3
"""Counts up when graphs are written otherwise: engines of before are then made anew."""
ASKED_BY = ("onnxruntime",)
MADE_BY = ("onnx", "onnxscript")
REFUSED = "refused.json"
"""In place of graphs: why a network has none."""


@cache
def installed() -> bool:
    """Whether there is what engines are asked through."""
    return all(find_spec(package) for package in ASKED_BY)


def require(packages: Sequence[str]) -> None:
    """Raises HeedfulError for what is not installed."""
    for package in packages:
        if find_spec(package) is None:
            raise HeedfulError(f"engine=onnx needs the package {package}.", 'pip install "heedful[fast]"')


def place_of(model: Path) -> Path:
    """Where the engine of a model's folder stands, if it was made: under the hash of config and weights."""
    files = [model / "config.json", *sorted(model.glob("*.safetensors"))]
    parts = [f"{FORMAT}", *(f"{file.name} {hash_file(file)}" for file in files)]
    return cache_folder() / "engines" / sha256("\n".join(parts).encode()).hexdigest()[:32]


def open_built(place: Path) -> OnnxEngine | None:
    """The engine that stands there, None if there is none yet; raises HeedfulError where the network has none, by the
    version of torch that is installed.
    """
    if (place / FACTS).exists():
        return OnnxEngine(place)
    if (place / REFUSED).exists():
        reason = read_json_table(place / REFUSED)
        if reason["torch"] == torch_version():
            raise HeedfulError(reason["problem"], reason["cure"])
        discard(place)
    return None


def make(place: Path, graphs: "Callable[[], Sequence[Graph]]") -> None:
    """Makes an engine of graphs, or notes why there can be none; what another process made meanwhile is left alone.

    Raises HeedfulError where it cannot be kept.
    """
    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
    try:
        partial.mkdir(parents=True)
        write(graphs, partial)
        if not place.exists():
            partial.rename(place)
    except OSError as error:
        raise HeedfulError(
            f"No engine can be kept in {place.parent}: {error.strerror}.",
            "engine=torch answers without one; HEEDFUL_CACHE names another folder.",
        ) from None
    finally:
        discard(partial)


def write(graphs: "Callable[[], Sequence[Graph]]", folder: Path) -> None:
    """Writes the files of an engine, or why there are none."""
    from heedful.engines.onnx_build import build

    try:
        build(graphs(), folder)
        return
    except (OSError, MemoryError):  # which say nothing of the network
        raise
    except HeedfulError as error:
        reason = {"problem": error.problem, "cure": error.cure}
    except Exception as error:
        # PyTorch's exporter raises whatever it meets in an operator that it has no counterpart for.
        what = " ".join(str(error).split())[:200] or type(error).__name__
        problem = f"PyTorch {torch_version()} writes no graphs of this network: {what}"
        reason = {"problem": problem, "cure": "engine=torch answers."}
    (folder / REFUSED).write_text(json.dumps(reason | {"torch": torch_version()}), encoding="utf-8")


def torch_version() -> str:
    """The version of torch that is installed, which is not imported for that."""
    from importlib.metadata import version  # slow to import, and seldom needed

    return version("torch")


def discard(folder: Path) -> None:
    """Removes a folder of an engine, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
