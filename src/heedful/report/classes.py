"""What a classifier mixes up: the table of mix-ups, each class by itself, and whether its sureness can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from heedful.report import draw, words
from heedful.report.figures import Figure, Table
from heedful.results import Bin, ClassScore, Confusion, Scores

NAMES = 30  # classes that a table of mix-ups has room for; of more, only the pairs are told
PAIRS = 20
CLASSES = 15  # worst classes that are shown at once; the others are folded away
TRUSTWORTHY_ERROR = 3.0  # a calibration error, in percent, up to which sureness is called trustworthy


@dataclass(frozen=True)
class ConfusionCell:
    """How often one class was answered as another. `fraction`: of that class's examples, 0 to 1."""

    count: int
    fraction: float
    right: bool
    hint: str


@dataclass(frozen=True)
class ConfusionMatrix:
    """The table of mix-ups: a row a true class, a column an answer; no rows where there are too many classes."""

    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[ConfusionCell]]]
    caption: str
    pairs: Table


@dataclass(frozen=True)
class RankedClasses:
    """The classes, worst first: those that are shown, all of them (empty: they are all shown), and what to see."""

    worst: Table
    all_classes: Table
    caption: str


def matrix(confusion: Confusion | None) -> ConfusionMatrix | None:
    """The mix-ups as shaded cells, and the most frequent of them as pairs."""
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
    """The wrong answers by pair, most frequent first: (truth, answer, times, share of that truth).

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
    """What the mix-ups say, in a line or two."""
    legend = "Row: what it is; column: what was answered; the deeper, the larger a share of its row. " if fits else ""
    if not pairs:
        return f"{legend}Nothing was mixed up."
    total, wrong = sum(map(sum, confusion.counts)), sum(pair[2] for pair in pairs)
    true, predicted, times, fraction = pairs[0]
    return (
        f"{legend}{wrong:,} of {total:,} were answered as another class. "
        f"Most often {true} was taken for {predicted}: {words.times(times)}, {100 * fraction:.1f} % of its examples."
    )


def by_class(scores: Sequence[ClassScore]) -> RankedClasses | None:
    """Each class by itself, worst first; classes without an example last, for nothing is known of them."""
    if not scores:
        return None
    ranked = sorted(scores, key=lambda score: (score.count == 0, score.f1))
    head = ["class", "examples", "precision, %", "recall, %", "F1, %"]
    rows = [
        [
            score.name,
            f"{score.count:,}",
            f"{score.precision:.1f}",
            f"{score.recall:.1f}",
            f"{score.f1:.1f}",
        ]
        for score in ranked
    ]
    worst, folded = ranked[0], len(ranked) > CLASSES
    caption = (
        f"Weakest: {worst.name}. Of its {words.count_of(worst.count, 'example')} {worst.recall:.1f} % were found "
        f"(recall); of what was called {worst.name}, {worst.precision:.1f} % were right (precision)."
    )
    unseen = sum(score.count == 0 for score in ranked)
    if unseen:
        caption += f" {words.count_of(unseen, 'class', 'classes')} had no example to be tested on."
    return RankedClasses(Table(head, rows[:CLASSES]), Table(head, rows if folded else []), caption)


def reliability(scores: Scores) -> Figure | None:
    """How often answers are right that are so sure: on the dashed line, sureness can be trusted."""
    bins = [bin_ for bin_ in scores.reliability if bin_.count]
    if not bins:
        return None
    rows = [[f"{words.span(bin_)} %", f"{bin_.count:,}", f"{bin_.value:.1f}"] for bin_ in bins]
    table = Table(["how sure", "answers", "right, %"], rows)
    return Figure(
        "How far its sureness can be trusted", draw_reliability(bins), describe_reliability(scores, bins), table
    )


def draw_reliability(bins: Sequence[Bin]) -> Markup:
    """Bars over sureness in percent, with the dashed line on which the two are equal."""
    x = draw.Scale(0, 100, draw.LEFT, draw.WIDTH - 14)
    y = draw.Scale(0, 100, draw.HEIGHT - draw.BOTTOM, draw.TOP)
    marks = [0, 20, 40, 60, 80, 100]
    body = [draw.frame(x, y, marks, marks, "how sure it was, %", "right, %")]
    for bin_ in bins:
        left, width = x(bin_.low) + 1, max(2.0, x(bin_.high) - x(bin_.low) - 2)
        hint = f"{words.span(bin_)} % sure: {bin_.count:,} answers, {bin_.value:.1f} % right"
        top = y(bin_.value)
        body.append(draw.tag("rect", x=left, y=top, width=width, height=y(0) - top, class_="bar pale", title=hint))
        label = words.abbreviate(bin_.count)
        body.append(draw.tag("text", label, x=left + width / 2, y=y(0) - 6, class_="on", text_anchor="middle"))
    body.append(draw.tag("line", x1=x(0), y1=y(0), x2=x(100), y2=y(100), class_="yardstick"))
    return draw.svg(body, draw.WIDTH, draw.HEIGHT, "share of right answers by how sure they were")


def describe_reliability(scores: Scores, bins: Sequence[Bin]) -> str:
    """The diagram in words: its fullest bar, the calibration error, and to which side it errs.

    It is called too sure only where the share of right answers lies outside of a bar's own range, for where
    within the range the answers stand, a bar does not tell.
    """
    fullest = max(bins, key=lambda bin_: bin_.count)
    parts = [
        "On the dashed line it would be right as often as it is sure; in each bar stands how many answers it holds.",
        f"Where it was {words.span(fullest)} % sure ({words.count_of(fullest.count, 'answer')}), it was right in "
        f"{fullest.value:.1f} % of cases.",
    ]
    error = next((measure.value for name, measure in scores.measures.items() if "calibration" in name), None)
    if error is not None:
        good = ": its sureness can be trusted" if error <= TRUSTWORTHY_ERROR else ""
        parts.append(f"Calibration error: sureness and truth are {error:.1f} % apart on average{good}.")
    overconfidence = sum(bin_.count * max(0.0, bin_.low - bin_.value) for bin_ in bins)
    underconfidence = sum(bin_.count * max(0.0, bin_.value - bin_.high) for bin_ in bins)
    if (error is None or error > TRUSTWORTHY_ERROR) and overconfidence != underconfidence:
        parts.append(
            "It is mostly too sure." if overconfidence > underconfidence else "It is mostly less sure than it could be."
        )
    return " ".join(parts)
