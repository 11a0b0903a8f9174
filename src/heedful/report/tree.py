"""A watched search as lines of text: each branch that was worth a line, and what became of it."""

from collections.abc import Iterator

from heedful.beam_tree import BeamNode, BeamTree
from heedful.errors import count
from heedful.report import words
from heedful.report.columns import columns

LINES = 48


def tree_text(tree: BeamTree) -> str:
    """The branches that stood in the beam, the likeliest first; tokens that follow one another alone share a line."""
    rows = list(branches(tree, -1, ""))
    shown = rows[:LINES]
    more = [f"… and {count(len(rows) - LINES, 'line')} more, which a page has"] if len(rows) > LINES else []
    heading = f"{words.shorten(tree.question, 60)}: {summary(tree)}"
    return "\n".join([heading, "", columns(shown, left_aligned={0, 2}) if shown else "", *more, *tree.notes])


def summary(tree: BeamTree) -> str:
    """How wide the search was, and how many hypotheses came to which end."""
    fates = ", ".join(f"{number:,} {fate}" for fate, number in tree.fates.most_common() if fate != "lived")
    hypotheses = count(len(tree.nodes), "hypothesis", "hypotheses")
    return f"beam {tree.beam}, {hypotheses}: {fates}"


def branches(tree: BeamTree, parent: int, indent: str) -> Iterator[list[str]]:
    """Rows of tokens, log probability and fate for all that goes on from a node and is worth a line."""
    children = worth_a_line(tree, parent)
    for number in children:
        is_last, at_top = number == children[-1], parent < 0
        branch = "" if at_top else "└─ " if is_last else "├─ "
        end = chain(tree, number)
        tokens = " ".join(words.token(node.token) for node in tree.path(end)[tree.nodes[number].step - 1 :])
        yield [f"{indent}{branch}{tokens}", f"{tree.nodes[end].score:.2f}", fate_text(tree, end)]
        yield from branches(tree, end, indent + ("" if at_top else "   " if is_last else "│  "))


def chain(tree: BeamTree, number: int) -> int:
    """The last of the nodes that go on from this one without another beside them."""
    while True:
        children = worth_a_line(tree, number)
        if len(children) != 1 or tree.nodes[children[0]].fate == "forbidden":
            return number
        number = children[0]


def worth_a_line(tree: BeamTree, parent: int) -> list[int]:
    """What goes on from a node, but for what was outscored at once."""
    return [number for number in tree.children.get(parent, ()) if tree.nodes[number].fate != "outscored"]


def fate_text(tree: BeamTree, number: int) -> str:
    """What became of a hypothesis, in words; of one that several go on from nothing."""
    node = tree.nodes[number]
    if node.fate == "forbidden":
        return f"forbidden: {node.why}"
    if node.fate == "given up":
        return "given up: nothing behind it could win any more"
    if node.fate in ("finished", "cut"):
        return ending(tree, node)
    went_on = any(tree.nodes[child].fate != "forbidden" for child in worth_a_line(tree, number))
    return "" if went_on else "outscored by others"


def ending(tree: BeamTree, node: BeamNode) -> str:
    """How a hypothesis that ended came out."""
    cut = ", cut at the greatest length" if node.fate == "cut" else ""
    if node.place is None:
        return f"ended{cut}, and was pushed out by better ones"
    if node.place <= len(tree.answers):
        return f"answer {node.place}{cut}"
    return f"ended{cut}, in place {node.place}"
