"""The frame of studies: what is measured is kept, verdicts follow from it, and pages ask for a guess first."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from heedful.errors import HeedfulError
from heedful.report.studied import study_page
from heedful.studies.study import Options, run
from heedful.training.progress import Quiet
from support.browser import open_page
from support.counting_study import CELLS, KilledAtCell, counting_study, run_counting
from support.own_process import exit_code
from support.synthetic_pages import hostile_study
from support.synthetic_results import BREAKING

SEEDS = 2


def test_a_killed_study_goes_on_behind_its_last_cell(tmp_path: Path) -> None:
    """Killed for good between two cells, and the line of a third one torn; nothing is measured twice."""
    whole, folder, diary = tmp_path / "whole", tmp_path / "killed", tmp_path / "diary"
    assert exit_code(run_counting, diary, folder, KilledAtCell(4)) == -9
    assert diary.read_text() == "xxx"
    cells = folder / "cells.jsonl"
    cells.write_text(cells.read_text()[:-20])  # the third one's line did not reach the disk as a whole
    resumed = run(counting_study(diary), Options(), folder, Quiet())
    assert diary.read_text() == "x" * (CELLS * SEEDS + 1)
    assert resumed == run(counting_study(tmp_path / "other"), Options(), whole, Quiet())
    assert (folder / "study.json").read_bytes() == (whole / "study.json").read_bytes()
    assert not (folder / "scratch").exists() and not (folder / "lock").exists()


def test_another_seed_measures_what_is_new_alone(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    study = counting_study(diary)
    run(study, Options(seeds=(0,)), tmp_path / "run", Quiet())
    wider = run(study, Options(seeds=(0, 3, 4)), tmp_path / "run", Quiet())
    assert diary.read_text() == "x" * (CELLS * 3)
    assert {point.count for point in wider.charts[0].curves[0].points} == {3}
    again = run(study, Options(seeds=(0,)), tmp_path / "run", Quiet())
    assert diary.read_text() == "x" * (CELLS * 3)
    assert {(point.count, point.low == point.y == point.high) for point in again.charts[0].curves[0].points} == {
        (1, True)
    }


def test_verdicts_follow_from_what_was_measured(tmp_path: Path) -> None:
    result = run(counting_study(tmp_path / "diary"), Options(), tmp_path / "run", Quiet())
    assert [(verdict.seen, verdict.word) for verdict in result.verdicts] == [(True, "seen"), (None, "undecided")]
    assert result.verdicts[0].evidence == "It ends at 16.05."
    assert json.loads((tmp_path / "run" / "study.json").read_text())["finding"].startswith("1 of 2 claims seen. Seen:")
    with pytest.raises(HeedfulError, match="makes its own data"):
        run(counting_study(tmp_path / "diary"), Options(files=("pairs.tsv",)), tmp_path / "run", Quiet())


def test_page_asks_for_a_guess_and_then_shows_the_curves(tmp_path: Path, browser: Browser) -> None:
    """By keyboard, on a phone, in the dark; with texts that would break out of it."""
    page_file = tmp_path / "study.html"
    page_file.write_text(study_page([hostile_study(), replace(hostile_study(), name="other")]), encoding="utf-8")
    with open_page(browser, page_file, width=390, dark=True) as watched:
        page = watched.page
        study = page.locator(".study").first
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert not study.locator(".told").first.is_visible() and study.locator("svg .guessed").count() == 3
        hidden = "lines => lines.every(line => getComputedStyle(line).visibility === 'hidden')"
        assert study.locator("svg .line, svg .mark, svg .name").evaluate_all(hidden)
        slider, said = study.locator("input").first, study.locator("output").first
        before = said.inner_text()
        slider.focus()
        page.keyboard.press("ArrowRight")
        guess = said.inner_text()
        assert guess != before
        study.locator("button").focus()
        page.keyboard.press("Enter")
        assert all(study.locator(".told").nth(index).is_visible() for index in range(study.locator(".told").count()))
        assert not study.locator("svg .line").evaluate_all(hidden)
        assert page.evaluate("document.activeElement.className") == "scroll scored"
        rows = study.locator(".scored tbody tr")
        assert rows.count() == 3
        assert rows.first.locator("th, td").all_inner_texts() == [" ".join(BREAKING.split()), guess, "70"]
        assert not page.locator(".study").nth(1).locator(".told").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert (watched.complaints, watched.requests) == ([], [])


def test_page_shows_everything_without_scripts(tmp_path: Path, browser: Browser) -> None:
    page_file = tmp_path / "study.html"
    page_file.write_text(study_page([hostile_study()]), encoding="utf-8")
    with browser.new_context(java_script_enabled=False) as profile:
        page = profile.new_page()
        page.goto(page_file.as_uri())
        told = page.locator(".told")
        assert told.count() > 3 and all(told.nth(index).is_visible() for index in range(told.count()))
        assert not page.locator("form").is_visible()
