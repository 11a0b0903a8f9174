"""How the next tokens are chosen: the top of a beam, or a draw.

N sources   K beams   C tokens among which a row can go on   V vocabulary
"""

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from heedful.generation.batch import SearchBatch
from heedful.generation.constraints import ConstraintProgress
from heedful.generation.stepper import Bools, Floats, Ints
from heedful.schema import GenerateSettings

SHORT = 64  # numbers that are sorted faster than parted
BLOCK = 64  # tokens whose odds are added up at once


@dataclass(frozen=True)
class Continuations:
    """The tokens by which each row may go on, in any order, all (N, K, C); None: all that there are, by their id.

    `unguided` are log probabilities under the network as it is and make the score; `allowed`, with guidance, penalties
    and constraints, make the ranking score: -inf where a token is not allowed.
    """

    tokens: Ints | None
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

    def select(self, indices: Any) -> "Choice":
        """Only the hypotheses at these indices of the arrays."""
        return Choice(self.beam[indices], self.token[indices], self.score[indices], self.ranking_score[indices])


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
        continuations = by_token(continuations)  # a draw hangs on the order in which shares are added up
        odds = weights(narrow(continuations.allowed, self.settings))  # (N, K, C)
        sources, beams = np.arange(len(batch))[:, None], np.arange(odds.shape[1], dtype=np.int64)
        indices = locate(odds, batch.draws[sources, beams, batch.steps[:, None]])
        return choice_at(continuations, batch, beams * odds.shape[2] + indices)


def likeliest(continuations: Continuations, batch: SearchBatch, count: int) -> Choice:
    """The `count` likeliest continuations of each source, best first."""
    tokens, unguided, allowed = continuations.tokens, continuations.unguided, continuations.allowed
    if tokens is not None and tokens.shape[1:] == (1, 1):  # there is nothing to choose among
        score, ranking_score = batch.score + unguided[..., 0], batch.ranking_score + allowed[..., 0]
        return Choice(np.zeros((len(batch), 1), np.int64), tokens[..., 0], score, ranking_score)
    totals = batch.ranking_score[..., None] + allowed  # (N, K, C)
    return choice_at(continuations, batch, highest(totals.reshape(len(batch), -1), count))


def highest(values: Floats, count: int) -> Ints:
    """Where the `count` highest of each row (N, L) stand, the highest first: (N, count)."""
    if count == 1:
        return values.argmax(1)[:, None]
    if values.shape[1] <= max(count, SHORT):
        return (-values).argsort(1, kind="stable")[:, :count]
    indices = (-values).argpartition(count - 1, axis=1)[:, :count]
    rows = np.arange(len(values))[:, None]
    return indices[rows, (-values[rows, indices]).argsort(1, kind="stable")]


def choice_at(continuations: Continuations, batch: SearchBatch, indices: Ints) -> Choice:
    """The choice of the continuations at `indices` (N, count): beam * C + index among the beam's tokens."""
    _, beams, size = continuations.allowed.shape
    sources, beam = np.arange(len(batch))[:, None], indices // size
    rows, flat = sources * beams + beam, sources * (beams * size) + indices
    return Choice(
        beam,
        indices - beam * size if continuations.tokens is None else continuations.tokens.reshape(-1)[flat],
        batch.score.reshape(-1)[rows] + continuations.unguided.reshape(-1)[flat],
        batch.ranking_score.reshape(-1)[rows] + continuations.allowed.reshape(-1)[flat],
    )


def by_token(continuations: Continuations) -> Continuations:
    """The same in the order of their tokens' ids."""
    if continuations.tokens is None:
        return continuations
    order = continuations.tokens.argsort(-1, kind="stable")
    unguided, allowed = (
        np.take_along_axis(log_probs, order, -1) for log_probs in (continuations.unguided, continuations.allowed)
    )
    return Continuations(np.take_along_axis(continuations.tokens, order, -1), unguided, allowed)


COLDEST = 1e-6  # a temperature by which log odds can be divided


def narrow(log_probs: Floats, settings: GenerateSettings) -> Floats:
    """Log odds (..., C) at a temperature, the unlikely taken out: by top-k, then top-p (Holtzman et al. 2020), then
    min-p.
    """
    log_odds, size = log_probs, log_probs.shape[-1]
    if settings.temperature < COLDEST:  # the most probable token alone, or those that are equally probable
        return np.where(log_odds < log_odds.max(-1, keepdims=True), -np.inf, log_odds)
    if settings.temperature != 1:
        log_odds = log_odds / settings.temperature
    if 0 < settings.top_k < size:
        least = np.partition(log_odds, size - settings.top_k, axis=-1)[..., size - settings.top_k, None]
        log_odds = np.where(log_odds < least, -np.inf, log_odds)
    if settings.top_p < 1:
        log_odds = np.where(nucleus(log_odds, settings.top_p), log_odds, -np.inf)
    if settings.min_p > 0:
        least = log_odds.max(-1, keepdims=True) + math.log(settings.min_p)
        log_odds = np.where(log_odds < least, -np.inf, log_odds)
    return log_odds


def nucleus(log_odds: Floats, top_p: float) -> Bools:
    """Which are the fewest (..., C) that hold a share of `top_p`; of equals the first."""
    ranked = -np.sort(-log_odds, axis=-1)
    shares = weights(ranked)
    sums = shares.cumsum(-1)
    count = (sums - shares < top_p * sums[..., -1:]).sum(-1, keepdims=True)  # the one that crosses the line is in
    least = np.take_along_axis(ranked, np.maximum(count - 1, 0), -1)
    inside = log_odds >= least
    if (inside.sum(-1, keepdims=True) > count).any():
        above = log_odds > least
        inside &= above | ((inside & ~above).cumsum(-1) <= count - above.sum(-1, keepdims=True))
    return inside


def weights(log_odds: Floats) -> Floats:
    """Odds (..., C) that are not too small to be added up; zeros where every token is ruled out."""
    highest = log_odds.max(-1, keepdims=True)
    if highest.min() > -32:
        return np.exp(log_odds)
    return np.exp(log_odds - np.where(highest > -np.inf, highest, 0))


def locate(odds: Floats, points: Floats) -> Ints:
    """Where points (N, K) in [0, 1) fall when the odds (N, K, C) are laid side by side from 0 to 1.

    Of many the block is found first, then the index in it: to sum up each in float64 would cost more than all else.
    """
    size = int(odds.shape[2])
    if odds.size < 256 * BLOCK:
        sums = odds.cumsum(-1, dtype=np.float64)
        return search_sums(odds, sums, points[..., None] * sums[..., -1:])
    full = size // BLOCK
    blocks = odds[..., : full * BLOCK].reshape(*points.shape, full, BLOCK).sum(-1, dtype=np.float64)
    tail = odds[..., full * BLOCK :].sum(-1, keepdims=True, dtype=np.float64)
    blocks = np.concatenate((blocks, tail), -1)
    sums = blocks.cumsum(-1)
    at = points[..., None] * sums[..., -1:]
    block = search_sums(blocks, sums, at)[..., None]
    within = block * BLOCK + np.arange(BLOCK)  # (N, K, BLOCK)
    inside = np.take_along_axis(odds, np.minimum(within, size - 1), -1) * (within < size)
    before = np.take_along_axis(sums - blocks, block, -1)
    return block[..., 0] * BLOCK + search_sums(inside, before + inside.cumsum(-1, dtype=np.float64), at)


def search_sums(odds: Floats, sums: Floats, at: Floats) -> Ints:
    """The index (N, K) of the first of the sums (N, K, L) of odds above `at` (N, K, 1), never one of odds 0."""
    indices = (sums <= at).sum(-1)
    if indices.max() < odds.shape[-1]:
        return indices
    return np.minimum(indices, odds.shape[-1] - 1 - (odds[..., ::-1] > 0).argmax(-1))  # rounding leads nowhere beyond
