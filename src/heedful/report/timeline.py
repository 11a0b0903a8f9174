"""The lineage as a timeline: what each network added, what it still lacked, and what was added next."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap

from markupsafe import Markup

from heedful.report.diagram import arrow
from heedful.report.draw import tag

ADDED, LACKED = ("added", 330, 42), ("still lacked", 710, 40)
"""Heading of a column of the drawing, pixels from the left, letters a line."""
SPINE, NAMES, IDEA = 76, 96, 26  # pixels from the left of the line and of names, letters a line of an idea
WIDTH, LINE, GAP, TOP = 1020, 19, 26, 64


@dataclass(frozen=True)
class Era:
    """One network of the lineage; `year` is "" where a network is of no time."""

    name: str
    year: str
    paper: str
    idea: str
    added: str
    lacked: str


def eras(lineage: Sequence[dict[str, str]]) -> list[Era]:
    """The lineage with the year of each paper.

    >>> [era.year for era in eras([dict(name="x", paper="Elman 1990", idea="", added="", lacked="")])]
    ['1990']
    """
    return [
        Era(year=year[0] if (year := re.search(r"\b(19|20)\d\d\b", row["paper"])) else "", **row) for row in lineage
    ]


def draw_timeline(lineage: Sequence[dict[str, str]]) -> Markup:
    """The lineage as SVG, a row a network, along a line of time; an arrow leads from what was lacked to what came."""
    body = [tag("text", heading, x=left, y=30, class_="said") for heading, left, _ in (ADDED, LACKED)]
    tops, y = list[float](), float(TOP)
    for era in eras(lineage):
        tops.append(y - 5)
        body += [tag("text", era.year, x=20, y=y, class_="said"), tag("circle", cx=SPINE, cy=y - 5, r=6, class_="net")]
        body.append(tag("text", era.name, x=NAMES, y=y, class_="title"))
        columns = [(NAMES, y + LINE, wrap(era.idea, IDEA), "said")]
        columns += [
            (left, y, wrap(text, letters), "words")
            for (_, left, letters), text in ((ADDED, era.added), (LACKED, era.lacked))
        ]
        for left, top, lines, class_ in columns:
            body += [
                tag("text", line, x=left, y=top + LINE * number, class_=class_) for number, line in enumerate(lines)
            ]
        y = max(top + LINE * len(lines) for _, top, lines, _ in columns) + GAP
    spine = tag("line", x1=SPINE, x2=SPINE, y1=tops[0], y2=tops[-1], class_="wire")
    size = {"width": f"{WIDTH}", "height": f"{y:.0f}", "class_": "diagram"}
    title = "What each network added, and what it still lacked"
    threads = [thread(here, there) for here, there in pairwise(tops)]
    drawn = Markup("").join([spine, *threads, *body])
    return tag("svg", drawn, viewBox=f"0 0 {WIDTH} {y:.0f}", role="img", aria_label=title, **size)


def thread(here: float, there: float) -> Markup:
    """An arrow from what a network lacked down to what the next one added."""
    left, right = LACKED[1] - 50, LACKED[1] - 12
    down = tag("line", x1=right, x2=right, y1=here, y2=there, class_="wire")
    return down + arrow(right, there, left, there)
