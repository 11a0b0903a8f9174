"""Scores against hand-worked examples, and against sacreBLEU called directly."""

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from heedful.errors import HeedfulError
from heedful.metrics import baselines
from heedful.metrics.kinds import count
from heedful.metrics.scores import evaluate
from heedful.metrics.significance import interval_over_runs, paired_test, paired_test_over_runs

# Answers of many kinds: right, reordered, empty, in another alphabet, ending in a tokenised full stop.
ANSWERS = ["The cat sat on the mat.", "", "on mat the sat cat The", "Der Hund — läuft 走る", "a b c d e .", "x"]
ACCEPTED = [
    ("The cat sat on the mat.",),
    ("Something was asked.", "Anything at all would do."),
    ("The cat sat on a mat.", "A cat sat on the mat.", "On the mat sat the cat."),
    ("Der Hund läuft weg.",),
    ("a b c d f .", "a b c e ."),
    ("",),
]


def padded(references):
    """References as sacreBLEU's documentation asks for them: a list a reference number, None where there is none."""
    most = max(map(len, references))
    return [[accepted[i] if i < len(accepted) else None for accepted in references] for i in range(most)]


def test_symbol_error_by_hand():
    # tomato: 2 deletions from either reference of 6. the: "DH IY" is right. read: 1 substitution from either, both of
    # 3. a: "EY AH" is 1 insertion from "AH" or "EY". nothing: an empty answer misses all 5.
    outputs = ["T AH M EY", "DH IY", "R IH D", "EY AH", ""]
    references = [
        ("T AH M EY T OW", "T AH M AA T OW"),
        ("DH AH", "DH IY"),
        ("R EH D", "R IY D"),
        ("AH", "EY"),
        ("N AH TH IH NG",),
    ]
    scores = evaluate("symbols", ["tomato", "the", "read", "a", "nothing"], outputs, references, samples=0)
    assert scores.primary == "symbol_error"
    assert scores.measures["symbol_error"].value == pytest.approx(100 * (2 + 0 + 1 + 1 + 5) / (6 + 2 + 3 + 1 + 5))
    assert scores.measures["word_error"].value == pytest.approx(100 * 4 / 5)
    assert [case.error for case in scores.cases] == pytest.approx([100 / 3, 0, 100 / 3, 100, 100])
    assert [(b.low, b.high, b.count) for b in scores.by_length] == [
        (1, 1, 1),
        (3, 3, 1),
        (4, 4, 1),
        (6, 6, 1),
        (7, 7, 1),
    ]


def test_nearest_reference_among_equals_is_the_longest():
    scores = evaluate("symbols", ["w"], ["A B"], [("A", "A B C")], samples=0)
    assert scores.measures["symbol_error"].value == pytest.approx(100 / 3)


def test_single_words_are_scored_by_exact_matches_and_characters():
    """1984 misses 1985 by one character in four, and 2nd is two edits from 2, its nearest reference."""
    scores = evaluate("words", ["a", "b", "c"], ["1984", "7", "2nd"], [("1985", "85"), ("7",), ("twenty", "2")])
    assert [*scores.measures] == ["exact", "symbol_error"] and scores.primary == "symbol_error"
    assert scores.measures["exact"].value == pytest.approx(100 / 3)
    assert scores.measures["symbol_error"].value == pytest.approx(100 * (1 + 0 + 2) / (4 + 1 + 1))
    assert [case.error for case in scores.cases] == [25, 0, 200] and scores.by_length


@pytest.mark.parametrize("kind", ["symbols", "words", "text", "captions"])
def test_no_measure_is_zero_beside_what_is_all_right(kind):
    """BLEU has no n-grams of four words in shorter texts, and stands only where a reference has them."""
    for text in ("Ja", "Guten Tag auch", "Das ist ein ganzer Satz."):
        for measure in evaluate(kind, ["a", "b"], [text] * 2, [(text,)] * 2, samples=0).measures.values():
            assert measure.value == pytest.approx(100 if measure.higher_is_better else 0) or measure.name == "cider"
    assert "bleu" in evaluate("text", ["a"], ["a"], [("Das ist ein ganzer Satz.",)], samples=0).measures
    assert "bleu" not in evaluate("text", ["a"], ["Das ist ein ganzer Satz."], [("Ja",)], samples=0).measures


def test_text_scores_are_those_of_sacrebleu():
    scores = evaluate("text", ANSWERS, ANSWERS, ACCEPTED, samples=0).measures
    streams = padded(ACCEPTED)
    metrics = {"chrf": sacrebleu.CHRF(), "bleu": sacrebleu.BLEU(), "ter": sacrebleu.TER()}
    for name, metric in metrics.items():
        assert scores[name].value == pytest.approx(metric.corpus_score(ANSWERS, streams).score)
        assert scores[name].signature == str(metric.get_signature())
        assert "nrefs:var" in scores[name].signature
    assert scores["exact"].value == pytest.approx(100 / 6)
    assert [name for name, measure in scores.items() if not measure.higher_is_better] == ["ter"]


def test_padding_a_reference_away_changes_nothing():
    """Unequal numbers of references score as the sum of groups in which the numbers are equal."""
    counts = count("text", ANSWERS, ACCEPTED)
    identity = np.eye(len(ANSWERS))
    for name in ("chrf", "bleu", "ter"):
        alone = [
            count("text", [answer], [accepted])[name].sums(np.ones((1, 1)))[0]
            for answer, accepted in zip(ANSWERS, ACCEPTED, strict=True)
        ]
        np.testing.assert_allclose(counts[name].sums(identity), np.stack(alone))


@given(
    st.lists(
        st.tuples(st.text("ab ", max_size=6), st.lists(st.text("ab ", max_size=6), min_size=1, max_size=3)), min_size=1
    )
)
def test_every_corpus_has_scores_in_range(pairs):
    outputs, references = [output for output, _ in pairs], [tuple(accepted) for _, accepted in pairs]
    for kind in ("symbols", "text"):
        scores = evaluate(kind, outputs, outputs, references, samples=5)
        assert sum(b.count for b in scores.by_length) == scores.count == len(pairs)
        assert len(scores.by_length) <= 8
        for measure in scores.measures.values():
            assert 0 <= measure.low <= measure.high and np.isfinite(measure.high)
        right = evaluate(kind, outputs, [accepted[0] for accepted in references], references, samples=0)
        assert [case.error for case in right.cases] == [0] * len(pairs)


def test_interval_is_that_of_the_mean_of_many_items():
    """For a share, the bootstrap interval has a known width: 1.96 standard errors to either side."""
    right = ["A"] * 700 + ["B"] * 300
    measure = evaluate("symbols", right, right, [("A",)] * 1000, samples=2000).measures["word_error"]
    error = 100 * 1.96 * (0.3 * 0.7 / 1000) ** 0.5
    assert measure.value == pytest.approx(30)
    assert (measure.low, measure.high) == pytest.approx((30 - error, 30 + error), abs=0.4)


def test_same_seed_same_interval():
    first, second = (evaluate("text", ANSWERS, ANSWERS, ACCEPTED, samples=50, seed=3) for _ in range(2))
    assert first == second


def test_identical_answers_are_a_tie():
    for measure in ("chrf", "bleu", "ter", "exact"):
        result = paired_test(ANSWERS, ANSWERS, ACCEPTED, "text", measure, samples=50)
        assert (result.difference, result.low, result.high, result.p) == (0, 0, 0, 1)


def test_paired_test_tells_a_difference_from_chance():
    references = [("A B C D",)] * 200
    good = ["A B C D"] * 150 + ["A B"] * 50
    bad = ["A B C"] * 150 + ["A B C D"] * 50
    clear = paired_test(good, bad, references, "symbols", "word_error")
    assert clear.difference == pytest.approx(-50) and clear.high < 0 and clear.p < 0.01
    # As many won as lost: the totals agree, and so does every verdict on them.
    permutation = good[100:] + good[:100]
    even = paired_test(good, permutation, references, "symbols", "word_error")
    assert even.difference == pytest.approx(0) and even.low < 0 < even.high and even.p == 1


def test_exchange_at_random_is_exact_on_two_items():
    """One answer right against none, over one item: either exchange is as far apart, so nothing can be concluded."""
    assert paired_test(["A"], ["B"], [("A",)], "symbols", "word_error", samples=99).p == 1


def test_luck_of_seeds_widens_the_interval():
    references = [("A",)] * 100
    runs = [["A"] * right + ["B"] * (100 - right) for right in (90, 70, 50)]
    single = interval_over_runs(runs[1:2], references, "symbols", "word_error")
    several = interval_over_runs(runs, references, "symbols", "word_error")
    assert single.value == pytest.approx(30) and several.value == pytest.approx(30)
    assert several.low < single.low and several.high > single.high
    tie = paired_test_over_runs(runs, runs[::-1], references, "symbols", "word_error", samples=200)
    assert tie.difference == pytest.approx(0) and tie.low < 0 < tie.high and tie.p > 0.5
    same = paired_test_over_runs(runs[:1], runs[:1], references, "symbols", "word_error", samples=50)
    assert (same.low, same.high, same.p) == (0, 0, 1)


@pytest.mark.parametrize("outputs, references, words", [([], [], "nothing to score"), (["a"], [()], "Example 1")])
def test_nothing_to_score_is_said(outputs, references, words):
    with pytest.raises(HeedfulError, match=words):
        evaluate("text", outputs, outputs, references)


def test_unknown_measure_names_the_nearest():
    with pytest.raises(HeedfulError, match='Did you mean "bleu"'):
        paired_test(["a"], ["a"], [("a",)], "text", "blue")


def test_nearest_answers_from_training_pairs():
    sources, targets = ["light", "night", "house", "mouse"], ["L AY T", "N AY T", "HH AW S", "M AW S"]
    nearest = baselines.Nearest(sources, targets)
    assert nearest.answers(["lights", "moose", "light"]) == ["L AY T", "M AW S", "L AY T"]
    assert nearest.answer("") == "L AY T"
    capped = baselines.Nearest(sources, targets, most=2, seed=1)
    assert (capped.searched, capped.trained) == (2, 4)
    assert capped.answer("zzz") in targets
