"""What a classifier confuses: the confusion matrix, scores by class, and how well calibrated its confidence is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from heedful.data.readers.rows import count
from heedful.report import draw, words
from heedful.report.figures import Figure, Table
from heedful.results import Bin, ClassScore, Confusion, Scores

NAMES = 30  # classes that a confusion matrix has room for; of more, only the most frequent pairs are shown
PAIRS = 20
CLASSES = 15  # worst classes that are shown at once; the full table is folded
HALF_WIDTH = 98.0  # of the 95 % interval of a share of one half, in percent: 100 * 1.96 / 2 over the root of examples
TRUSTWORTHY_ERROR = 3.0  # calibration error, in percent, up to which the confidence is called trustworthy


@dataclass(frozen=True)
class ConfusionCell:
    """How often one class was answered as another. `fraction`: of that class's examples, 0 to 1."""

    count: int
    fraction: float
    right: bool
    hint: str


@dataclass(frozen=True)
class ConfusionMatrix:
    """The confusion matrix: a row for each true class, a column for each answer; no rows if classes are too many."""

    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[ConfusionCell]]]
    caption: str
    pairs: Table


@dataclass(frozen=True)
class RankedClasses:
    """Scores by class, worst first: the table that is shown, the full one (empty if nothing is left out), a caption."""

    worst: Table
    all_classes: Table
    caption: str


def matrix(confusion: Confusion | None) -> ConfusionMatrix | None:
    """The confusion matrix as shaded cells, and its most frequent errors as pairs."""
    if confusion is None or not confusion.names:
        return None
    names, fits = confusion.names, len(confusion.names) <= NAMES
    pairs = mixed_up(confusion)
    rows = [[true, predicted, f"{n:,}", f"{100 * fraction:.1f} %"] for true, predicted, n, fraction in pairs[:PAIRS]]
    return ConfusionMatrix(
        names=names if fits else (),
        rows=[(name, cells(names, i, row)) for i, (name, row) in enumerate(zip(names, confusion.counts, strict=True))]
        if fits
        else (),
        caption=describe_confusion(confusion, pairs, fits),
        pairs=Table(["truth", "answered as", "times", "of that class"], rows),
    )


def cells(names: Sequence[str], true: int, row: Sequence[int]) -> list[ConfusionCell]:
    """One true class's row."""
    total = sum(row)
    return [
        ConfusionCell(
            count,
            count / total if total else 0.0,
            true == predicted,
            f"{names[true]} answered as {names[predicted]}: {count:,} of {total:,}",
        )
        for predicted, count in enumerate(row)
    ]


def mixed_up(confusion: Confusion) -> list[tuple[str, str, int, float]]:
    """The wrong answers by pair, most frequent first: (truth, answer, count, fraction of that truth's examples).

    >>> mixed_up(Confusion(("cat", "dog"), ((8, 2), (1, 9))))
    [('cat', 'dog', 2, 0.2), ('dog', 'cat', 1, 0.1)]
    """
    pairs = [
        (confusion.names[true], confusion.names[predicted], count, count / sum(row))
        for true, row in enumerate(confusion.counts)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], -pair[3]))


def describe_confusion(confusion: Confusion, pairs: Sequence[tuple[str, str, int, float]], fits: bool) -> str:
    """The confusion matrix in a line or two of text."""
    legend = "Row: what it is; column: what was answered; the deeper, the larger a share of its row. " if fits else ""
    if not pairs:
        return f"{legend}Nothing was mixed up."
    total, wrong_count = sum(map(sum, confusion.counts)), sum(pair[2] for pair in pairs)
    true, predicted, times, fraction = pairs[0]
    return (
        f"{legend}{wrong_count:,} of {total:,} were answered as another class. "
        f"Most often {true} was taken for {predicted}: {words.times(times)}, {100 * fraction:.1f} % of its examples."
    )


def rank_classes(scores: Sequence[ClassScore]) -> list[ClassScore]:
    """Worst F1 first; classes without an example last."""
    return sorted(scores, key=lambda score: (score.count == 0, score.f1))


def class_values(score: ClassScore) -> list[str]:
    """Precision, recall and F1; a dash each where the class had no example."""
    return [f"{value:.1f}" if score.count else "–" for value in (score.precision, score.recall, score.f1)]


def by_class(scores: Sequence[ClassScore]) -> RankedClasses | None:
    """Scores by class, worst F1 first; classes without a test example last."""
    if not scores:
        return None
    ranked = rank_classes(scores)
    head = ["class", "examples", "precision, %", "recall, %", "F1, %"]
    rows = [[score.name, f"{score.count:,}", *class_values(score)] for score in ranked]
    worst, is_folded = ranked[0], len(ranked) > CLASSES
    caption = (
        f"Weakest: {worst.name}. Of its {count(worst.count, 'example')} {worst.recall:.1f} % were found "
        f"(recall); of what was called {worst.name}, {worst.precision:.1f} % were right (precision)."
    )
    if worst.count:
        spread = min(100, HALF_WIDTH / math.sqrt(worst.count))
        caption += f" A class has no interval: a recall over {worst.count:,} can be off by up to {spread:.0f} points."
    without_example = sum(score.count == 0 for score in ranked)
    if without_example:
        caption += f" {count(without_example, 'class', 'classes')} had no example to be tested on."
    return RankedClasses(Table(head, rows[:CLASSES]), Table(head, rows if is_folded else []), caption)


def reliability(scores: Scores) -> Figure | None:
    """The reliability diagram: accuracy by confidence; a calibrated model lies on the dashed line."""
    bins = [bin_ for bin_ in scores.reliability if bin_.count]
    if not bins:
        return None
    rows = [[f"{words.span(bin_)} %", f"{bin_.count:,}", f"{bin_.value:.1f}"] for bin_ in bins]
    table = Table(["how sure", "answers", "right, %"], rows)
    return Figure(
        "How far its confidence can be trusted", draw_reliability(bins), describe_reliability(scores, bins), table
    )


def draw_reliability(bins: Sequence[Bin]) -> Markup:
    """A bar for each bin of confidence, and the dashed diagonal of perfect calibration."""
    x = draw.Scale(0, 100, draw.LEFT, draw.WIDTH - 14)
    y = draw.Scale(0, 100, draw.HEIGHT - draw.BOTTOM, draw.TOP)
    marks = [0, 20, 40, 60, 80, 100]
    body = [draw.frame(x, y, marks, marks, "confidence, %", "right, %")]
    for bin_ in bins:
        left, width = x(bin_.low) + 1, max(2.0, x(bin_.high) - x(bin_.low) - 2)
        hint = f"{words.span(bin_)} % sure: {count(bin_.count, 'answer')}, {bin_.value:.1f} % right"
        top = y(bin_.value)
        body.append(draw.tag("rect", x=left, y=top, width=width, height=y(0) - top, class_="bar pale", title=hint))
        label = words.abbreviate(bin_.count)
        body.append(draw.tag("text", label, x=left + width / 2, y=y(0) - 6, class_="on", text_anchor="middle"))
    body.append(draw.tag("line", x1=x(0), y1=y(0), x2=x(100), y2=y(100), class_="yardstick"))
    return draw.svg(body, draw.WIDTH, draw.HEIGHT, "accuracy by confidence")


def describe_reliability(scores: Scores, bins: Sequence[Bin]) -> str:
    """The reliability diagram in words: its fullest bin, the calibration error, over- or underconfidence.

    A bin counts as overconfident only if its accuracy lies outside its own range of confidence: where within the range
    the answers lie, a bin does not say.
    """
    fullest = max(bins, key=lambda bin_: bin_.count)
    parts = [
        "On the dashed line it would be right as often as it is sure; in each bar stands how many answers it holds.",
        f"Where it was {words.span(fullest)} % sure ({count(fullest.count, 'answer')}), it was right in "
        f"{fullest.value:.1f} % of cases.",
    ]
    error = next((measure.value for name, measure in scores.measures.items() if "calibration" in name), None)
    if error is not None:
        verdict = ": its confidence can be trusted" if error <= TRUSTWORTHY_ERROR else ""
        parts.append(f"Calibration error: confidence and accuracy are {error:.1f} % apart on average{verdict}.")
    overconfidence = sum(bin_.count * max(0.0, bin_.low - bin_.value) for bin_ in bins)
    underconfidence = sum(bin_.count * max(0.0, bin_.value - bin_.high) for bin_ in bins)
    if (error is None or error > TRUSTWORTHY_ERROR) and overconfidence != underconfidence:
        parts.append(
            "It is mostly too sure." if overconfidence > underconfidence else "It is mostly less sure than it could be."
        )
    return " ".join(parts)
