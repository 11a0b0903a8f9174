"""Figures of their own for slides: SVG files whose colours are written into each shape, so that every program draws
them; and the pages that show the same figures with words.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from heedful.errors import HeedfulError
from heedful.report import pages, timeline
from heedful.report.diagram import draw_diagram
from heedful.report.figures import Table
from heedful.results import NetworkFacts

SUFFIXES = (".svg", ".html")
FACE = 'font-family="Helvetica, Arial, DejaVu Sans, sans-serif"'
LOOKS = {
    "net": 'fill="#0072b2"',
    "source": 'fill="#ffffff" stroke="#c8500a" stroke-width="2"',
    "answer": 'fill="#00805e"',
    "start": 'fill="#5a6370"',
    "wire": 'stroke="#5a6370" stroke-width="1.6"',
    "head": 'fill="#5a6370"',
    "said": f'fill="#5a6370" font-size="14" {FACE}',
    "words": f'fill="#1b1f24" font-size="14" {FACE}',
    "title": f'fill="#1b1f24" font-size="16" font-weight="bold" {FACE}',
}
"""What the page's style sheet says of classes of diagrams, for files that have none."""


def write_network(facts: NetworkFacts, path: Path) -> None:
    """Writes a network's diagram as SVG, or as a page with its settings and tensors.

    Raises HeedfulError for another ending.
    """
    drawing = draw_diagram(facts.diagram, f"The shape of {facts.name}")
    if require_suffix(path) == ".svg":
        write(path, standalone(drawing))
        return
    tensors = Table(facts.tensors[0], facts.tensors[1:])
    values = {"facts": facts, "drawing": drawing, "tensors": tensors}
    write(path, pages.page("network.html", kind="network", title=facts.title, **values))


def write_lineage(lineage: Sequence[dict[str, str]], path: Path) -> None:
    """Writes the lineage as a timeline: as SVG, or as a page. Raises HeedfulError for another ending."""
    if require_suffix(path) == ".svg":
        write(path, standalone(timeline.draw_timeline(lineage)))
        return
    title = "What each network added, and what it still lacked"
    write(path, pages.page("lineage.html", kind="lineage", title=title, eras=timeline.eras(lineage)))


def require_suffix(path: Path) -> str:
    """The ending of a file; raises HeedfulError if it is none of those that are written."""
    if path.suffix.lower() not in SUFFIXES:
        raise HeedfulError(f'A figure cannot be written as "{path.name}".', "Its name ends in .svg or .html.")
    return path.suffix.lower()


def standalone(drawing: Markup) -> str:
    """A drawing as a file of its own: with the namespace, a ground of paper, and looks in place of classes."""
    looks = re.sub(r'class="(\w+)"', lambda match: LOOKS.get(match[1], ""), drawing)
    return looks.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def write(path: Path, text: str) -> None:
    """Writes a file, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
