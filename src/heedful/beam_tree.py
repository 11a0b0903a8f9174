"""Plain results of a search that was watched: every hypothesis that stood in the beam, what it was held against, and
what became of it.

No tensor, no network, no HTML.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from heedful.results import Result

Fate = Literal["lived", "finished", "cut", "outscored", "forbidden", "given up"]
"""What became of a hypothesis: `lived` went on to longer ones; `cut`: the greatest length was reached before an end;
`given up`: it still grew when no answer of it could have come among the best any more."""


@dataclass(frozen=True)
class BeamNode:
    """A hypothesis: its newest token, and the one that it goes on from (-1: none, it is its first token).

    `score` is the log probability of all of it under the network as it is, `ranking_score` the same with guidance and
    penalties, by which the beam chose; None in place of -inf. `why`: of what was forbidden, by which rule. `place`:
    of what ended, its place among all that did, from 1; `normalised` is what ordered them.
    """

    token: str
    parent: int
    step: int
    score: float
    ranking_score: float | None
    fate: Fate
    why: str = ""
    place: int | None = None
    normalised: float | None = None


@dataclass(frozen=True, repr=False)
class BeamTree(Result):
    """All hypotheses of the search for one answer; parents stand before their children. `answers`: the n best."""

    task: str
    question: str
    answers: tuple[str, ...]
    beam: int
    nodes: tuple[BeamNode, ...]
    notes: tuple[str, ...] = ()

    @property
    def fates(self) -> Counter[Fate]:
        """How many hypotheses came to what end."""
        return Counter(node.fate for node in self.nodes)

    @cached_property
    def children(self) -> dict[int, list[int]]:
        """The numbers of the nodes that go on from each (-1: from nothing), the best first."""
        children: dict[int, list[int]] = {}
        for number, node in enumerate(self.nodes):
            children.setdefault(node.parent, []).append(number)
        for numbers in children.values():
            numbers.sort(key=lambda number: -self.nodes[number].score)
        return children

    def path(self, number: int) -> Sequence[BeamNode]:
        """A node behind all that it goes on from, the first token first."""
        path: list[BeamNode] = []
        while number >= 0:
            path.append(self.nodes[number])
            number = path[-1].parent
        return path[::-1]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)
