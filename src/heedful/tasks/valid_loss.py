"""What a network loses on validation examples, without dropout and smoothing: it stands beside the training loss."""

from collections.abc import Callable, Sequence
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from heedful.metrics.classes import SMALLEST_PROBABILITY
from heedful.results import Scores

if TYPE_CHECKING:
    from heedful.training.work import Score


def values_of(scores: Scores, loss: float | None = None) -> dict[str, float]:
    """What the loop chooses weights by: measures by their names; and the loss, if there is one."""
    values = {name: measure.value for name, measure in scores.measures.items()}
    return values if loss is None else values | {"loss": loss}


def with_loss(
    score: "Score",
    log_probabilities: Callable[[Sequence[tuple[str, str]]], Sequence[float]],
    pairs: Sequence[tuple[str, str]],
    sizes: Sequence[int],
) -> "Score":
    """`score`, and how improbable the right answers are: nats for each of their tokens.

    `pairs`: sources and right answers; `sizes`: tokens of these, 0 of one that a network cannot write.
    """

    def score_and_loss(few: int | None = None) -> dict[str, float]:
        values, kept = score(few), [row for row, size in enumerate(sizes[:few]) if size]
        if kept:
            nats = -fsum(log_probabilities([pairs[row] for row in kept]))
            values["loss"] = nats / sum(sizes[row] for row in kept)
        return values

    return score_and_loss


def log_loss(rows: Sequence[np.ndarray], truths: Sequence[Sequence[str]], names: Sequence[str]) -> float | None:
    """The mean of -log p of what is right, given probabilities (T, C) and the right names of T steps for each source.

    Steps without a name, and names that were never learnt, count nothing; None where nothing counts.

    >>> round(log_loss([np.array([[0.5, 0.5], [0.1, 0.9]])], [["cat", ""]], ["cat", "dog"]), 3)
    0.693
    """
    numbers = {name: number for number, name in enumerate(names)}
    right = [
        row[numbers[truth]]
        for steps, names_of_steps in zip(rows, truths, strict=True)
        for row, truth in zip(steps, names_of_steps, strict=False)
        if truth in numbers
    ]
    return float(-np.log(np.maximum(right, SMALLEST_PROBABILITY)).mean()) if right else None


def contrastive_loss(similarities: np.ndarray, right: Sequence[set[int]], size: float) -> float | None:
    """What pairs lose on average where each has to be found among `size` (Radford et al. 2021, figure 3), given
    similarities (P, M), times their scale, and the columns that are right for each row.

    All others stand for the `size` - 1 of a batch, each with its share; None where there is nothing to confuse.

    >>> loss = contrastive_loss(np.zeros((2, 2)), [{0}, {1}], size=4)
    >>> round(loss, 3) == round(float(np.log(4)), 3)
    True
    """
    is_right = np.zeros(similarities.shape, bool)
    for row, columns in enumerate(right):
        is_right[row, list(columns)] = True
    if is_right.all() or not is_right.any():
        return None
    return float(np.mean([lost(similarities, is_right, size), lost(similarities.T, is_right.T, size)]))


def lost(similarities: np.ndarray, is_right: np.ndarray, size: float) -> float:
    """The mean over right pairs, rows being what is asked."""
    logits = similarities.astype(np.float64) - similarities.max(1, keepdims=True)
    wrong = np.exp(logits).sum(1, where=~is_right) / np.maximum(1, (~is_right).sum(1))
    rows, columns = np.nonzero(is_right)
    right = logits[rows, columns]
    return float((np.log(np.exp(right) + (size - 1) * wrong[rows]) - right).mean())
