"""Results to be shown, all of them made up; none of them says anything about a network."""

import io
import math
from dataclasses import replace

from PIL import Image

from heedful.explanations import Area, Explanation, Faithfulness, History, Map, Moment, Units, Watched
from heedful.metrics.scores import evaluate
from heedful.results import (
    Alignment,
    Answer,
    Bin,
    Case,
    ClassScore,
    Comparison,
    Confusion,
    Entry,
    Measure,
    Paired,
    Progress,
    Scores,
    Track,
)

HOSTILE = "</script><img src=x onerror=alert(1)>"
BREAKING = f"{HOSTILE}<!--<script>alert(2)"
ARABIC = "انتباه"
LONG = "Donaudampfschifffahrtsgesellschaft" * 30
ODD = ("a", BREAKING, ARABIC, LONG, " ", "", "'\"&amp;{{7*7}}", "$x_1^2$")
LABELS = ("walk", HOSTILE, "run & jump", LONG)
ATTRIBUTION = "Drawn by A. Body <b>, CC BY-SA 4.0"


def shifted_map(rows: int, columns: int, shift: int = 0) -> list[list[float]]:
    """A map whose row t looks at column t + shift with 0.7, at all others evenly."""
    background = 0.3 / max(1, columns - 1)
    return [[0.7 if s == (t + shift) % columns else background for s in range(columns)] for t in range(rows)]


def scores(wrong: int, texts: tuple[str, ...] = ("one", "three", "seventeen")) -> Scores:
    """Of twenty answers, `wrong` are wrong."""
    sources = [texts[i % len(texts)] for i in range(20)]
    outputs = ["A C" if i < wrong else "A B" for i in range(20)]
    measured_scores = evaluate("symbols", sources, outputs, [("A B", "B B")] * 20, samples=100)
    return replace(
        measured_scores, baseline_name="copy", baseline=evaluate("symbols", sources, sources, [("A B",)] * 20).measures
    )


def curve(final: float, slow: int) -> tuple[Progress, ...]:
    """Loss and validation score of a minute; the score reaches `final` at validation number `slow`."""
    train = [Progress("train", i * 10, i / 30, i * 2.0, {"loss": 4 / (1 + i)}) for i in range(30)]
    valid = [
        Progress("valid", i * 60, i / 5, i * 12.0, {"symbol_error": final + 10 * max(0, slow - i)}) for i in range(1, 6)
    ]
    return (*train, *valid)


def entry(network: str, seed: int = 0, wrong: int = 2, slow: int = 2, **changes) -> Entry:
    base = Entry(network, seed, f"runs/{network}", 9_120_000, scores(wrong), curve(wrong, slow), 18_400, 870, 512.4)
    return replace(base, **changes)


def comparison() -> Comparison:
    alignment = Alignment(tuple("abc"), ("A", "B", "</s>"), {"decoder.attention": shifted_map(3, 3)})
    heads = {f"decoder.{layer}.memory.head{head}": shifted_map(3, 3, head) for layer in range(2) for head in range(2)}
    paired = {
        "new vs old": Paired("symbol_error", -20.0, -25.0, -15.0, 0.001),
        "new vs peer": Paired("symbol_error", -1.0, -4.0, 2.0, 0.4),
    }
    return Comparison(
        "translate",
        "pairs.tsv",
        "1 minute",
        (
            entry("old", wrong=8, slow=1, samples=(Answer("one", "A C", -1.0, -0.5),)),
            entry("new", wrong=1, slow=4, alignment=alignment, samples=(Answer("one", "A B", -1.0, -0.5),)),
            entry("peer", wrong=2, slow=2, alignment=Alignment(alignment.source, alignment.target, heads)),
        ),
        paired,
        ("A note of the caller.",),
    )


def hostile_alignment() -> Alignment:
    return Alignment(ODD, ODD, {"decoder.attention": shifted_map(len(ODD), len(ODD))})


def hostile_explanation() -> Explanation:
    """Patches that names which break things were given for: signed amounts, then shares of the first row."""
    units = {
        "read": Units("patches", ("1,1", "1,2", "2,1", BREAKING), (2, 2), 0, png((200, 0, 0))),
        "answered": Units("words", ODD),
    }
    amounts = [[0.5 * ((row + column) % 4 - 1) for column in range(4)] for row in range(len(ODD))]
    shares = [[0.4, 0.3, 0.2, 0.1]] * len(ODD)
    rows = tuple(range(len(ODD)))
    maps = (
        Map("leave_one_out", "answered", "read", "amounts", amounts, rows),
        Map("share", "answered", "read", "shares", shares, rows),
    )
    area = Area(0.4, 0.3, 0.5, (0.1, 0.4, 0.7))
    areas = {"map": area, BREAKING: area}
    faithful = Faithfulness("read", areas, areas, Area(0.1, 0.05, 0.15), 2, 8, "the probability of the answer")
    return Explanation(BREAKING, BREAKING, LONG, "leave-one-out", units, maps, (faithful,), ARABIC, (BREAKING,))


def history() -> History:
    """A slider's three moments: of nothing, what is half right, and what is right."""
    return History(
        (
            Watched(
                BREAKING,
                ("b a", "b b"),
                {"read": Units("words", ("a", BREAKING)), "answered": Units("words", ("b", "a"))},
                (Map("decoder.attention", "answered", "read", "shares", ()),),
            ),
        ),
        (
            Moment(10, ("",), bytes([128, 127, 127, 128])),
            Moment(20, ("b b",), bytes([0, 255, 128, 127])),
            Moment(30, ("b a",), bytes([0, 255, 255, 0])),
        ),
    )


def hostile_comparison() -> Comparison:
    texts = (BREAKING, ARABIC, LONG)
    bad = [
        entry(name, scores=scores(3, texts), alignment=hostile_alignment(), samples=(Answer(BREAKING, LONG, -1, -1),))
        for name in (BREAKING, LONG)
    ]
    return Comparison(BREAKING, BREAKING, ARABIC, tuple(bad), {}, (BREAKING,))


def png(colour: tuple[int, int, int], width: int = 8, height: int = 8) -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


def make_scores(primary: str, cases: list[Case], **more) -> Scores:
    return Scores(primary, {primary: Measure(primary, 80, 75, 85, True)}, len(cases), cases=tuple(cases), **more)


def confusion() -> Confusion:
    return Confusion(("cat", HOSTILE, LONG), ((8, 2, 0), (1, 9, 0), (0, 5, 15)))


def class_scores(pictures: bool = True) -> Scores:
    """Ten answers; those numbered 2, 5 and 8 are wrong, the later the surer."""
    cases = [
        Case(f"{HOSTILE}#{i}" if pictures else f"a text {i}", "cat", ("dog" if i % 3 == 2 else "cat",),
             100.0 * (i % 3 == 2), math.log(0.5 + i / 20))
        for i in range(10)
    ]  # fmt: skip
    by_class = tuple(ClassScore(name, 10, 80.0, 70.0, 74.7 - i) for i, name in enumerate(confusion().names))
    reliability = (Bin(0, 50, 4, 25.0), Bin(50, 100, 6, 40.0))
    base = make_scores("accuracy", cases, confusion=confusion(), by_class=by_class, reliability=reliability)
    return replace(base, measures=base.measures | {"calibration_error": Measure("calibration_error", 9, 9, 9, False)})


def step_cases() -> list[Case]:
    truth, answer = ("", "walk", "walk", HOSTILE, "run & jump", LONG), ("walk", "walk", HOSTILE, HOSTILE, "walk", LONG)
    return [Case(f"{HOSTILE}{i}.mp4", "\t".join(answer), ("\t".join(truth),), 40.0 + i) for i in range(9)]


def step_entry(network: str, scores: Scores, samples: list[Answer]) -> Entry:
    curve = (Progress("valid", 10, 1.0, 12.0, {scores.primary: 50.0}),)
    return Entry(network, 0, f"runs/{network}", 1000, scores, curve, 10, 10, 10, None, tuple(samples))


def labelled_comparison() -> Comparison:
    """Two networks, of which the second was measured in six more ways; neither has an alignment or lengths."""
    scores = make_scores("accuracy", step_cases())
    more = {
        name: Measure(name, 61.5, 60, 63, True) for name in ("edit", "f1_10_mstcn", "f1_25_mstcn", "f1_50_asformer")
    }
    track = Track(LABELS, tuple(step_cases()[0].output.split("\t")), ((1.0,) * 4,) * 6)
    samples = [Answer(case.source, case.output, 0, 0, track=track) for case in step_cases()[:2]]
    more_scores = replace(scores, measures=scores.measures | more)
    paired = {"frame vs gru": Paired("accuracy", -9.0, -12.0, -6.0, 0.001)}
    return Comparison(
        "label",
        "clips",
        "1 minute",
        (step_entry("frame", scores, samples), step_entry("gru", more_scores, [])),
        paired,
        view="steps",
        unit="steps",
    )
