"""An explanation as a PNG, SVG or PDF file: question and answer above, the map that tells most with its scale, and the
layers and heads below it.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from heedful.explanations import Explanation, Map, Units
from heedful.report import explained, words
from heedful.report.explained import map_label
from heedful.report.picture import CELL, canvas, escape_label, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALL = 48  # maps below the large one
ACROSS = 8  # of them in a row, where layers have no heads
PICTURES = 8  # answers whose patches are drawn
VEIL = 0.85  # of what has nothing
LABELLED = 60  # units whose names are written beside a map
MEANING = {
    "shares": "share of a row",
    "amounts": "what is added to the logit",
    "lengths": "length",
    "openings": "0 shut, 1 open",
}


def explanation_picture(explanation: Explanation, path: Path) -> None:
    """Writes the picture; raises HeedfulError for a suffix that is none of .png, .svg, .pdf."""
    main = explained.main_maps(explanation)
    others = [map_ for map_ in explanation.maps if map_ not in main][:SMALL]
    sizes = [size(explanation, map_) for map_ in main]
    across = heads_of(others)
    small_rows = -(-len(others) // across) if others else 0
    width = max(6.0, *(wide for wide, _ in sizes), 1.15 * min(across, len(others)))
    heights = [*(high for _, high in sizes), *([1.25 * small_rows] if small_rows else [])]
    figure = canvas(path, width, sum(heights) + 0.9)
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, map_ in zip(parts, main, strict=False):
        draw_main(part, explanation, map_)
    if small_rows:
        for number, map_ in enumerate(others, 1):
            draw_small(parts[-1].add_subplot(small_rows, across, number), explanation.units, map_)
    figure.suptitle(title(explanation), fontsize=11, fontweight="bold")
    save(figure, path)


def title(explanation: Explanation) -> str:
    """Question, answer and method."""
    question, answer = (
        words.shorten(text.replace("\t", " "), 48) for text in (explanation.question, explanation.answer)
    )
    instead = f", and not {words.shorten(explanation.instead, 30)}" if explanation.instead else ""
    return f"{question} → {answer}{instead}\n{explanation.method}".replace("$", r"\$")


def heads_of(maps: Sequence[Map]) -> int:
    """How many small maps stand in a row: the heads of a layer."""
    heads = [map_ for map_ in maps if ".head" in map_.name]
    layers = {map_.name.rpartition(".head")[0] for map_ in heads}
    return (
        min(12, -(-len(heads) // len(layers))) if len(heads) == len(maps) and layers else min(ACROSS, max(1, len(maps)))
    )


def size(explanation: Explanation, map_: Map) -> tuple[float, float]:
    """Width and height in inches of a large map."""
    rows, side = explanation.units[map_.rows], explanation.units[map_.columns]
    if side.grid and side.picture:
        shown = min(PICTURES, len(rows))
        return 1.9 * min(4, shown) + 1.0, 2.1 * -(-shown // 4)
    longest = max((len(words.shorten_token(name)) for name in side.names), default=0)
    wide = CELL * min(len(side), LABELLED) + 0.1 * max(
        (len(words.shorten_token(name)) for name in rows.names), default=0
    )
    return wide + 2.0, CELL * min(len(rows), LABELLED) + 0.08 * longest + 0.9


def draw_main(part: Any, explanation: Explanation, map_: Map) -> None:
    """A large map with its scale, over the picture where there is one."""
    rows, side = explanation.units[map_.rows], explanation.units[map_.columns]
    part.suptitle(map_label(explanation.units, map_), fontsize=9, color="0.35")
    if side.grid and side.picture:
        shown = list(zip(rows.names, map_.weights, strict=True))[:PICTURES]
        across, down = min(4, len(shown)), -(-len(shown) // 4)
        every = [part.add_subplot(down, across, number) for number in range(1, len(shown) + 1)]
        for axes, (name, weights) in zip(every, shown, strict=True):
            scale = over_picture(axes, side, weights, map_)
            axes.set_title(escape_label(name), fontsize=9)
        part.colorbar(scale, ax=every, label=f"{MEANING[map_.scale]} (black: clear)", shrink=0.8)
        return
    axes = part.add_subplot()
    image = heat(axes, map_)
    name_sides(axes, rows.names, side.names)
    part.colorbar(image, ax=axes, label=MEANING[map_.scale], shrink=0.8)


def heat(axes: "Axes", map_: Map) -> Any:
    """The numbers as shades; what is less than nothing has a sign in its cell, for whoever sees no colours."""
    weights, signed = np.array([[*row] for row in map_.weights]), map_.scale == "amounts"
    most = map_.largest or 1.0
    low = -most if signed else 0.0
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8, top=False, labeltop=True, bottom=False, labelbottom=False)
    if signed and weights.size <= 900:
        for y, x in zip(*np.nonzero(weights < -most / 20), strict=True):
            axes.text(x, y, "−", ha="center", va="center", fontsize=7)
    return axes.imshow(
        weights, cmap="RdBu" if signed else "Blues", vmin=low, vmax=most, aspect="auto", interpolation="nearest"
    )


def name_sides(axes: "Axes", rows: Sequence[str], columns: Sequence[str]) -> None:
    """The names of both sides, where there is room; numbers else."""
    for names, put in ((columns, axes.set_xticks), (rows, axes.set_yticks)):
        step = -(-len(names) // LABELLED)
        put(range(0, len(names), step), [escape_label(name) for name in names[::step]])
    if max(map(len, columns), default=0) > 2:
        for tick in axes.get_xticklabels():
            tick.set(rotation=50, ha="left", rotation_mode="anchor")


def over_picture(axes: "Axes", side: Units, weights: Sequence[float], map_: Map) -> Any:
    """The picture, veiled where its patches have little; what is less than nothing has a sign. Gives the scale."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    assert side.grid
    extent = (0, side.grid[1], side.grid[0], 0)
    picture = np.asarray(Image.open(io.BytesIO(side.picture)).convert("RGB"))
    axes.imshow(picture, extent=extent, interpolation="nearest", aspect="equal")
    cells, most = np.array([*weights])[side.lead :].reshape(side.grid), map_.largest or 1.0
    veil = np.ones((*side.grid, 4))
    veil[..., 3] = VEIL * (1 - np.clip(np.abs(cells) / most, 0, 1))
    axes.imshow(veil, extent=extent, interpolation="nearest")
    for y, x in zip(*np.nonzero(cells < -most / 10), strict=True):
        axes.text(x + 0.5, y + 0.5, "−", ha="center", va="center", fontsize=7, color="0.5")
    axes.set_axis_off()
    return ScalarMappable(Normalize(0, most), "Greys")


def draw_small(axes: "Axes", units: Mapping[str, Units], map_: Map) -> None:
    """A layer or a head, by its own largest."""
    weights, signed = np.array([[*row] for row in map_.weights]), map_.scale == "amounts"
    most = map_.largest or 1.0
    axes.imshow(
        weights, cmap="RdBu" if signed else "Blues", vmin=-most if signed else 0.0, vmax=most, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color="0.85")
    side, _, place = map_label(units, map_).rpartition(": ")
    axes.set_title(f"{place}\nlargest {most:.2f}", fontsize=5.5, color="0.35")
    if place.endswith("head 0") or " · " not in place:
        axes.set_ylabel(side.replace(", ", "\n"), fontsize=5.5, color="0.35")
