"""Examples drawn anew: how sure a number is.

N examples   B samples   K columns
"""

from collections.abc import Iterator, Sequence

import numpy as np

from heedful.metrics.counts import Counts, percent
from heedful.results import Measure

BLOCK = 64  # resamples held at once: (BLOCK, N) of draws
UNLIKELY = 0.025  # what a 95 % interval leaves out on a side


def interval(counts: Counts, samples: int = 1000, seed: int = 0) -> Measure:
    """The measure with its 95 % bootstrap interval over examples (percentiles); samples=0: no interval.

    Where all examples are right, or all are wrong, every sample is as they are: the interval is the binomial one
    (Clopper & Pearson 1934).

    >>> from heedful.metrics.counts import mean_counts
    >>> alike = interval(mean_counts("exact", [1.0] * 100))
    >>> round(alike.low, 1), alike.high
    (96.4, 100.0)
    """
    value = counts.value()
    if samples and (share := same_for_all(counts)) is not None:
        chance = 100 * (1 - UNLIKELY ** (1 / len(counts.rows)))
        bounds_of_alike = (0.0, chance) if share == 0 else (100 - chance, 100.0)
        return Measure(counts.name, value, *bounds_of_alike, counts.higher_is_better, counts.signature)
    scores = [
        counts.score(row)
        for times in repeats(len(counts.rows), samples, np.random.default_rng(seed))
        for row in counts.sums(times)
    ]
    return Measure(counts.name, value, *bounds(scores, value), counts.higher_is_better, counts.signature)


def same_for_all(counts: Counts) -> float | None:
    """0 or 1 if each example is one of those that a share is counted over, and that is what all of them got."""
    if not isinstance(counts.rows, np.ndarray) or counts.score is not percent or not (counts.rows[:, 1] == 1).all():
        return None
    first = float(counts.rows[0, 0])
    return first if first in (0, 1) and (counts.rows[:, 0] == first).all() else None


def bounds(values: Sequence[float] | np.ndarray, value: float) -> tuple[float, float]:
    """The middle 95 % of `values`; `value` twice if there are none."""
    if len(values) == 0:
        return value, value
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def repeats(examples: int, samples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each example is drawn: blocks of (at most BLOCK, N), `samples` rows in all."""
    for first in range(0, samples, BLOCK):
        draws = rng.integers(examples, size=(min(BLOCK, samples - first), examples))
        yield np.stack([np.bincount(draw, minlength=examples) for draw in draws]).astype(float)
