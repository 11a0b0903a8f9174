"""benchmarks/front.py: its choices are recipes, and its table says what stands on the front."""

import importlib
from typing import Any

import pytest

from heedful.cli.words import changes_of
from heedful.tasks.joins import allowed
from heedful.tasks.recipes import build
from support import ROOT


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The script and its table as modules."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("front"), importlib.import_module("front_table")


def test_choices_are_recipes_that_translate(scripts: tuple[Any, Any]) -> None:
    front, _ = scripts
    for choice in (*front.TEACHERS, *front.STUDENTS):
        assert choice.network in allowed("translate")
        build("translate", changes_of([*choice.keys, *front.ASKED, *front.USUAL]))


def test_what_is_slower_and_worse_stands_behind_the_front(scripts: tuple[Any, Any]) -> None:
    _, table = scripts

    def line(system: str, chrf: float, ms: float, **more: object) -> dict[str, object]:
        return {"set": "help", "system": system, "chrf": chrf, "ms": ms} | more

    lines = [line("a", 50, 2.0), line("b", 49, 1.0), line("c", 49, 1.5), line("d", 50, 2.0), line("e", 40, 1.0)]
    assert [one["system"] for one in lines if table.is_on_front(one, lines)] == ["a", "b", "d"]
