"""Examples drawn anew: how sure a number is.

N examples   B samples   K columns
"""

from collections.abc import Iterator, Sequence

import numpy as np

from heedful.metrics.counts import Counts
from heedful.results import Measure

BLOCK = 64  # resamples held at once: (BLOCK, N) of draws


def interval(counts: Counts, samples: int = 1000, seed: int = 0) -> Measure:
    """The measure with its 95 % bootstrap interval over examples (percentiles); samples=0: no interval."""
    value = counts.value()
    scores = [
        counts.score(row)
        for times in repeats(len(counts.rows), samples, np.random.default_rng(seed))
        for row in counts.sums(times)
    ]
    return Measure(counts.name, value, *bounds(scores, value), counts.higher_is_better, counts.signature)


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
