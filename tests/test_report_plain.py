"""What terminals, contact sheets and model cards tell of pictures, classes and answers in step.

All results here are made up; none of them says anything about a network.
"""

import io

import pytest
import yaml
from PIL import Image

from heedful.errors import HeedfulError
from heedful.metrics.segments import step_counts
from heedful.report import sheet, terminal, words
from heedful.report.card import model_card
from heedful.results import Answer, Case, ClassScore, Comparison, Confusion
from test_report import LONG
from test_report_shapes import OWED, entry, labelled_comparison, png, scored


def test_bars_in_a_terminal():
    rows = [("truth", ("", "walk", "wave", "wave")), ("answer", ("walk", "walk", "walk", "wave"))]
    assert terminal.time_bars(rows, ("wave", "walk")).splitlines() == [
        "truth   .aww",
        "answer  aaaw",
        "          ^",
        "        each sign is 1 step   w wave   a walk   . masked",
    ]
    many = [("truth", tuple("ab"[i // 50] for i in range(100))), ("answer", ("a",) * 100)]
    first, second, third, last = terminal.time_bars(many, width=10).splitlines()
    assert (first, second, third) == ("truth   aaaaabbbbb", "answer  aaaaaaaaaa", "             ^^^^^")
    assert "each sign is 10 steps" in last


def test_samples_and_classes_in_a_terminal():
    table = terminal.samples_table(labelled_comparison())
    assert len(table.splitlines()) == 3 and "\t" not in table and "walk walk" in table
    drawn = Comparison(
        "draw", "d", "1 minute", (entry("a", scored("exact", []), [Answer("x", "", 0, 0, picture=b"")]),)
    )
    assert terminal.samples_table(drawn) == ""
    assert terminal.classes_table([ClassScore("a", 1, 1, 1, 1), ClassScore("b", 0, 0, 0, 0)]).endswith(
        "without an example"
    )
    assert terminal.confusion_table(Confusion(("a",), ((3,),))) == ""


def test_contact_sheet_holds_drawings_real_pictures_and_attribution():
    red, blue, green = png((200, 0, 0), 32, 32), png((0, 0, 200), 400, 400), png((0, 150, 0))
    cells = [
        sheet.Cell("a red <thing> " * 20, (red, green), blue),
        sheet.Cell("short", (red,)),
        sheet.Cell("", (green,)),
    ]
    file = sheet.contact_sheet(cells, 2, [OWED])
    assert file == sheet.contact_sheet(cells, 2, [OWED])
    with Image.open(io.BytesIO(file)) as image, Image.open(io.BytesIO(sheet.contact_sheet(cells, 2))) as bare:
        pixels = {colour: count for count, colour in image.getcolors(100_000) or []}
        assert image.format == "PNG" and image.width == bare.width and image.height > bare.height
    side = sheet.SIDE**2
    found = [pixels[colour] for colour in ((200, 0, 0), (0, 0, 200), (0, 150, 0))]
    assert found == [2 * side, side, 2 * side]
    with pytest.raises(HeedfulError, match="nothing to put"):
        sheet.contact_sheet([sheet.Cell("x", ())])
    face = sheet.font(sheet.SIZE)
    lines = sheet.wrapped(LONG + " and more", face, 150, 3)
    assert len(lines) == 3 and lines[-1].endswith("…") and max(map(face.getlength, lines)) <= 150


@pytest.mark.parametrize(
    "task, source, tag, told",
    [
        ("classify", "", "image-classification", "the name of its class"),
        ("classify", "text", "text-classification", "**In:** a text."),
        ("caption", "", "image-to-text", "**In:** a picture."),
        ("draw", "", "text-to-image", "**Out:** a picture of what it says."),
        ("match", "", "zero-shot-image-classification", "how well each picture goes with each text"),
        ("label", "series", None, "**In:** a series of numbers. **Out:** a label at each step"),
        ("label", "text", "token-classification", "**In:** a text."),
    ],
)
def test_card_says_what_goes_in_and_out(task, source, tag, told):
    scores = scored("accuracy", [Case("x", "a", ("a",), 0.0)])
    text = model_card("x", task, {}, scores, data="d", source=source, attribution=[OWED])
    _, front, body = text.split("---\n", 2)
    card = yaml.safe_load(front)
    assert card.get("pipeline_tag") == tag and card["model-index"][0]["results"][0]["task"]["type"] == (tag or task)
    assert told in body and "A. Body \\<b\\>" in body


def test_measures_have_their_names_and_units():
    assert words.score(71.2, "recall_at_5") == "71.2 %" and words.title("reverse_recall_at_10") == "reverse recall@10"
    assert words.axis("accuracy") == "accuracy, %" and words.axis("cider") == "CIDEr-D"
    assert [words.title(counts.name) for counts in step_counts(["a"], [("a",)])] == [
        "accuracy", "edit score", "F1@10 (MS-TCN)", "F1@25 (MS-TCN)", "F1@50 (MS-TCN)",
        "F1@10 (ASFormer)", "F1@25 (ASFormer)", "F1@50 (ASFormer)",
    ]  # fmt: skip
