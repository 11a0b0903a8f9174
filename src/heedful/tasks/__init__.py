"""One file a task: what goes in, what comes out, loss, score, baseline, how an answer is shown."""

from importlib import import_module
from types import ModuleType

from heedful.errors import unknown

BUILT = ("classify", "caption", "draw", "translate", "label", "complete", "fill", "match")


def task(name: str) -> ModuleType:
    """The file of a task; raises HeedfulError for one that there is not."""
    if name not in BUILT:
        raise unknown("task", name, BUILT)
    return import_module(f"heedful.tasks.{name}.task")
