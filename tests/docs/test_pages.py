"""The pages that are made of the code are what the code says today, and the reference recipe is a recipe."""

import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from heedful.recipe import as_table, declaration, flat, keys, load
from heedful.schema import Recipe
from heedful.tasks.recipes import build, uses
from support import ROOT

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference.toml"


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    """What docs/make_pages.py would write."""
    return runpy.run_path(str(DOCS / "make_pages.py"))["pages"]()


def test_pages_made_of_the_code_are_up_to_date(pages: dict[Path, str]) -> None:
    stale = [file for file, text in pages.items() if file.read_text(encoding="utf-8").strip() != text.strip()]
    assert not stale, "python docs/make_pages.py writes them anew"


def test_reference_recipe_changes_nothing() -> None:
    recipe = load(REFERENCE, uses=uses())
    assert recipe == build(recipe.task)


def test_reference_recipe_has_every_key_with_its_default_below_its_description() -> None:
    """Read without the code that writes it."""
    text = REFERENCE.read_text(encoding="utf-8")
    written = flat(tomllib.loads(text))
    defaults: dict[str, Any] = flat(as_table(Recipe()))
    unset = {key for key, value in defaults.items() if value is None}
    assert written | {"task": ""} == {key: value for key, value in defaults.items() if key not in unset}
    assert written.keys() | unset == set(keys())
    spoken = " ".join(line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#"))
    for key in keys():
        declared = declaration(key)
        assert declared and declared.metadata["description"] in spoken, key
    assert all(f"# {key.partition('.')[2]} = …" in text for key in unset)
