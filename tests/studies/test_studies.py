"""All studies at their smallest, by the command that people type: each measures what it says, and tells it."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from heedful.studies import STUDIES, bottleneck
from heedful.studies.story import find_study
from heedful.studies.study import Options
from heedful.training.progress import Quiet
from support.browser import open_page
from support.command_line import heedful


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every study, and their story."""
    folder = tmp_path_factory.mktemp("studies")
    outcome = heedful("study --all --size tiny --seeds 0 -o story", folder)
    assert outcome.code == 0, outcome.err
    assert [line.split(":")[0] for line in outcome.out.split("\n\n")] == list(STUDIES)
    assert outcome.err.startswith(f"{len(STUDIES)} studies, in all ")
    for name in STUDIES:
        assert f"{name}: in all" in outcome.err and f"page: story/{name}/study.html" in outcome.err
    return folder / "story"


def read(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / name / "study.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", STUDIES)
def test_every_chart_has_its_curves(name: str, folder: Path) -> None:
    """And the table has the same numbers, and each claim a verdict by its rule."""
    study, result = find_study(name), read(folder, name)
    keys = [chart["key"] for chart in result["charts"]]
    assert keys == [axes.key for axes in study.axes][: len(keys)]
    points = [
        (chart["key"], curve["name"], point)
        for chart in result["charts"]
        for curve in chart["curves"]
        for point in curve["points"]
    ]
    axes = {axes.key: axes for axes in study.axes}
    assert points and all(len(chart["curves"]) > 1 for chart in result["charts"])
    assert all(
        math.isfinite(point["y"]) and axes[key].least <= point["y"] <= axes[key].most for key, _, point in points
    )
    table = list(csv.DictReader((folder / name / "table.tsv").read_text().splitlines(), delimiter="\t"))
    assert [(row["chart"], row["curve"], float(row["x"])) for row in table] == [
        (key, curve, pytest.approx(point["x"], rel=1e-4)) for key, curve, point in points
    ]
    assert [verdict["claim"] for verdict in result["verdicts"]] == [claim.text for claim in study.claims]
    assert all(verdict["rule"] and verdict["evidence"] for verdict in result["verdicts"])
    for picture, start in (("plot.png", b"\x89PNG"), ("plot.svg", b"<?xml")):
        assert (folder / name / picture).read_bytes().startswith(start)


def test_the_same_command_measures_nothing_again(folder: Path) -> None:
    before = {name: (folder / name / "cells.jsonl").read_bytes() for name in STUDIES}
    outcome = heedful("study --all --size tiny --seeds 0 -o story", folder.parent)
    assert outcome.code == 0 and outcome.err.count("stand in story/") == len(STUDIES)
    assert {name: (folder / name / "cells.jsonl").read_bytes() for name in STUDIES} == before


def test_the_story_is_one_page(folder: Path, browser: Browser) -> None:
    with open_page(browser, folder / "story.html", width=390, dark=True) as watched:
        assert watched.page.locator(".study").count() == len(STUDIES)
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390
        for index in range(len(STUDIES)):
            watched.page.locator("button").nth(index).click()
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390
        assert watched.page.locator(".guessing").count() == 0
        assert (watched.complaints, watched.requests) == ([], [])


def test_the_bottleneck_of_ones_own_pairs(tmp_path: Path) -> None:
    """By words; pairs that have changed are measured anew."""
    pairs = tmp_path / "pairs.tsv"
    words = [" ".join("abcdefg"[: 1 + number % 7]) + f" {number}" for number in range(140)]
    pairs.write_text("".join(f"{word}\t{word.upper()}\n" for word in words), encoding="utf-8")
    options = Options("tiny", (0,), files=(str(pairs),))
    cell = bottleneck.cells(options, tmp_path)[0]
    points = list(cell.measure(tmp_path, Quiet()))
    assert [point.x for point in points] == sorted(point.x for point in points)
    assert 2 <= points[0].x < points[-1].x <= 8 and all(0 <= point.y <= 100 for point in points)
    pairs.write_text("one\teins\n", encoding="utf-8")
    assert bottleneck.cells(options, tmp_path)[0].key != cell.key


def test_what_cannot_be_studied_is_refused(tmp_path: Path) -> None:
    for line, says in {
        "study bottelneck": 'Did you mean "bottleneck"?',
        "study": "Which study?",
        "study parallelism --size smal": 'Did you mean "small"?',
        "study parallelism --data nowhere.tsv": "nowhere.tsv",
        "study parallelism --seeds 0,x": "--seeds cannot be '0,x'",
    }.items():
        outcome = heedful(line, tmp_path)
        assert (outcome.code, says in outcome.err) == (2, True), outcome.err
    assert not any(tmp_path.iterdir())
