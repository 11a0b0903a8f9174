"""How a search is watched: what became of each hypothesis, and of what it was chosen before.

Inside `watch()` the first search that is asked notes all of it; a search that nobody watches notes nothing, and is no
slower for it.

K beams   C tokens among which a row can go on
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import numpy as np

from heedful.beam_tree import BeamNode, BeamTree
from heedful.generation.batch import Hypothesis, SearchBatch
from heedful.generation.choose import Choice, Continuations
from heedful.generation.rules import Rules
from heedful.generation.stopping import Stopping

Ids = tuple[int, ...]


@dataclass
class Seen:
    """A node, and the ids of the hypothesis."""

    node: BeamNode
    ids: Ids


class Watched:
    """The hypotheses of one request's search, as they come and go."""

    def __init__(self) -> None:
        self.taken = False
        self.beams = 0
        self.seen: list[Seen] = []
        self.rows: list[int] = []  # K, the node at which each row stands; -1: at none
        self.offers: dict[tuple[int, int], int] = {}  # the newest nodes, by beam and token
        self.finished: Sequence[Hypothesis] = ()

    def take(self) -> "Watched | None":
        """Itself for the first search that asks, None for all others."""
        first, self.taken = not self.taken, True
        return self if first else None

    def offer(
        self, batch: SearchBatch, continuations: Continuations, choice: Choice, stopping: Stopping, drawn: bool
    ) -> None:
        """Notes what the rows could go on with, before they do. `drawn`: nothing but what was chosen was considered."""
        assert len(batch) == 1, "one request is watched at a time"
        self.beams = batch.last.shape[1]
        self.rows = self.rows or [-1] * self.beams
        chosen = {
            (int(beam), int(token)): place
            for place, (beam, token, score) in enumerate(
                zip(choice.beam[0], choice.token[0], choice.ranking_score[0], strict=True)
            )
            if score > -np.inf
        }
        self.offers = {}
        for beam in np.flatnonzero(batch.ranking_score[0] > -np.inf).tolist():
            for token, unguided, allowed in offered(continuations, beam, 0 if drawn else self.beams, chosen):
                self.add(batch, beam, token, (unguided, allowed), chosen.get((beam, token)), stopping)

    def add(
        self,
        batch: SearchBatch,
        beam: int,
        token: int,
        gained: tuple[float, float],
        place: int | None,
        stopping: Stopping,
    ) -> None:
        """Notes one continuation of a row; `place`: where it stands among the chosen."""
        ids = (*(int(each) for each in batch.history[0, beam, : batch.steps[0]]), token)
        score, ranking = float(batch.score[0, beam]) + gained[0], float(batch.ranking_score[0, beam]) + gained[1]
        fate, why = "outscored", ""
        if place is None:
            why = why_forbidden(stopping.rules, batch, beam, token, stopping.end, gained[1])
            fate = "forbidden" if why else fate
        elif place < self.beams and is_over(ids, batch, stopping):
            fate = "finished" if stopping.completes(ids, int(batch.limits[0])) else "cut"
        node = BeamNode("", self.rows[beam], len(ids), score, ranking if ranking > -np.inf else None, fate, why)
        self.offers[beam, token] = len(self.seen)
        self.seen.append(Seen(node, ids))

    def move(self, batch: SearchBatch, choice: Choice) -> None:
        """Notes which of them the rows went on with, now that they have."""
        alive = batch.ranking_score[0] > -np.inf
        self.rows = [
            self.offers[int(beam), int(token)] if lives else -1
            for beam, token, lives in zip(choice.beam[0], choice.token[0], alive, strict=True)
        ]
        for number in self.rows:
            if number >= 0:
                self.seen[number].node = replace(self.seen[number].node, fate="lived")

    def end(self, batch: SearchBatch) -> None:
        """Notes how what has ended was ordered, and what had not when the search did."""
        self.finished = tuple(batch.finished[0])
        for number in self.rows:
            if number >= 0:
                self.seen[number].node = replace(self.seen[number].node, fate="given up")

    def tree(
        self, task: str, question: str, answers: Sequence[str], names: Callable[[Ids], Sequence[str]], end: int
    ) -> BeamTree:
        """All of it as people read it: `names` are those of token ids, `end` is the id that ends an answer."""
        return BeamTree(task, question, tuple(answers), self.beams, self.nodes(names, end))

    def nodes(self, names: Callable[[Ids], Sequence[str]], end: int) -> tuple[BeamNode, ...]:
        """What became of each hypothesis."""
        places: dict[tuple[Ids, bool], list[int]] = {}  # of equal draws several
        for place, hypothesis in enumerate(self.finished):
            places.setdefault((hypothesis.tokens, hypothesis.complete), []).append(place)
        nodes: list[BeamNode] = []
        for seen in self.seen:
            node = replace(seen.node, token=names(seen.ids[-1:])[0])
            if node.fate in ("finished", "cut"):
                tokens = seen.ids[:-1] if seen.ids[-1] == end else seen.ids
                if same := places.get((tokens, node.fate == "finished")):
                    place = same.pop(0)
                    node = replace(node, place=place + 1, normalised=self.finished[place].normalised)
            nodes.append(node)
        return tuple(nodes)


current: ContextVar[Watched | None] = ContextVar("watched", default=None)


@contextmanager
def watch() -> Generator[Watched]:
    """Has the first search that is made until the block ends noted."""
    watched = Watched()
    token = current.set(watched)
    try:
        yield watched
    finally:
        current.reset(token)


def watcher() -> Watched | None:
    """Who watches a search that begins now, if anybody does."""
    watched = current.get()
    return watched.take() if watched else None


def offered(
    continuations: Continuations, beam: int, count: int, chosen: dict[tuple[int, int], int]
) -> Iterator[tuple[int, float, float]]:
    """The `count` likeliest tokens of a row with their log probabilities, and those chosen: (token, unguided, allowed).

    A token that is named by a rule stands among a row's twice or more: it counts where it is allowed most.
    """
    unguided, allowed = continuations.unguided[0, beam], continuations.allowed[0, beam]
    tokens = np.arange(len(unguided)) if continuations.tokens is None else continuations.tokens[0, beam]
    best: dict[int, tuple[float, float]] = {}
    for index in np.flatnonzero(unguided > -np.inf).tolist():
        token, pair = int(tokens[index]), (float(unguided[index]), float(allowed[index]))
        if token not in best or pair[1] > best[token][1]:
            best[token] = pair
    ranked = sorted(best, key=lambda token: -best[token][0])
    for place, token in enumerate(ranked):
        if place < count or (beam, token) in chosen:
            yield token, *best[token]


def is_over(ids: Ids, batch: SearchBatch, stopping: Stopping) -> bool:
    """Whether a hypothesis is finished."""
    tokens = np.array([[ids]])
    return bool(stopping.over(tokens[..., -1], np.array([len(ids)]), batch.limits, tokens)[0, 0])


def why_forbidden(rules: Rules, batch: SearchBatch, beam: int, token: int, end: int, allowed: float) -> str:
    """Which rule a row broke with this token; "": none."""
    steps = int(batch.steps[0])
    if steps < len(rules.prefix) and token != rules.prefix[steps]:
        return "the answer begins otherwise: generate.prefix"
    if rules.constraints is not None:
        room = int(batch.limits[0]) - steps - 1
        if objection := rules.constraints.objection(batch.progress[0][beam], token, end, room):
            return objection
    if allowed > -np.inf:
        return ""
    if rules.close and steps + 1 >= batch.limits[0]:
        return "nothing but the end fits: generate.close"
    return f"it would repeat {rules.no_repeat_ngram} tokens: generate.no_repeat_ngram" if rules.no_repeat_ngram else ""
