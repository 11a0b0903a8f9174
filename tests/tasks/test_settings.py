"""Every key of a recipe at values that nobody needs: each is refused in words, or trains and answers."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.generation.choose import narrow
from heedful.recipe import BUDGETS, annotation, describe, keys, load, parse, tasks_of
from heedful.schema import GenerateSettings, Recipe
from heedful.tasks.joins import allowed
from heedful.tasks.recipes import build, change, uses
from heedful.training.decide import resolve, validation_due
from support.interrupted_training import Interruption, PowerCut, die
from support.letter_pairs import recipe as letter_recipe
from support.letter_pairs import reverse, words
from support.sampling import SEED, sample
from support.tiny_tasks import TASKS, recipe, write_data

VALUES = ("0", "-1", "nan", "inf", "1000000000000", "[[1], {a = 2}]")
"""As a command line has them: the last is of a type that no key has."""
TRIED = 12  # cases of a sample
LONGEST = 1000  # characters of a refusal
STEPS = 3  # after which a training without an end is broken off
NO_FILE = ("data.train", "data.valid", "data.test", "start", "task")
"""Keys whose values are names of files, or of what a recipe is for."""
KEYS = [key for key in keys() if key not in NO_FILE]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


def recipe_for(task: str, network: str, files: dict[str, str], folder: Path) -> Recipe:
    """A recipe of moments."""
    if task != "translate":
        return recipe(files, task, network, train__steps=2)
    pairs = [(word, reverse(word)) for word in words(60, 5, seed=2)]
    settings = build("translate", {"network.name": network, "network.size": "tiny", "network.width": 16}).network
    return letter_recipe(folder, settings, pairs[:50], pairs[50:], train__steps=2)


def cases() -> Iterator[tuple[str, str, str]]:
    """Each key with each value, and a network and a task to try it with."""
    tasks = ("translate", *TASKS)
    for number, (key, value) in enumerate(product(KEYS, VALUES)):
        task = (suitable := tasks_of(key, uses()) or tasks)[(SEED + number) % len(suitable)]
        rows = allowed(task)
        yield key, value, rows[(SEED // 7 + number) % len(rows)] + " " + task


def refusal(call: Any, *arguments: Any) -> str:
    """What is said of a setting that is refused; "" for one that is taken."""
    try:
        call(*arguments)
    except HeedfulError as error:
        assert error.problem and len(str(error)) < LONGEST, str(error)
        return str(error)
    except PowerCut:
        pass
    return ""


def changed(base: Recipe, key: str, value: str) -> Recipe:
    """The recipe with a key as a command line sets it."""
    return change(base, parse([f"{key}={value}"]))


@pytest.mark.parametrize(("key", "value", "where"), sample(cases(), TRIED))
def test_a_setting_is_refused_in_words_or_trains(
    key: str, value: str, where: str, files: dict[str, str], tmp_path: Path
) -> None:
    """With a task that uses it, to the scores; a budget without an end is broken off."""
    network, task = where.split()
    base = recipe_for(task, network, files, tmp_path)
    endless = key.removeprefix("train.") in BUDGETS
    breaks = {(first, STEPS) for first in (True, False)} if endless else set()
    refusal(lambda: run(changed(base, key, value), tmp_path / "run", Interruption(breaks, die)))


def test_numbers_are_finite_and_within_their_limits() -> None:
    """NaN and infinity for no key; no whole number of any size, but for those where a larger one is only never."""
    base = build("translate")
    numbers = [key for key in KEYS if "int" in str(annotation(key)) or "float" in str(annotation(key))]
    assert len(numbers) > 40
    for key in numbers:
        for value in ("nan", "-inf", "-1", "9" * 5000, f"0x{'f' * 5000}"):
            assert refusal(changed, base, key, value), (key, value)


@pytest.mark.parametrize(
    "text",
    [
        f"seed = {'9' * 5000}",
        f"seed = 0x{'f' * 50_000}",
        f"seed = {'[' * 50_000}{']' * 50_000}",
        f"[train]\nlearning_rate = {'9' * 400}",
        f"{'a.' * 2000}b = 1",
        f"{'x' * 100_000} = 1",
        f'[data]\nformat = "{"x" * 100_000}"',
        "[train]\n[train.steps]\nx = 1",
        "seed = 1979-05-27",
    ],
)
def test_a_recipe_that_is_out_of_all_bounds_is_refused_in_words(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(f'task = "translate"\n{text}\n', encoding="utf-8")
    assert str(tmp_path) in refusal(load, tmp_path / "recipe.toml")


def test_keys_are_described_in_words() -> None:
    """What a key may be, as people write it in a recipe: of Python's names of types there is none."""
    for key in keys():
        assert not re.search(
            r"typing|Union|Literal|None|\b(str|int|float|bool|dict)\b|list\[|True|False", describe(key)
        )
    with pytest.raises(HeedfulError) as refusal:
        build("translate", {"network.width": "wide"})
    assert "auto or a whole number, at least 1, at most 65,536; default 'auto'" in refusal.value.cure


def test_never_and_as_you_like() -> None:
    """What people write as 0: validation at the end alone, a thread a core, no clipping, the most probable token."""
    recipe = build("translate", {"train.valid_every": 0, "train.threads": 0, "train.clip": 0.0})
    assert not any(validation_due(recipe.train, step, 0.5, 0) for step in range(5))
    assert resolve(recipe.train).threads == resolve(build("translate").train).threads
    odds = np.log(np.array([[0.2, 0.5, 0.3]]))
    assert np.isfinite(narrow(odds, GenerateSettings(temperature=0.0))).tolist() == [[False, True, False]]
