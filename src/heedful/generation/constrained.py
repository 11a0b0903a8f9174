"""How the next tokens are chosen where constraints steer: the choices of choose.py among what can still be finished.

Required phrases share the beam out as Post & Vilar 2018 do: hypotheses that have equally much of them left make a
bank, and each bank has its share, so that those which spell a phrase now do not lose against those which put it off.

N sources   K beams   C tokens among which a row can go on   V vocabulary
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heedful.generation.batch import SearchBatch
from heedful.generation.choose import Choice, Continuations, choice_at, highest, narrow, weights
from heedful.generation.constraints import ConstraintProgress, Constraints
from heedful.generation.stepper import Floats, Ints
from heedful.schema import GenerateSettings

TOKENS_PER_BEAM = 4  # tokens of every hypothesis that are looked at, however low it stands
TRIES = 64  # draws before the likeliest is taken that is allowed

RankedTokens = list[tuple[float, int, int]]
"""Ranking scores, beams and indices among the tokens of the beam, the best first."""


@dataclass(frozen=True)
class Move:
    """A hypothesis that goes on from `beam` by the token at `index`, and the ranking score that it has then."""

    ranking_score: float
    beam: int
    index: int
    progress: ConstraintProgress


@dataclass(frozen=True)
class ConstrainedBeams:
    """The likeliest continuations of each source that can be finished, shared out among the banks."""

    constraints: Constraints
    end: int
    width: int

    @property
    def count(self) -> int:
        """More than the beam holds, as some will not do."""
        return 8 * self.width + 32

    def __call__(self, continuations: Continuations, batch: SearchBatch) -> Choice:
        totals = batch.ranking_score[..., None] + continuations.allowed  # (N, K, C)
        assert continuations.tokens is not None
        moves: list[list[Move]] = []
        for source, slots in enumerate(batch.growing.tolist()):
            pool = Pool(self, batch, source, continuations.tokens[source])
            tops = [top_ranked(totals[source, beam, None], TOKENS_PER_BEAM, beam) for beam in range(self.width)]
            if slots <= self.constraints.first(int(batch.limits[source])).remaining:
                for beam, top in enumerate(tops):
                    pool.force(beam, top)
            pool.take(top_ranked(totals[source], self.count), self.width)
            for beam, top in enumerate(tops):
                pool.take([pool.onward(beam, totals[source, beam])], 1)
                if self.constraints.required:
                    pool.take(top, 1)
            moves.append(share_out(pool.moves(), slots))
        return choice(moves, continuations, batch)


@dataclass(frozen=True)
class ConstrainedSamples:
    """A draw for every row, from what can be finished."""

    constraints: Constraints
    end: int
    settings: GenerateSettings

    @property
    def count(self) -> None:
        return None

    def __call__(self, continuations: Continuations, batch: SearchBatch) -> Choice:
        allowed = continuations.allowed
        shares = weights(narrow(allowed, self.settings)).astype(np.float64)  # (N, K, V)
        moves: list[list[Move]] = []
        for source, rows in enumerate(batch.progress):
            room, step = int(batch.limits[source] - batch.steps[source]) - 1, int(batch.steps[source])
            moves.append([])
            for row, progress in enumerate(rows):
                token, gained = self.end, -np.inf  # a dead row keeps its place
                if batch.ranking_score[source, row] > -np.inf:
                    point = float(batch.draws[source, row, step])
                    token, progress = self.draw(shares[source, row], allowed[source, row], point, progress, room)
                    gained = float(batch.ranking_score[source, row] + allowed[source, row, token])
                moves[-1].append(Move(gained, row, token, progress))  # a token stands at its id
        return choice(moves, continuations, batch)

    def draw(
        self, shares: Floats, allowed: Floats, point: float, progress: ConstraintProgress, room: int
    ) -> tuple[int, ConstraintProgress]:
        """A token (V,) and the hypothesis with it. One number in [0, 1) decides, however often it is drawn again."""
        for _ in range(0 if progress.forced else TRIES):
            sums = shares.cumsum()
            if sums[-1] <= 0:
                break
            at = point * float(sums[-1])
            token = min(int(sums.searchsorted(at, side="right")), len(shares) - 1)
            if token == self.end and progress.completion:
                break
            after = extend(self.constraints, self.end, progress, token, room)
            if after is not None:
                return token, after
            # where the point fell within the token's own weight is again a draw from [0, 1)
            weight = float(shares[token])
            point = min(max((at - float(sums[token]) + weight) / weight, 0.0), 1 - 1e-12)
            shares[token] = 0
        if progress.completion:
            forced = replace(progress, forced=True)
            after = extend(self.constraints, self.end, forced, progress.completion[0], room)
            assert after is not None
            return progress.completion[0], after
        for token in highest(allowed[None], min(TRIES, len(allowed)))[0].tolist():
            after = extend(self.constraints, self.end, progress, token, room)
            if after is not None and allowed[token] > -np.inf:
                return token, after
        return self.end, progress


class Pool:
    """The moves of one source among which it can choose; `tokens` (K, C)."""

    def __init__(self, chooser: ConstrainedBeams, batch: SearchBatch, source: int, tokens: Ints) -> None:
        self.constraints, self.end, self.tokens = chooser.constraints, chooser.end, tokens
        self.progress = list(batch.progress[source])
        self.room = int(batch.limits[source] - batch.steps[source]) - 1
        self.considered: dict[tuple[int, int], Move | None] = {}  # by beam and index; None: not allowed

    def moves(self) -> list[Move]:
        """All that were taken."""
        return [move for move in self.considered.values() if move is not None]

    def onward(self, beam: int, totals: Floats) -> tuple[float, int, int]:
        """How a hypothesis with these ranking scores (C,) comes nearer to its end."""
        completion = self.progress[beam].completion
        same = self.tokens[beam] == (completion[0] if completion else self.end)
        index = int(np.where(same, totals, -np.inf).argmax())
        return float(totals[index]) if same[index] else -np.inf, beam, index

    def force(self, beam: int, top: RankedTokens) -> None:
        """Sends a hypothesis on its way if the best that it could go on with is an end too early.

        A beam with fewer places than banks would else go on and on from there, as that costs less than the way.
        """
        for ranking_score, _, index in top:
            if ranking_score > -np.inf and self.tokens[beam, index] == self.end and self.progress[beam].completion:
                self.progress[beam] = replace(self.progress[beam], forced=True)
                return
            if ranking_score == -np.inf or self.look(ranking_score, beam, index) is not None:
                return

    def take(self, moves: Iterable[tuple[float, int, int]], count: int) -> None:
        """Adds moves, the best first, until `count` of these are in."""
        for ranking_score, beam, index in moves:
            if count == 0 or ranking_score == -np.inf:
                return
            count -= self.look(ranking_score, beam, index) is not None

    def look(self, ranking_score: float, beam: int, index: int) -> Move | None:
        """The move, if it can be finished."""
        if (beam, index) not in self.considered:
            token = int(self.tokens[beam, index])
            after = extend(self.constraints, self.end, self.progress[beam], token, self.room)
            self.considered[beam, index] = None if after is None else Move(ranking_score, beam, index, after)
        return self.considered[beam, index]


def extend(
    constraints: Constraints, end: int, progress: ConstraintProgress, token: int, room: int
) -> ConstraintProgress | None:
    """The hypothesis with one token more, the end included; None if that is not allowed."""
    if token == end:
        return None if progress.completion else progress
    return constraints.follow(progress, token, room)


def top_ranked(totals: Floats, count: int, first: int = 0) -> RankedTokens:
    """The `count` best of the ranking scores (K, C) of beams that are numbered from `first`."""
    flat = totals.reshape(1, -1)
    indices = highest(flat, min(count, flat.size))[0]
    beams, columns = np.divmod(indices, totals.shape[1])
    return list(zip(flat[0, indices].tolist(), (beams + first).tolist(), columns.tolist(), strict=True))


def choice(moves: Sequence[Sequence[Move]], continuations: Continuations, batch: SearchBatch) -> Choice:
    """The moves of each source as arrays, dead rows behind them."""
    width = batch.last.shape[1]
    rows = [
        [*of_source, *[Move(-np.inf, 0, 0, progress[0])] * (width - len(of_source))]
        for of_source, progress in zip(moves, batch.progress, strict=True)
    ]
    beams = np.array([[move.beam for move in row] for row in rows])
    indices = np.array([[move.index for move in row] for row in rows])
    return replace(
        choice_at(continuations, batch, beams * continuations.allowed.shape[2] + indices),
        ranking_score=np.array([[move.ranking_score for move in row] for row in rows]),
        progress=[[move.progress for move in row] for row in rows],
    )


def share_out(moves: Sequence[Move], slots: int) -> list[Move]:
    """At most `slots` of the moves: each bank offers its best in turn, and the better offers are taken first."""
    offered: Counter[int] = Counter()
    ranks: list[tuple[int, float, Move]] = []
    for move in sorted(moves, key=lambda move: -move.ranking_score):
        ranks.append((offered[move.progress.remaining], -move.ranking_score, move))
        offered[move.progress.remaining] += 1
    return [move for *_, move in sorted(ranks, key=lambda rank: rank[:2])[: max(0, slots)]]
