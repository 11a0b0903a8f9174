"""Scores of classes and of ranks against scikit-learn, NumPy and hand-worked examples."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from heedful.api.compare import difference, over_seeds
from heedful.api.scores import RunFacts, read_scores, write_scores
from heedful.errors import HeedfulError
from heedful.metrics import baselines
from heedful.metrics.bootstrap import interval
from heedful.metrics.classes import evaluate_classes
from heedful.metrics.kinds import count
from heedful.metrics.ranks import ranks
from heedful.metrics.scores import evaluate
from heedful.metrics.significance import interval_over_runs, paired_test, paired_test_over_runs
from heedful.results import Entry

ZERO: Any = 0  # what scikit-learn is to say where nothing is divided by nothing; its types know only words
NAMES = [f"class {number:02}" for number in range(12)]


def guesses(examples=300, seed=0):
    """Probabilities (N, 12) and true names: often right, never of the last two classes, of which one is answered."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(10, examples, p=np.arange(1, 11) / 55)
    logits = rng.normal(size=(examples, 12)) + 2.5 * np.eye(12)[truth]
    logits[:, 11] -= 9
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, [NAMES[number] for number in truth]


def scored(examples=300, seed=0, samples=0):
    probabilities, truth = guesses(examples, seed)
    return evaluate_classes(truth, NAMES, probabilities, [(name,) for name in truth], samples=samples)


def test_classes_are_scored_as_by_scikit_learn():
    probabilities, truth = guesses()
    scores = scored()
    outputs = [NAMES[number] for number in probabilities.argmax(axis=1)]
    classes = sorted(set(truth))
    assert NAMES[10] in outputs and len(classes) == 10
    value = {name: measure.value for name, measure in scores.measures.items()}
    assert value["accuracy"] == pytest.approx(100 * oracle.accuracy_score(truth, outputs))
    assert value["macro_f1"] == pytest.approx(100 * oracle.f1_score(truth, outputs, labels=classes, average="macro"))
    assert value["top5"] == pytest.approx(100 * oracle.top_k_accuracy_score(truth, probabilities, k=5, labels=NAMES))
    assert scores.confusion is not None and scores.confusion.names == tuple(NAMES)
    np.testing.assert_array_equal(scores.confusion.counts, oracle.confusion_matrix(truth, outputs, labels=NAMES))
    columns = np.array([(score.precision, score.recall, score.f1, score.count) for score in scores.by_class]).T
    expected = oracle.precision_recall_fscore_support(truth, outputs, labels=NAMES, zero_division=ZERO)
    np.testing.assert_allclose(columns[:3], 100 * np.array(expected[:3]))
    np.testing.assert_array_equal(columns[3], expected[3])
    assert [case.error == 0 for case in scores.cases] == [
        output == name for output, name in zip(outputs, truth, strict=True)
    ]
    assert [case.score for case in scores.cases] == pytest.approx(np.log(probabilities.max(axis=1)).tolist())


def test_bootstrap_of_macro_f1_is_that_of_scikit_learn_on_every_sample():
    probabilities, truth = guesses(60)
    outputs = np.array(NAMES)[probabilities.argmax(axis=1)]
    true = np.array(truth)
    rng = np.random.default_rng(3)
    values = []
    for draw in rng.integers(60, size=(40, 60)):
        classes = sorted(set(true[draw]))
        values.append(
            100 * oracle.f1_score(true[draw], outputs[draw], labels=classes, average="macro", zero_division=ZERO)
        )
    counts = count("classes", outputs.tolist(), [(name,) for name in truth])
    measure = interval(counts["macro_f1"], samples=40, seed=3)
    assert (measure.low, measure.high) == pytest.approx(np.percentile(values, [2.5, 97.5]).tolist())


def test_calibration_error_by_hand():
    # Bins of 1/15: 0.60 has the upper edge of the ninth; 0.95 and 1 lie in the fifteenth.
    sure, right = np.array([0.6, 0.6, 0.95, 1.0]), [True, False, True, False]
    probabilities = np.stack([sure, 1 - sure], axis=1)
    references = [("yes",) if fine else ("no",) for fine in right]
    scores = evaluate_classes(list("abcd"), ["yes", "no"], probabilities, references, samples=20)
    assert scores.measures["calibration_error"].value == pytest.approx(100 * (abs(1.2 - 1) + abs(1.95 - 1)) / 4)
    assert not scores.measures["calibration_error"].higher_is_better and "top5" not in scores.measures
    assert [(b.low, b.high, b.count, b.value) for b in scores.reliability] == [(53, 60, 2, 50), (93, 100, 2, 50)]


def test_calibration_error_of_many_answers():
    probabilities, truth = guesses(500)
    sure = probabilities.max(axis=1)
    right = np.array(NAMES)[probabilities.argmax(axis=1)] == np.array(truth)
    error = 0.0
    for low in range(15):
        inside = (sure > low / 15) & (sure <= (low + 1) / 15)
        error += inside.mean() * abs(sure[inside].mean() - right[inside].mean()) if inside.any() else 0
    measure = scored(500, samples=100).measures["calibration_error"]
    assert measure.value == pytest.approx(100 * error) and measure.low < measure.high


def test_twins_are_right_under_either_name_and_unlearnt_names_are_wrong():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]])
    references = [("b", "a"), ("a", "c"), ("never seen",)]
    scores = evaluate_classes(["1", "2", "3"], ["a", "b", "c"], probabilities, references, samples=0)
    assert scores.measures["accuracy"].value == pytest.approx(100 / 3)
    # The first is an a that was found, the second an a called b, the third nothing that could be answered.
    assert scores.measures["macro_f1"].value == pytest.approx(100 * (2 / 3 + 0) / 2)
    assert [(score.name, score.count) for score in scores.by_class] == [("a", 2), ("b", 0), ("c", 0), ("never seen", 1)]
    assert scores.confusion and scores.confusion.counts == ((1, 1, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 1, 0))
    assert scores.cases[2].error == 100
    six = evaluate_classes(["1"], list("abcdef"), np.full((1, 6), 1 / 6), [("never seen",)], samples=0)
    assert six.measures["top5"].value == 0


def test_top5_counts_equally_likely_ones_against():
    scores = evaluate_classes(["1"], list("abcdef"), np.full((1, 6), 1 / 6), [("b",)], samples=0)
    assert scores.measures["top5"].value == 0


def test_thousands_of_classes():
    rng = np.random.default_rng(0)
    truth, outputs = rng.integers(3000, size=(2, 2000)).astype(str)
    outputs[::2] = truth[::2]
    scores = evaluate("classes", truth.tolist(), outputs.tolist(), [(name,) for name in truth], samples=200)
    classes = sorted(set(truth))
    measure = scores.measures["macro_f1"]
    expected = 100 * oracle.f1_score(truth, outputs, labels=classes, average="macro", zero_division=ZERO)
    assert measure.value == pytest.approx(expected) and measure.low < measure.high


def test_two_classifiers_are_compared_by_every_measure():
    references = [("cat",)] * 60 + [("dog",)] * 40
    good = ["cat"] * 60 + ["dog"] * 30 + ["cow"] * 10
    bad = ["cat"] * 95 + ["hen"] * 5
    for measure in ("accuracy", "macro_f1"):
        clear = paired_test(good, bad, references, "classes", measure, samples=200)
        assert clear.difference > 0 and clear.low > 0 and clear.p < 0.01
        same = paired_test(good, good, references, "classes", measure, samples=50)
        assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)
        over = paired_test_over_runs([good, good], [bad, bad], references, "classes", measure, samples=100)
        assert over.low > 0 and over.p < 0.05
    with pytest.raises(HeedfulError, match='Did you mean "accuracy"'):
        paired_test(good, bad, references, "classes", "acuracy")


@pytest.mark.parametrize("kind, measure, often", [("classes", "macro_f1", 0.4), ("ranks", "median_rank", 0.03)])
def test_chance_is_that_of_exchanging_the_answers_themselves(kind, measure, often):
    rng = np.random.default_rng(3)
    a_outputs, b_outputs, right = rng.geometric(often, (3, 30)).astype(str).tolist()
    b_outputs[0] = "500"  # so that one run needs more columns than the other
    references = [(name,) for name in right]

    def value(outputs):
        return count(kind, outputs, references)[measure].value()

    draws, as_far, apart = np.random.default_rng(0), 0, abs(value(a_outputs) - value(b_outputs))
    for _ in range(99):
        keeps = draws.integers(2, size=30)
        a_mixed = [a if keep else b for a, b, keep in zip(a_outputs, b_outputs, keeps, strict=True)]
        b_mixed = [b if keep else a for a, b, keep in zip(a_outputs, b_outputs, keeps, strict=True)]
        as_far += abs(value(a_mixed) - value(b_mixed)) >= apart - 1e-9
    assert 0 < as_far < 99
    assert paired_test(a_outputs, b_outputs, references, kind, measure, samples=99).p == pytest.approx(
        (as_far + 1) / 100
    )


def entry(name, seed, scores):
    return Entry(name, seed, "runs/x", 1, scores, (), 1.0, 1.0, 1.0)


def test_runs_of_a_comparison_know_their_kind(tmp_path):
    scores = scored(samples=10)
    facts = RunFacts("test", 1, 1.0, 1.0, 1.0, 1.0, 1.0, 1, 1, [], [])
    write_scores(tmp_path, facts, scores)
    again, scores_read = read_scores(tmp_path)
    assert again == facts and scores_read == scores and scores_read.kind == "classes"
    first, second = entry("lstm", 0, scores_read), entry("lstm", 1, scores_read)
    assert difference([first], [second]).p == 1
    assert sorted(over_seeds([first, second])) == ["accuracy", "macro_f1"]
    steps = evaluate("steps", ["c", "d"], ["a\tb", "b\tb"], [("a\ta",), ("\t",)], samples=10)
    assert [case.error for case in steps.cases] == [50, 0]  # of the second, no step counts
    assert {*over_seeds([entry("gru", 0, steps), entry("gru", 1, steps)])} == {*steps.measures}
    recalls = evaluate("ranks", ["1", "2"], ["1", "30"], [("2",), ("cat",)], samples=10)
    assert [case.error for case in recalls.cases] == pytest.approx([0, 100 - 100 / 30])
    assert {*over_seeds([entry("clip", 0, recalls), entry("clip", 1, recalls)])} == {*recalls.measures}


def test_nothing_to_score_is_said():
    with pytest.raises(HeedfulError, match="nothing to score"):
        evaluate_classes([], ["a"], np.zeros((0, 1)), [])
    with pytest.raises(HeedfulError, match="Example 1"):
        evaluate_classes(["x"], ["a"], np.ones((1, 1)), [()])


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 10_000))
def test_ranks_are_those_of_a_sorted_list(rows, columns, seed):
    rng = np.random.default_rng(seed)
    similarity = rng.integers(4, size=(rows, columns)) / 4  # with many ties
    right = [set(rng.choice(columns, rng.integers(1, columns + 1), replace=False).tolist()) for _ in range(rows)]
    results = ranks(similarity, right)
    for row, accepted, rank in zip(similarity, right, results, strict=True):
        order = sorted(range(columns), key=lambda column: (-row[column], column in accepted))
        assert rank == 1 + next(index for index, column in enumerate(order) if column in accepted)


def test_a_network_that_answers_all_alike_finds_nothing():
    assert ranks(np.zeros((2, 9)), [{0}, {4, 5}]) == [9, 8]
    assert ranks(np.full((2, 9), np.nan), [{0}, {4, 5}]) == [9, 8]
    assert ranks(np.array([[0.5, np.nan, 0.1]]), [{0}]) == [2]


def test_ranks_both_ways():
    similarity = np.array([[0.9, 0.2, 0.8], [0.1, 0.3, 0.4], [0.7, 0.6, 0.5]])
    right = [{0}, {1}, {2}]
    assert ranks(similarity, right) == [1, 2, 3]
    assert ranks(similarity.T, right) == [1, 2, 2]


def test_recall_and_median_rank():
    row_ranks = [1, 1, 2, 5, 6, 11, 40, 3]
    outputs, references = [str(rank) for rank in row_ranks], [("1",)] * len(row_ranks)
    scores = evaluate("ranks", outputs, outputs, references, samples=0)
    assert scores.primary == "recall_at_1"
    value = {name: measure.value for name, measure in scores.measures.items()}
    assert value == {"recall_at_1": 25, "recall_at_5": 62.5, "recall_at_10": 75, "median_rank": np.median(row_ranks)}
    assert not scores.measures["median_rank"].higher_is_better


def test_bootstrap_of_the_median_is_that_of_numpy():
    row_ranks = np.random.default_rng(0).geometric(0.1, 51)
    references = [("1",)] * 51
    measure = evaluate("ranks", ["x"] * 51, [str(rank) for rank in row_ranks], references, samples=64).measures
    draws = np.random.default_rng(0).integers(51, size=(64, 51))
    expected = np.percentile(np.median(row_ranks[draws], axis=1), [2.5, 97.5])
    assert (measure["median_rank"].low, measure["median_rank"].high) == pytest.approx(expected.tolist())
    # Of two runs, one never looks further down than the second place: histograms of different widths.
    near = [str(min(rank, 2)) for rank in row_ranks]
    far = [str(rank) for rank in row_ranks]
    clear = paired_test(far, near, references, "ranks", "median_rank", samples=100)
    assert clear.difference == np.median(row_ranks) - 2 and clear.low > 0 and clear.p < 0.05
    mean = interval_over_runs([far, near], references, "ranks", "median_rank", samples=100)
    assert mean.value == (np.median(row_ranks) + 2) / 2 and mean.low < mean.value < mean.high


def test_nearest_picture_is_that_of_scikit_learn():
    grays, digits = map(np.asarray, load_digits(return_X_y=True))
    pixels, targets = (grays * 15).astype(np.uint8).reshape(-1, 8, 8), digits.astype(str)
    nearest = baselines.NearestPicture(pixels[:900], targets[:900].tolist())
    other = KNeighborsClassifier(1, algorithm="brute").fit(grays[:900], targets[:900])
    assert nearest.answers(pixels[900:]) == other.predict(grays[900:]).tolist()


def test_nearest_picture_among_more_than_are_compared_at_once():
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(baselines.PICTURES + 500, 2, 3, 3), dtype=np.uint8)
    pixels[-1] = pixels[7]  # the first of two that are the same
    names = [str(number) for number in range(len(pixels))]
    nearest = baselines.NearestPicture(pixels, names)
    assert nearest.answers(pixels[:-1]) == names[:-1]
    assert nearest.answers(pixels[-1:]) == ["7"]
    assert nearest.answers(pixels[:0]) == []


def test_majority():
    assert baselines.majority(["b", "a", "b", "a", "c"]) == "a"
    with pytest.raises(HeedfulError, match="no training example"):
        baselines.majority([])
