"""A watched search as a page: a column for each step, the hypotheses of the beam above, what they were held against
below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from heedful.beam_tree import BeamTree
from heedful.report import pages, words
from heedful.report.draw import tag
from heedful.report.figures import Table
from heedful.report.tree import fate_text, summary

COLUMN, ROW, BOX = 104, 40, 28
WIDE = 84  # of a box
TOP, LEFT = 26, 8
DEAD = 5  # that are drawn of a step, of those that never stood in the beam
ROWS = 400  # of the table
SIGNS = {"finished": "✓", "cut": "✂", "forbidden": "✗", "given up": "…"}
KEPT = ("lived", "finished", "cut", "given up")


@dataclass(frozen=True)
class Place:
    """Where a node stands: the left edge and the middle of its box."""

    x: float
    y: float


def tree_page(tree: BeamTree) -> str:
    """The page."""
    best = next((answer for answer in tree.answers if answer.strip()), "")
    return pages.page(
        "tree.html",
        kind="beam tree",
        title=f"How {words.shorten(best, 60)} was found" if best else "How an answer was found",
        **pages.view_script({"tree": ("beam-tree", "mountTree")}),
        question=tree.question,
        summary=summary(tree),
        drawing=drawing(tree),
        answers=answer_table(tree),
        table=all_table(tree),
        rest=max(0, len(tree.nodes) - ROWS),
        notes=tree.notes,
    )


def drawing(tree: BeamTree) -> Markup:
    """All steps side by side; nodes carry in data- what the view lights and says."""
    places, rest = layout(tree)
    best = path_of_best(tree)
    edges = [edge(tree, number, places, best) for number in sorted(places, key=lambda number: number in best)]
    nodes = [node_box(tree, number, place, best) for number, place in sorted(places.items())]
    steps = max((node.step for node in tree.nodes), default=0)
    bottom = max([place.y for place in places.values()], default=TOP) + ROW
    heads = [column_label(step, str(step), 14, "axis") for step in range(1, steps + 1)]
    more = [column_label(step, f"+ {number}", y + 24, "label") for step, (number, y) in rest.items() if number]
    width, body = LEFT + steps * COLUMN, Markup("").join([*heads, *edges, *nodes, *more])
    size = {"viewBox": f"0 0 {width} {bottom:g}", "width": width, "height": f"{bottom:g}"}
    return tag("svg", body, role="group", aria_label="The search, step by step", **size)


def column_label(step: int, text: str, y: float, kind: str) -> Markup:
    """A text in the middle of a step's column."""
    return tag("text", text, x=LEFT + (step - 1) * COLUMN + WIDE / 2, y=y, class_=kind, text_anchor="middle")


def layout(tree: BeamTree) -> tuple[dict[int, Place], dict[int, tuple[int, float]]]:
    """Where nodes stand, by number; and of each step how many of the dead are left out, and where that is written."""
    by_step: dict[int, list[int]] = {}
    for number, node in enumerate(tree.nodes):
        by_step.setdefault(node.step, []).append(number)
    ranked = {step: sorted(numbers, key=lambda number: -tree.nodes[number].score) for step, numbers in by_step.items()}
    kept = {step: [n for n in numbers if tree.nodes[n].fate in KEPT] for step, numbers in ranked.items()}
    below = TOP + ROW * max(map(len, kept.values()), default=0) + ROW / 2
    places: dict[int, Place] = {}
    rest: dict[int, tuple[int, float]] = {}
    for step, numbers in ranked.items():
        dead = [n for n in numbers if tree.nodes[n].fate not in KEPT]
        dead.sort(key=lambda number: tree.nodes[number].fate != "forbidden")
        x = LEFT + (step - 1) * COLUMN
        places |= {number: Place(x, TOP + ROW * row + BOX / 2) for row, number in enumerate(kept[step])}
        places |= {number: Place(x, below + ROW * row + BOX / 2) for row, number in enumerate(dead[:DEAD])}
        rest[step] = max(0, len(dead) - DEAD), below + ROW * min(len(dead), DEAD) - ROW / 2
    return places, rest


def path_of_best(tree: BeamTree) -> set[int]:
    """The nodes of the best answer."""
    number = next((number for number, node in enumerate(tree.nodes) if node.place == 1), -1)
    path: set[int] = set()
    while number >= 0:
        path.add(number)
        number = tree.nodes[number].parent
    return path


def edge(tree: BeamTree, number: int, places: Mapping[int, Place], best: set[int]) -> Markup:
    """The line from a node's parent to it."""
    node, end = tree.nodes[number], places[number]
    if node.parent < 0:
        return Markup("")
    start = places[node.parent]
    low, high = start.x + WIDE, end.x
    middle = (low + high) / 2
    path = f"M{low:g},{start.y:g} C{middle:g},{start.y:g} {middle:g},{end.y:g} {high:g},{end.y:g}"
    kind = "best" if number in best else "kept" if node.fate in KEPT else "dead"
    return tag("path", d=path, class_=f"edge {kind}", data_e=number)


def node_box(tree: BeamTree, number: int, place: Place, best: set[int]) -> Markup:
    """A node: its token, and the log probability of all up to it."""
    node = tree.nodes[number]
    sign = SIGNS.get(node.fate, "")
    if node.place and node.place <= len(tree.answers):
        sign += str(node.place)
    name = f"{sign} {words.shorten_token(node.token, 9 - len(sign))}".strip()
    parts = [
        tag("rect", x=place.x, y=place.y - BOX / 2, width=WIDE, height=BOX, rx=5),
        tag("text", name, x=place.x + WIDE / 2, y=place.y - 1, class_="token-label", text_anchor="middle"),
        tag("text", f"{node.score:.2f}", x=place.x + WIDE / 2, y=place.y + 11, class_="label", text_anchor="middle"),
    ]
    kind = node.fate.replace(" ", "-") + (" best" if number in best else "")
    return tag(
        "g",
        Markup("").join(parts),
        class_=f"node {kind}",
        role="button",
        tabindex=0 if number == min(best, default=0) else -1,
        aria_label=said(tree, number),
        data_n=number,
        data_parent=node.parent,
        data_step=node.step,
    )


def said(tree: BeamTree, number: int) -> str:
    """A hypothesis in words."""
    path = tree.path(number)
    text = " ".join(words.token(node.token) for node in path)
    gained = path[-1].score - (path[-2].score if len(path) > 1 else 0.0)
    fate = fate_text(tree, number) or "went on"
    if path[-1].fate == "outscored":
        fate = "outscored: others were likelier"
    return f"{text} · log probability {path[-1].score:.2f}, {gained:.2f} of it by the last · {fate}"


def answer_table(tree: BeamTree) -> Table:
    """What ended, the best first."""
    ended = sorted(
        (number for number, node in enumerate(tree.nodes) if node.place), key=lambda n: tree.nodes[n].place or 0
    )
    rows = [
        [
            " ".join(words.token(node.token) for node in tree.path(number)),
            f"{tree.nodes[number].score:.2f}",
            f"{tree.nodes[number].normalised:.2f}",
            fate_text(tree, number),
        ]
        for number in ended
    ]
    return Table(["hypothesis", "log probability", "normalised", "what became of it"], rows)


def all_table(tree: BeamTree) -> Table:
    """Every hypothesis in numbers, as many as a page has room for."""
    rows: list[Sequence[str]] = []
    for number, node in list(enumerate(tree.nodes))[:ROWS]:
        text = " ".join(words.token(each.token) for each in tree.path(number))
        ranking = "–" if node.ranking_score is None else f"{node.ranking_score:.2f}"
        rows.append([text, str(node.step), f"{node.score:.2f}", ranking, fate_text(tree, number) or node.fate])
    return Table(["hypothesis", "tokens", "log probability", "ranked by", "what became of it"], rows)
