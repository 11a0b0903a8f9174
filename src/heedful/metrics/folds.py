"""Cross-validation: the scores of several folds as one, in which every row was answered once, by a network that did not
learn from it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from statistics import fmean, stdev
from typing import cast

import numpy as np

from heedful.errors import HeedfulError
from heedful.metrics.classes import score_classes
from heedful.metrics.counts import Kind
from heedful.metrics.entities import score_types
from heedful.metrics.kinds import count
from heedful.metrics.scores import by_length, source_lengths
from heedful.results import Bin, Confusion, FoldScores, Measure, Paired, Scores

UNBOUNDED = ("cider",)  # measures of which more is better that do not end at 100


def scores_over_folds(folds: Sequence[Scores]) -> Scores:
    """The mean of each measure with a 95 % interval over the folds, the folds, and all of their answers together.

    Raises HeedfulError if there is no fold.
    """
    if not folds:
        raise HeedfulError("There is nothing to score: no fold was given.")
    first, measures = folds[0], mean_measures([fold.measures for fold in folds])
    alike = len({(fold.kind, fold.primary) for fold in folds}) == 1  # what is learnt from decides how it is scored
    return replace(
        first,
        primary=next(name for name in (first.primary, *measures) if name in measures),
        measures=measures,
        baseline=mean_measures([fold.baseline for fold in folds]),
        count=sum(fold.count for fold in folds),
        cases=tuple(chain.from_iterable(fold.cases for fold in folds)),
        by_length=pooled_by_length(folds) if alike and all(fold.by_length for fold in folds) else (),
        **pooled_classes(folds),
        reliability=pooled_bins([fold.reliability for fold in folds]),
        folds=tuple(fold_scores(number, fold) for number, fold in enumerate(folds, 1)),
        remarks=(),
        against_baseline=test_over_folds([fold.against_baseline for fold in folds]) if alike else None,
    )


def fold_scores(number: int, scores: Scores) -> FoldScores:
    """One fold in a row of a table."""
    return FoldScores(number, scores.count, {name: measure.value for name, measure in scores.measures.items()})


def mean_measures(folds: Sequence[dict[str, Measure]]) -> dict[str, Measure]:
    """The measures that all folds have."""
    return {name: mean_measure([fold[name] for fold in folds]) for name in folds[0] if all(name in f for f in folds)}


def mean_measure(folds: Sequence[Measure]) -> Measure:
    """The mean with Student's interval over the folds, within what the measure can be; of one fold there is none."""
    values, first = [fold.value for fold in folds], folds[0]
    mean = fmean(values)
    half = t_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    most = 100.0 if first.higher_is_better and first.name not in UNBOUNDED else math.inf
    return replace(first, value=mean, low=max(0.0, mean - half), high=min(most, mean + half))


def test_over_folds(folds: Sequence[Paired | None]) -> Paired | None:
    """Whether the mean difference of folds is one, by Student's test of their differences; the weakest of their own
    tests where these are all the same. None for fewer than two folds, or where one was not tested.
    """
    tests = [fold for fold in folds if fold is not None]
    if len(tests) < max(2, len(folds)):
        return None
    differences = [test.difference for test in tests]
    mean, error = fmean(differences), stdev(differences) / math.sqrt(len(differences))
    half = t_quantile(len(tests) - 1) * error
    p = 2 * (1 - t_probability(abs(mean) / error, len(tests) - 1)) if error else max(test.p for test in tests)
    examples = sum(test.examples for test in tests)
    return Paired(tests[0].measure, mean, mean - half, mean + half, p, examples, runs=len(tests))


def t_quantile(degrees: int, probability: float = 0.975) -> float:
    """Student's t that is not exceeded with this probability (above 0.5), by halving.

    >>> [round(t_quantile(degrees), 3) for degrees in (1, 2, 4, 9, 29)]
    [12.706, 4.303, 2.776, 2.262, 2.045]
    """
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_probability(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def t_probability(t: float, degrees: int) -> float:
    """That Student's t of whole degrees is not exceeded (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    if degrees % 2:
        term, total = cosine, 0.0
        for k in range(1, (degrees - 1) // 2 + 1):
            total += term
            term *= cosine**2 * 2 * k / (2 * k + 1)
        return 0.5 + (angle + sine * total) / math.pi
    term, total = 1.0, 0.0
    for k in range(1, degrees // 2 + 1):
        total += term
        term *= cosine**2 * (2 * k - 1) / (2 * k)
    return 0.5 + sine * total / 2


def pooled_by_length(folds: Sequence[Scores]) -> tuple[Bin, ...]:
    """The primary score of all answers by the length of their sources."""
    cases = [case for fold in folds for case in fold.cases]
    outputs, references = [case.output for case in cases], [case.references for case in cases]
    measures = count(cast(Kind, folds[0].kind), outputs, references, ter=False)
    return by_length(measures[folds[0].primary], source_lengths([case.source for case in cases]))


def pooled_classes(folds: Sequence[Scores]) -> dict[str, object]:
    """All answers by truth and by what was said, and each class (or type of entity) by itself; nothing where there are
    no classes.
    """
    confusions = [fold.confusion for fold in folds if fold.confusion is not None]
    if len(confusions) < len(folds):
        return {"confusion": None, "by_class": ()}
    names = sorted({name for confusion in confusions for name in confusion.names})
    total = np.zeros((len(names), len(names)), int)
    for confusion in confusions:
        places = [names.index(name) for name in confusion.names]
        total[np.ix_(places, places)] += np.array(confusion.counts, int).reshape(len(places), len(places))
    pooled = Confusion(tuple(names), tuple(map(tuple, total.tolist())))
    if any(fold.kind != "entities" for fold in folds):
        return {"confusion": pooled, "by_class": score_classes(pooled)}
    cases = [case for fold in folds for case in fold.cases]
    types = score_types([case.output for case in cases], [case.references for case in cases])
    return {"confusion": pooled, "by_class": types}


def pooled_bins(folds: Sequence[Sequence[Bin]]) -> tuple[Bin, ...]:
    """Bins of equal edges together."""
    by_edges: dict[tuple[int, int], list[Bin]] = {}
    for bin_ in chain.from_iterable(folds):
        by_edges.setdefault((bin_.low, bin_.high), []).append(bin_)
    pooled = []
    for (low, high), bins in sorted(by_edges.items()):
        number = sum(bin_.count for bin_ in bins)
        pooled.append(Bin(low, high, number, sum(bin_.count * bin_.value for bin_ in bins) / number))
    return tuple(pooled)
