"""For as long as tasks are rebuilt: a task whose halves are the functions of its module learn.py."""

# pyright: basic
from functools import cached_property
from importlib import import_module
from typing import Any

from heedful.tasks.task import Answering, Learning, Stage, Task, TaskFacts


class ModuleTask(Task[Any, Any, Any]):
    def __init__(self, facts: TaskFacts) -> None:
        self.facts = facts  # pyright: ignore

    @cached_property
    def module(self) -> Any:
        return import_module(f"heedful.tasks.{self.facts.verb}.learn")

    @cached_property
    def answering(self) -> Any:
        return half(ModuleAnswering, self)

    @cached_property
    def learning(self) -> Any:
        return half(ModuleLearning, self)


RENAMED = {"open_data": "opened", "resolve_for_data": "fitted", "pretrained": "given", "judge": "judged"}


def half(kind: Any, task: ModuleTask) -> Any:
    made = kind(task.facts)
    made.module = task.module
    for name in dir(kind):
        function = getattr(task.module, RENAMED.get(name, name), None)
        if function is None and name in ("from_hub", "hub_recipe", "to_hub") and task.facts.verb != "draw":
            function = getattr(import_module(f"heedful.tasks.{task.facts.verb}.hub"), name, None)
        if callable(function) and not name.startswith("_") and name not in kind.__dict__:
            setattr(made, name, function)
    return made


class ModuleAnswering(Answering[Any, Any]):
    module: Any

    def evaluate(self, models: Any, examples: Any, settings: Any, *, samples: int = 1000, data: Any = None) -> Any:
        return self.module.evaluate(models, examples, settings, samples=samples, prepared=data)


class ModuleLearning(Learning[Any, Any]):
    module: Any

    @property
    def own(self) -> Any:  # pyright: ignore
        return getattr(self.module, "OWN", {})

    def first(self, model: Any, data: Any, recipe: Any) -> Any:
        found = self.module.first(model, data, recipe) if hasattr(self.module, "first") else None
        return Stage(*found) if found else None

    def inherited(self, before: Any, start: Any) -> Any:
        more = self.module.inherited(before, start) if hasattr(self.module, "inherited") else {}
        return super().inherited(before, start) | more


ModuleAnswering.__abstractmethods__ = ModuleLearning.__abstractmethods__ = frozenset()  # pyright: ignore
