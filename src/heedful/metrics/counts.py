"""What each answer adds to a score: rows of numbers whose sums give the score of any set of answers.

A corpus score is a function of sums over its examples (edits and lengths, matching n-grams). Keeping the rows apart
makes the score of a subset, of a bootstrap sample or of a length bin one matrix product instead of a new count.

N examples   B weightings of them   K columns
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from heedful.errors import HeedfulError, count
from heedful.metrics.measures import describe

Kind = Literal[
    "symbols", "words", "text", "classes", "captions", "steps", "tags", "entities", "ranks", "passages", "gaps"
]
References = Sequence[tuple[str, ...]]
PRIMARY: dict[Kind, str] = {
    "symbols": "symbol_error",
    "words": "symbol_error",
    "text": "chrf",
    "classes": "accuracy",
    "captions": "token_f1",
    "steps": "accuracy",
    "tags": "accuracy",
    "entities": "entity_f1",
    "ranks": "recall_at_1",
    "passages": "bits_per_character",
    "gaps": "accuracy",
}


@dataclass(frozen=True)
class MultiHot:
    """Rows that are 1 in a few of many columns and 0 elsewhere: `indices` (N, ones a row) says in which.

    A thousand classes times ten thousand examples would not fit where these do.

    >>> MultiHot(np.array([[0, 2], [2, 1]]), 3).sums(np.array([[1.0, 1.0], [0.0, 5.0]])).tolist()
    [[1.0, 1.0, 2.0], [0.0, 5.0, 5.0]]
    """

    indices: np.ndarray
    columns: int

    def __len__(self) -> int:
        return len(self.indices)

    def sums(self, times: np.ndarray) -> np.ndarray:
        """Sums (B, K) in which the rows count as often as `times` (B, N) says."""
        flat, ones = self.indices.ravel(), self.indices.shape[1]
        return np.stack([np.bincount(flat, np.repeat(weights, ones), self.columns) for weights in times])


@dataclass(frozen=True)
class Grouped:
    """Rows that are sums over parts, such as the words of a text: `groups` (parts,) says which of N rows each is of.

    >>> words = MultiHot(np.array([[0], [1], [1]]), 2)
    >>> Grouped(words, np.array([0, 0, 1]), 2).sums(np.array([[1.0, 0.0], [1.0, 2.0]])).tolist()
    [[1.0, 1.0], [1.0, 3.0]]
    """

    parts: MultiHot
    groups: np.ndarray
    rows: int

    def __len__(self) -> int:
        return self.rows

    def sums(self, times: np.ndarray) -> np.ndarray:
        """Sums (B, K) in which the rows count as often as `times` (B, N) says."""
        return np.concatenate([self.parts.sums(weights[None, self.groups]) for weights in times])


@dataclass(frozen=True)
class Counts:
    """One measure before summing. `rows` is (N, K); `score` turns summed columns into the value."""

    name: str
    rows: np.ndarray | MultiHot | Grouped
    score: Callable[[np.ndarray], float]
    signature: str = ""

    @property
    def higher_is_better(self) -> bool:
        """Whether more of it is better."""
        return describe(self.name).higher_is_better

    def sums(self, times: np.ndarray) -> np.ndarray:
        """Sums (B, K) in which the rows count as often as `times` (B, N) says."""
        return times @ self.rows if isinstance(self.rows, np.ndarray) else self.rows.sums(times)

    def value(self, chosen: np.ndarray | None = None) -> float:
        """The score of all examples, or of those chosen by a mask or by row numbers."""
        numbers = np.arange(len(self.rows)) if chosen is None else np.arange(len(self.rows))[chosen]
        times = np.bincount(numbers, minlength=len(self.rows)).astype(float)
        return self.score(self.sums(times[None])[0])


def check_scorable(outputs: Sequence[str], references: References) -> None:
    """Raises HeedfulError unless there is something to score, and for each answer something that is right."""
    if len(outputs) != len(references):
        answers, right = count(len(outputs), "answer"), count(len(references), "reference")
        raise HeedfulError(f"{answers} cannot be scored against {right}.")
    if not outputs:
        raise HeedfulError("There is nothing to score: no example was given.", "Check that the file holds examples.")
    for number, accepted in enumerate(references, 1):
        if not accepted:
            raise HeedfulError(f"Example {number} has no reference to be scored against.")


def mean_counts(name: str, parts: Sequence[float] | np.ndarray) -> Counts:
    """The mean of what each example has got, from 0 to 1, in percent."""
    rows = np.asarray(parts, float)
    return Counts(name, np.stack([rows, np.ones(len(rows))], axis=1), percent)


def percent(sums: np.ndarray) -> float:
    """Part over whole in percent; nothing said where nothing was due is 0, something said is 100."""
    part, total = sums
    if total == 0:
        return 100.0 if part else 0.0
    return float(100.0 * part / total)
