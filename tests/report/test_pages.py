"""Pages of texts opened from disk in a real browser."""

import re
from pathlib import Path

import pytest

from heedful.report import pages
from heedful.results import (
    Answer,
    Bin,
    Exhibits,
    Finding,
    Findings,
)
from support.browser import open_page
from support.html_outline import Outline
from support.synthetic_results import (
    ARABIC,
    BREAKING,
    LONG,
    comparison,
    curve,
    hostile_alignment,
    hostile_comparison,
    scores,
)


def every_page() -> dict[str, str]:
    two_networks = comparison()
    findings = Findings(
        BREAKING,
        ARABIC,
        (Finding("x", BREAKING, 1, (BREAKING,)), Finding("!", LONG, 9, tuple("abcde")), Finding("i", "fine", 1)),
        {"source words": (Bin(1, 3, 10, 0), Bin(4, 9, 2, 0))},
    )
    facts = {"data": "pairs.tsv", BREAKING: BREAKING}
    return {
        "run": pages.run_page(
            title="A run",
            facts=facts,
            curve=curve(3, 2),
            scores=scores(5, (BREAKING, ARABIC, LONG)),
            exhibits=Exhibits(alignments=[hostile_alignment()]),
            commands=[f'heedful translate runs/x "{BREAKING}"'],
        ),
        "bare": pages.run_page(title="Nothing measured yet", facts={}),
        "compare": pages.compare_page(
            two_networks, [{"name": "new", "paper": "A paper", "added": "It looks back.", "lacked": "Speed."}]
        ),
        "hostile": pages.compare_page(
            hostile_comparison(), [{"name": BREAKING, "paper": LONG, "added": ARABIC, "lacked": BREAKING}]
        ),
        "explain": pages.explain_page(BREAKING, [Answer(BREAKING, LONG, -1, -1, complete=False)], hostile_alignment()),
        "blind": pages.explain_page("abc", [Answer("abc", "A", -1, -1)], None),
        "check": pages.check_page(findings),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, html in every_page().items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["run", "bare", "compare", "hostile", "explain", "blind", "check"])
def test_page_opens_from_disk_in_peace(folder, browser, name):
    """No complaint, nothing asked of the network, no text run as code, and nothing wider than a phone."""
    with open_page(browser, folder / f"{name}.html", width=390, dark=True) as watched:
        assert watched.page.evaluate("document.images.length") == 0
        assert watched.page.evaluate("document.scripts.length - document.querySelectorAll('main script').length") == 1
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390
        background = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", background)[:3])) < 150
        assert (watched.complaints, watched.requests) == ([], [])


def test_hostile_text_is_shown_as_text(folder, browser):
    with open_page(browser, folder / "explain.html") as watched:
        words = watched.page.locator(".tokens [data-s]").all_inner_texts()
    assert words == ["a", BREAKING.replace(" ", "␣"), ARABIC, LONG, "␣", "∅", "'\"&amp;{{7*7}}", "$x_1^2$"]


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


@pytest.mark.parametrize("name", ["run", "bare", "compare", "hostile", "explain", "blind", "check"])
def test_every_picture_has_a_table_and_a_line_on_what_to_see(folder, name):
    html = (folder / f"{name}.html").read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(html)
    outline.close()
    assert outline.open == [] and outline.links == []
    assert not re.search(r"url\(|@import|https?://", html)
    assert len(outline.pictures) == {"run": 4, "compare": 5, "hostile": 5, "explain": 1, "check": 1}.get(name, 0)
    for picture in outline.pictures:
        assert picture["svg"] and picture["table"] and picture["see"] == 1
