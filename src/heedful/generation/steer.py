"""How the next tokens are chosen where constraints steer: the choices of choose.py among what can still be finished.

Required phrases share the beam out as Post & Vilar 2018 do: hypotheses that owe equally much make a bank, and each
bank has its share, so that those which pay for a phrase now do not lose against those which put it off.

N sources   K beams   V vocabulary
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from heedful.generation.choose import Beams, Choice, chosen, narrowed
from heedful.generation.constraints import Constraints, Track
from heedful.schema import GenerateSettings

EACH = 4  # tokens of every hypothesis that are looked at, however low it stands
TRIES = 64  # draws before the likeliest is taken that may be said


@dataclass(frozen=True)
class Move:
    """A hypothesis that goes on from `beam` by `token`, and the order score that it has then."""

    order: float
    beam: int
    token: int
    track: Track


@dataclass(frozen=True)
class Steered:
    """Choosers that keep constraints."""

    constraints: Constraints
    end: int

    def beams(self, log_probs: Tensor, allowed: Tensor, running: Beams, settings: GenerateSettings) -> Choice:
        """The likeliest continuations of each source that can be finished, shared out among the banks."""
        width, vocabulary = running.order.size(1), allowed.size(-1)
        order = running.order.unsqueeze(-1) + allowed  # (N, K, V)
        # more than the beam holds, as some will not do; every single one of a small vocabulary
        best = order.flatten(1).topk(min(width * vocabulary, 8 * width + 32), dim=1)
        each = order.topk(min(EACH, vocabulary), dim=2)
        ways = [[track.way[0] if track.way else self.end for track in tracks] for tracks in running.tracks]
        onward = order.gather(2, torch.tensor(ways, device=order.device).unsqueeze(-1)).squeeze(-1).tolist()
        moves: list[list[Move]] = []
        for source, slots in enumerate(running.growing.flatten().tolist()):
            room = running.limits[source] - running.steps[source] - 1
            pool = Pool(self, running.tracks[source], room, vocabulary)
            tops = [pool.ranked(each.values[source, k], each.indices[source, k], k) for k in range(width)]
            if slots <= self.constraints.first(running.limits[source]).owed:
                for beam, top in enumerate(tops):
                    pool.bind(beam, top)
            pool.take(pool.ranked(best.values[source], best.indices[source]), width)
            for beam, top in enumerate(tops):
                pool.take([(onward[source][beam], beam * vocabulary + ways[source][beam])], 1)
                if self.constraints.required:
                    pool.take(top, 1)
            moves.append(shared_out(pool.moves(), slots))
        return self.choice(moves, log_probs, running)

    def samples(self, log_probs: Tensor, allowed: Tensor, running: Beams, settings: GenerateSettings) -> Choice:
        """A draw for every row, from what can be finished."""
        odds = narrowed(allowed / settings.temperature, settings).softmax(-1).double()  # (N, K, V)
        alive = (running.order > -math.inf).tolist()
        moves: list[list[Move]] = []
        for source, tracks in enumerate(running.tracks):
            room, step = running.limits[source] - running.steps[source] - 1, running.steps[source]
            moves.append([])
            for row, track in enumerate(tracks):
                token, gained = self.end, -math.inf  # a dead row keeps its place
                if alive[source][row]:
                    point = running.draws[source, row, step].item()
                    token, track = self.draw(odds[source, row], allowed[source, row], point, track, room)
                    gained = (running.order[source, row] + allowed[source, row, token]).item()
                moves[-1].append(Move(gained, row, token, track))
        return self.choice(moves, log_probs, running)

    def draw(self, odds: Tensor, allowed: Tensor, point: float, track: Track, room: int) -> tuple[int, Track]:
        """A token (V,) and the hypothesis with it. One number in [0, 1) decides, however often it is drawn again."""
        for _ in range(0 if track.bound else TRIES):
            share = odds.cumsum(-1)
            if share[-1] <= 0:
                break
            at = point * share[-1]
            token = int(torch.searchsorted(share, at, right=True).clamp(max=len(odds) - 1))
            if token == self.end and track.way:
                break
            after = self.after(track, token, room)
            if after is not None:
                return token, after
            # where the point fell within the token's own share is again a draw from [0, 1)
            point = ((at - share[token] + odds[token]) / odds[token]).clamp(0, 1 - 1e-12).item()
            odds[token] = 0
        if track.way:
            after = self.after(replace(track, bound=True), track.way[0], room)
            assert after is not None
            return track.way[0], after
        for token in allowed.topk(min(TRIES, len(allowed))).indices.tolist():
            after = self.after(track, token, room)
            if after is not None and allowed[token] > -math.inf:
                return token, after
        return self.end, track

    def after(self, track: Track, token: int, room: int) -> Track | None:
        """The hypothesis with one token more, the end included; None if that may not be said."""
        if token == self.end:
            return None if track.way else track
        return self.constraints.follow(track, token, room)

    def choice(self, moves: Sequence[Sequence[Move]], log_probs: Tensor, running: Beams) -> Choice:
        """The moves of each source as tensors, dead rows behind them."""
        width, device = running.order.size(1), log_probs.device
        idle = [Move(-math.inf, 0, self.end, tracks[0]) for tracks in running.tracks]
        full = [[*some, *[none] * (width - len(some))] for some, none in zip(moves, idle, strict=True)]
        beam = torch.tensor([[move.beam for move in some] for some in full], device=device)
        token = torch.tensor([[move.token for move in some] for some in full], device=device)
        order = torch.tensor([[move.order for move in some] for some in full], device=device)
        made = chosen(log_probs, running, beam, token, order)
        return replace(made, tracks=[[move.track for move in some] for some in full])


class Pool:
    """The moves of one source among which it can choose; a place is beam * vocabulary + token."""

    def __init__(self, steered: Steered, tracks: Sequence[Track], room: int, vocabulary: int) -> None:
        self.steered, self.tracks, self.room, self.vocabulary = steered, list(tracks), room, vocabulary
        self.found: dict[int, Move | None] = {}  # by place; None: may not be said

    def moves(self) -> list[Move]:
        """All that were taken."""
        return [move for move in self.found.values() if move is not None]

    def ranked(self, orders: Tensor, places: Tensor, beam: int = 0) -> list[tuple[float, int]]:
        """Order scores and places of what goes on from `beam` (or, where it is 0, of places as they are)."""
        return list(zip(orders.tolist(), (places + beam * self.vocabulary).tolist(), strict=True))

    def bind(self, beam: int, ranked: Iterable[tuple[float, int]]) -> None:
        """Sends a hypothesis on its way if the best that it could say is an end too early.

        A beam with fewer places than banks would else go on and on from there, as that costs less than the way.
        """
        for order, place in ranked:
            if order > -math.inf and place % self.vocabulary == self.steered.end and self.tracks[beam].way:
                self.tracks[beam] = replace(self.tracks[beam], bound=True)
                return
            if order == -math.inf or self.look(order, place) is not None:
                return

    def take(self, ranked: Iterable[tuple[float, int]], count: int) -> None:
        """Adds moves, the best first, until `count` of these are in."""
        for order, place in ranked:
            if count == 0 or order == -math.inf:
                return
            count -= self.look(order, place) is not None

    def look(self, order: float, place: int) -> Move | None:
        """The move, if it can be finished."""
        if place not in self.found:
            beam, token = divmod(place, self.vocabulary)
            after = self.steered.after(self.tracks[beam], token, self.room)
            self.found[place] = None if after is None else Move(order, beam, token, after)
        return self.found[place]


def shared_out(moves: Sequence[Move], slots: int) -> list[Move]:
    """At most `slots` of the moves: each bank offers its best in turn, and the better offers are taken first."""
    offered: Counter[int] = Counter()
    ranks: list[tuple[int, float, Move]] = []
    for move in sorted(moves, key=lambda move: -move.order):
        ranks.append((offered[move.track.owed], -move.order, move))
        offered[move.track.owed] += 1
    return [move for *_, move in sorted(ranks, key=lambda rank: rank[:2])[: max(0, slots)]]
