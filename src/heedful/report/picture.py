"""Alignments as PNG or SVG files, for papers, slides and the README."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.errors import HeedfulError
from heedful.report import words
from heedful.report.figures import label
from heedful.results import Alignment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
CELL = 0.27  # inches a token takes
# Faces that hold what the default one lacks; those not installed are left out, or matplotlib warns of each.
FACES = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans Symbols 2")


def lineage_picture(alignments: Sequence[tuple[str, Alignment]], path: Path) -> None:
    """Writes one source through several networks, side by side: a large map where there is one, all heads where many.

    Heads stand in rows of their layers. Networks without attention are left out. The suffix says what is written.
    Raises HeedfulError for one that is none of .png, .svg, .pdf, and if no network has attention.
    """
    with_maps = [(name, alignment) for name, alignment in alignments if alignment.maps]
    if not with_maps:
        raise HeedfulError("There is nothing to draw: none of these networks has attention.")
    width, height = (max(sides) for sides in zip(*(size(alignment) for _, alignment in with_maps), strict=True))
    figure = canvas(path, len(with_maps) * width * 1.1, height + 0.5)
    for part, (name, alignment) in zip(figure.subfigures(1, len(with_maps), squeeze=False)[0], with_maps, strict=True):
        part.suptitle(name, fontsize=12, fontweight="bold")
        maps = list(alignment.maps.items())
        row_count = len({key.rpartition(".")[0] for key, _ in maps}) if len(maps) > 1 else 1
        column_count = -(-len(maps) // row_count)
        for number, (key, weights) in enumerate(maps, 1):
            axes = part.add_subplot(row_count, column_count, number)
            draw(axes, alignment, weights, labels=len(maps) == 1)
            layer, _, head = label(key).partition(" · ")
            if number <= column_count and head:
                axes.set_title(head, fontsize=8, color="0.35")
            if number % column_count == 1 and head:
                axes.set_ylabel(layer, fontsize=8, color="0.35")
    save(figure, path)


def draw(axes: "Axes", alignment: Alignment, weights: Sequence[Sequence[float]], labels: bool) -> None:
    """One map; columns are named above, rows at the left."""
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="equal" if labels else "auto", interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9, top=False, labeltop=labels, bottom=False, labelbottom=False)
    if not labels:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(visible=True, color="0.85")
        return
    # The last name may be longer, an end sign mostly: nothing stands beside it.
    short_names = max(map(len, alignment.source[:-1]), default=0) <= 2
    axes.set_xticks(range(len(alignment.source)), [escape_label(text) for text in alignment.source])
    axes.set_yticks(range(len(alignment.target)), [escape_label(text) for text in alignment.target])
    if not short_names:
        for tick in axes.get_xticklabels():
            tick.set(rotation=50, ha="left", rotation_mode="anchor")


def escape_label(text: str) -> str:
    """A token as matplotlib writes it: a dollar sign would begin a formula."""
    return words.shorten_token(text).replace("$", r"\$")


def size(alignment: Alignment) -> tuple[float, float]:
    """Width and height in inches of one map with its labels."""
    longest = [
        max((len(words.shorten_token(text)) for text in side), default=0)
        for side in (alignment.source, alignment.target)
    ]
    width, height = CELL * len(alignment.source) + 0.09 * longest[1], CELL * len(alignment.target) + 0.08 * longest[0]
    return max(2.4, width + 0.5), max(2.0, height + 0.7)


def canvas(path: Path, width: float, height: float) -> "Figure":
    """An empty figure; matplotlib is imported only here, for it takes longer than all else."""
    if path.suffix.lower() not in SUFFIXES:
        raise HeedfulError(f'A picture cannot be written as "{path.name}".', f"Its name ends in {', '.join(SUFFIXES)}.")
    from matplotlib.figure import Figure

    # No pyplot: a figure of our own draws without a display, and leaves nobody's settings changed.
    return Figure(figsize=(min(width, 60), min(height, 60)), layout="constrained")


def save(figure: "Figure", path: Path) -> None:
    """Writes the figure; SVG keeps its text as text."""
    import matplotlib
    from matplotlib.font_manager import fontManager

    installed = {face.name for face in fontManager.ttflist}
    settings: Any = {
        "font.family": [face for face in FACES if face in installed],
        "svg.fonttype": "none",
        "svg.hashsalt": "heedful",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(settings):
        # No date: the same alignment gives the same file.
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
