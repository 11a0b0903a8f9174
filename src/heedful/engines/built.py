"""Engines made for trained weights: folders in the user's cache, each under the hash of what it was made of."""

import json
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from heedful.data.checksums import hash_file
from heedful.data.folders import SHORTLIST, cache_folder, write_file
from heedful.engines.ct2_engine import Ct2Engine
from heedful.engines.onnx_engine import FACTS, OnnxEngine
from heedful.errors import HeedfulError
from heedful.small_files import read_json_table

Built = Literal["onnx", "ct2"]
"""Engines that are made of a network."""
ENGINES = {"onnx": OnnxEngine, "ct2": Ct2Engine}
Packages = Mapping[Built, Sequence[str]]
ASKED_BY: Packages = {"onnx": ("onnxruntime",), "ct2": ("ctranslate2",)}
MADE_BY: Packages = {"onnx": ("onnx", "onnxscript"), "ct2": ()}
FORMAT = 6
"""Counts up when engines are written otherwise: those of before are then made anew."""
REFUSED = "refused.json"
"""In place of an engine: why a network has none."""


@cache
def installed(engine: Built) -> bool:
    """Whether there is what an engine is asked through."""
    return all(find_spec(package) for package in ASKED_BY[engine])


def require(engine: Built, packages: Packages) -> None:
    """Raises HeedfulError for what is not installed."""
    for package in packages[engine]:
        if find_spec(package) is None:
            raise HeedfulError(f"engine={engine} needs the package {package}.", 'pip install "heedful[fast]"')


def place_of(model: Path) -> Path:
    """Where the engines of a model's folder stand, if any was made: under the hash of config and weights."""
    weights = [path for path in sorted(model.glob("*.safetensors")) if path.name != SHORTLIST]
    files = [model / "config.json", *weights]
    parts = [f"{FORMAT}", *(f"{file.name} {hash_file(file)}" for file in files)]
    return cache_folder() / "engines" / sha256("\n".join(parts).encode()).hexdigest()[:32]


def open_built(place: Path, engine: Built) -> OnnxEngine | Ct2Engine | None:
    """The engine that stands there, None if there is none yet; raises HeedfulError where the network has none, by the
    version of torch that is installed.
    """
    place = place / engine
    if (place / FACTS).exists():
        return ENGINES[engine](place)
    if (place / REFUSED).exists():
        reason = read_json_table(place / REFUSED)
        if reason["torch"] == torch_version():
            raise HeedfulError(reason["problem"], reason["cure"])
        discard(place)
    return None


def make(place: Path, engine: Built, write: Callable[[Path], None]) -> None:
    """Makes an engine, whose files `write` writes into a folder, or notes why there can be none; what another process
    made meanwhile is left alone.

    Raises HeedfulError where it cannot be kept.
    """
    place = place / engine
    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
    try:
        partial.mkdir(parents=True)
        write_or_note(write, partial)
        if not place.exists():
            partial.rename(place)
    except OSError as error:
        raise HeedfulError(
            f"No engine can be kept in {place.parent.parent}: {error.strerror}.",
            "engine=torch answers without one; HEEDFUL_CACHE names another folder.",
        ) from None
    finally:
        discard(partial)


def note(place: Path, name: str, values: Mapping[str, object]) -> None:
    """Keeps what was found out of a model beside its engines."""
    text = json.dumps(values, ensure_ascii=False)
    with suppress(OSError):  # a cache that cannot be written to is none
        write_file(place / f"{name}.json", lambda path: path.write_text(text, encoding="utf-8"))


def noted(place: Path, name: str) -> dict[str, Any] | None:
    """What was kept under a name; None if nothing was, or it is spoilt."""
    try:
        return read_json_table(place / f"{name}.json")
    except (OSError, HeedfulError):
        return None


def write_or_note(write: Callable[[Path], None], folder: Path) -> None:
    """Writes the files of an engine, or why there are none."""
    try:
        write(folder)
        return
    except (OSError, MemoryError):  # which say nothing of the network
        raise
    except HeedfulError as error:
        reason = {"problem": error.problem, "cure": error.cure}
    except Exception as error:
        # PyTorch's exporter raises whatever it meets in an operator that it has no counterpart for.
        what = " ".join(str(error).split())[:200] or type(error).__name__
        problem = f"No engine can be made of this network by PyTorch {torch_version()}: {what}"
        reason = {"problem": problem, "cure": "engine=torch answers."}
    (folder / REFUSED).write_text(json.dumps(reason | {"torch": torch_version()}), encoding="utf-8")


def torch_version() -> str:
    """The version of torch that is installed, which is not imported for that."""
    from importlib.metadata import version  # slow to import, and seldom needed

    return version("torch")


def discard(folder: Path) -> None:
    """Removes a folder of an engine, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
