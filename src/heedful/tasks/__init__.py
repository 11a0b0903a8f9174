"""One file a task: what goes in, what comes out, loss, score, baseline, how an answer is shown."""

from importlib import import_module
from types import ModuleType

from heedful.errors import unknown

TASKS = ("classify", "caption", "draw", "translate", "label", "complete", "fill", "match")


def task(name: str) -> ModuleType:
    """The file of a task; raises HeedfulError for one that there is not."""
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return import_module(f"heedful.tasks.{name}.task")
