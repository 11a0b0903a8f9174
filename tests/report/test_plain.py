"""What terminals, pictures, contact sheets and model cards tell: all that is shown outside of pages."""

import io
import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image
from rich.cells import cell_len

from heedful.api.report import card_of
from heedful.cli.info import facts_of
from heedful.errors import HeedfulError
from heedful.metrics.segments import step_counts
from heedful.networks.lineage import LINEAGE
from heedful.networks.settings import describe
from heedful.report import compared, draw, letter_bars, pages, picture, sheet, slides, terminal, words
from heedful.report.card import TaskCard, model_card
from heedful.report.diagram import draw_diagram
from heedful.report.differences import mark_differences
from heedful.results import Alignment, Answer, Case, ClassScore, Comparison, Confusion, Measure, Paired
from heedful.tasks.task import find_task
from support.synthetic_results import (
    ATTRIBUTION,
    LONG,
    comparison,
    entry,
    hostile_alignment,
    labelled_comparison,
    make_scores,
    png,
    scores,
    step_entry,
)


def test_bars_in_a_terminal():
    rows = [("truth", ("", "walk", "wave", "wave")), ("answer", ("walk", "walk", "walk", "wave"))]
    assert letter_bars.time_bars(rows, ("wave", "walk")).splitlines() == [
        "truth   .aww",
        "answer  aaaw",
        "          ^",
        "        each sign is 1 step   w wave   a walk   . masked",
    ]
    long_rows = [("truth", tuple("ab"[i // 50] for i in range(100))), ("answer", ("a",) * 100)]
    truth, answer, errors, legend = letter_bars.time_bars(long_rows, width=10).splitlines()
    assert (truth, answer, errors) == ("truth   aaaaabbbbb", "answer  aaaaaaaaaa", "             ^^^^^")
    assert "each sign is 10 steps" in legend


def test_samples_and_classes_in_a_terminal():
    table = terminal.samples_table(labelled_comparison())
    assert len(table.splitlines()) == 4 and "\t" not in table and "walk walk" in table and "…\nWhole" in table
    samples = [Answer("tell", "a tale\nof two lines " * 9, 0, 0)]
    texts = Comparison("complete", "d", "1 minute", (step_entry("a", make_scores("exact", []), samples),))
    _, row, note = terminal.samples_table(texts).splitlines()
    assert (
        row.count("a tale of two lines") == 5
        and row.endswith("…")
        and cell_len(row) == 108
        and note == "Whole on the page."
    )
    drawings = Comparison(
        "draw", "d", "1 minute", (step_entry("a", make_scores("exact", []), [Answer("x", "", 0, 0, picture=b"")]),)
    )
    assert terminal.samples_table(drawings) == ""
    unscored = [ClassScore("b", 0, 0, 0, 0), ClassScore("a", 1, 1, 1, 1)]
    assert terminal.classes_table(unscored).splitlines()[-1].split() == ["b", "0", "–", "–", "–"]
    assert terminal.classes_table(unscored, max_rows=1).endswith("\nand 1 class without an example")
    assert terminal.classes_table([*unscored[1:] * 3], max_rows=1).endswith("\nand 2 classes that did better")
    assert terminal.confusion_table(Confusion(("a",), ((3,),))) == ""


def test_contact_sheet_holds_drawings_real_pictures_and_attribution():
    red, blue, green = png((200, 0, 0), 32, 32), png((0, 0, 200), 400, 400), png((0, 150, 0))
    cells = [
        sheet.SheetCell("a red <thing> " * 20, (red, green), blue),
        sheet.SheetCell("short", (red,)),
        sheet.SheetCell("", (green,)),
    ]
    file = sheet.contact_sheet(cells, 2, [ATTRIBUTION])
    assert file == sheet.contact_sheet(cells, 2, [ATTRIBUTION])
    with (
        Image.open(io.BytesIO(file)) as image,
        Image.open(io.BytesIO(sheet.contact_sheet(cells, 2))) as without_attribution,
    ):
        pixels = {colour: count for count, colour in image.getcolors(100_000) or []}
        assert (
            image.format == "PNG"
            and image.width == without_attribution.width
            and image.height > without_attribution.height
        )
    side = sheet.SIDE**2
    counts = [pixels[colour] for colour in ((200, 0, 0), (0, 0, 200), (0, 150, 0))]
    assert counts == [2 * side, side, 2 * side]
    with pytest.raises(HeedfulError, match="nothing to put"):
        sheet.contact_sheet([sheet.SheetCell("x", ())])
    face = sheet.font(sheet.FONT_SIZE)
    lines = sheet.wrap(LONG + " and more", face, 150, 3)
    assert len(lines) == 3 and lines[-1].endswith("…") and max(map(face.getlength, lines)) <= 150


@pytest.mark.parametrize(
    "task, source, tag, sentence",
    [
        ("classify", "picture", "image-classification", "**In:** a picture. **Out:** the name of its class"),
        ("classify", "text", "text-classification", "**In:** a text."),
        ("caption", "picture", "image-to-text", "**In:** a picture."),
        ("draw", "text", "text-to-image", "**Out:** a picture of what it says."),
        ("match", "picture", "zero-shot-image-classification", "how well each picture goes with each text"),
        ("label", "series", None, "**In:** a series of numbers. **Out:** a label at each step"),
        ("label", "tokens", "token-classification", "**In:** a text."),
    ],
)
def test_card_says_what_goes_in_and_out(task, source, tag, sentence):
    scores = make_scores("accuracy", [Case("x", "a", ("a",), 0.0)])
    text = model_card("x", card_of(find_task(task).facts, source), {}, scores, data="d", attribution=[ATTRIBUTION])
    _, front, body = text.split("---\n", 2)
    card = yaml.safe_load(front)
    assert card.get("pipeline_tag") == tag and card["model-index"][0]["results"][0]["task"]["type"] == (tag or task)
    assert sentence in body and "A. Body \\<b\\>" in body


def test_measures_have_their_names_and_units():
    assert words.score(71.2, "recall_at_5") == "71.2 %" and words.title("reverse_recall_at_10") == "reverse recall@10"
    assert words.axis("accuracy") == "accuracy, %" and words.axis("cider") == "CIDEr-D"
    assert [words.title(counts.name) for counts in step_counts(["a"], [("a",)])] == [
        "accuracy", "edit score", "F1@10 (MS-TCN)", "F1@25 (MS-TCN)", "F1@50 (MS-TCN)",
        "F1@10 (ASFormer)", "F1@25 (ASFormer)", "F1@50 (ASFormer)",
    ]  # fmt: skip


def test_comparison_says_who_is_best_and_what_is_a_tie():
    rows = {row.network: row for row in compared.rows(comparison())}
    assert {name: row.verdict for name, row in rows.items()} == {
        "old": "behind",
        "new": "first, in a tie",
        "peer": "tie with the first",
    }
    few = {pair: replace(test, examples=5) for pair, test in comparison().paired.items()}
    verdicts = [row.verdict for row in compared.rows(replace(comparison(), paired=few))]
    assert verdicts == ["too few to tell", "first, too few to tell", "too few to tell"]
    # The weakest never did better than 8: at its first validation; the others pass it at their fourth and second.
    assert compared.weakest_best(comparison()) == 8
    assert {name: row.time_to_score for name, row in rows.items()} == {"old": 12, "new": 48, "peer": 24}


def test_seeds_are_averaged_and_the_page_says_what_intervals_hold():
    one_seed = comparison()
    two_seeds = replace(one_seed, entries=(*one_seed.entries, entry("new", seed=1, wrong=3)))
    measure = compared.rows(two_seeds)[1].measures["symbol_error"]
    assert measure.value == measure.low == pytest.approx(5.0)
    over_runs = {"new": {"symbol_error": Measure("symbol_error", 5.0, 1.0, 9.0, False)}}
    assert compared.rows(replace(two_seeds, over_runs=over_runs))[1].measures["symbol_error"].high == 9.0
    assert "not that of training" in pages.compare_page(one_seed)
    assert "not that of training" not in pages.compare_page(replace(two_seeds, over_runs=over_runs))


def test_terminal_tables_stand_in_columns():
    first, *lines = terminal.compare_table(comparison()).splitlines()
    measures, others = ["symbol error", "exact match", "word error"], ["weights", "learns", "answers", "memory"]
    assert re.split(r"\s{2,}", first) == ["network", *measures, *others, "minutes to reach 8.0 %"]
    assert re.search(
        r"new +2\.5 % \(.*\) +95\.0 % \(.*\) +5\.0 % \(.*\) +9\.1 M +18 k/s +870/s +512 MB +0:48 +first, in a tie",
        lines[1],
    )
    assert re.search(r"copy +\S+ % +0\.0 % +100\.0 % +baseline", lines[3])
    assert "new vs peer: symbol error -1.0 (-4.0 to +2.0), p 0.400: a tie" in lines[5]
    assert "symbol error" in terminal.scores_table(scores(3))


@pytest.mark.parametrize(
    ("difference", "p", "conclusion"),
    [
        (-3.0, 0.001, "better"),
        (3.0, 0.001, "worse"),
        (-3.0, 0.2, "not clearly better"),
    ],
)
def test_it_is_said_in_words_whether_the_baseline_is_surpassed(difference, p, conclusion):
    test = Paired("symbol_error", difference, difference - 2, difference + 2, p)
    tested = replace(scores(3), against_baseline=test)
    sentence = f"{conclusion} than the baseline (copy): symbol error {difference:+.1f}"
    assert sentence in terminal.scores_table(tested)
    capital = sentence[0].upper() + sentence[1:]
    assert f"<p>{capital}" in pages.run_page("A title", {}, scores=tested)
    assert f"**{capital}" in model_card("A title", TaskCard("translate", "", "a text", "a text"), {}, tested)
    one = replace(comparison(), entries=tuple(replace(each, scores=tested) for each in comparison().entries))
    shortfalls = [row.shortfall for row in compared.rows(one)]
    assert shortfalls == ["" if conclusion == "better" else f"{conclusion} than the baseline"] * 3
    assert (shortfalls[0] in terminal.compare_table(one)) and shortfalls[0] in pages.compare_page(one)


def test_runs_without_a_paired_test_are_judged_by_their_interval():
    baseline = Measure("symbol_error", 8.0, 6.0, 10.0, False)
    for low, high, conclusion in ((3, 7, "better"), (7, 9, "not clearly better"), (9, 12, "worse")):
        measure = Measure("symbol_error", (low + high) / 2, low, high, False)
        assert words.against_baseline(measure, baseline, None) == f"{conclusion} than the baseline"


def test_card_is_read_by_the_hub():
    title = "My run: [x](y) | <b>"
    text = model_card(
        title,
        TaskCard("translate", "translation", "a text", "a text"),
        {"network": "a|b"},
        scores(4),
        ["heedful translate ."],
        data="pairs.tsv",
    )
    _, front, body = text.split("---\n", 2)
    card = yaml.safe_load(front)
    assert (card["library_name"], card["pipeline_tag"]) == ("heedful", "translation")
    result = card["model-index"][0]["results"][0]
    assert {m["type"]: m["value"] for m in result["metrics"]} == {
        "symbol_error": 10.0,
        "exact": 80.0,
        "word_error": 20.0,
    }
    assert "| word error | 20.0 % |" in body and "a\\|b" in body and "<b>" not in body.replace("\\<b\\>", "")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_pictures_are_written(tmp_path, suffix):
    alignment = comparison().entries[2].alignment
    assert alignment is not None
    first, second = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    networks = [("old", replace(alignment, maps={})), ("new", alignment), ("odd", hostile_alignment())]
    for file in (first, second):
        picture.lineage_picture(networks, file)
    assert first.read_bytes() == second.read_bytes()
    if suffix == ".png":
        with Image.open(second) as image:
            assert image.width > image.height and len(image.convert("L").getcolors() or []) > 50
    else:
        assert "layer 1" in second.read_text(encoding="utf-8") and ">odd<" in second.read_text(encoding="utf-8")


def test_what_cannot_be_drawn_is_said(tmp_path):
    with pytest.raises(HeedfulError, match="gif"):
        picture.lineage_picture([("odd", hostile_alignment())], tmp_path / "map.gif")
    with pytest.raises(HeedfulError, match="none of these"):
        picture.lineage_picture([("old", Alignment(("a",), ("b",), {}))], tmp_path / "map.png")


def test_differences_are_marked_against_the_nearest_reference():
    marks = mark_differences(Case("tomato", "T AH M EY T", ("T AH M AA T OW", "T AH M EY T OW"), 1.0))
    assert str(marks.answer) == "T AH M EY T"
    assert str(marks.reference) == "T AH M EY T <ins>OW</ins>"
    assert str(mark_differences(Case("", "<b> x", ("y x",), 1.0)).answer) == "<del>&lt;b&gt;</del> x"


@pytest.mark.parametrize("low, high", [(0, 87), (0.55, 4.2), (3, 3), (0, 0), (-5, 12000), (1e-6, 2e-6)])
def test_ticks_are_round_and_cover_the_values(low, high):
    marks = draw.ticks(low, high)
    assert marks[0] <= low and marks[-1] >= high and 2 <= len(marks) <= 8
    assert marks == sorted(set(marks))


@pytest.mark.parametrize("name", LINEAGE)
def test_diagrams_are_drawn_as_the_terminal_has_them(name):
    """Every sign of the text is a shape, every word a text; a file for slides needs no style sheet."""
    facts = facts_of(name, "tiny")
    text = re.sub("[─═]{2} | [─═]{2}▶", "  ", facts.diagram)
    drawing = ElementTree.fromstring(slides.standalone(draw_diagram(facts.diagram, name)))
    shapes = Counter(element.tag.rpartition("}")[2] for element in drawing.iter())
    written = "".join(element.text or "" for element in drawing.iter())
    assert shapes["rect"] == sum(text.count(sign) for sign in "■□") + text.count(" ? ")
    assert shapes["circle"] == sum(text.count(sign) for sign in "○●·")
    assert sorted(re.sub(r"[■□○●·↑→⇒←⇄═\s]", "", text)) == sorted(re.sub(r"\s", "", written))
    assert not [element for element in drawing.iter() if "class" in element.attrib and element is not drawing]


def test_timeline_has_every_network_in_its_order(tmp_path):
    for suffix in slides.SUFFIXES:
        slides.write_lineage(describe(), tmp_path / f"lineage{suffix}")
        text = (tmp_path / f"lineage{suffix}").read_text(encoding="utf-8")
        named = re.findall(rf"\b({'|'.join(LINEAGE)})(?=:|</text>)", text)
        assert list(dict.fromkeys(named)) == list(LINEAGE)
    with pytest.raises(HeedfulError, match=r"\.svg or \.html"):
        slides.write_lineage(describe(), tmp_path / "lineage.png")
