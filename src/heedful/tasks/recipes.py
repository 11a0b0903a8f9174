"""Recipes held to what their task uses."""

from collections.abc import Mapping
from functools import cache

from heedful import recipe as recipes
from heedful.recipe import Uses
from heedful.schema import GenerateSettings, Recipe
from heedful.tasks import TASKS
from heedful.tasks.task import find_task


@cache
def uses() -> Uses:
    """By task: those keys that it uses and some other task does not."""
    return {verb: find_task(verb).facts.keys for verb in TASKS}


def build(task: str, changes: Mapping[str, object] | None = None) -> Recipe:
    """A recipe from dotted changes; raises HeedfulError as `recipe.build` does, for what a task cannot use too."""
    return recipes.build(task, changes, uses=uses())


def change_generate(recipe: Recipe, changes: Mapping[str, object]) -> GenerateSettings:
    """The settings of answers with dotted keys changed; raises HeedfulError as `build` does."""
    return recipes.change_generate(recipe, changes, uses())


def change(recipe: Recipe, changes: Mapping[str, object]) -> Recipe:
    """The same recipe with dotted keys changed; raises HeedfulError as `build` does."""
    return recipes.change(recipe, changes, uses())
