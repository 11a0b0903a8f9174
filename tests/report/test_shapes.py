"""What pages show of pictures, classes and answers in step."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from heedful.report import classes, gallery, pages, terminal, timebars
from heedful.results import (
    Bin,
    Case,
    ClassScore,
    Confusion,
    Exhibits,
    Measure,
    Series,
)
from support.browser import open_page
from support.html_outline import Shapes
from support.synthetic_pages import pages_of_shapes
from support.synthetic_results import (
    ATTRIBUTION,
    HOSTILE,
    LABELS,
    LONG,
    class_scores,
    confusion,
    labelled_comparison,
    make_scores,
    png,
)

NAMES = ["classify", "crowd", "texts", "caption", "draw", "match", "label", "compare_label", "compare_pictures"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    for name, html in pages_of_shapes().items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_a_table_and_a_line_on_what_to_see(folder, name):
    html = (folder / f"{name}.html").read_text(encoding="utf-8")
    outline = Shapes()
    outline.feed(html)
    outline.close()
    assert outline.open == []
    assert all(link.startswith("data:image/png;base64,") for link in outline.links)
    assert not re.search(r"url\([^#]|@import|https?://", html)
    assert len(set(outline.names)) == len(outline.names)
    assert set(re.findall(r"url\(#(\w+)\)", html)) <= set(outline.names)
    expected = {
        "classify": 5,
        "crowd": 2,
        "texts": 3,
        "caption": 4,
        "draw": 2,
        "match": 3,
        "label": 7,
        "compare_label": 4,
        "compare_pictures": 2,
    }
    assert len(outline.pictures) == expected[name]
    for picture in outline.pictures:
        assert picture["svg"] and picture["table"] and picture["see"] >= 1
    assert html.count(ATTRIBUTION.replace("<", "&lt;").replace(">", "&gt;")) == {
        "classify": 2, "caption": 3, "draw": 1, "match": 2, "compare_pictures": 1,
    }.get(name, 0)  # fmt: skip


def test_mix_ups_stand_where_they_belong(folder, browser):
    with open_page(browser, folder / "classify.html") as watched:
        table = watched.page.locator("table.matrix")
        cells = table.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => [cell.innerText, cell.className,"
            " getComputedStyle(cell).backgroundColor]))"
        )
        heads = table.locator("thead th").evaluate_all("heads => heads.map(head => head.title)")
        assert table.locator("td").nth(1).get_attribute("title") == f"cat answered as {HOSTILE}: 2 of 10"
    assert [[text for text, _, _ in row] for row in cells] == [["8", "2", ""], ["1", "9", ""], ["", "5", "15"]]
    assert heads[1:] == ["cat", HOSTILE, LONG]
    assert [["right" in class_ for _, class_, _ in row] for row in cells] == [
        [i == j for j in range(3)] for i in range(3)
    ]
    # 8 of 10 is deeper than 15 of 20, and nothing is as pale as nothing.
    assert cells[0][0][2] != cells[2][2][2] and cells[0][2][2] == cells[1][2][2] != cells[0][1][2]


def test_mix_ups_are_told_most_frequent_first():
    matrix = classes.matrix(confusion())
    assert matrix is not None
    assert [row[2:] for row in matrix.pairs.rows] == [["5", "25.0 %"], ["2", "20.0 %"], ["1", "10.0 %"]]
    assert f"Most often {LONG} was taken for {HOSTILE}: 5 times" in matrix.caption and "8 of 40" in matrix.caption
    without_errors = classes.matrix(Confusion(("a", "b"), ((1, 0), (0, 0))))
    assert without_errors is not None and "Nothing was mixed up" in without_errors.caption
    many_classes = classes.matrix(Confusion(tuple(map(str, range(31))), ((0, 1, *[0] * 29), *[(0,) * 31] * 30)))
    assert (
        many_classes is not None and not many_classes.rows and many_classes.pairs.rows == [["0", "1", "1", "100.0 %"]]
    )


def test_classes_are_ranked_worst_first_and_those_unseen_last():
    ranked = classes.by_class(
        [ClassScore(str(i), 5, 50.0, 50.0, float(i)) for i in range(20, 0, -1)] + [ClassScore("never", 0, 0, 0, 0)]
    )
    assert ranked is not None
    assert [row[0] for row in ranked.all_classes.rows] == [*map(str, range(1, 21)), "never"]
    assert len(ranked.worst.rows) == classes.CLASSES and ranked.caption.startswith("Weakest: 1.")
    assert "1 class had no example" in ranked.caption


def test_reliability_is_drawn_to_scale_and_described():
    scores = class_scores()
    figure = classes.reliability(scores)
    assert figure is not None
    heights = [float(height) for height in re.findall(r'height="([\d.]+)" class="bar', figure.drawing)]
    assert heights[1] / heights[0] == pytest.approx(40 / 25, rel=1e-3)
    # Of those at least half sure only 40 % were right.
    assert "too sure" in figure.caption and "50–100 % sure (6 answers), it was right in 40.0 %" in figure.caption
    underconfident = classes.reliability(replace(scores, reliability=(Bin(0, 50, 4, 100.0),)))
    assert underconfident is not None and "less sure than it could be" in underconfident.caption
    measures = scores.measures | {"calibration_error": Measure("calibration_error", 1, 1, 1, False)}
    calibrated = classes.reliability(replace(scores, measures=measures))
    assert calibrated is not None and "can be trusted" in calibrated.caption and "too sure" not in calibrated.caption


def test_gallery_shows_the_surest_mistakes_first(folder, browser):
    with open_page(browser, folder / "classify.html") as watched:
        cards = watched.page.locator(".gallery").first.locator("li")
        assert [card.split("\n")[-1] for card in cards.all_inner_texts()] == ["90 % sure", "75 % sure", "60 % sure"]
        assert cards.first.locator("img").get_attribute("alt") == f"{HOSTILE}#8"
        uri = watched.page.evaluate("document.images[0].src")
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        assert image.convert("RGB").getpixel((0, 0)) == (160, 90, 90)


def test_drawings_stand_beside_the_real_picture_and_what_they_were_taken_for(folder, browser):
    with open_page(browser, folder / "draw.html") as watched:
        card = watched.page.locator(".gallery li")
        assert card.locator("figcaption").all_inner_texts() == ["drawn", "drawn", "real", "through codes", "taken for"]
        assert HOSTILE in card.inner_text() and "found as number 3" in card.inner_text()
    with open_page(browser, folder / "match.html") as watched:
        first = watched.page.locator(".gallery li").first.inner_text()
        assert "it is dog or hound" in first and "found as number 4" in first


def test_pictures_grow_by_whole_pixels_and_large_ones_are_made_smaller():
    small = gallery.picture(png((1, 2, 3), 28, 20), "", "x")
    assert (small.width, small.height, small.enlarged) == (112, 80, True)
    large = gallery.picture(png((1, 2, 3), 3000, 1500), "", "x")
    assert (large.width, large.height, large.enlarged) == (128, 64, False)
    with Image.open(io.BytesIO(base64.b64decode(large.uri.partition(",")[2]))) as image:
        assert image.size == (256, 128)


def test_bars_are_as_wide_as_their_stretches(folder, browser):
    """As the browser lays them out: places, widths, colours, hints, and the marks of what is wrong."""
    with open_page(browser, folder / "label.html") as watched:
        clip = watched.page.locator(".clip").nth(1)
        script = """svgs => svgs.slice(0, 2).map(svg => {
            const all = svg.getBoundingClientRect();
            const round = share => Math.round(share * 300) / 50;
            const place = r => [round((r.x - all.x) / all.width), round(r.width / all.width)];
            return [[...svg.querySelectorAll('.stretch')].map(one => [
                one.querySelector('title').textContent, ...place(one.querySelector('rect').getBoundingClientRect()),
                one.getAttribute('class'), one.querySelectorAll('rect')[1]?.getAttribute('fill')]),
                [...svg.querySelectorAll('.wrong')].map(one => place(one.getBoundingClientRect()))];
        })"""
        (truth, truth_errors), (answer, answer_errors) = clip.locator("svg").evaluate_all(script)
        legend = watched.page.locator(".legend li").all_inner_texts()
    assert [(hint.partition(": step")[0], start, width) for hint, start, width, *_ in truth] == [
        ("masked", 0, 1), ("walk", 1, 2), (HOSTILE, 3, 1), ("run & jump", 4, 1), (LONG, 5, 1),
    ]  # fmt: skip
    assert [stretch[1:3] for stretch in answer] == [[0, 2], [2, 2], [4, 1], [5, 1]]
    # Step 2 and step 4; step 0 is masked, so nothing is wrong there.
    assert truth_errors == [] and answer_errors == [[2, 1], [4, 1]]
    assert truth[0][4] == "url(#masked)" and truth[1][3:] == answer[0][3:] == answer[2][3:] != truth[2][3:]
    assert truth[2][3:] == answer[1][3:] and truth[1][0] == "walk: steps 1 to 2 (truth)"
    assert legend == [*LABELS, "masked: not judged"]


def test_bars_say_how_good_they_are_and_how_they_were_read(folder):
    html = (folder / "label.html").read_text(encoding="utf-8")
    assert "The answer is right at 3 of 5 steps (60.0 %) and changes 3 times." in html
    assert "read in 2 windows" in html and "answered 12.5 % of the steps otherwise" in html
    # Steps of unequal length: the last of six begins at 9 and lasts as long as most do.
    assert html.count("10 seconds") == 1 and html.count("6 steps</text>") == 5


def test_labels_are_hatched_only_where_colours_run_out():
    styles = [(timebars.colour(style), timebars.texture(style)) for style in range(48)]
    assert len(set(styles)) == 48
    assert [bool(texture) for _, texture in styles] == [False] * 8 + [True] * 40


def test_series_are_drawn_above_their_labels(folder, browser):
    """A peak of one step in a long series is seen: in the lane of its channel, at its place in time."""
    steps = 4000
    rows = [[float(step == 1000), 5.0] for step in range(steps)]
    case = Case("clip", "\t".join(["a"] * steps), ("\t".join(["a"] * steps),), 0.0)
    exhibits = Exhibits("steps", series={"clip": Series((HOSTILE, "flat"), rows)})
    page = folder / "series.html"
    page.write_text(pages.run_page("x", {}, scores=make_scores("accuracy", [case]), exhibits=exhibits))
    with open_page(browser, page, width=1280) as watched:
        lanes = watched.page.locator("svg:has(.lane)")
        boxes = "found => found.map(one => one.getBoundingClientRect()).map(box => [box.width, box.top])"
        [bar, *_] = watched.page.locator(".bars svg:has(.stretch)").evaluate_all(boxes)
        placed = lanes.evaluate_all(boxes)
        points = lanes.first.locator("polyline").get_attribute("points") or ""
        assert watched.complaints == []
    assert [width for width, _ in placed] == [bar[0]] * 2 and placed[1][1] < bar[1]
    top = [float(point.split(",")[0]) for point in points.split() if float(point.split(",")[1]) < 2]
    assert top == pytest.approx([250], abs=1)


def test_a_comparison_draws_series_above_the_labels_of_all_networks() -> None:
    comparison = labelled_comparison()
    source = comparison.entries[0].samples[0].source
    exhibits = Exhibits("steps", series={source: Series(("x", "y"), [[float(step), 1.0] for step in range(6)])})
    pages_of = [pages.compare_page(comparison, (), shown) for shown in (exhibits, None)]
    assert [html.count('class="lane"') for html in pages_of] == [2, 0]


def test_long_clips_are_drawn_in_part_and_that_is_said():
    labels = tuple("ab"[i % 2] for i in range(timebars.STEPS + 10))
    figure = timebars.figure("x", [("truth", labels), ("answer", labels)], {"a": 0, "b": 1})
    assert (
        "The first 5,000 of 5,010 steps are drawn." in figure.caption
        and "first 200 of 5,000 stretches" in figure.caption
    )
    assert figure.drawing.count("<g ") == 2 * timebars.STEPS


def test_comparison_needs_no_alignment_no_lengths_and_not_the_same_measures(folder, browser):
    text = terminal.compare_table(labelled_comparison())
    lines = [line.split() for line in text.splitlines()]
    assert ["frame", "–"] in lines and ["gru", "61.5", "(60.0", "to", "63.0)"] in lines
    assert lines[0][1:6] == ["accuracy", "edit", "score", "F1@10", "(MS-TCN)"]
    assert "gru is better" in text
    html = (folder / "compare_label.html").read_text(encoding="utf-8")
    assert '<th scope="col" class="n">F1@50 (ASFormer)</th>' in html and "learns, steps/s" in html
    assert "What each of them looked at" not in html and "By source length" not in html
    assert "frame is right at 3 of 5 steps" in html
    with open_page(browser, folder / "compare_pictures.html") as watched:
        rows = watched.page.locator("table.grid tbody tr")
        counts = rows.evaluate_all("rows => rows.map(r => [...r.children].map(c => c.querySelectorAll('img').length))")
    assert counts == [[1, 0, 0, 0], [0, 0, 0, 1]]
