"""What the search asks of a network: read these sources, and say which tokens are likely to come next.

A `Stepper` holds whatever its engine needs to go on from the tokens so far (states, caches, buffers) and hands up
plain numpy arrays, so an engine of any make fits below the search. engines/plain.py is the one of torch.

N sources in the batch   K beams   k best tokens of a row   M named tokens of a row   V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Source = TypeVar("Source")
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SpecialIds:
    """Token ids that a search must know. `suppressed` are not chosen: padding, the beginning, the unknown."""

    begin: int
    end: int
    suppressed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Request(Generic[Source]):
    """A source to be answered in at most `max_length` tokens. `cost` is its size in the batch (its positions).

    `seed` decides the draws, with the one of the settings. Where the source is a prompt that the answer goes on with,
    reading it reads `prompt_read` tokens of it, and `prompt_last` is the next one, in place of the beginning's.

    `allowed`: the only tokens that the answer may have beside its end, as if the network knew no others; None: all. All
    requests of a search have some, or none has.
    """

    source: Source
    cost: int
    max_length: int
    seed: int = 0
    prompt_read: int = 0
    prompt_last: int | None = None
    allowed: Ints | None = None


@dataclass(frozen=True)
class LogProbs:
    """Log probabilities of next tokens, in float32 or more.

    `unguided` are those under the network as it is, which scores add up; `guided` are what choices go by: the same
    array where there is no guidance.
    """

    unguided: Floats
    guided: Floats


@dataclass(frozen=True)
class Candidates:
    """What a step hands up: the `likeliest` (N, K, k) of each row with their `tokens`, by guided log probability, best
    first, and `named_log_probs` (N, K, M), those of the named tokens, if any were named.

    Neither suppressed nor named tokens are among the likeliest. Where fewer than k are left, -inf fills up.
    `remainder` (N, K) is the logarithm of the guided share of all tokens that are neither, where it was asked for.
    """

    tokens: Ints  # (N, K, k)
    likeliest: LogProbs
    named_log_probs: LogProbs | None = None
    remainder: Floats | None = None


class Stepper(Protocol[Source]):
    """A network, or several together, as the search drives it: a batch of N sources with K rows each.

    Row (n, b) is beam b of source n, and sources stand in the order in which they were admitted. A row's answer never
    depends on other rows. Suppressed tokens have log probability -inf wherever they are asked for.
    """

    vocabulary: int
    special: SpecialIds

    def admit(self, requests: Sequence[Request[Source]], beams: int) -> None:
        """Reads new sources, which join the batch behind those that are there, with `beams` rows each."""
        ...

    def step(self, tokens: Ints, k: int, named_tokens: Ints | None = None, with_remainder: bool = False) -> Candidates:
        """Reads one token more in every row, (N, K), and hands up the candidates for the next.

        `named_tokens` (N, K, M) may name a token of a row more than once. `with_remainder`: it is needed.
        """
        ...

    def step_whole(self, tokens: Ints) -> LogProbs:
        """The same, but hands up the log probabilities (N, K, V) of all tokens."""
        ...

    def reorder(self, rows: Ints) -> None:
        """Row (n, b) goes on from what row rows[n, b] has read; rows (N, K) are numbered n * K + b."""
        ...

    def keep(self, sources: Ints) -> None:
        """Only these sources stay, by their numbers in rising order; none: the batch is empty."""
        ...
