"""Scores of steps: against the published evaluation's own way of counting, written down again, and worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.errors import HeedfulError
from heedful.metrics.kinds import count
from heedful.metrics.segments import step_counts
from heedful.metrics.significance import paired_test

LABELS = st.lists(st.sampled_from(["a", "b", "c", "background"]), min_size=1, max_size=12)


def values(outputs: list[str], references: list[str]) -> dict[str, float]:
    return {counts.name: counts.value() for counts in step_counts(outputs, [(text,) for text in references])}


def published_segments(labels: list[str], last: int) -> tuple[list[str], list[int], list[int]]:
    """As the evaluation of MS-TCN (last = 1) and of ASFormer (last = 0) cuts a sequence."""
    names, starts, ends = [], [], []
    before = labels[0]
    if before != "background":
        names.append(before)
        starts.append(0)
    step = 0
    for step, label in enumerate(labels):
        if label != before:
            if label != "background":
                names.append(label)
                starts.append(step)
            if before != "background":
                ends.append(step)
            before = label
    if before != "background":
        ends.append(step + last)
    return names, starts, ends


def published_f1(pairs: list[tuple[list[str], list[str]]], overlap: float, last: int) -> float:
    sums = np.zeros(3)
    for predicted, truth in pairs:
        names, starts, ends = published_segments(predicted, last)
        true_names, true_starts, true_ends = map(np.array, published_segments(truth, last))
        hits = np.zeros(len(true_names))
        for name, start, end in zip(names, starts, ends, strict=True):
            best, overlap_of_best = 0, 0.0
            if len(true_names):
                inside = np.minimum(end, true_ends) - np.maximum(start, true_starts)
                union = np.maximum(end, true_ends) - np.minimum(start, true_starts)
                with np.errstate(invalid="ignore"):
                    shares = (1.0 * inside / union) * (true_names == name)
                best = int(shares.argmax())
                overlap_of_best = shares[best]
            if len(true_names) and overlap_of_best >= overlap and not hits[best]:
                hits[best] = 1
                sums[0] += 1
            else:
                sums[1] += 1
        sums[2] += len(true_names) - hits.sum()
    with np.errstate(invalid="ignore"):
        precision, recall = sums[0] / (sums[0] + sums[1]), sums[0] / (sums[0] + sums[2])
        return float(np.nan_to_num(2 * precision * recall / (precision + recall)) * 100)


def published_edit(predicted: list[str], truth: list[str]) -> float:
    names, true_names = published_segments(predicted, 1)[0], published_segments(truth, 1)[0]
    table = np.zeros((len(names) + 1, len(true_names) + 1))
    table[:, 0], table[0, :] = np.arange(len(names) + 1), np.arange(len(true_names) + 1)
    for i in range(1, len(names) + 1):
        for j in range(1, len(true_names) + 1):
            edits = table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (names[i - 1] != true_names[j - 1])
            table[i, j] = min(edits)
    return float((1 - table[-1, -1] / max(len(names), len(true_names))) * 100)


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=6))
def test_scores_are_those_of_the_published_evaluations(sequences: list[tuple[list[str], list[str]]]) -> None:
    pairs = [(labels[: len(truth)], truth[: len(labels)]) for labels, truth in sequences]
    scores = values(["\t".join(predicted) for predicted, _ in pairs], ["\t".join(truth) for _, truth in pairs])
    for overlap in (10, 25, 50):
        for last, name in ((1, "mstcn"), (0, "asformer")):
            assert scores[f"f1_{overlap}_{name}"] == pytest.approx(published_f1(pairs, overlap / 100, last)), name
    edits = [published_edit(*pair) for pair in pairs if set(pair[0]) | set(pair[1]) != {"background"}]
    assert scores["edit"] == pytest.approx(np.mean(edits) if edits else 0)
    steps = [label == true for predicted, truth in pairs for label, true in zip(predicted, truth, strict=True)]
    assert scores["accuracy"] == pytest.approx(100 * np.mean(steps))


def test_the_two_conventions_part_on_the_worked_example() -> None:
    ten_and_one = "\t".join("A" * 10 + "B")
    rows = {counts.name: counts.rows for counts in step_counts([ten_and_one], [(ten_and_one,)])}
    scores = values([ten_and_one], [ten_and_one])
    for overlap in (10, 25, 50):
        assert np.asarray(rows[f"f1_{overlap}_mstcn"]).tolist() == [[2, 0, 0]]  # right, too many, missed
        assert np.asarray(rows[f"f1_{overlap}_asformer"]).tolist() == [[1, 1, 1]]
        assert (scores[f"f1_{overlap}_mstcn"], scores[f"f1_{overlap}_asformer"]) == (100, 50)


@pytest.mark.parametrize(("output", "right"), [("background\tbackground", 100), ("a\tbackground", 50), ("a\tb", 0)])
def test_where_all_is_background_no_segment_is_right(output: str, right: float) -> None:
    """Neither what is found where nothing is, nor nothing where nothing is: 0, as the published evaluations count."""
    scores = values([output], ["background\tbackground"])
    assert scores.pop("accuracy") == right
    assert {*scores.values()} == {0}


def test_a_case_worked_by_hand() -> None:
    # Answer: a 0-3, b 4-5, a 6, b 7-9. Truth: a 0-4, b 5-9. The first b shares 1 of 6, the second 3 of 5.
    scores = values(["a a a a b b a b b b".replace(" ", "\t")], ["a a a a a b b b b b".replace(" ", "\t")])
    assert scores["accuracy"] == 80
    assert scores["edit"] == 50
    # @10: a is found (4 of 5), the first b takes the true b, a again and the second b are too many: 2, 2, 0.
    assert scores["f1_10_mstcn"] == pytest.approx(100 * 4 / 6)
    # @25 and @50: the first b shares too little, the second b is right.
    assert scores["f1_25_mstcn"] == scores["f1_50_mstcn"] == pytest.approx(100 * 4 / 6)
    wrong = values(["a b a b a b a b a b".replace(" ", "\t")], ["a a a a a b b b b b".replace(" ", "\t")])
    assert (wrong["accuracy"], wrong["edit"], wrong["f1_50_mstcn"]) == (60, pytest.approx(20), 0)


def test_masked_steps_count_nowhere() -> None:
    scores = values(["a\ta\tb"], ["a\tb\tb"])
    assert values(["x\ta\ta\ty\tb"], ["\ta\tb\t_\tb"]) == scores
    nothing = values(["a\tb", "a"], ["\t", "background"])
    assert set(nothing.values()) == {0}
    beside = values(["a\tb", "a"], ["\t", "a"])
    assert (beside["accuracy"], beside["edit"], beside["f1_50_mstcn"]) == (100, 100, 100)


def test_rows_make_paired_tests_and_the_nearest_reference_counts() -> None:
    counts = count("steps", ["a\tb"], [("b\ta", "a\tb")])
    assert counts["accuracy"].value() == 100
    good, poor = ["a\ta\tb\tb"] * 30, ["a\tb\tb\tb"] * 30
    outcome = paired_test(good, poor, [("a\ta\tb\tb",)] * 30, "steps", "accuracy", samples=200)
    assert outcome.difference == 25 and outcome.p < 0.05
    with pytest.raises(HeedfulError, match="Answer 2 has 1 label, and its reference has 2"):
        step_counts(["a", "a"], [("a",), ("a\tb",)])
