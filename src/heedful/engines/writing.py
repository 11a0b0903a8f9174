"""What writes token by token, as its askers see it: a stepper for the search, and the likelihood of given answers.

N sources   S positions   T tokens
"""

from collections.abc import Callable, Sequence
from typing import Protocol, Self

import numpy as np

from heedful.generation.stepper import SpecialIds, Stepper

Sources = tuple[np.ndarray, np.ndarray]
"""Sources (N, S, ...) and how many positions of each are real (N,)."""
Read = Callable[[Sequence[int]], Sources]
"""The sources of requests, by their keys."""


class WritingEngine(Protocol):
    """A network that writes, behind a source or behind nothing."""

    @property
    def vocabulary(self) -> int: ...

    @property
    def source_limit(self) -> int | None:
        """Positions of a source that it can read; None: no limit."""
        ...

    @property
    def limit(self) -> int | None:
        """Tokens that it can write; None: no limit."""
        ...

    def stepper(self, engines: Sequence[Self], read: Read, special: SpecialIds) -> Stepper[int]:
        """What a search steps through: by all `engines` together (itself among them), the mean of their probabilities.

        What is written behind nothing reads as its source the tokens of a prompt.
        """
        ...

    def log_probabilities(
        self, engines: Sequence[Self], source: Sources, answers: Sequence[Sequence[int]], special: SpecialIds
    ) -> list[np.ndarray]:
        """The log probability of each token of each answer, teacher-forced, by all `engines` together.

        `answers` hold their end tokens where these count; the token that begins is `special.begin`.
        """
        ...
