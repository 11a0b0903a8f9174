"""Curves with bands over linear or logarithmic axes: as inline SVG for pages, and as files for papers and slides."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from heedful.report.draw import (
    BOTTOM,
    DASHES,
    HEIGHT,
    LEFT,
    NAME,
    SERIES,
    TOP,
    WIDTH,
    Scale,
    Series,
    end_labels,
    frame,
    line,
    svg,
    tag,
    ticks,
)
from heedful.report.picture import canvas, save
from heedful.report.words import shorten_token

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNBROKEN = "\xa0"  # a blank in the name of a curve, which would be shown by a sign in that of a token
DECADES = 7  # labels of a logarithmic axis, at most
INK = ("#0072b2", "#c8500a", "#00805e", "#a8437f", "#96660a", "#3a7fa8", "#1b1f24", "#7a5ac2")
"""The colours of the style sheet, in its order."""
MARKERS = "osD^"


@dataclass(frozen=True)
class Point:
    """The mean of `count` measurements at one place of a curve, with its 95 % interval (low = high = y: none)."""

    x: float
    y: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Curve:
    """A named line of points, by x."""

    name: str
    points: tuple[Point, ...]

    def at(self, x: float) -> Point:
        """The point whose x is nearest."""
        return min(self.points, key=lambda point: abs(point.x - x))

    @property
    def end(self) -> Point:
        """The last point."""
        return self.points[-1]


@dataclass(frozen=True)
class Chart:
    """Curves over one pair of axes, of which `log` names those that are logarithmic ("", "x", "y", "xy")."""

    key: str
    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    see: str = ""
    log: str = ""


@dataclass(frozen=True)
class Logarithmic(Scale):
    """A logarithmic scale; what is not above zero stands at its lower end."""

    def __call__(self, value: float) -> float:
        share = math.log(max(value, self.low) / self.low) / (math.log(self.high / self.low) or 1)
        return self.start + share * (self.end - self.start)


Marked = tuple[Scale, list[float]]
"""A scale, and its ticks."""


@dataclass(frozen=True)
class Drawing:
    """A chart as SVG, and its scales."""

    markup: Markup
    x: Scale
    y: Scale


def draw(chart: Chart) -> Drawing:
    """A chart as inline SVG, in the page's colours."""
    names = NAME * max(len(shorten_token(curve.name)) for curve in chart.curves)
    (x, x_ticks), (y, y_ticks) = scales(chart, WIDTH - 12 - names)
    series = [
        Series(c.name.replace(" ", UNBROKEN), [(p.x, p.y) for p in c.points], style)
        for style, c in enumerate(chart.curves)
    ]
    body = [frame(x, y, x_ticks, y_ticks, chart.x_label, chart.y_label)]
    body += [band(curve, style, x, y) for style, curve in enumerate(chart.curves)]
    body += [line(one, x, y) for one in series]
    body += end_labels(series, x, y)
    return Drawing(svg(body, WIDTH, HEIGHT, f"{chart.y_label} against {chart.x_label}"), x, y)


def scales(chart: Chart, right: float = WIDTH) -> tuple[Marked, Marked]:
    """The scales of both axes with their ticks: what was measured fits in, intervals as far as there is room."""
    points = [point for curve in chart.curves for point in curve.points]
    return (
        axis([point.x for point in points], LEFT, right, "x" in chart.log, tight=True),
        axis([point.y for point in points], HEIGHT - BOTTOM, TOP, "y" in chart.log),
    )


def axis(values: Sequence[float], start: float, end: float, log: bool, tight: bool = False) -> Marked:
    """A scale over values, and its ticks; `tight`: it ends with the largest value, not at a tick."""
    if log:
        above = [value for value in values if value > 0] or [1.0]
        low, high = min(above), max(above)
        if not tight:
            low, high = 10 ** math.floor(math.log10(low) + 1e-9), 10 ** math.ceil(math.log10(high) - 1e-9)
        places = sorted(set(above))
        few = tight and len(places) <= DECADES  # then what was measured is where the ticks are
        marks = places if few else powers(low, high if high > low else low * 10, 2 if tight else 10)
        return Logarithmic(low, high if high > low else low * 10, start, end), marks
    marks = ticks(min(0, *values), max(values), 4 if tight else 5)
    high = max(values) if tight and max(values) > marks[0] else marks[-1]
    return Scale(marks[0], high, start, end), [mark for mark in marks if mark <= high]


def powers(low: float, high: float, base: int) -> list[float]:
    """Powers of a base from `low` to `high`, not more than there is room for.

    >>> powers(16, 512, 2), powers(1e-12, 1, 10)
    ([16, 32, 64, 128, 256, 512], [1e-12, 1e-10, 1e-08, 1e-06, 0.0001, 0.01, 1])
    """
    first, last = math.ceil(math.log(low, base) - 1e-9), math.floor(math.log(high, base) + 1e-9)
    step = -(-(last - first + 1) // DECADES)
    return [base**exponent if exponent >= 0 else 1 / base**-exponent for exponent in range(first, last + 1, step)]


def band(curve: Curve, style: int, x: Scale, y: Scale) -> Markup:
    """The intervals of a curve as an area behind its line."""
    if all(point.low == point.high for point in curve.points):
        return Markup("")
    inside = [(p.x, max(p.low, y.low), min(p.high, y.high)) for p in curve.points]
    outline = [(at, high) for at, _, high in inside] + [(at, low) for at, low, _ in reversed(inside)]
    corners = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in outline)
    return tag("polygon", points=corners, class_=f"band s{style % SERIES}")


def plot(charts: Sequence[Chart], path: Path) -> None:
    """Writes charts side by side as .svg, .png or .pdf; raises HeedfulError for another suffix."""
    columns = min(2, len(charts))
    rows = -(-len(charts) // columns)
    figure = canvas(path, 6.2 * columns, 4.2 * rows)
    for number, chart in enumerate(charts, 1):
        plot_chart(figure.add_subplot(rows, columns, number), chart)
    save(figure, path)


def plot_chart(axes: "Axes", chart: Chart) -> None:
    """One chart: lines that differ in colour, dash and mark, with their bands."""
    for style, curve in enumerate(chart.curves):
        xs, ys = [p.x for p in curve.points], [p.y for p in curve.points]
        colour, marker = INK[style % SERIES], MARKERS[style % len(MARKERS)]
        dash = tuple(map(float, DASHES[style % SERIES].split()))
        kind = (0, dash) if dash else "solid"
        axes.plot(xs, ys, color=colour, marker=marker, markersize=4, linestyle=kind, label=curve.name)
        low, high = [p.low for p in curve.points], [p.high for p in curve.points]
        axes.fill_between(xs, low, high, color=colour, alpha=0.15, linewidth=0)
    if "x" in chart.log:
        axes.set_xscale("log", base=2)
        (_, marks), _ = scales(chart)
        axes.set_xticks(marks, [number(mark) for mark in marks])
    axes.set_yscale("log" if "y" in chart.log else "linear")
    _, (y, _) = scales(chart)
    axes.set_ylim(y.low, y.high * (1 if "y" in chart.log else 1.02))
    axes.set_title(chart.title, fontsize=11, fontweight="bold", loc="left")
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)


def number(value: float) -> str:
    """A number in three digits that tell something.

    >>> [number(value) for value in (0, 0.00000123, 0.0456, 12.34, 99.96, 1234.5)]
    ['0', '1.23e-06', '0.0456', '12.3', '100', '1,234']
    """
    if abs(value) >= 1000 and abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.3g}"
