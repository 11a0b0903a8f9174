"""Whether one model is better than another, and how sure the mean of several runs is.

N examples   B samples   K columns
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from heedful.errors import HeedfulError, unknown
from heedful.metrics.bootstrap import BLOCK, bounds, repeats
from heedful.metrics.counts import Counts, Kind, References
from heedful.metrics.kinds import count
from heedful.results import Measure, Paired

SAMPLES, SAMPLES_A_TEST = 1000, 100  # random exchanges of a test by itself, and for each of those made together


def paired_test(
    a_outputs: Sequence[str],
    b_outputs: Sequence[str],
    references: References,
    kind: Kind,
    measure: str,
    samples: int = 1000,
    seed: int = 0,
) -> Paired:
    """Is A better than B on the same examples? As `paired_test_of_counts`, of answers."""
    a, b = (counts_of_measure(kind, outputs, references, measure) for outputs in (a_outputs, b_outputs))
    return paired_test_of_counts(a, b, samples, seed)


def paired_test_of_counts(a: Counts, b: Counts, samples: int = 1000, seed: int = 0) -> Paired:
    """Is A better than B by one measure on the same examples?

    `p` is that of two-sided approximate randomisation: the share of random exchanges of the two answers to an example
    that set the scores at least as far apart; of few examples, the share of all exchanges that there are. The interval
    of the difference is that of the paired bootstrap. Identical answers give p = 1.
    """
    difference = a.value() - b.value()
    exchanged = [a.score(a_sums) - b.score(b_sums) for a_sums, b_sums in exchanges(a, b, samples, seed)]
    as_far = sum(abs(other) >= abs(difference) - 1e-9 for other in exchanged)
    unseen = 0 if can_try_all(len(a.rows), samples) else 1
    p = (as_far + unseen) / (len(exchanged) + unseen)
    differences = [
        a.score(a_sums) - b.score(b_sums)
        for times in repeats(len(a.rows), samples, np.random.default_rng(seed))
        for a_sums, b_sums in zip(a.sums(times), b.sums(times), strict=True)
    ]
    return Paired(a.name, difference, *bounds(differences, difference), p=p, examples=len(a.rows))


def holm(tests: Mapping[str, Paired]) -> dict[str, Paired]:
    """The same tests with p adjusted for how many there are (Holm 1979): the chance that any of them errs stays what
    it is for one.

    >>> tests = {name: Paired("bleu", 1, 0, 2, p=p) for name, p in (("a", 0.01), ("b", 0.04), ("c", 0.03))}
    >>> [round(test.p, 3) for test in holm(tests).values()]
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = dict[str, Paired](), 0.0
    for rank, name in enumerate(sorted(tests, key=lambda name: tests[name].p)):
        largest = max(largest, min(1.0, tests[name].p * (len(tests) - rank)))
        adjusted[name] = replace(tests[name], p=largest, tests=len(tests))
    return {name: adjusted[name] for name in tests}


def samples_for(tests: int) -> int:
    """Random exchanges of each of so many tests, such that the smallest p that they can give is found small still when
    it is adjusted.
    """
    return max(SAMPLES, SAMPLES_A_TEST * tests)


def interval_over_runs(
    runs: Sequence[Sequence[str]], references: References, kind: Kind, measure: str, samples: int = 1000, seed: int = 0
) -> Measure:
    """The mean over several runs of one network, with a 95 % interval for the choice of seeds and of examples.

    `runs` holds the outputs of each run for the same examples. Hierarchical bootstrap: draw runs, then examples
    (the same for every run drawn, since all answered the same ones). With two or three runs it is still too narrow.
    """
    counts_of_runs = [counts_of_measure(kind, outputs, references, measure) for outputs in runs]
    value = float(np.mean([counts.value() for counts in counts_of_runs]))
    low, high = bounds(draws_over_runs([counts_of_runs], samples, seed)[:, 0], value)
    # A signature names the metric, not the run: it is the same for all.
    return Measure(measure, value, low, high, counts_of_runs[0].higher_is_better, counts_of_runs[0].signature)


def paired_test_over_runs(
    a_runs: Sequence[Sequence[str]],
    b_runs: Sequence[Sequence[str]],
    references: References,
    kind: Kind,
    measure: str,
    samples: int = 1000,
    seed: int = 0,
) -> Paired:
    """Is A better than B, counting the choice of seeds? As `interval_over_runs`, for the difference of the means.

    `p` is twice the smaller share of draws on either side of zero, draws on zero counting for both.
    """
    sides = [[counts_of_measure(kind, outputs, references, measure) for outputs in runs] for runs in (a_runs, b_runs)]
    means = [float(np.mean([counts.value() for counts in side])) for side in sides]
    draws = draws_over_runs(sides, samples, seed)
    differences = draws[:, 0] - draws[:, 1]
    smaller = min(np.sum(differences <= 1e-9), np.sum(differences >= -1e-9))
    difference = means[0] - means[1]
    p = min(1.0, 2 * (int(smaller) + 1) / (samples + 1))
    interval, examples = bounds(differences, difference), len(sides[0][0].rows)
    return Paired(measure, difference, *interval, p=p, examples=examples, runs=len(a_runs))


def counts_of_measure(kind: Kind, outputs: Sequence[str], references: References, measure: str) -> Counts:
    """The counts of one measure; raises HeedfulError with the nearest name for an unknown one."""
    measures = count(kind, outputs, references, ter=measure == "ter")
    if measure not in measures:
        raise unknown("measure", measure, sorted({*measures, "ter"} if kind == "text" else measures))
    return measures[measure]


def countable_measures(kind: Kind, outputs: Sequence[str], references: References) -> set[str]:
    """The measures that can be had from answers alone: others take probabilities, which a run does not keep.

    >>> sorted(countable_measures("classes", ["dog", "cat"], [("cat",), ("cat",)]))
    ['accuracy', 'macro_f1']
    """
    return set(count(kind, outputs[:1], references[:1]))


def exchanges(a: Counts, b: Counts, samples: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sums of A's and of B's rows (K,) after exchanging the two at random, half the examples on average; or after every
    exchange, where there are no more than `samples`.
    """
    for keep in choices(len(a.rows), samples, seed):
        a_sums = add_sums(a.sums(keep), b.sums(1 - keep))
        b_sums = add_sums(a.sums(1 - keep), b.sums(keep))
        yield from zip(a_sums, b_sums, strict=True)


def choices(examples: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Which examples stay as they are (1), in blocks of (B, N): all choices if they are few, else drawn ones."""
    if can_try_all(examples, samples):
        yield ((np.arange(2**examples)[:, None] >> np.arange(examples)) & 1).astype(float)
        return
    rng = np.random.default_rng(seed)
    for first in range(0, samples, BLOCK):
        yield np.stack([rng.integers(2, size=examples) for _ in range(min(BLOCK, samples - first))]).astype(float)


def can_try_all(examples: int, samples: int) -> bool:
    """Whether so many examples have at most `samples` exchanges."""
    return examples < samples.bit_length()


def add_sums(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The sum of two sums (B, K), of which a histogram has as many columns as its largest value needs."""
    columns = max(first.shape[1], second.shape[1])
    wide = [np.pad(sums, ((0, 0), (0, columns - sums.shape[1]))) for sums in (first, second)]
    return wide[0] + wide[1]


def draws_over_runs(sides: Sequence[Sequence[Counts]], samples: int, seed: int) -> np.ndarray:
    """The mean score of each side's runs (B, sides): runs drawn for each side, examples for all alike."""
    if not all(sides):
        raise HeedfulError("There is nothing to score: no run was given.")
    rng = np.random.default_rng(seed)
    values = []
    for block in repeats(len(sides[0][0].rows), samples, rng):
        scored = [np.array([[run.score(row) for row in run.sums(block)] for run in side]) for side in sides]
        for sample in range(len(block)):
            draws = [scores[rng.integers(len(scores), size=len(scores)), sample] for scores in scored]
            values.append([runs.mean() for runs in draws])
    return np.array(values).reshape(-1, len(sides))
