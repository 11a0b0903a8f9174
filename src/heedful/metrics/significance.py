"""How sure a number is, and whether one model is better than another."""

from collections.abc import Iterator, Sequence

import numpy as np

from heedful.errors import HeedfulError, unknown
from heedful.metrics.counts import Counts, Kind, References, count
from heedful.results import Measure, Paired

BLOCK = 64  # resamples held at once: (BLOCK, examples) of draws


def interval(counts: Counts, samples: int = 1000, seed: int = 0) -> Measure:
    """The measure with its 95 % bootstrap interval over examples (percentiles); samples=0: no interval."""
    value = counts.value()
    low, high = bounds([counts.score(row) for row in resampled(counts.rows, samples, seed)], value)
    return Measure(counts.name, value, low, high, counts.higher_is_better, counts.signature)


def paired(
    a_outputs: Sequence[str],
    b_outputs: Sequence[str],
    references: References,
    kind: Kind,
    measure: str,
    samples: int = 1000,
    seed: int = 0,
) -> Paired:
    """Is A better than B on the same examples?

    `p` is that of two-sided approximate randomisation: the share of random exchanges of the two answers to an example
    that set the scores at least as far apart. The interval of the difference is that of the paired bootstrap.
    Identical answers give p = 1.
    """
    a, b = (chosen(kind, outputs, references, measure) for outputs in (a_outputs, b_outputs))
    difference = a.value() - b.value()
    exchanged = [a.score(one) - b.score(two) for one, two in exchanges(a.rows, b.rows, samples, seed)]
    as_far = sum(abs(other) >= abs(difference) - 1e-9 for other in exchanged)
    both = resampled(np.hstack([a.rows, b.rows]), samples, seed)
    columns = a.rows.shape[1]
    drawn = [a.score(row[:columns]) - b.score(row[columns:]) for row in both]
    return Paired(measure, difference, *bounds(drawn, difference), p=(as_far + 1) / (samples + 1))


def interval_over_runs(
    runs: Sequence[Sequence[str]], references: References, kind: Kind, measure: str, samples: int = 1000, seed: int = 0
) -> Measure:
    """The mean over several runs of one network, with a 95 % interval for the luck of seeds and of examples.

    `runs` holds the outputs of each run for the same examples. Hierarchical bootstrap: draw runs, then examples
    (the same for every run drawn, since all answered the same ones). With two or three runs it is still too narrow.
    """
    counted = [chosen(kind, outputs, references, measure) for outputs in runs]
    value = float(np.mean([counts.value() for counts in counted]))
    low, high = bounds(draws_over_runs([counted], samples, seed)[:, 0], value)
    # A signature names the metric, not the run: it is the same for all.
    return Measure(measure, value, low, high, counted[0].higher_is_better, counted[0].signature)


def paired_over_runs(
    a_runs: Sequence[Sequence[str]],
    b_runs: Sequence[Sequence[str]],
    references: References,
    kind: Kind,
    measure: str,
    samples: int = 1000,
    seed: int = 0,
) -> Paired:
    """Is A better than B, counting the luck of seeds? As `interval_over_runs`, for the difference of the means.

    `p` is twice the smaller share of draws on either side of zero, draws on zero counting for both.
    """
    sides = [[chosen(kind, outputs, references, measure) for outputs in runs] for runs in (a_runs, b_runs)]
    means = [float(np.mean([counts.value() for counts in side])) for side in sides]
    drawn = draws_over_runs(sides, samples, seed)
    differences = drawn[:, 0] - drawn[:, 1]
    smaller = min(np.sum(differences <= 1e-9), np.sum(differences >= -1e-9))
    difference = means[0] - means[1]
    p = min(1.0, 2 * (int(smaller) + 1) / (samples + 1))
    return Paired(measure, difference, *bounds(differences, difference), p=p)


def chosen(kind: Kind, outputs: Sequence[str], references: References, measure: str) -> Counts:
    """The counts of one measure; raises HeedfulError with the nearest name for an unknown one."""
    counted = count(kind, outputs, references, ter=measure == "ter")
    if measure not in counted:
        raise unknown("measure", measure, sorted({*counted, "ter"} if kind == "text" else counted))
    return counted[measure]


def bounds(values: Sequence[float] | np.ndarray, value: float) -> tuple[float, float]:
    """The middle 95 % of `values`; `value` twice if there are none."""
    if len(values) == 0:
        return value, value
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def resampled(rows: np.ndarray, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Sums of rows (columns,) over `samples` draws with replacement of as many examples as there are."""
    for times in repeats(len(rows), samples, np.random.default_rng(seed)):
        yield from times @ rows


def repeats(examples: int, samples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each example is drawn: blocks of (at most BLOCK, examples), `samples` rows in all."""
    for first in range(0, samples, BLOCK):
        draws = rng.integers(examples, size=(min(BLOCK, samples - first), examples))
        yield np.stack([np.bincount(draw, minlength=examples) for draw in draws]).astype(float)


def exchanges(a: np.ndarray, b: np.ndarray, samples: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sums of A's and of B's rows (columns,) after exchanging the two at random, half the examples on average."""
    rng = np.random.default_rng(seed)
    both = (a + b).sum(axis=0)
    for _ in range(samples):
        kept = rng.integers(2, size=len(a)).astype(float)
        one = kept @ a + (1 - kept) @ b
        yield one, both - one


def draws_over_runs(sides: Sequence[Sequence[Counts]], samples: int, seed: int) -> np.ndarray:
    """The mean score of each side's runs (samples, sides): runs drawn for each side, examples for all alike."""
    if not all(sides):
        raise HeedfulError("There is nothing to score: no run was given.")
    rng = np.random.default_rng(seed)
    values = []
    for block in repeats(len(sides[0][0].rows), samples, rng):
        for times in block:
            drawn = [[side[i] for i in rng.integers(len(side), size=len(side))] for side in sides]
            values.append([np.mean([counts.score(times @ counts.rows) for counts in side]) for side in drawn])
    return np.array(values).reshape(-1, len(sides))
