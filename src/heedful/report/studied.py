"""A study as people read it: its question, curves, what was seen of what papers claim; its page, text and table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heedful.errors import count
from heedful.report import curves
from heedful.report.columns import columns
from heedful.report.curves import Chart, Point
from heedful.report.figures import Table
from heedful.report.pages import page

SHOWN = 12  # rows of a table in a terminal, about


@dataclass(frozen=True)
class Verdict:
    """A claim, where it was made, the rule that it is held to, and what was measured.

    `seen`: whether the measurements meet the rule; None: they cannot tell.
    """

    claim: str
    reference: str
    rule: str
    seen: bool | None
    evidence: str

    @property
    def word(self) -> str:
        """The verdict in a few words."""
        return {True: "seen", False: "not seen here", None: "undecided"}[self.seen]


@dataclass(frozen=True)
class StudyResult:
    """What a study came to."""

    name: str
    question: str
    charts: tuple[Chart, ...]
    verdicts: tuple[Verdict, ...]
    done: tuple[str, ...]
    """What was done, in sentences."""
    to_try: tuple[str, ...]
    """What to try next, mostly commands."""

    @property
    def finding(self) -> str:
        """How many of the claims were seen, and what was measured of the first."""
        seen = sum(verdict.seen is True for verdict in self.verdicts)
        first = self.verdicts[0]
        return f"{seen} of {count(len(self.verdicts), 'claim')} seen. {first.word.capitalize()}: {first.evidence}"


def study_page(results: Sequence[StudyResult]) -> str:
    """One study as a page, or several as the story that they tell together."""
    story = len(results) > 1
    return page(
        "study.html",
        kind="the story" if story else f"study · {results[0].name}",
        title="Why the field moved" if story else results[0].question,
        story=story,
        studies=[study_values(result) for result in results],
    )


def study_values(result: StudyResult) -> dict[str, Any]:
    """The template's values for a study. Its first chart is the one that readers guess at."""
    first, *others = [(chart, curves.draw(chart)) for chart in result.charts]
    return {
        "result": result,
        "guessed": figure(*first),
        "guess": guess_values(*first),
        "figures": [figure(*other) for other in others],
        "verdicts": [
            [verdict.claim, verdict.word, verdict.evidence, verdict.rule, verdict.reference]
            for verdict in result.verdicts
        ],
    }


def figure(chart: Chart, drawing: curves.Drawing) -> dict[str, Any]:
    """A chart as the template draws it."""
    return {"title": chart.title, "drawing": drawing.markup, "caption": caption(chart), "table": chart_table(chart)}


def caption(chart: Chart) -> str:
    """What to see in a chart, and what its bands are."""
    counts = {point.count for curve in chart.curves for point in curve.points}
    if counts == {1}:
        return f"{chart.see} Each point was measured once, so that it has no interval."
    runs = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else f"{max(counts)}"
    return f"{chart.see} Each point is the mean of {runs} measurements; bands: 95 % intervals of that mean."


def guess_values(chart: Chart, drawing: curves.Drawing) -> dict[str, Any]:
    """What the guess asks for: the end of each curve, on the scale of the chart."""
    return {
        "y_label": chart.y_label,
        "x_label": chart.x_label,
        "curves": [{"name": curve.name, "x": curves.number(curve.end.x)} for curve in chart.curves],
        "data": {
            "scale": {"low": drawing.y.low, "high": drawing.y.high, "start": drawing.y.start, "end": drawing.y.end},
            "log": "y" in chart.log,
            "curves": [
                {"name": curve.name, "place": drawing.x(curve.end.x), "measured": curve.end.y} for curve in chart.curves
            ],
        },
    }


def chart_table(chart: Chart) -> Table:
    """A chart in numbers: a row an x, a column a curve."""
    xs = sorted({point.x for curve in chart.curves for point in curve.points})
    rows = [
        [curves.number(x), *(cell(next((p for p in curve.points if p.x == x), None)) for curve in chart.curves)]
        for x in xs
    ]
    return Table([chart.x_label, *(curve.name for curve in chart.curves)], rows)


def cell(point: Point | None) -> str:
    """A point in a table."""
    if point is None:
        return "–"
    bounds = f" ({curves.number(point.low)} to {curves.number(point.high)})" if point.low != point.high else ""
    return curves.number(point.y) + bounds


def study_text(result: StudyResult) -> str:
    """A study in a terminal: the question, the first chart in numbers, and each claim with what was seen of it."""
    table = chart_table(result.charts[0])
    step = -(-len(table.rows) // SHOWN)
    rows = [*table.rows[:-1:step], table.rows[-1]]
    short = [[text.partition(" (")[0] for text in row] for row in rows]
    lines = [
        result.question,
        "",
        f"{result.charts[0].title} ({result.charts[0].y_label})",
        columns([table.head, *short]),
    ]
    for verdict in result.verdicts:
        lines += ["", f"{verdict.word.upper()}: {verdict.claim} ({verdict.reference})", f"  {verdict.evidence}"]
    return "\n".join(lines)


def study_table(result: StudyResult) -> str:
    """Every point of every chart as tab-separated values."""
    head = ["chart", "curve", "x", "mean", "low", "high", "measurements"]
    rows = [
        [chart.key, curve.name, f"{p.x:g}", f"{p.y:.6g}", f"{p.low:.6g}", f"{p.high:.6g}", str(p.count)]
        for chart in result.charts
        for curve in chart.curves
        for p in curve.points
    ]
    return "".join("\t".join(row) + "\n" for row in [head, *rows])
