# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Steps by networks that hand up plain arrays, whatever computes them: candidates are chosen here, on the host.

N sources   K beams   R = N * K rows   V vocabulary   k best tokens   M named tokens
"""

import math
from collections.abc import Callable, Sequence
from typing import Generic, Protocol

import numpy as np

from heedful.errors import HeedfulError
from heedful.generation.stepper import Candidates, Floats, Ints, LogProbs, Request, Source, SpecialIds

BLOCK = 64  # tokens whose highest is looked for at once


class Rows(Protocol):
    """What one decoder remembers of the rows of a batch."""

    def step(self, tokens: Ints) -> Floats:
        """Reads one token more in every row (R,): log probabilities of the next (R, V), in an array that the
        caller may write into until the next step.
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


ReadSources = Callable[[Sequence[Source], int], Sequence[Rows]]
"""(sources, beams) -> one `Rows` a decoder, with so many rows for each source."""


class HostStepper(Generic[Source]):
    """Steps by one or several decoders that share a vocabulary (an ensemble: the mean of their probabilities).

    Where `guidance` is not 1, the second half of what `read_sources` makes has read nothing, and choices are guided
    away from what these would say (Ho & Salimans 2021, equation 6). Implements `Stepper`.
    """

    def __init__(
        self, vocabulary: int, read_sources: ReadSources[Source], special: SpecialIds, guidance: float = 1.0
    ) -> None:
        self.vocabulary, self.read_sources, self.special, self.guidance = vocabulary, read_sources, special, guidance
        self.suppressed = list(special.suppressed)
        self.rows: Sequence[Rows] = ()

    def admit(self, requests: Sequence[Request[Source]], beams: int) -> None:
        if any(request.allowed is not None for request in requests):
            raise HeedfulError(
                "onnxruntime computes all tokens: it gains nothing by a shortlist.", "engine=auto answers."
            )
        joining = self.read_sources([request.source for request in requests], beams)
        for ours, theirs in zip(self.rows, joining, strict=True) if self.rows else ():
            ours.join(theirs)
        self.rows = self.rows or joining

    def step(self, tokens: Ints, k: int, named_tokens: Ints | None = None, with_remainder: bool = False) -> Candidates:
        log_probs, shape = self.advance(tokens), (*tokens.shape, -1)
        guided, named = log_probs[-1], None
        rows = np.arange(len(guided))[:, None]
        if named_tokens is not None:
            names = named_tokens.reshape(len(guided), -1)
            named = [part[rows, names].reshape(shape) for part in log_probs]
            guided[rows, names] = -np.inf
        best = likeliest(guided, min(k, self.vocabulary))
        values = [part[rows, best].reshape(shape) for part in log_probs]
        remainder = log_sum(guided)[:, 0].reshape(tokens.shape) if with_remainder else None
        pair = LogProbs(named[0], named[-1]) if named else None
        return Candidates(best.reshape(shape), LogProbs(values[0], values[-1]), pair, remainder)

    def step_whole(self, tokens: Ints) -> LogProbs:
        values = [part.reshape(*tokens.shape, -1) for part in self.advance(tokens)]
        return LogProbs(values[0], values[-1])

    def reorder(self, rows: Ints) -> None:
        for part in self.rows:
            part.reorder(rows.reshape(-1))

    def keep(self, sources: Ints) -> None:
        for part in self.rows if len(sources) else ():
            part.keep(sources)
        self.rows = self.rows if len(sources) else ()

    def advance(self, tokens: Ints) -> list[Floats]:
        """Log probabilities of the next token (R, V) in float32, and behind them, where there is guidance, the same
        under guidance. Suppressed tokens have -inf.
        """
        column = tokens.reshape(-1)
        of_each = [part.step(column) for part in self.rows]
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


def log_sum(log_probs: Floats) -> Floats:
    """The logarithm of the sum of each row's exponentials: (R, V) -> (R, 1); -inf where there is nothing."""
    highest = log_probs.max(1, keepdims=True)
    finite = np.where(highest > -np.inf, highest, 0)
    with np.errstate(divide="ignore"):
        return finite + np.log(np.exp(log_probs - finite).sum(1, keepdims=True))


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
