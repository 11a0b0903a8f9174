"""Tagged words on pages and terminals: every label stands as text, and what is wrong has a sign."""

import re

from heedful.cli.show import steps_text
from heedful.report import tagged, timebars
from heedful.results import Case, Track
from support.html_outline import Shapes
from support.synthetic_results import ARABIC, HOSTILE

NAMES = ("B-PER", "I-PER", "B-<b>", "O")


def track(words: list[str], names: tuple[str, ...] = NAMES) -> Track:
    return Track(names, ("O",) * len(words), (), words=tuple(words))


def marks(drawing: str) -> list[tuple[str, str]]:
    """The class and the text of each mark."""
    found = re.findall(r'<mark class="([^"]*)">(.*?)</mark>', drawing)
    return [(style, re.sub(r"<[^>]+>", "", text).replace("&nbsp;", " ")) for style, text in found]


def test_entities_are_marked_with_their_words_and_signs() -> None:
    truth = "B-PER\tI-PER\tO\tB-<b>\tB-PER\t"
    answer = "B-PER\tI-PER\tB-PER\tO\tO\tB-PER"
    words = ["Anna", "Berg", "met", HOSTILE, "Bo", ARABIC]
    bars = tagged.figures_of_cases([Case("a", answer, (truth,), 50)], {"a": track(words)})
    assert bars is not None
    [figure] = bars.figures
    _, true, answered = figure.drawing.split('<span class="who">')
    assert marks(true) == [("s1", "Anna Berg PER"), ("s0 missed", marks(true)[1][1]), ("s1 missed", "Bo PER …")]
    assert "&lt;b&gt; …" in true and HOSTILE not in figure.drawing
    # The last word is masked: nothing there is wrong.
    assert marks(answered) == [("s1", "Anna Berg PER"), ("s1 wrong", "met PER ✗"), ("s1", f"{ARABIC} PER")]
    assert figure.caption == "The answer found 1 of 3 entities, and named 3."
    assert len(figure.table.rows) == 6 and figure.table.head == ["word", "truth", "answer"]
    outline = Shapes()
    outline.feed(str(bars.legend) + str(figure.drawing))
    outline.close()
    assert outline.open == []


def test_other_labels_stand_behind_each_word_and_long_texts_are_cut() -> None:
    words = ["w"] * (tagged.WORDS + 5)
    labels = "\t".join(["NOUN"] * len(words))
    answer = labels.replace("NOUN", "VERB", 1)
    bars = tagged.figures_of_cases([Case("a", answer, (labels,), 50)], {"a": track(words, ("NOUN", "VERB"))})
    assert bars is not None
    [figure] = bars.figures
    found = marks(figure.drawing)
    assert len(found) == 2 * tagged.WORDS and found.count(("s1 wrong", "w VERB ✗")) == 1
    assert not [style for style, _ in found if "missed" in style]
    assert "right at 304 of 305 words. The first 300 of 305 words are shown." in figure.caption
    assert len(figure.table.rows) == timebars.ROWS and "VERB" in bars.legend


def test_steps_that_are_no_words_are_bars() -> None:
    bars = tagged.figures_of_cases([Case("a", "x\ty", ("x\tx",), 50)], {"a": Track(("x", "y"), ("x", "y"), ())})
    assert bars is not None and "<svg" in bars.figures[0].drawing
    assert tagged.figures_of_cases([], {}) is None


def test_a_terminal_has_a_line_of_entities_for_each_network() -> None:
    rows = [("truth", ("B-PER", "I-PER", "O")), ("gru", ("O", "O", "B-PER")), ("frame", ("O", "O", "O"))]
    assert steps_text(rows, track(["Anna", "Berg", "met"])).splitlines() == [
        "truth  PER Anna Berg", "gru    PER met", "frame  –",
    ]  # fmt: skip
    tags = [("truth", ("DET", "")), ("gru", ("DET", "NOUN"))]
    assert steps_text(tags, track(["a", "b"], ("DET", "NOUN"))).splitlines() == ["truth  DET _", "gru    DET NOUN"]
    assert "each sign is 1 step" in steps_text(tags, None)
