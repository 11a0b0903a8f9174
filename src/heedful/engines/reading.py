"""What answers at once, as its askers see it: arrays in, arrays out, whatever makes them.

N sources   S positions   C classes, labels or entries of a vocabulary   D width   M masked positions
"""

from typing import Protocol

import numpy as np


class ReadingEngine(Protocol):
    """A network that reads sources and answers in one call."""

    @property
    def limit(self) -> int | None:
        """Positions that it can read; None: no limit."""
        ...

    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Float32 for sources (N, S, ...) of which each one's first `lengths` (N,) positions are real.

        Probabilities (N, C) of one answer, (N, S, C) of an answer at each position, or unit vectors (N, D).
        """
        ...


class MaskedTokenEngine(Protocol):
    """A network that says which tokens stand at masked positions."""

    @property
    def vocabulary(self) -> int: ...

    def __call__(self, source: np.ndarray, lengths: np.ndarray, masked: np.ndarray) -> np.ndarray:
        """Probabilities (M, C), float32, at the positions that are True in `masked` (N, S), row by row.

        `source` (N, S) are ids of texts of which the first `lengths` (N,) are real.
        """
        ...
