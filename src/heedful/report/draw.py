"""Drawings as inline SVG: lines, bars, intervals, heat maps.

Colours and weights of type come from the page's style sheet by class, so that a drawing is dark where the page is.
Series differ in colour, dash and mark, and are named at their ends, so that colour is never the only difference.
All text goes through `tag`, which escapes it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup, escape

from heedful.metrics.measures import describe
from heedful.report.words import shorten, shorten_token
from heedful.results import Measure

WIDTH, HEIGHT = 460, 280
LEFT, TOP, BOTTOM = 46, 34, 40  # room for the labels of the axes
NAMED = 14  # letters of a name
BEST = "best possible"
NAME, LABEL = 9.0, 7.2  # widths of a letter in the two sizes of type, for the widest of the usual faces
SERIES = 8  # colours in the style sheet
DASHES = ("", "6 3", "2 2", "8 3 2 3", "12 4", "4 4", "1 3", "10 3 2 3 2 3")

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A named line. `style` chooses colour and dash; two with the same style belong together."""

    name: str
    points: Sequence[Point]
    style: int = 0


@dataclass(frozen=True)
class Scale:
    """A linear scale: from a value to its coordinate on the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)


def lines(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    *,
    from_zero: bool = False,
    top_labels: Sequence[tuple[float, str]] = (),
    top: float = math.inf,
) -> Markup:
    """Lines over two number axes. `top_labels` name positions on a second axis at the top; what is above `top` is drawn
    there.
    """
    series = [replace(line_, points=[(x, min(y, top)) for x, y in line_.points]) for line_ in series]
    xs = [x for line_ in series for x, _ in line_.points]
    ys = [y for line_ in series for _, y in line_.points]
    names = len(series) > 1
    right_edge = WIDTH - (12 + NAME * max(len(shorten(line_.name, NAMED)) for line_ in series) if names else 14)
    y_ticks = ticks(min(0, *ys) if from_zero else min(ys), max(ys))
    x_ticks = ticks(min(0, *xs), max(xs), 4)
    x = Scale(x_ticks[0], max(xs) if max(xs) > x_ticks[0] else x_ticks[-1], LEFT, right_edge)
    y = Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    body = [frame(x, y, [t for t in x_ticks if t <= x.high], y_ticks, x_label, y_label)]
    for value, text in top_labels:
        anchor = "end" if value > 0.8 * x.high else "middle"
        body.append(tag("text", text, x=x(value), y=TOP - 8, class_="label", text_anchor=anchor))
    body += [line(line_, x, y) for line_ in series]
    if names:
        body += end_labels(series, x, y)
    return svg(body, WIDTH, HEIGHT, f"{y_label} against {x_label}")


def bars(rows: Sequence[tuple[str, float, str]], x_label: str, y_label: str) -> Markup:
    """A vertical bar for each row (label below, value, text on the bar)."""
    values = ticks(0, max([value for _, value, _ in rows] + [0]))
    y = Scale(values[0], values[-1], HEIGHT - BOTTOM, TOP)
    room = (WIDTH - LEFT - 14) / len(rows)
    body = [frame(Scale(0, 1, LEFT, WIDTH - 14), y, [], values, x_label, y_label)]
    longest = max(len(label) for label, _, _ in rows)
    label_step = math.ceil((LABEL * longest + 8) / room)  # labels that fit side by side
    for i, (label, value, text) in enumerate(rows):
        left, top = LEFT + i * room, y(value)
        width = max(1.0, room * 0.72)
        body.append(
            tag(
                "rect",
                x=left + room * 0.14,
                y=top,
                width=width,
                height=y(0) - top,
                class_="bar",
                title=f"{label}: {text}",
            )
        )
        middle = left + room / 2
        if len(rows) <= 10:
            body.append(tag("text", text, x=middle, y=top - 5, class_="label", text_anchor="middle"))
        if i % label_step == 0:
            body.append(tag("text", label, x=middle, y=HEIGHT - BOTTOM + 16, class_="label", text_anchor="middle"))
    return svg(body, WIDTH, HEIGHT, f"{y_label} by {x_label}")


def intervals(
    rows: Sequence[tuple[str, Measure]], x_label: str, lines_at: Mapping[str, float], best: float | None = None
) -> Markup:
    """A dot with its 95 % interval for each row; named values to hold them against, dashed, and a line for the best
    possible one.
    """
    height = TOP + 30 * len(rows) + BOTTOM
    left = 12 + NAME * max(len(shorten(name, NAMED)) for name, _ in rows) if any(name for name, _ in rows) else 14
    ends = [end for _, measure in rows for end in (measure.low, measure.high, measure.value)]
    named = {**lines_at} if best is None else {**lines_at, BEST: best}
    marks = ticks(min(0, *ends), max([0, *ends, *named.values()]))
    x = Scale(marks[0], marks[-1], left, WIDTH - 44)
    y = Scale(0, len(rows), TOP, height - BOTTOM)
    body = [tag("line", x1=x(at), x2=x(at), y1=TOP, y2=height - BOTTOM, class_="grid") for at in marks]
    body += [
        tag("text", format_number(at), x=x(at), y=height - BOTTOM + 16, class_="label", text_anchor="middle")
        for at in marks
    ]
    body.append(tag("text", x_label, x=WIDTH - 44, y=height - 6, class_="axis", text_anchor="end"))
    digits = describe(rows[0][1].name).digits
    for name, at in named.items():
        body += vertical(x, at, height - BOTTOM, name, digits)
    for i, (name, measure) in enumerate(rows):
        body += interval(i, name, measure, x, y(i + 0.5), left, [*lines_at.values()])
    return svg(body, WIDTH, height, x_label)


def vertical(x: Scale, at: float, bottom: float, name: str, digits: int) -> list[Markup]:
    """A named line across all rows, whose name stands above it, inside the drawing."""
    anchor = "start" if x(at) < x.start + 60 else "end" if x(at) > x.end - 60 else "middle"
    line = tag("line", x1=x(at), x2=x(at), y1=TOP, y2=bottom, class_="goal" if name == BEST else "yardstick")
    high = TOP - 22 if name == BEST else TOP - 8  # two names side by side would touch
    return [line, tag("text", f"{name} {at:.{digits}f}", x=x(at), y=high, class_="label", text_anchor=anchor)]


def interval(
    i: int, name: str, measure: Measure, x: Scale, middle: float, left: float, lines: Sequence[float]
) -> list[Markup]:
    """One row: its name, its interval, its dot and, where no line runs through it, its value."""
    text = f"{measure.value:.{describe(measure.name).digits}f}"
    behind, width = x(max(measure.high, measure.value)) + 9, LABEL * len(text)
    crossed = any(behind - 4 <= x(at) <= behind + width + 4 for at in lines)
    before = x(min(measure.low, measure.value)) - 9
    place: dict[str, Any] = {"x": before, "text_anchor": "end"} if crossed and before - width > left else {"x": behind}
    parts = []
    if name:
        text_name = shorten(name, NAMED)
        parts.append(tag("text", text_name, x=left - 10, y=middle + 4, class_="name", text_anchor="end", title=name))
    if measure.low != measure.high:
        ends = x(measure.low), x(measure.high)
        parts.append(tag("line", x1=ends[0], x2=ends[1], y1=middle, y2=middle, class_=f"whisker s{i % SERIES}"))
    return [
        *parts,
        mark(i, x(measure.value), middle, 4.5),
        tag("text", text, y=middle + 4, class_="label value", **place),
    ]


def heatmap(
    source: Sequence[str], target: Sequence[str], weights: Sequence[Sequence[float]], small: bool = False
) -> Markup:
    """Rows are target tokens, columns source tokens; weights below 0.01 stay blank. `small`: without labels."""
    cell = max(3, min(9, 100 // (len(source) or 1))) if small else (24 if len(source) <= 28 else 15)
    left = 4 if small else 14 + NAME * longest_label(target)
    # The last name may be longer, an end sign mostly: nothing stands beside it.
    slant = not small and (cell < 20 or longest_label(source[:-1]) > 2)
    top = 4 if small else (20 + 7 * longest_label(source) if slant else 26)
    width, height = cell * len(source), cell * len(target)
    body = [tag("rect", x=left, y=top, width=width, height=height, class_="field")]
    if not small:
        body += [source_label(s, text, left + (s + 0.5) * cell, top - 8, slant) for s, text in enumerate(source)]
    for t, (text, row) in enumerate(zip(target, weights, strict=True)):
        body.append(map_row(t, text, row, left, top + t * cell, cell, small))
    margin = 4 if small else (48 if slant else 8 + 4 * longest_label(source))
    return svg(body, left + width + margin, top + height + 4, "what each output looked at", natural=True)


def map_row(t: int, text: str, row: Sequence[float], left: float, y: float, cell: float, small: bool) -> Markup:
    """A target token's row of cells, over a transparent rectangle that receives the pointer's events."""
    parts = []
    if not small:
        middle = y + cell / 2 + 4
        label = tag(
            "text", shorten_token(text), title=text, x=left - 8, y=middle, class_="token-label", text_anchor="end"
        )
        parts.append(label)
    parts.append(tag("rect", x=left, y=y, width=cell * len(row), height=cell, class_="hit"))
    for s, weight in enumerate(row):
        if weight >= 0.01:
            shade = f"{min(1.0, weight):.2f}"
            parts.append(tag("rect", x=left + s * cell, y=y, width=cell, height=cell, fill_opacity=shade))
    return tag("g", Markup("").join(parts), class_="row", data_t=t)


def longest_label(texts: Sequence[str]) -> int:
    """The length of the longest label, in characters."""
    return max((len(shorten_token(text)) for text in texts), default=0)


def source_label(s: int, text: str, x: float, y: float, slant: bool) -> Markup:
    """The name of a column, slanted where names are too long to stand side by side."""
    placement = (
        {"transform": f"rotate(-50 {x:.1f} {y:.1f})", "text_anchor": "start"} if slant else {"text_anchor": "middle"}
    )
    return tag("text", shorten_token(text), x=x, y=y, class_="token-label", data_column=s, title=text, **placement)


def frame(x: Scale, y: Scale, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str, y_label: str) -> Markup:
    """Grid, tick labels and the names of both axes."""
    parts = [tag("line", x1=x.start, x2=x.end, y1=y(tick), y2=y(tick), class_="grid") for tick in y_ticks]
    parts += [
        tag("text", format_number(tick), x=x.start - 7, y=y(tick) + 4, class_="label", text_anchor="end")
        for tick in y_ticks
    ]
    parts += [
        tag("text", format_number(tick), x=x(tick), y=y.start + 16, class_="label", text_anchor="middle")
        for tick in x_ticks
    ]
    parts.append(tag("text", x_label, x=x.end, y=HEIGHT - 6, class_="axis", text_anchor="end"))
    parts.append(tag("text", y_label, x=4, y=12, class_="axis"))
    return Markup("").join(parts)


def line(series: Series, x: Scale, y: Scale) -> Markup:
    """A line with a mark at each point, or none where they would touch."""
    style = f"s{series.style % SERIES}"
    path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in series.points)
    parts = [tag("polyline", points=path, class_=f"line {style}", stroke_dasharray=DASHES[series.style % SERIES])]
    if len(series.points) <= 30:
        parts += [
            mark(series.style, x(a), y(b), 3.2, f"{series.name}: {format_number(round(b, 2))}")
            for a, b in series.points
        ]
    return Markup("").join(parts)


def mark(style: int, x: float, y: float, size: float, title: str | None = None) -> Markup:
    """The marker of a series: disc, square, diamond or triangle."""
    class_ = f"mark s{style % SERIES}"
    if style % 4 == 0:
        return tag("circle", cx=x, cy=y, r=size, class_=class_, title=title)
    corners = (
        ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        ((0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
    )[style % 4 - 1]
    points = " ".join(f"{x + dx * size:.1f},{y + dy * size:.1f}" for dx, dy in corners)
    return tag("polygon", points=points, class_=class_, title=title)


def end_labels(series: Sequence[Series], x: Scale, y: Scale) -> list[Markup]:
    """Names at the ends of the lines, moved apart where they would overlap; each name once."""
    last = {line_.name: (y(line_.points[-1][1]), line_) for line_ in series if line_.points}
    ends = sorted(last.values(), key=lambda place: place[0])
    labels, previous = [], -math.inf
    overflow = max(0.0, 14 * len(ends) - (HEIGHT - TOP - BOTTOM))
    for i, (height, line_) in enumerate(ends):
        room = (HEIGHT - BOTTOM) + overflow - 14 * (len(ends) - 1 - i)  # leaves space for the names still to come
        y_label = max(min(height, room), previous + 14)
        previous = y_label
        style = f"name ended s{line_.style % SERIES}"
        labels.append(
            tag("text", shorten(line_.name, NAMED), x=x.end + 8, y=y_label + 4, class_=style, title=line_.name)
        )
    return labels


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`.

    >>> ticks(0, 87)
    [0, 20, 40, 60, 80, 100]
    """
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough_step = (high - low) / count
    base = 10 ** math.floor(math.log10(rough_step))
    step = next(base * times for times in (1, 2, 2.5, 5, 10) if base * times >= rough_step * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def format_number(value: float) -> str:
    """A number without needless digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def svg(body: Sequence[Markup], width: float, height: float, title: str, natural: bool = False) -> Markup:
    """A drawing of its own size (natural) or as wide as its place."""
    size = {"width": f"{width:.0f}", "height": f"{height:.0f}"} if natural else {}
    content = Markup("").join(body)
    return tag("svg", content, viewBox=f"0 0 {width:.0f} {height:.0f}", role="img", aria_label=title, **size)


def tag(element: str, content: str | Markup = "", title: str | None = None, **attributes: object) -> Markup:
    """An SVG element; names are Python's (`class_`, `text_anchor`), and everything written is escaped."""
    markup = Markup("").join(
        Markup('{}="{}" ').format(
            name if name == "viewBox" else name.rstrip("_").replace("_", "-"),
            f"{value:.5g}" if isinstance(value, float) else value,
        )
        for name, value in attributes.items()
        if value != ""
    )
    hint = Markup("<title>{}</title>").format(title) if title else Markup("")
    return Markup("<{0} {1}>{2}{3}</{0}>").format(Markup(element), markup, hint, escape(content))
