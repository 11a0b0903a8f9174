"""The page of a beam tree in a real browser, and its lines in a terminal."""

from pathlib import Path

import pytest

from heedful.report import words
from heedful.report.tree import tree_text
from heedful.report.tree_page import tree_page
from support.browser import open_page
from support.synthetic_pages import search
from support.synthetic_results import ARABIC, BREAKING


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_search_is_pointed_at_by_keyboard(tmp_path: Path, browser, dark: bool) -> None:
    """No complaint, nothing asked of the network, nothing wider than a phone; arrows go from step to step."""
    (tmp_path / "tree.html").write_text(tree_page(search()), encoding="utf-8")
    with open_page(browser, tmp_path / "tree.html", width=390, dark=dark) as watched:
        page = watched.page
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator("[data-n]").count() == len(search().nodes) - 2  # two outscored are counted, not drawn
        assert page.get_by_text("+ 2", exact=True).count() == 1
        said = page.locator(".said")
        before = said.inner_text()
        page.locator("[data-n][tabindex='0']").focus()
        assert "went on" in said.inner_text() and words.token(BREAKING) in said.inner_text()
        page.keyboard.press("ArrowRight")
        assert said.inner_text().endswith("answer 1")
        assert page.locator(".node.on").count() == 2 and page.locator(".edge.on").count() == 1
        page.keyboard.press("ArrowDown")
        assert "in place 2" in said.inner_text() and words.token(ARABIC) in said.inner_text()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowDown")
        assert "forbidden: it would hold" in said.inner_text()
        page.evaluate("document.activeElement.blur()")
        assert said.inner_text() == before
        assert (watched.complaints, watched.requests) == ([], [])


def test_lines_join_what_follows_alone_and_say_what_became_of_it() -> None:
    lines = tree_text(search()).splitlines()
    assert "beam 2, 12 hypotheses: 7 outscored, 1 forbidden, 1 finished, 1 cut" in lines[0]
    assert len(lines) == 5 and [line.rpartition("  ")[2] for line in lines[2:]] == [
        f'forbidden: it would hold "{BREAKING}"',
        "answer 1",
        "ended, cut at the greatest length, in place 2",
    ]
