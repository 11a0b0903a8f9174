"""Heedful: sequence models of every era. `import heedful` is light: torch comes with the first thing asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heedful.api import Model, compare, demo, export, load, train

__all__ = ["Model", "compare", "demo", "export", "load", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'heedful' has no attribute {name!r}")
    return getattr(import_module("heedful.api"), name)


def __dir__() -> list[str]:
    return __all__
