"""A network's diagram, as the terminal shows it in signs, drawn as a figure: the same diagram, made once.

□ what is read, ■ a block of the network, ○ what is answered; arrows stand between them as they do in the text.
"""

import re
from dataclasses import dataclass

from markupsafe import Markup

from heedful.report.draw import tag

COLUMN, LINE = 13.0, 34.0  # pixels of a sign's place
HALF = 13.0  # of a block's side
LETTER = 7.6  # width of a letter in the size of the diagram's texts, for the widest of the usual faces
BOXES = {"■": "net", "□": "source"}
ROUNDS = {"○": 11.0, "●": 11.0, "·": 3.0}
ARROWS = {"→": (1, False), "⇒": (1, False), "←": (-1, False), "⇄": (1, True), "═": (1, True)}
"""Signs between blocks: in which direction, and whether in both."""
BRIDGE = re.compile(r"[─═]{2} (?P<text>[^─═]+) [─═]{2}▶")
SIGNS = {*BOXES, *ROUNDS, *ARROWS, "↑", "?"}


@dataclass(frozen=True)
class Piece:
    """A sign, a text or a bridge between two parts (its text) in a line of a diagram, and its columns."""

    kind: str
    text: str
    start: int
    end: int


def draw_diagram(diagram: str, title: str) -> Markup:
    """The diagram as SVG, as large as it is."""
    lines = diagram.rstrip().split("\n")
    pieces = [(row, piece) for row, line in enumerate(lines) for piece in pieces_of(line)]
    left = min(piece.start for _, piece in pieces) - 2
    body = [draw_piece(piece, (piece.start - left + 0.5) * COLUMN, (row + 1) * LINE) for row, piece in pieces]
    width = max((piece.start - left + 1) * COLUMN + width_of(piece) for _, piece in pieces) + COLUMN
    height = (len(lines) + 1) * LINE
    size = {"width": f"{width:.0f}", "height": f"{height:.0f}", "class_": "diagram"}
    view = f"0 0 {width:.0f} {height:.0f}"
    return tag("svg", Markup("").join(body), viewBox=view, role="img", aria_label=title, **size)


def pieces_of(line: str) -> list[Piece]:
    """What stands in a line.

    >>> [(piece.kind, piece.text) for piece in pieces_of("   ■ → ■   one answer")]
    [('sign', '■'), ('sign', '→'), ('sign', '■'), ('text', 'one answer')]
    """
    pieces, at = list[Piece](), 0
    while at < len(line):
        bridge = BRIDGE.match(line, at)
        if line[at] == " ":
            at += 1
            continue
        if bridge:
            kind, text, end = "bridge", bridge["text"], bridge.end()
        elif line[at] in SIGNS and line[at + 1 : at + 2] in ("", " "):
            kind, text, end = "sign", line[at], at + 1
        else:
            text = line[at:].partition("  ")[0].rstrip()
            kind, end = "text", at + len(text)
        pieces.append(Piece(kind, text, at, end))
        at = end
    return pieces


def width_of(piece: Piece) -> float:
    """The pixels that a piece takes behind its first column."""
    return LETTER * len(piece.text) if piece.kind == "text" else COLUMN * (piece.end - piece.start)


def draw_piece(piece: Piece, x: float, y: float) -> Markup:
    """One piece, whose first sign stands at (x, y)."""
    if piece.kind == "text":
        return tag("text", piece.text, x=x - COLUMN / 2, y=y + 5, class_="said")
    if piece.kind == "bridge":
        end = x + COLUMN * (piece.end - piece.start - 1)
        middle = (x + end) / 2
        return arrow(x, y, end, y) + tag("text", piece.text, x=middle, y=y - 8, class_="said", text_anchor="middle")
    sign = piece.text
    if sign in BOXES:
        return box(x, y, BOXES[sign])
    if sign in ROUNDS:
        return tag("circle", cx=x, cy=y, r=ROUNDS[sign], class_="answer" if sign != "·" else "start")
    if sign == "?":
        return box(x, y, "source") + tag("text", "?", x=x, y=y + 5, class_="said", text_anchor="middle")
    if sign == "↑":
        return arrow(x, y + 14, x, y - 14)
    direction, both = ARROWS[sign]
    ends = (x - 11 * direction, x + 11 * direction)
    back = head(ends[0], y, -direction, 0) if both else Markup("")
    return arrow(ends[0], y, ends[1], y) + back


def box(x: float, y: float, class_: str) -> Markup:
    """A block around (x, y)."""
    return tag("rect", x=x - HALF, y=y - HALF, width=2 * HALF, height=2 * HALF, rx=4, class_=class_)


def arrow(x: float, y: float, to_x: float, to_y: float) -> Markup:
    """A line with a head at its end, level or upright."""
    across = (to_x > x) - (to_x < x)
    return tag("line", x1=x, y1=y, x2=to_x, y2=to_y, class_="wire") + head(to_x, to_y, across, (to_y > y) - (to_y < y))


def head(x: float, y: float, across: int, down: int) -> Markup:
    """The head of an arrow that points across (1: right) or down (-1: up)."""
    wing = 4.0
    corners = [
        (x, y),
        (x - 7 * across - wing * abs(down), y - 7 * down - wing * abs(across)),
        (x - 7 * across + wing * abs(down), y - 7 * down + wing * abs(across)),
    ]
    return tag("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners), class_="head")
