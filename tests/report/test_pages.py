"""Pages of texts opened from disk in a real browser."""

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heedful.explanations import Explanation, Map, Units
from heedful.report import finding, pages
from heedful.report.explained_page import explanation_page
from heedful.results import (
    Case,
    Exhibits,
    Measure,
    Paired,
)
from support.browser import open_page
from support.html_outline import Outline
from support.sampling import sample
from support.synthetic_pages import pages_of_texts
from support.synthetic_results import (
    ARABIC,
    BREAKING,
    LONG,
    comparison,
    entry,
    hostile_explanation,
    scores,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, html in pages_of_texts().items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


def test_hostile_text_is_shown_as_text(folder, browser):
    with open_page(browser, folder / "explanation.html") as watched:
        watched.page.wait_for_selector(".explanation.alive")
        words = watched.page.locator(".words [data-unit]").all_inner_texts()
    assert words == ["a", BREAKING, ARABIC, LONG, "␣", "∅", "'\"&amp;{{7*7}}", "$x_1^2$"]


def test_an_explanation_is_pointed_at_and_walked_through(folder, browser):
    """By pointer, by keyboard, and by choosing another map: weights are those that were packed."""
    with open_page(browser, folder / "explanation.html") as watched:
        page = watched.page
        page.wait_for_selector(".explanation.alive")

        def lit(side: str) -> list[float]:
            script = "units => units.map(unit => Number(unit.style.getPropertyValue('--weight')))"
            return page.locator(f"[data-side='{side}'] [data-unit]").evaluate_all(script)

        weights = hostile_explanation().maps[0].weights
        largest = max(max(row) for row in weights)
        for row in (0, 2):
            page.locator("[data-side='rows'] [data-unit]").nth(row).hover()
            assert lit("columns") == pytest.approx([abs(weight) / largest for weight in weights[row]], abs=0.02)
        assert page.locator("[data-side='columns'] .less").count() == sum(weight < 0 for weight in weights[2])

        page.locator("[data-side='columns'] [data-unit]").first.focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.dataset.unit") == "2"  # a row of the grid below
        assert lit("rows") == pytest.approx([(max(row[2], -row[2]) / largest) ** 0.5 for row in weights], abs=0.02)

        page.locator(".thumbnails button").nth(1).click()
        assert "share" in page.locator(".explanation option:checked").inner_text()
        assert (watched.complaints, watched.requests) == ([], [])


@pytest.mark.parametrize("spread", sample([3, 1, 0.3], 1))
def test_twelve_heads_over_512_tokens_take_less_than_a_megabyte(spread: float) -> None:
    """Of one layer, however flat: each row a softmax of its own, noise to its end. What became coarser is said."""
    rng = np.random.default_rng(0)
    raised = np.exp(rng.normal(0, spread, (12, 512, 512)))
    heads = raised / raised.sum(-1, keepdims=True)
    units = Units("words", tuple(f"w{number}" for number in range(512)))
    maps = tuple(
        Map(f"encoder.0.self_attention.head{number}", "read", "read", "shares", head.tolist())
        for number, head in enumerate(heads)
    )
    answered = {"read": units, "answered": Units("words", ("A",))}
    page = explanation_page(Explanation("fill", "q", "A", "attention", answered, maps))
    assert len(page) < 2**20
    data = json.loads(page.rpartition('<script type="application/json">')[2].partition("</script>")[0])
    levels = np.array([map_["levels"] for map_ in data["maps"]])
    assert ("All maps are drawn in" in page) == (spread < 3) and (levels == 127).all() == (spread == 3)
    steps = np.frombuffer(zlib.decompress(base64.b64decode(data["packed"])), np.int8).reshape(heads.shape)
    shares = heads / heads.max(-1, keepdims=True)
    assert np.abs(steps / levels[:, None, None] - shares).max() <= 0.5 / levels.min() + 1e-9 and levels.min() >= 3


def test_pointing_at_an_output_lights_what_it_looked_at(folder, browser):
    with open_page(browser, folder / "compare.html") as watched:
        page = watched.page
        heads = page.locator(".alignment").nth(1)

        def lit(kind: str) -> list[float]:
            script = "tokens => tokens.map(token => Number(token.style.getPropertyValue('--weight')))"
            return heads.locator(f".tokens [data-{kind}]").evaluate_all(script)

        def on(selector: str) -> list[str]:
            return heads.locator(selector).evaluate_all(
                "found => found.map(one => one.dataset.t ?? one.dataset.column)"
            )

        heads.locator(".tokens [data-t='1']").hover()
        # The mean of two heads that lean on column 1 and two that lean on column 2; the root is what the eye sees.
        assert lit("s") == pytest.approx([0.15**0.5, 0.425**0.5, 0.425**0.5], abs=1e-3)
        assert on("svg .row.on") == ["1"] * 5
        assert page.locator(".alignment").first.locator(".on").count() == 0

        heads.locator("[data-map='2'] .row[data-t='0'] .hit").hover()
        assert lit("s") == pytest.approx([0.15**0.5, 0.7**0.5, 0.15**0.5], abs=1e-3)
        assert on(".tokens .on") == ["0"]

        heads.locator(".tokens [data-s='2']").focus()
        assert lit("t") == pytest.approx([0.15**0.5, 0.425**0.5, 0.425**0.5], abs=1e-3)
        assert on("svg text.on") == ["2"]
        assert lit("s") == [0, 0, 0]

        page.mouse.move(1, 1)
        heads.locator(".tokens [data-s='2']").blur()
        assert heads.locator(".on, .lit").count() == 0 and lit("t") == [0, 0, 0]
        assert (watched.complaints, watched.requests) == ([], [])


@pytest.mark.parametrize("name", ["run", "bare", "compare", "hostile", "explanation", "check"])
def test_every_picture_has_a_table_and_a_line_on_what_to_see(folder, name):
    html = (folder / f"{name}.html").read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(html)
    outline.close()
    assert outline.open == [] and outline.links == []
    assert not re.search(r"url\(|@import|https?://", html)
    assert len(outline.pictures) == {"run": 5, "compare": 5, "hostile": 5, "explanation": 2, "check": 1}.get(name, 0)
    for picture in outline.pictures:
        assert picture["svg"] and picture["table"] and picture["see"] == 1


def test_a_comparison_fits_a_desk_and_no_line_runs_through_its_values(folder, browser):
    """At 1280 pixels no table is wider than the page; a baseline that would cross a value finds it beside its dot."""
    crowded = comparison()
    near = replace(crowded.entries[0].scores, baseline={"symbol_error": Measure("symbol_error", 44, 43, 45, False)})
    page = folder / "crowded.html"
    entries = tuple(replace(each, scores=replace(near, measures=each.scores.measures)) for each in crowded.entries)
    page.write_text(pages.compare_page(replace(crowded, entries=entries)), encoding="utf-8")
    boxes = "found => found.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])"
    with open_page(browser, page, width=1280) as watched:
        cut = "[...document.querySelectorAll('.scroll:has(> table)')]"
        cut += ".filter(one => !one.closest('details') && one.scrollWidth > one.clientWidth)"
        assert watched.page.evaluate(f"{cut}.length") == 0
        [[line, _]] = watched.page.locator("svg .yardstick").evaluate_all(boxes)
        values = watched.page.locator("svg .value").evaluate_all(boxes)
        assert len(values) == 3 and not [value for value in values if value[0] <= line <= value[1]]
    html = page.read_text(encoding="utf-8")
    assert "minutes to reach 8.0 %" in html and "<del>" in html


def test_titles_say_what_the_tests_show_and_no_more():
    def title(difference: float, low: float, high: float, p: float, **changes: Any) -> str:
        test = Paired("symbol_error", difference, low, high, p, examples=20)
        two = replace(comparison(), entries=comparison().entries[:2], paired={"new vs old": test}, **changes)
        ideas = {"old": "one vector", "new": "attention"}
        return finding.of_comparison(two, ideas)

    assert title(-15.0, -20.0, -10.0, 0.01) == "new more than halves the symbol error of old: 2.5 % against 20.0 %"
    assert title(-15.0, -20.0, -9.0, 0.01) == "new beats old: symbol error 2.5 % against 20.0 %"
    assert title(-15.0, -30.0, 1.0, 0.06) == "No test tells old and new apart"
    repeated = {name: entry(name, wrong=wrong).scores.measures for name, wrong in (("old", 8), ("new", 1))}
    assert title(-15.0, -20.0, -9.0, 0.01, over_runs=repeated).startswith("Attention beats one vector: ")
    few = replace(comparison(), paired={pair: replace(t, examples=5) for pair, t in comparison().paired.items()})
    assert finding.of_comparison(few, {}) == "Too few examples to tell old, new and peer apart"
    assert finding.of_comparison(comparison(), {}).endswith("; no test tells it from peer")
    worse = replace(comparison(), entries=tuple(replace(e, scores=replace(e.scores, baseline={"symbol_error": Measure(
        "symbol_error", 1, 1, 1, False)})) for e in comparison().entries))  # fmt: skip
    assert finding.of_comparison(worse, {}).endswith("; it is not clearly better than the baseline")
    against = Paired("symbol_error", -15.0, -20.0, -9.0, 0.01, examples=20)
    scored = replace(scores(1), against_baseline=against)
    assert finding.of_run("gru", scored) == "gru beats the baseline: symbol error 2.5 % against 100.0 %"
    assert "does not clearly beat" in finding.of_run("gru", replace(scored, against_baseline=replace(against, p=0.2)))
    assert "Too few" in finding.of_run("gru", replace(scored, against_baseline=replace(against, examples=5)))


def test_gaps_are_filled_in_place(folder, browser):
    case = Case(f"The [MASK]{BREAKING}[MASK] of [MASK].", "▁cat\tsat\t▁a", ("▁cat\tsits\t▁b",), 66.7)
    page = folder / "filled.html"
    shown = replace(scores(0), cases=(case,))
    page.write_text(pages.run_page("x", {}, scores=shown, exhibits=Exhibits("gaps")), encoding="utf-8")
    with open_page(browser, page, width=390) as watched:
        text = watched.page.locator(".filled").text_content()
        assert watched.complaints == [] and watched.page.locator(".filled del").count() == 2
    assert text == f"The right: cat{BREAKING}sat sits of a b." and "1 of 3 gaps is right." in page.read_text()
