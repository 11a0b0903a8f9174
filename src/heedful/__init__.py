"""Heedful: sequence models of every era. `import heedful` is light: torch comes with the first thing asked for."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heedful.api.demo import demo
    from heedful.api.distil import distil
    from heedful.api.export import export
    from heedful.api.loading import load
    from heedful.api.model import Model
    from heedful.api.pipeline import pipeline
    from heedful.api.verbs import check, compare, train
    from heedful.training.progress import Listener, Quiet

    __version__: str

PLACES = {
    "Listener": "training.progress",
    "Model": "api.model",
    "Quiet": "training.progress",
    "check": "api.verbs",
    "compare": "api.verbs",
    "demo": "api.demo",
    "distil": "api.distil",
    "export": "api.export",
    "load": "api.loading",
    "pipeline": "api.pipeline",
    "train": "api.verbs",
}
"""The module of each name, which is imported when it is asked for."""
__all__ = [
    "Listener",
    "Model",
    "Quiet",
    "__version__",
    "check",
    "compare",
    "demo",
    "distil",
    "export",
    "load",
    "pipeline",
    "train",
]


# Threads that spin while they wait take processor time from those they wait for, as soon as other processes are busy.
# So they spin briefly and then sleep (docs/log.md has the measurements); read by the threads' library when torch loads.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("heedful")
    if name not in __all__:
        raise AttributeError(f"module 'heedful' has no attribute {name!r}")
    return getattr(import_module(f"heedful.{PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
