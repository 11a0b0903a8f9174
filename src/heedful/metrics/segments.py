"""Scores of answers in step: how many steps are right, and how many stretches of one label are found.

Two conventions of F1@k circulate, which differ in where the last stretch ends: MS-TCN's evaluation closes it one step
behind its last one, that of ASFormer (and MS-TCN++, DiffAct) at its last one, so that a last stretch of one step is
never found. All others end where the next begins. Both are given, by name.

T steps   P stretches answered   Y true stretches
"""

from collections.abc import Sequence

import numpy as np

from heedful.errors import HeedfulError, count
from heedful.metrics.counts import Counts, References, percent

MASK = ("", "_")
BACKGROUND = ("background",)
"""What happens between the things of interest: no stretch, though its steps count in the accuracy."""
OVERLAPS = (10, 25, 50)
CONVENTIONS = ("mstcn", "asformer")

Stretch = tuple[str, int, int]
"""A label, its first step, and where it ends."""


def step_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    r"""Accuracy, edit score (Lea et al. 2016) and F1@10, 25 and 50 in both conventions, in percent.

    Answers and references are labels joined by tabs; a step whose reference is "" or "_" counts nowhere, and is taken
    out of the answer too. Accuracy is over all steps, the edit score is the mean over sequences that have a stretch,
    F1 counts stretches of all sequences. Of several references, the one counts that most steps agree with. Raises
    HeedfulError if an answer has more or fewer labels than its reference.

    >>> counts = step_counts(["a\ta\tb\tb"], [("a\ta\ta\tb",)])
    >>> [(one.name, one.value()) for one in counts[:2]]
    [('accuracy', 75.0), ('edit', 100.0)]
    """
    pairs = nearest_references(outputs, references)
    counts = [accuracy_counts(pairs), edit_counts(pairs)]
    for convention in CONVENTIONS:
        stretch_pairs = [(stretches(predicted, convention), stretches(truth, convention)) for predicted, truth in pairs]
        for overlap in OVERLAPS:
            rows = np.array(
                [match_stretches(predicted, truth, overlap / 100) for predicted, truth in stretch_pairs], float
            )
            counts.append(Counts(f"f1_{overlap}_{convention}", rows, f1))
    return counts


def nearest_references(outputs: Sequence[str], references: References) -> list[tuple[list[str], list[str]]]:
    """Each answer beside its nearest reference, without masked steps."""
    return [nearest_reference(*example, row) for row, example in enumerate(zip(outputs, references, strict=True), 1)]


def accuracy_counts(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Counts:
    """The share of steps whose label is right, in percent."""
    right = [(sum(map(str.__eq__, predicted, truth)), len(truth)) for predicted, truth in pairs]
    return Counts("accuracy", np.array(right, float), percent)


def nearest_reference(output: str, accepted: Sequence[str], row: int) -> tuple[list[str], list[str]]:
    """Answer and reference without masked steps: the reference that the answer agrees with most."""
    predicted = output.split("\t")
    pairs = [drop_masked_steps(predicted, reference.split("\t"), row) for reference in accepted]
    return max(pairs, key=lambda pair: sum(map(str.__eq__, *pair)) / max(1, len(pair[1])))


def drop_masked_steps(predicted: Sequence[str], truth: Sequence[str], row: int) -> tuple[list[str], list[str]]:
    """The steps that count."""
    if len(predicted) != len(truth):
        problem = f"Answer {row:,} has {count(len(predicted), 'label')}, and its reference has {len(truth):,}."
        raise HeedfulError(problem, "A label for each step is needed, with tabs between them.")
    pairs = [(label, true) for label, true in zip(predicted, truth, strict=True) if true not in MASK]
    return [label for label, _ in pairs], [true for _, true in pairs]


def edit_counts(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Counts:
    """How alike the orders of stretches are: 1 less their edit distance over the longer one, whatever their lengths.

    A sequence without a stretch on either side counts nowhere; where there are no others, the score is 0.
    """
    from rapidfuzz.distance import Levenshtein  # who only answers does without what scores

    rows = []
    for predicted, truth in pairs:
        order, true_order = ([label for label, _, _ in stretches(side, "mstcn")] for side in (predicted, truth))
        rows.append((Levenshtein.normalized_similarity(order, true_order), 1.0) if order or true_order else (0.0, 0.0))
    return Counts("edit", np.array(rows), percent)


def stretches(labels: Sequence[str], convention: str) -> list[Stretch]:
    """Runs of equal labels but the background's, each until where the next begins.

    >>> stretches(["a", "a", "b"], "mstcn"), stretches(["a", "a", "b"], "asformer")
    ([('a', 0, 2), ('b', 2, 3)], [('a', 0, 2), ('b', 2, 2)])
    """
    starts = [step for step, label in enumerate(labels) if not step or label != labels[step - 1]]
    ends = [*starts[1:], len(labels) if convention == "mstcn" else len(labels) - 1]
    runs = zip(starts, ends, strict=True) if labels else ()
    return [(labels[start], start, end) for start, end in runs if labels[start] not in BACKGROUND]


def match_stretches(predicted: Sequence[Stretch], truth: Sequence[Stretch], overlap: float) -> tuple[int, int, int]:
    """True positives, false positives and false negatives.

    Each answered stretch, in order, is held against the true one of its label that it overlaps most; it is right if
    it shares at least `overlap` of their union, and no other was right about that one before.
    """
    if not predicted or not truth:
        return 0, len(predicted), len(truth)
    hit = [False] * len(truth)
    for stretch in predicted:
        shares = [intersection_over_union(stretch, other) for other in truth]
        best = int(np.argmax(shares))
        hit[best] = hit[best] or shares[best] >= overlap
    true_positives = sum(hit)
    return true_positives, len(predicted) - true_positives, len(truth) - true_positives


def intersection_over_union(first: Stretch, second: Stretch) -> float:
    """Intersection over union of two stretches of the same label; 0 for others, and where neither has any length."""
    union = max(first[2], second[2]) - min(first[1], second[1])
    return (
        max(0, min(first[2], second[2]) - max(first[1], second[1])) / union if union and first[0] == second[0] else 0.0
    )


def f1(sums: np.ndarray) -> float:
    """F1 in percent, from true positives, false positives and false negatives; 0 where there is nothing."""
    right, *wrong = sums
    total = 2 * right + sum(wrong)
    return float(100.0 * 2 * right / total) if total else 0.0
