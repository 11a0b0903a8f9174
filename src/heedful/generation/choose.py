"""How the next tokens are chosen: the top of a beam, or a draw.

N sources   K beams   C tokens among which a row can go on   V vocabulary
"""

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from heedful.generation.batch import SearchBatch
from heedful.generation.constraints import ConstraintProgress
from heedful.generation.stepper import Floats, Ints
from heedful.schema import GenerateSettings


@dataclass(frozen=True)
class Continuations:
    """The tokens by which each row may go on, in any order, all (N, K, C).

    `unguided` are log probabilities under the network as it is and make the score; `allowed`, with guidance, penalties
    and constraints, make the ranking score: -inf where a token is not allowed.
    """

    tokens: Ints
    unguided: Floats
    allowed: Floats


@dataclass(frozen=True)
class Choice:
    """The next hypotheses: which beam each goes on with, by which token, and its scores with it. All (N, K)."""

    beam: Ints
    token: Ints
    score: Floats
    ranking_score: Floats
    progress: list[list[ConstraintProgress]] = field(default_factory=list[list[ConstraintProgress]])


class Chooser(Protocol):
    """A way of choosing. `count`: how many of the likeliest tokens of each row it must see; None: all, by their id."""

    @property
    def count(self) -> int | None: ...

    def __call__(self, continuations: Continuations, batch: SearchBatch) -> Choice: ...


@dataclass(frozen=True)
class Beams:
    """The likeliest continuations of each source, as many as it has hypotheses still growing."""

    width: int

    @property
    def count(self) -> int:
        return self.width

    def __call__(self, continuations: Continuations, batch: SearchBatch) -> Choice:
        choice = likeliest(continuations, batch, self.width)
        if self.width > 1:
            choice.ranking_score[np.arange(self.width) >= batch.growing[:, None]] = -np.inf
        return choice


@dataclass(frozen=True)
class FreedBeams:
    """Twice as many of the likeliest continuations as the beam holds, best first: `width` go on even if as many end."""

    width: int

    @property
    def count(self) -> int:
        return 2 * self.width

    def __call__(self, continuations: Continuations, batch: SearchBatch) -> Choice:
        return likeliest(continuations, batch, self.count)


@dataclass(frozen=True)
class Samples:
    """One draw for every row."""

    settings: GenerateSettings
    vocabulary: int

    @property
    def count(self) -> int | None:
        """Where few of the likeliest are drawn from, only these are asked for."""
        return self.settings.top_k if 0 < self.settings.top_k <= self.vocabulary // 8 else None

    def __call__(self, continuations: Continuations, batch: SearchBatch) -> Choice:
        if self.count is not None:
            continuations = by_token(continuations)  # a draw hangs on the order in which shares are added up
        odds = narrow(continuations.allowed / self.settings.temperature, self.settings)
        shares = softmax(odds).cumsum(-1, dtype=np.float64)  # (N, K, C)
        sources, beams = np.arange(len(batch))[:, None], np.arange(batch.last.shape[1], dtype=np.int64)[None]
        points = batch.draws[sources, beams, batch.steps[:, None]] * shares[..., -1]
        places = [
            [int(row.searchsorted(point, side="right")) for row, point in zip(rows, drawn, strict=True)]
            for rows, drawn in zip(shares, points, strict=True)
        ]
        return chosen(continuations, batch, beams, np.minimum(places, odds.shape[-1] - 1))


def likeliest(continuations: Continuations, batch: SearchBatch, count: int) -> Choice:
    """The `count` likeliest continuations of each source, best first."""
    totals = batch.ranking_score[..., None] + continuations.allowed  # (N, K, C)
    places = highest(totals.reshape(len(batch), -1), count)
    return chosen(continuations, batch, *np.divmod(places, totals.shape[-1]))


def highest(values: Floats, count: int) -> Ints:
    """Where the `count` highest of each row (N, L) stand, the highest first: (N, count)."""
    if count == 1:
        return values.argmax(-1)[:, None]
    if count >= values.shape[-1]:
        return np.argsort(-values, axis=-1, kind="stable")
    places = np.argpartition(-values, count - 1, axis=-1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, places, -1), axis=-1, kind="stable")
    return np.take_along_axis(places, order, -1)


def chosen(continuations: Continuations, batch: SearchBatch, beam: Ints, place: Ints) -> Choice:
    """The choice of these continuations: the beams (N or 1, count) and the places (N, count) among their tokens."""
    sources = np.arange(len(batch))[:, None]
    where = (sources, beam, place)
    return Choice(
        np.broadcast_to(beam, place.shape),
        continuations.tokens[where],
        batch.score[sources, beam] + continuations.unguided[where],
        batch.ranking_score[sources, beam] + continuations.allowed[where],
    )


def by_token(continuations: Continuations) -> Continuations:
    """The same in the order of their tokens' ids."""
    order = continuations.tokens.argsort(-1, kind="stable")
    unguided, allowed = (
        np.take_along_axis(log_probs, order, -1) for log_probs in (continuations.unguided, continuations.allowed)
    )
    return Continuations(np.take_along_axis(continuations.tokens, order, -1), unguided, allowed)


def narrow(log_odds: Floats, settings: GenerateSettings) -> Floats:
    """Log odds (..., C) with the unlikely taken out: top-k, then top-p (Holtzman et al. 2020), then min-p."""
    size = log_odds.shape[-1]
    if 0 < settings.top_k < size:
        least = np.partition(log_odds, size - settings.top_k, axis=-1)[..., size - settings.top_k, None]
        log_odds = np.where(log_odds < least, -np.inf, log_odds)
    if settings.top_p < 1:
        ranks = np.argsort(-log_odds, axis=-1, kind="stable")
        shares = softmax(np.take_along_axis(log_odds, ranks, -1))
        beyond = shares.cumsum(-1) - shares >= settings.top_p  # the token that crosses the line is still in
        log_odds = log_odds.copy()
        np.put_along_axis(log_odds, ranks, np.where(beyond, -np.inf, np.take_along_axis(log_odds, ranks, -1)), -1)
    if settings.min_p > 0:
        least = log_odds.max(-1, keepdims=True) + math.log(settings.min_p)
        log_odds = np.where(log_odds < least, -np.inf, log_odds)
    return log_odds


def softmax(log_odds: Floats) -> Floats:
    """Shares (..., C) that add up to 1, or zeros where every token is ruled out."""
    highest = log_odds.max(-1, keepdims=True)
    shares = np.exp(log_odds - np.where(highest > -np.inf, highest, 0))
    return shares / np.maximum(shares.sum(-1, keepdims=True), np.finfo(shares.dtype).tiny)
