"""What a task gives to the loop, where training stands, and what it came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from heedful.data.batch import Batch
from heedful.data.batching import Rows


class Score(Protocol):
    """Scores validation examples: all that are to be scored, or the first `few`, to see how long that takes."""

    def __call__(self, few: int | None = None) -> dict[str, float]: ...


@dataclass(frozen=True)
class Work:
    """What a task gives to the loop."""

    network: nn.Module
    plan: Callable[[int], list[Rows]]  # epoch -> its batches
    collate: Callable[[Rows], Batch]
    loss: Callable[[Any, Batch], tuple[Tensor, int]]  # -> sum over tokens, number of tokens
    score: Score  # of generated output for validation examples, by the network as it stands
    primary: str  # the score that "best" goes by
    where: Callable[[Rows], Sequence[str]]  # -> "file line N" of each
    unit: str = "tokens"  # what `loss` counts, in words
    scored: int = 0  # examples that `score` scores
    watch: "Callable[[Position], None] | None" = None  # what looks into the network at each validation


@dataclass
class Position:
    """Where training stands: all of it is in the checkpoint."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # of the epoch's plan, the next one
    seconds: float = 0.0  # of training, validation apart
    best: float | None = None
    best_step: int = 0
    stale: int = 0  # validations since the best
    validated: int = 0  # validations done
    finished: bool = False
    validating: float = 0.0  # seconds of validation
    parts: int = 1  # into which each batch is cut, after the memory of a GPU ran out


@dataclass(frozen=True)
class Before:
    """Where training stands before a step moves the weights, and what the step has read."""

    position: Position
    tokens: int
    rows: list[Rows]


@dataclass(frozen=True)
class Outcome:
    """What training came to; `validated`: how many examples each validation scored."""

    position: Position
    tokens_per_second: float
    peak_memory_mb: float
    validated: int
