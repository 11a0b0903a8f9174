"""Recipes held to what their task uses: the fast path of answers against the whole recipe."""

from dataclasses import fields
from typing import Any

import pytest

from heedful.errors import HeedfulError
from heedful.schema import GenerateSettings
from heedful.tasks.recipes import build, change, change_generate

VALUES: list[Any] = [0, 1, -1, 0.5, 1e12, float("nan"), True, "", "auto", "shrink", ["a"], ["a {}"], None, {}]


def outcome(call: Any, *arguments: Any) -> Any:
    """What a call returns, or the error that it raises."""
    try:
        return call(*arguments)
    except HeedfulError as error:
        return str(error)


@pytest.mark.parametrize("task", ["translate", "draw", "classify"])
def test_settings_of_answers_change_as_the_whole_recipe_does(task: str) -> None:
    """Every key with values that fit and that do not, alone and beside another; unknown keys too."""
    recipe = build(task, {"data.train": ["pairs.tsv"]})
    keys = [f"generate.{field.name}" for field in fields(GenerateSettings)]
    asked: list[dict[str, Any]] = [{key: value} for key in keys for value in VALUES]
    asked += [{key: 1, "generate.seed": 7} for key in keys] + [{"generate.bean": 4}, {"train.steps": 3}, {}]
    results = [outcome(change_generate, recipe, changes) for changes in asked]
    assert [repr(result) for result in results] == [
        repr(whole if isinstance(whole := outcome(change, recipe, changes), str) else whole.generate)
        for changes in asked
    ]
    assert {type(result) for result in results} == {str, GenerateSettings}
