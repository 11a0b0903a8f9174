# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Steps by networks that hand up plain arrays, whatever computes them: candidates are chosen here, on the host.

N sources   K beams   R = N * K rows   V vocabulary, or the tokens of it that sources may be answered with
k best tokens   M named tokens   D width
"""

import math
from collections.abc import Callable, Sequence
from typing import Generic, Protocol

import numpy as np

from heedful.engines.host_shortlist import Layer, ShortlistedLayers, log_sum
from heedful.generation.allowed import AllowedTokens
from heedful.generation.stepper import Candidates, Floats, Ints, LogProbs, Request, Source, SpecialIds

BLOCK = 64  # tokens whose highest is looked for at once


class Rows(Protocol):
    """What one decoder remembers of the rows of a batch."""

    def step(self, tokens: Ints) -> Floats:
        """Reads one token more in every row (R,): log probabilities of the next (R, V), or outputs (R, D), in an array
        that the caller may write into until the next step.
        """
        ...

    def join(self, other: "Rows") -> None:
        """Takes in the rows of another batch of the same decoder, behind its own."""
        ...

    def reorder(self, rows: Ints) -> None:
        """Each row (R,) goes on from what the row of that number, of the same source, has read."""
        ...

    def keep(self, sources: Ints) -> None:
        """Only the rows of these sources stay."""
        ...


ReadSources = Callable[[Sequence[Source], int, bool], Sequence[Rows]]
"""(sources, beams, shortlisted) -> one `Rows` a decoder, with so many rows for each source; where these have shortlists
what it says are outputs (R, D), of which the output layer makes logits.
"""


class HostStepper(Generic[Source]):
    """Steps by one or several decoders that share a vocabulary (an ensemble: the mean of their probabilities).

    Where `guidance` is not 1, the second half of what `read_sources` makes has read nothing, and choices are guided
    away from what these would say (Ho & Salimans 2021, equation 6). Implements `Stepper`.
    """

    def __init__(
        self,
        vocabulary: int,
        read_sources: ReadSources[Source],
        special: SpecialIds,
        guidance: float = 1.0,
        output_layers: Callable[[], Sequence[Layer]] = tuple,
    ) -> None:
        self.vocabulary, self.read_sources, self.special, self.guidance = vocabulary, read_sources, special, guidance
        self.output_layers = output_layers
        self.suppressed = list(special.suppressed)
        self.shortlisted: ShortlistedLayers | None = None
        self.rows: Sequence[Rows] = ()

    def admit(self, requests: Sequence[Request[Source]], beams: int) -> None:
        allowed = AllowedTokens.of(requests, self.special)
        joining = self.read_sources([request.source for request in requests], beams, allowed is not None)
        self.allow(self.shortlisted.allowed.join(allowed) if self.shortlisted and allowed else allowed)
        for ours, theirs in zip(self.rows, joining, strict=True) if self.rows else ():
            ours.join(theirs)
        self.rows = self.rows or joining

    def step(self, tokens: Ints, k: int, named_tokens: Ints | None = None, with_remainder: bool = False) -> Candidates:
        log_probs, shape = self.advance(tokens), (*tokens.shape, -1)
        guided, named = log_probs[-1], None
        rows = np.arange(len(guided))[:, None]
        if named_tokens is not None:
            names = self.positions_of(named_tokens).reshape(len(guided), -1)
            named = [part[rows, names].reshape(shape) for part in log_probs]
            guided[rows, names] = -np.inf
        best = likeliest(guided, min(k, guided.shape[1]))
        values = [part[rows, best].reshape(shape) for part in log_probs]
        remainder = log_sum(guided)[:, 0].reshape(tokens.shape) if with_remainder else None
        pair = LogProbs(named[0], named[-1]) if named else None
        ids = self.shortlisted.allowed.tokens[best] if self.shortlisted else best
        return Candidates(ids.reshape(shape), LogProbs(values[0], values[-1]), pair, remainder)

    def step_whole(self, tokens: Ints) -> LogProbs:
        log_probs = self.advance(tokens)
        if self.shortlisted:
            log_probs = [self.shortlisted.of_all(part, self.vocabulary) for part in log_probs]
        values = [part.reshape(*tokens.shape, -1) for part in log_probs]
        return LogProbs(values[0], values[-1])

    def reorder(self, rows: Ints) -> None:
        for part in self.rows:
            part.reorder(rows.reshape(-1))

    def keep(self, sources: Ints) -> None:
        for part in self.rows if len(sources) else ():
            part.keep(sources)
        self.rows = self.rows if len(sources) else ()
        if self.shortlisted:
            self.allow(self.shortlisted.allowed.keep(sources) if len(sources) else None)

    def allow(self, allowed: AllowedTokens | None) -> None:
        """Only these tokens, or all, are answered with from now on."""
        self.shortlisted = ShortlistedLayers(self.output_layers(), allowed) if allowed else None
        self.suppressed = self.positions_of(np.array(self.special.suppressed, np.int64)).tolist()

    def positions_of(self, tokens: Ints) -> Ints:
        """Where tokens stand among those that are answered with."""
        return self.shortlisted.allowed.positions(tokens, self.special) if self.shortlisted else tokens

    def advance(self, tokens: Ints) -> list[Floats]:
        """Log probabilities of the next token (R, V) in float32, and behind them, where there is guidance, the same
        under guidance. Suppressed tokens have -inf.
        """
        column = tokens.reshape(-1)
        of_each = [part.step(column) for part in self.rows]
        if self.shortlisted:
            of_each = self.shortlisted.log_probs(of_each)
        if self.guidance == 1:
            log_probs = [mean(of_each)]
        else:
            half = len(of_each) // 2
            unguided, blank = mean(of_each[:half]), mean(of_each[half:])
            guided = blank + self.guidance * (unguided - blank)
            log_probs = [unguided, guided - log_sum(guided)]
        for part in log_probs:
            part[:, self.suppressed] = -np.inf
        return log_probs


def mean(log_probs: Sequence[Floats]) -> Floats:
    """The mean of probabilities, as logarithms."""
    if len(log_probs) == 1:
        return log_probs[0]
    highest = np.maximum.reduce(list(log_probs))
    total = np.add.reduce([np.exp(part - highest) for part in log_probs])
    # rounding must not lift a mean above 0: the early stop counts on log probabilities that only fall
    return np.minimum(highest + np.log(total) - math.log(len(log_probs)), 0)


def likeliest(log_probs: Floats, k: int) -> Ints:
    """The k highest tokens of each row (R, V), the highest first: (R, k).

    Of many tokens the highest blocks are looked for first, and then the tokens in these alone.
    """
    if k == 1:
        return log_probs.argmax(1)[:, None]
    blocks = log_probs.shape[1] // BLOCK
    if blocks < 4 * k:
        return ordered(log_probs, k)
    whole = blocks * BLOCK
    highest = log_probs[:, :whole].reshape(-1, blocks, BLOCK).max(2)
    starts = np.argpartition(highest, blocks - k, 1)[:, blocks - k :] * BLOCK
    within = (starts[:, :, None] + np.arange(BLOCK)).reshape(len(starts), -1)
    tail: Ints = np.tile(np.arange(whole, log_probs.shape[1]), (len(starts), 1))
    tokens: Ints = np.concatenate((within, tail), 1)
    rows = np.arange(len(starts))[:, None]
    return tokens[rows, ordered(log_probs[rows, tokens], k)]


def ordered(values: Floats, k: int) -> Ints:
    """Where the k highest values of each row stand, the highest first."""
    count = values.shape[1]
    if k >= count:
        return np.argsort(-values, 1, kind="stable")
    best = np.argpartition(values, count - k, 1)[:, count - k :]
    rows = np.arange(len(values))[:, None]
    return best[rows, np.argsort(-values[rows, best], 1, kind="stable")]
