"""The page of an explanation: units to point at, every map packed into a few bytes, and whether it is faithful."""

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from heedful.explanations import Explanation, Faithfulness, Map, Units
from heedful.report import draw, explained, pages, words
from heedful.report.figures import Figure, Table

LEVELS = (127, 63, 31, 15, 11, 7, 5, 4, 3, 2)
"""Steps from 0 to the largest of a row: those of a byte with a sign, and fewer where a page would grow too large."""
ROOM = 700_000
"""Bytes of packed maps that a page has room for; base64 makes four of three."""
SHARE = 0.22
"""Bytes for each weight in a page of more: 12 heads at 512 tokens stay below a megabyte."""


def explanation_page(explanation: Explanation, says: str = "", paper: str = "") -> str:
    """The page; `says` and `paper` are those of the method."""
    answer = explained.answer_text(explanation)
    if explanation.units["answered"].kind == "codes":
        answer = "this drawing"
    return pages.page(
        "explanation.html",
        kind="explanation",
        title=f"Why {words.shorten(answer, 60)}?" if answer.strip() else "One answer, looked into",
        **pages.view_script({"explanation": ("explanation", "mountExplanation")}),
        **explanation_values(explanation),
        says=says,
        paper=paper,
    )


def explanation_values(explanation: Explanation) -> dict[str, Any]:
    """What the template shows."""
    data = view_data(explanation)
    return {
        "question": explanation.question.replace("\t", " "),
        "answer": explained.answer_text(explanation),
        "instead": explanation.instead,
        "method": explanation.method,
        "notes": (*explanation.notes, *([coarseness(data)] if coarseness(data) else [])),
        "data": data,
        "most": most_table(explanation),
        "scores": [
            {
                "side": explained.side_name(explanation.units, score.units)
                if len(explanation.faithfulness) > 1
                else "",
                "finding": f"{explained.gain_text(score).capitalize()}.",
                "figures": curve_figures(score),
            }
            for score in explanation.faithfulness
        ],
    }


def view_data(explanation: Explanation) -> dict[str, Any]:
    """Units and maps as the view reads them: a byte a weight, each row by its largest, deflated, in base64."""
    tables = [by_largest(map_) for map_ in explanation.maps]
    levels = choose_levels([shares for shares, _ in tables])
    content = b"".join(steps_of(shares, level).tobytes() for (shares, _), level in zip(tables, levels, strict=True))
    maps: list[dict[str, Any]] = []
    for map_, (_, largest), level in zip(explanation.maps, tables, levels, strict=True):
        fields = {key: getattr(map_, key) for key in ("rows", "columns", "scale")} | {"levels": level}
        maps.append(
            fields
            | {
                "label": explained.map_label(explanation.units, map_),
                "largest": [float(f"{most:.4g}") for most in largest],
            }
        )
    return {
        "units": {key: unit_data(units) for key, units in explanation.units.items()},
        "names": {
            key: explained.side_name(explanation.units, key) or "parts of the network" for key in explanation.units
        },
        "maps": maps,
        "packed": base64.b64encode(zlib.compress(content, 9)).decode(),
    }


def by_largest(map_: Map) -> tuple[np.ndarray, list[float]]:
    """The weights of a map, each row by its largest, and what these are."""
    weights = np.array(map_.weights, np.float64).reshape(len(map_.weights), -1)
    largest = np.abs(weights).max(axis=1, initial=0.0)
    return weights / np.where(largest > 0, largest, 1.0)[:, None], largest.tolist()


def choose_levels(tables: Sequence[np.ndarray]) -> list[int]:
    """How finely each map is written: as a byte can, unless the page would grow too large; then sharp maps, which pack
    well, stay as fine as they are, and flat ones become coarser.
    """
    if sum(packed_size(table, LEVELS[0]) for table in tables) <= ROOM:
        return [LEVELS[0]] * len(tables)
    return [
        next((level for level in LEVELS if packed_size(table, level) <= SHARE * table.size), LEVELS[-1])
        for table in tables
    ]


def packed_size(table: np.ndarray, level: int) -> int:
    """Bytes of a map that is written so finely; little is won by packing better."""
    return len(zlib.compress(steps_of(table, level).tobytes(), 6))


def steps_of(table: np.ndarray, level: int) -> np.ndarray:
    """Shares of the largest as whole numbers."""
    return np.rint(table * level).astype(np.int8)


def coarseness(data: dict[str, Any]) -> str:
    """What the page says of numbers that are coarser than a byte; "": none is."""
    coarse = [map_["levels"] for map_ in data["maps"] if map_["levels"] < LEVELS[0]]
    if not coarse:
        return ""
    which = "All maps" if len(coarse) == len(data["maps"]) else f"{len(coarse)} of {len(data['maps'])} maps"
    steps = f"{min(coarse)} to {max(coarse)}" if min(coarse) < max(coarse) else f"{min(coarse)}"
    return (
        f"{which} are drawn in {steps} steps from 0 to the largest of each row, so that this page stays small: "
        "heedful explain -o numbers.csv writes every number as it is."
    )


def unit_data(units: Units) -> dict[str, Any]:
    """Units as the view reads them; a picture becomes a data address."""
    picture = f"data:image/png;base64,{base64.b64encode(units.picture).decode()}" if units.picture else ""
    names = [explained.unit_name(name) for name in units.names]
    fields: dict[str, Any] = {"kind": units.kind, "names": names, "lead": units.lead}
    more: dict[str, Any] = {"grid": units.grid, "picture": picture, "seconds": units.seconds, "values": units.values}
    more |= {"places": units.places if units.kind in explained.IN_TIME else ()}
    return fields | {key: value for key, value in more.items() if value}


def most_table(explanation: Explanation) -> Table:
    """For each answer what it has most from, in numbers: the view's content for whoever cannot see it."""
    map_ = explained.main_maps(explanation)[0]
    if map_.rows not in ("answered", "explained", "written"):
        return Table([], [])
    names, side = explained.row_names(explanation.units[map_.rows]), explanation.units[map_.columns].names
    rows = []
    for name, row in list(zip(names, map_.weights, strict=True))[: explained.MOST_ROWS]:
        order = sorted(range(len(row)), key=lambda at, row=row: -abs(row[at]))[: explained.MOST_NAMED]
        cells = [f"{explained.unit_name(side[at])} {explained.number(row[at], map_)}" for at in order]
        rows.append([name, ", ".join(cells)])
    return Table(["", explained.map_label(explanation.units, map_)], rows)


def curve_figures(score: Faithfulness) -> list[Figure]:
    """Both curves, each kind of order a line."""
    sides = (
        ("Units replaced, those with most first", score.deletion, "A map is the better the lower its line."),
        ("Units put back, those with most first", score.insertion, "A map is the better the higher its line."),
    )
    return [curve_figure(title, areas, caption, score.measured) for title, areas, caption in sides]


def curve_figure(title: str, areas: dict[str, Any], caption: str, measured: str) -> Figure:
    """One of them."""
    points = {kind: share_points(area.curve) for kind, area in areas.items()}
    series = [draw.Series(kind, curve, style) for style, (kind, curve) in enumerate(points.items())]
    drawing = draw.lines(series, "percent of the units", measured, from_zero=True)
    rows = [
        [f"{share:.0f} %", *(f"{curve[at][1]:.3f}" for curve in points.values())]
        for at, (share, _) in enumerate(next(iter(points.values())))
    ]
    rows.append(["area", *(explained.area(area) for area in areas.values())])
    return Figure(title, drawing, caption, Table(["units", *points], rows))


def share_points(curve: Sequence[float]) -> list[tuple[float, float]]:
    """A curve over percents."""
    return [(100 * at / max(1, len(curve) - 1), value) for at, value in enumerate(curve)]
