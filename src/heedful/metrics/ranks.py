"""Scores of finding the right thing among many: how far down the list it stands.

N things asked with   M things to be found
"""

from collections.abc import Sequence

import numpy as np

from heedful.metrics.counts import Counts, MultiHot, mean_counts

WITHIN = (1, 5, 10)


def ranks(similarity: np.ndarray, right: Sequence[set[int]]) -> list[int]:
    """Where the first right column of each row of `similarity` (N, M) stands, 1 for the most similar of all.

    `right` names the right columns of each row: twins are right together, and do not stand before one another. A wrong
    one that is just as similar stands before, and so does everything where a similarity is not a number, so that a
    network that answers all alike finds nothing. The other way round: the transpose, with the right rows of each
    column.

    >>> ranks(np.array([[0.9, 0.1, 0.9], [0.2, 0.7, 0.1]]), [{0}, {1}])
    [2, 1]
    """
    row_ranks = []
    for row, columns in zip(similarity, right, strict=True):
        assert columns, "every row needs a right column"
        wrong = np.ones(len(row), bool)
        wrong[list(columns)] = False
        row_ranks.append(1 + int((~(row[wrong] < row[~wrong].max())).sum()))
    return row_ranks


def rank_counts(outputs: Sequence[str]) -> list[Counts]:
    """Recall at 1, 5 and 10: the share, in percent, found within so many places; and the median place."""
    ranks = np.array([int(output) for output in outputs])
    counts = [mean_counts(f"recall_at_{most}", ranks <= most) for most in WITHIN]
    # A column a place: sums are a histogram, from which the median can be read.
    return [*counts, Counts("median_rank", MultiHot(ranks[:, None], int(ranks.max()) + 1), median)]


def median(sums: np.ndarray) -> float:
    """The middle place of a histogram of places; the mean of the two in the middle of an even number.

    >>> median(np.array([0, 2, 0, 2])), median(np.array([0, 2, 0, 1]))
    (2.0, 1.0)
    """
    below, half = np.cumsum(sums), sums.sum() / 2
    return float(np.searchsorted(below, half) + np.searchsorted(below, half, side="right")) / 2
