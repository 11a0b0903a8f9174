"""benchmarks/speedrun.py: its recipes are recipes, and an entry is timed by what its validations say."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heedful.recipe import load
from heedful.tasks.joins import allowed
from heedful.tasks.recipes import uses
from support import ROOT
from support.letter_pairs import words

RECIPE = """
task = "translate"
[data]
train = ["{pairs}"]
[network]
name = "gru"
size = "tiny"
[train]
minutes = 0.02
valid_every = 2
"""


@pytest.fixture
def speedrun(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("speedrun")


def test_entries_are_recipes_with_a_budget_on_a_known_track(speedrun: Any) -> None:
    entries = speedrun.entries([0])
    assert {entry.name.partition("-")[0] for entry in entries} == speedrun.TRACKS.keys()
    for entry in entries:
        recipe = load(entry.recipe, uses=uses())
        assert recipe.network.name in allowed(recipe.task) and entry.name.endswith(f"-{recipe.network.name}")
        assert recipe.train.minutes and recipe.data.valid


def test_a_run_is_timed_kept_and_not_run_again(speedrun: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, results = tmp_path / "pairs.tsv", tmp_path / "speedrun.jsonl"
    pairs.write_text("".join(f"{word.replace(' ', '')}\t{word.upper()}\n" for word in words(60, 5, seed=2)))
    path = tmp_path / "cmudict-gru.toml"
    path.write_text(RECIPE.format(pairs=pairs), encoding="utf-8")
    entry = speedrun.Entry(path, 0)
    for _ in range(2):
        speedrun.work([entry], 1.0, results, tmp_path / "runs")
    [log] = speedrun.read_lines(results)
    assert speedrun.key_of(log) == entry.key and log["weights"] > 0 and log["steps"] > 0
    validations = [tuple(validation) for validation in log["validations"]]
    assert validations and validations == sorted(validations)

    for _, bar in validations:  # the first that is as good, in minutes of a yardstick half as fast
        track = replace(entry.track, bar=bar)
        first = next(seconds for seconds, value in validations if value <= bar)
        assert speedrun.minutes_to(log | {"scale": 0.5}, track) == pytest.approx(first / 30)
    best = min(value for _, value in validations)
    for bar, cell in ((100.0, f"{validations[0][0] / 60:.1f}"), (-1.0, f"not reached (best {best:.4g})")):
        monkeypatch.setitem(speedrun.TRACKS, "cmudict", replace(entry.track, bar=bar))
        [row] = [line for line in speedrun.table([entry], [log]).splitlines() if "cmudict-gru" in line]
        assert row.split(" | ")[2] == cell
    path.write_text(RECIPE.format(pairs=pairs) + "warmup = 0.2\n", encoding="utf-8")
    assert "cmudict-gru" not in speedrun.table([speedrun.Entry(path, 0)], [log])  # a changed recipe has no log yet
