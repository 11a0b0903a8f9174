"""Scores of answers that name a class: how many are right, class by class, and how far sureness can be trusted.

N examples   C classes
"""

from collections.abc import Sequence

import numpy as np

from heedful.metrics.bootstrap import interval
from heedful.metrics.counts import PRIMARY, Counts, MultiHot, References, check_scorable, mean_counts
from heedful.metrics.ranks import ranks
from heedful.results import Bin, Case, ClassScore, Confusion, Scores

BINS = 15  # of sureness, as Guo et al. (2017) have it
TOP = 5
SMALLEST_PROBABILITY = 1e-30  # of a probability whose logarithm is taken


def evaluate_classes(
    sources: Sequence[str],
    names: Sequence[str],
    probabilities: np.ndarray,
    references: References,
    samples: int = 1000,
    seed: int = 0,
) -> Scores:
    """Scores the likeliest classes, given `probabilities` (N, C) of the classes `names`.

    Accuracy, macro F1, top-5 accuracy (where there are more than five classes) and expected calibration error with
    95 % intervals, all in percent; mix-ups, scores by class, share of right answers by sureness, and every case with
    the log probability of its answer. Raises HeedfulError if there is nothing to score.

    >>> scores = evaluate_classes(["1.png"], ["cat", "dog"], np.array([[0.2, 0.8]]), [("dog",)])
    >>> scores.measures["accuracy"].value, scores.cases[0].output
    (100.0, 'dog')
    """
    best = [int(row.argmax()) for row in probabilities]
    outputs = [names[number] for number in best]
    check_scorable(outputs, references)
    sure = probabilities[np.arange(len(best)), best].astype(float)
    right = np.array([output in accepted for output, accepted in zip(outputs, references, strict=True)])
    all_counts = class_counts(outputs, references)
    if len(names) > TOP:
        all_counts.append(mean_counts(f"top{TOP}", among_first(TOP, names, probabilities, references)))
    all_counts.append(calibration_counts(sure, right))
    truths = truths_of(outputs, references)
    logs = np.log(np.maximum(sure, SMALLEST_PROBABILITY)).tolist()
    confusion = count_confusions([*names, *sorted({*truths} - {*names})], truths, outputs)
    return Scores(
        primary=PRIMARY["classes"],
        measures={counts.name: interval(counts, samples, seed) for counts in all_counts},
        count=len(outputs),
        cases=tuple(
            Case(source, output, tuple(accepted), 0.0 if fine else 100.0, log)
            for source, output, accepted, fine, log in zip(sources, outputs, references, right, logs, strict=True)
        ),
        confusion=confusion,
        by_class=score_classes(confusion),
        reliability=reliability(sure, right),
        kind="classes",
    )


def class_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """Accuracy and macro F1, in percent.

    Macro F1 is the mean of F1 over the classes that are there to be found: a name that nothing bears is no class of
    its own, but whoever answers with it misses the class that it is. Of several right names, the truth is the one that
    was answered, or else the first.
    """
    right = [output in accepted for output, accepted in zip(outputs, references, strict=True)]
    return [mean_counts("accuracy", right), f1_counts(outputs, references)]


def f1_counts(outputs: Sequence[str], references: References) -> Counts:
    """Macro F1: rows mark the class that was found (if it was), the class that was answered, and the true class."""
    numbers = {
        name: number for number, name in enumerate(sorted({name for accepted in references for name in accepted}))
    }
    classes = len(numbers)
    true = np.array([numbers[name] for name in truths_of(outputs, references)], int)
    predicted = np.array([numbers.get(output, -1) for output in outputs], int)
    nowhere = 3 * classes
    hits = np.where(predicted == true, true, nowhere)
    columns = np.stack([hits, np.where(predicted < 0, nowhere, classes + predicted), 2 * classes + true], axis=1)
    return Counts("macro_f1", MultiHot(columns, nowhere + 1), macro_f1)


def macro_f1(sums: np.ndarray) -> float:
    """The mean F1, in percent, of classes that have an example, from how often each was found, answered and true; 0
    where none has.
    """
    hits, predicted, true = sums[:-1].reshape(3, -1)
    occurring = true > 0
    return float(100 * np.mean(2 * hits[occurring] / (predicted + true)[occurring])) if occurring.any() else 0.0


def truths_of(outputs: Sequence[str], references: References) -> list[str]:
    """What each example is: what was answered if that is right, or else the first of its names.

    >>> truths_of(["b", "c"], [("a", "b"), ("a", "b")])
    ['b', 'a']
    """
    return [output if output in accepted else accepted[0] for output, accepted in zip(outputs, references, strict=True)]


def among_first(most: int, names: Sequence[str], probabilities: np.ndarray, references: References) -> np.ndarray:
    """Whether a right class is among the `most` likeliest (N,); never so if its name was not learnt."""
    numbers = {name: number for number, name in enumerate(names)}
    right = [{numbers[name] for name in accepted if name in numbers} for accepted in references]
    rows = [row for row, columns in enumerate(right) if columns]
    within = np.zeros(len(right), bool)
    within[rows] = np.array(ranks(probabilities[rows], [right[row] for row in rows])) <= most
    return within


def calibration_counts(sure: np.ndarray, right: np.ndarray) -> Counts:
    """Expected calibration error, in percent: how far sureness and share of right answers are apart, over BINS bins."""
    rows = np.zeros((len(sure), BINS + 1))
    rows[np.arange(len(sure)), bins_of(sure)] = sure - right
    rows[:, BINS] = 1
    return Counts("calibration_error", rows, lambda sums: float(100 * np.abs(sums[:BINS]).sum() / sums[BINS]))


def bins_of(sure: np.ndarray) -> np.ndarray:
    """The bin of each probability: equally wide, each with its upper edge."""
    return np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)


def reliability(sure: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """How many answers were so sure, and how many of them were right, in percent; without bins that are empty."""
    numbers = bins_of(sure)
    edges = [round(100 * edge / BINS) for edge in range(BINS + 1)]
    return tuple(
        Bin(
            edges[number],
            edges[number + 1],
            int((numbers == number).sum()),
            float(100 * right[numbers == number].mean()),
        )
        for number in np.unique(numbers).tolist()
    )


def count_confusions(names: Sequence[str], truths: Sequence[str], outputs: Sequence[str]) -> Confusion:
    """How often each class was answered as each.

    >>> count_confusions(["cat", "dog"], ["dog", "dog", "cat"], ["cat", "dog", "cat"]).counts
    ((1, 0), (1, 1))
    """
    numbers = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, ([numbers[truth] for truth in truths], [numbers[output] for output in outputs]), 1)
    return Confusion(tuple(names), tuple(map(tuple, counts.tolist())))


def score_classes(confusion: Confusion) -> tuple[ClassScore, ...]:
    """Each class by itself, in percent; 0 where nothing was answered or nothing was there."""
    counts = np.array(confusion.counts)
    hits, predicted, true = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)

    def percent_of(part: np.ndarray, total: np.ndarray) -> list[float]:
        return (100 * part / np.maximum(total, 1)).tolist()

    columns = true.tolist(), percent_of(hits, predicted), percent_of(hits, true), percent_of(2 * hits, predicted + true)
    return tuple(ClassScore(*row) for row in zip(confusion.names, *columns, strict=True))
