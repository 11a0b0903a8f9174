"""Labels of steps as coloured bars, truth and answer one above the other; the same colour is the same label.

Bars are as wide as the page: coordinates are in percent, so that letters keep their size on a phone. A label has a
colour, and where there are more labels than colours a texture too; wide segments bear its name, and the table has all.
What a series measured stands above its labels, on the same time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from heedful.data.readers.rows import count
from heedful.report import draw, words
from heedful.report.figures import Figure, Table
from heedful.report.stretches import edges, has_times, stretches
from heedful.results import Case, Series, Track, spread_out

CLIPS = 6
STEPS = 5000  # drawn of a clip; the text says where there are more
ROWS = 200  # of a clip's table
CHANNELS, LANE_HEIGHT = 6, 30  # channels of a series that are drawn, and pixels of each
STRETCHES = 200  # of a drawn series
BAR_HEIGHT, STRIP_HEIGHT = 26, 5  # pixels of a bar, and of the strip under it that marks what is wrong
WIDE_SCREEN, NARROW_SCREEN = 800, 270  # pixels of a bar on a desk and on a phone, by which names are left out
# Lines and dots that lie over a colour of which there are not enough.
PATTERNS = (
    ("M-2 2L2 -2M0 8L8 0M6 10L10 6", 8),
    ("M1 4h2", 6),
    ("M0 3h7", 7),
    ("M-2 6L2 10M0 0L8 8M6 -2L10 2", 8),
    ("M3 0v7", 7),
    ("M0 4h8M4 0v8", 8),
    ("M0 0L8 8M0 8L8 0", 8),
)


@dataclass(frozen=True)
class Bars:
    """A figure for each clip, and the legend of their colours."""

    legend: Markup
    figures: Sequence[Figure]
    caption: str
    points: bool = False
    """Whether there is more to read in a bar that is pointed at."""


def rows_of_cases(cases: Sequence[Case]) -> dict[str, list[tuple[str, Sequence[str]]]]:
    """The worst, middle and best cases by their source: truth and answer."""
    return {
        case.source: [("truth", steps(case.references[0])), ("answer", steps(case.output))]
        for case in spread_out(cases)
    }


def order_of_cases(cases: Sequence[Case]) -> str:
    """In which order `rows_of_cases` has them, where these are not all."""
    return "The worst first, then the middle, then the best." if len(spread_out(cases)) < len(cases) else ""


def bars(
    clips: Mapping[str, Sequence[tuple[str, Sequence[str]]]],
    tracks: Mapping[str, Track],
    caption: str = "",
    series: Mapping[str, Series] | None = None,
) -> Bars | None:
    """Clips by name, each of rows (name, a label a step); the first row is the truth, if any is called so. `tracks` by
    source give times and windows, `series` what was measured.
    """
    if not clips:
        return None
    styles = label_styles(clips, tracks)
    figures = [figure(name, rows, styles, tracks.get(name), (series or {}).get(name)) for name, rows in clips.items()]
    legend_note = "The same colour is the same label. A strip below a bar: wrong there."
    return Bars(legend(styles), figures, f"{legend_note} {caption}".strip(), points=True)


def steps(text: str) -> tuple[str, ...]:
    """The labels of an answer in step; "" is a masked one.

    >>> steps("\\twalk\\trun")
    ('', 'walk', 'run')
    """
    return tuple(text.split("\t"))


def label_styles(
    clips: Mapping[str, Sequence[tuple[str, Sequence[str]]]], tracks: Mapping[str, Track]
) -> dict[str, int]:
    """A style for each label that is seen, in the order of the model's names, then in that of appearance."""
    present_labels = dict.fromkeys(label for rows in clips.values() for _, labels in rows for label in labels if label)
    names = [name for track in tracks.values() for name in track.names if name in present_labels]
    return {name: i for i, name in enumerate(dict.fromkeys([*names, *present_labels]))}


def figure(
    name: str,
    rows: Sequence[tuple[str, Sequence[str]]],
    styles: Mapping[str, int],
    track: Track | None = None,
    series: Series | None = None,
) -> Figure:
    """One clip: what was measured, a bar a row, an axis below, and the stretches in a table."""
    length = max(len(labels) for _, labels in rows)
    rows = [(row_name, labels[:STEPS]) for row_name, labels in rows]
    ends = edges(min(length, STEPS), track)
    truth = rows[0][1] if rows[0][0] == "truth" else ()
    parts = lanes(series, ends) if series else []
    for row_name, labels in rows:
        strip = error_marks(truth, labels, ends) if truth and row_name != "truth" else []
        body = [stretch(row_name, label, ends[a], ends[b], a, b, ends[-1], styles) for label, a, b in stretches(labels)]
        parts += [
            draw.tag("span", row_name, class_="who"),
            canvas([*body, *strip], BAR_HEIGHT + 2 + STRIP_HEIGHT, row_name),
        ]
    parts += [draw.tag("span", "", class_="who"), axis(ends, "seconds" if has_times(track) else "steps")]
    drawing = draw.tag("div", Markup("").join(parts), class_="bars")
    table, note = segments(rows)
    if series and len(series.channels) > CHANNELS:
        note += f" The first {CHANNELS} of {len(series.channels):,} channels are drawn."
    return Figure(name, drawing, describe_rows(rows, length, track) + note, table)


def lanes(series: Series, ends: Sequence[float]) -> list[Markup]:
    """A line for each channel of a series, each between its own least and largest value."""
    step_count = len(ends) - 1
    parts = []
    for channel, name in enumerate(series.channels[:CHANNELS]):
        values = [row[channel] for row in series.rows[:step_count]]
        low, high = min(values), max(values)
        height = LANE_HEIGHT - 2
        points = [
            f"{1000 * ends[step] / (ends[-1] or 1):.0f},{1 + height * (high - value) / ((high - low) or 1):.1f}"
            for step, value in envelope(values)
        ]
        line = draw.tag("polyline", points=" ".join(points), class_="lane")
        hint = f"{name}: from {low:.3g} to {high:.3g}"
        view: dict[str, Any] = {"viewBox": f"0 0 1000 {LANE_HEIGHT}", "preserveAspectRatio": "none"}
        size: dict[str, Any] = {"width": "100%", "style": f"height: {LANE_HEIGHT}px"}
        drawing = draw.tag("svg", draw.tag("g", line, title=hint), role="img", aria_label=hint, **view, **size)
        parts += [draw.tag("span", words.shorten(name, 12), class_="who", title=hint), drawing]
    return parts


def envelope(values: Sequence[float]) -> list[tuple[int, float]]:
    """Steps with their values; of a long series the least and the largest of each stretch, so that no peak is lost.

    >>> envelope([1.0, 5.0, 2.0])
    [(0, 1.0), (1, 5.0), (2, 2.0)]
    """
    if len(values) <= 2 * STRETCHES:
        return list(enumerate(values))
    points = []
    for stretch_number in range(STRETCHES):
        start, end = (len(values) * (stretch_number + edge) // STRETCHES for edge in (0, 1))
        around = min(range(start, end), key=values.__getitem__), max(range(start, end), key=values.__getitem__)
        points += [(step, values[step]) for step in sorted(around)]
    return points


def timing(track: Track) -> Track:
    """A track's names, times and words alone."""
    return Track(track.names, track.labels, (), track.seconds, words=track.words)


def stretch(
    row_name: str, label: str, start: float, end: float, a: int, b: int, total: float, styles: Mapping[str, int]
) -> Markup:
    """One run of equal labels as a rectangle, with a tooltip, and the label on it where there is room."""
    step_range = f"step {a:,}" if b == a + 1 else f"steps {a:,} to {b - 1:,}"
    hint = f"{label or 'masked'}: {step_range} ({row_name})"
    fraction = (end - start) / (total or 1)
    place: dict[str, Any] = {
        "x": percent(start / (total or 1)),
        "width": percent(fraction),
        "y": 0,
        "height": BAR_HEIGHT,
    }
    if not label:
        return draw.tag("g", masked_rect(place), class_="stretch", title=hint)
    style = styles[label]
    content = filled_rect(style, place)
    text = words.shorten(label)
    text_width = draw.LABEL * len(text) + 8
    if fraction * WIDE_SCREEN >= text_width:
        fits = "on" if fraction * NARROW_SCREEN >= text_width else "on broad"
        middle = percent((start + end) / 2 / (total or 1))
        content += draw.tag("text", text, x=middle, y=BAR_HEIGHT / 2 + 4, class_=fits, text_anchor="middle")
    return draw.tag("g", content, class_=f"stretch {colour(style)}", title=hint)


def filled_rect(style: int, place: Mapping[str, Any]) -> Markup:
    """A rectangle of a style's colour, with its texture where it has one."""
    over = texture(style)
    hatching = draw.tag("rect", fill=f"url(#{over})", **place) if over else Markup("")
    return draw.tag("rect", class_="fill", **place) + hatching


def masked_rect(place: Mapping[str, Any]) -> Markup:
    """A masked step, which is not scored: slanting lines on the colour of the page."""
    return draw.tag("rect", class_="masked", **place) + draw.tag("rect", fill="url(#masked)", **place)


def colour(style: int) -> str:
    """The class of a style's colour: the second eight styles are pale."""
    pale_class = " pale" if style // draw.SERIES % 2 else ""
    return f"s{style % draw.SERIES}{pale_class}"


def texture(style: int) -> str:
    """The name of a style's texture, "" for the first eight; those of the same colour have one each.

    >>> texture(7), texture(8), texture(24)
    ('', 'dark2', 'dark6')
    """
    turn = style // draw.SERIES
    kind = "dark" if turn % 2 else "light"
    return f"{kind}{(style + turn) % len(PATTERNS)}" if turn else ""


def error_marks(truth: Sequence[str], labels: Sequence[str], ends: Sequence[float]) -> list[Markup]:
    """Marks below a bar where it differs from a truth that is not masked."""
    errors = ["x" if true and true != predicted else "" for true, predicted in zip(truth, labels, strict=False)]
    total = ends[-1] or 1
    return [
        draw.tag(
            "rect",
            x=percent(ends[a] / total),
            width=percent((ends[b] - ends[a]) / total),
            y=BAR_HEIGHT + 2,
            height=STRIP_HEIGHT,
            class_="wrong",
        )
        for mark, a, b in stretches(errors)
        if mark
    ]


def axis(ends: Sequence[float], unit: str) -> Markup:
    """Numbers below the bars; the last one stands with its unit at the end of the line."""
    total = ends[-1] or 1
    body = []
    for tick in draw.ticks(0, total, 4):
        # What would touch the unit at the end is left out.
        if tick <= 0.82 * total:
            body.append(draw.tag("line", x1=percent(tick / total), x2=percent(tick / total), y1=0, y2=5, class_="grid"))
            anchor = "start" if tick == 0 else "middle"
            label = draw.tag(
                "text", draw.format_number(tick), x=percent(tick / total), y=17, class_="label", text_anchor=anchor
            )
            body.append(label)
    end = f"{draw.format_number(round(total, 1))} {unit}"
    body.append(draw.tag("text", end, x="100%", y=17, class_="label", text_anchor="end"))
    return canvas(body, 22, f"{unit} from 0 to {draw.format_number(round(total, 1))}")


def canvas(body: Sequence[Markup], height: float, title: str) -> Markup:
    """A drawing of full width and the given height; without a viewBox, so that letters keep their size."""
    content = Markup("").join(body)
    # The style sheet leaves the height of drawings to their viewBox, which this one has not.
    size: dict[str, Any] = {"width": "100%", "style": f"height: {height:g}px"}
    return draw.tag("svg", content, role="img", aria_label=title, **size)


def legend(styles: Mapping[str, int]) -> Markup:
    """What each colour means, and what masked is; it also holds the textures, so a page needs exactly one."""
    patterns = Markup("").join(
        draw.tag(
            "pattern",
            draw.tag("path", d=path, class_=f"thread {kind}"),
            id=f"{kind}{i}",
            width=size,
            height=size,
            patternUnits="userSpaceOnUse",
        )
        for kind in ("light", "dark")
        for i, (path, size) in enumerate(PATTERNS)
    )
    slants = draw.tag("path", d="M-2 2L2 -2M0 8L8 0M6 10L10 6", class_="slant")
    patterns += draw.tag("pattern", slants, id="masked", width=8, height=8, patternUnits="userSpaceOnUse")
    hidden = draw.tag("svg", draw.tag("defs", patterns), width=0, height=0, class_="textures", aria_hidden="true")
    entries = [draw.tag("li", swatch(style) + label) for label, style in styles.items()]
    entries.append(draw.tag("li", swatch(None) + "masked: not judged"))
    return hidden + draw.tag("ul", Markup("").join(entries), class_="legend")


def swatch(style: int | None) -> Markup:
    """A small square of a label's colour and texture; None: of a masked step."""
    size: dict[str, Any] = {"width": 22, "height": 16}
    content, class_ = (masked_rect(size), "") if style is None else (filled_rect(style, size), colour(style))
    return draw.tag("svg", draw.tag("g", content, class_=class_), aria_hidden="true", **size)


def segments(rows: Sequence[tuple[str, Sequence[str]]]) -> tuple[Table, str]:
    """The runs of steps over which no row changes, as a table, and a sentence on those left out."""
    columns = list(zip(*(labels for _, labels in rows), strict=False))
    table_rows, start = [], 0
    for labels, group in groupby(columns):
        size = len(list(group))
        table_rows.append([f"{start:,} to {start + size - 1:,}", *(label or "masked" for label in labels)])
        start += size
    note = f" The table holds the first {ROWS:,} of {len(table_rows):,} stretches." if len(table_rows) > ROWS else ""
    return Table(["steps", *(row_name for row_name, _ in rows)], table_rows[:ROWS]), note


def describe_rows(rows: Sequence[tuple[str, Sequence[str]]], length: int, track: Track | None) -> str:
    """Accuracy and number of changes of each row; what was not drawn; how the clip was read."""
    truth = rows[0][1] if rows[0][0] == "truth" else ()
    parts = []
    for row_name, labels in rows:
        changes = f"changes {words.times(max(0, len(stretches(labels)) - 1))}"
        scored_steps = [(true, predicted) for true, predicted in zip(truth, labels, strict=False) if true]
        if row_name == "truth" or not scored_steps:
            parts.append(f"The {row_name} {changes}." if row_name in ("truth", "answer") else f"{row_name} {changes}.")
            continue
        right_count = sum(true == predicted for true, predicted in scored_steps)
        name = "The answer" if row_name == "answer" else row_name
        percent_right = f"{100 * right_count / len(scored_steps):.1f} %"
        step_count = count(len(scored_steps), "step")
        parts.append(f"{name} is right at {right_count:,} of {step_count} ({percent_right}) and {changes}.")
    if length > STEPS:
        parts.append(f"The first {STEPS:,} of {length:,} steps are drawn.")
    if track and len(track.windows) > 1:
        parts.append(f"It was read in {len(track.windows):,} windows that overlap.")
    if track and track.disagreement is not None:
        parts.append(f"One pass over all would have answered {track.disagreement:.1f} % of the steps otherwise.")
    return " ".join(parts)


def percent(fraction: float) -> str:
    """A coordinate on the bar, in percent."""
    return f"{100 * fraction:.3f}%"
