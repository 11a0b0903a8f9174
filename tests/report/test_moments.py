"""The time machine of a run's page in a real browser."""

from pathlib import Path

import pytest

from heedful.explanations import History
from heedful.report.pages import run_page
from heedful.results import Progress
from support.browser import open_page
from support.synthetic_results import BREAKING, history, scores


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_slider_goes_through_a_training(tmp_path: Path, browser, dark: bool) -> None:
    """It begins at the end; answers, the curve's dot and the map go with it; nothing is wider than a phone."""
    scored = scores(5)
    curve = [Progress("valid", step, 1.0, 1.0, {scored.primary: float(step)}) for step in (10, 20, 30)]
    path = tmp_path / "run.html"
    path.write_text(run_page("a run", {}, scores=scored, curve=curve, history=history()), encoding="utf-8")
    with open_page(browser, path, width=390, dark=dark) as watched:
        page = watched.page
        view, slider = page.locator(".moments.alive"), page.locator(".moments input")
        view.wait_for()
        assert view.locator("article > * > bdi").all_inner_texts() == [BREAKING, "b a or 1 other", "b a ✓"]
        assert shades(page) == [0, 1, 1, 0]
        slider.focus()
        page.keyboard.press("ArrowLeft")
        assert view.locator("output").inner_text().startswith("step 20, ")
        assert view.locator("article > p > bdi").last.inner_text() == "b b ✓"  # which is accepted, too
        assert (page.locator(".curve .mark.on title").text_content() or "").startswith("step 20:")
        page.keyboard.press("Home")
        assert view.locator("article > p > bdi").last.inner_text() == "∅"
        assert len(set(shades(page))) == 1
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert (watched.complaints, watched.requests) == ([], [])


def shades(page) -> list[float]:
    """How opaque the map's four cells are, from 0 to 1."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector(".moments canvas"), cell = Number(canvas.dataset.cell);
            const copy = new OffscreenCanvas(canvas.width, canvas.height);
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(canvas, 0, 0);
            const opaque = (x, y) => context.getImageData(x, y, 1, 1).data[3] / 255;
            const middle = [cell / 2, (3 * cell) / 2];
            return middle.flatMap((y) => middle.map((x) => Math.round(opaque(x, y) * 50) / 50));
        }"""
    )


def test_one_moment_alone_is_not_shown() -> None:
    seen = history()
    once = History(seen.watched, seen.moments[:1])
    assert 'class="moments"' not in run_page("a run", {}, scores=scores(5), history=once)
