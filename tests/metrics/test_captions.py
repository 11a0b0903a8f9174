"""Scores of captions against pycocoevalcap's own scorers (pure Python), and hand-worked examples."""

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider_scorer import CiderScorer

from heedful.metrics.captions import cider_counts, token_f1, words
from heedful.metrics.kinds import count
from heedful.metrics.scores import evaluate
from heedful.metrics.significance import paired_test

WORDS = ["a", "the", "red", "big", "dog", "cat", "man", "woman", "hat", "on", "in", "with", "of", "street", "runs"]


def captions(number, seed):
    """Made-up captions, some short, one or more references each; answers partly copied from them."""
    rng = np.random.default_rng(seed)
    references = [
        tuple(" ".join(rng.choice(WORDS, rng.integers(1, 13))) for _ in range(rng.integers(1, 6)))
        for _ in range(number)
    ]
    outputs = []
    for accepted in references:
        copied = accepted[0].split()
        words_of_answer = [word if rng.random() < 0.7 else str(rng.choice([*WORDS, "unheard"])) for word in copied]
        outputs.append(" ".join(words_of_answer + words_of_answer[: rng.integers(0, 3)]))
    return outputs, references


def judged_by_coco(outputs, references):
    scorer = CiderScorer(n=4, sigma=6.0)
    for answer, accepted in zip(outputs, references, strict=True):
        scorer += (answer, list(accepted))
    return scorer.compute_score()


@pytest.mark.parametrize("number, seed", [(60, 0), (2, 1), (200, 2)])
def test_cider_is_that_of_coco(number, seed):
    outputs, references = captions(number, seed)
    outputs[0] = ""
    mean, values = judged_by_coco(outputs, references)
    counts = cider_counts(
        [output.split() for output in outputs], [[text.split() for text in accepted] for accepted in references]
    )
    rows = counts.sums(np.eye(number))
    assert counts.value() == pytest.approx(100 * mean)
    assert [counts.score(row) for row in rows] == pytest.approx((100 * np.array(values)).tolist())
    assert mean > 0.1


def test_cider_of_right_answers_and_of_one_alone():
    """Captions that are repeated word by word get all there is, but for n-grams that are not there or not rare."""
    references = [("a dog runs in the street",), ("the woman with a red hat",), ("big cat on the man of fire",)]
    outputs = [accepted[0] for accepted in references]
    best = count("captions", outputs, references)["cider"]
    assert best.value() == pytest.approx(1000)
    assert count("captions", outputs[:1], references[:1])["cider"].value() == 0


def test_bootstrap_of_cider_leaves_rarity_as_it_is():
    outputs, references = captions(80, 3)
    _, values = judged_by_coco(outputs, references)
    measure = evaluate("captions", outputs, outputs, references, samples=64).measures["cider"]
    draws = np.random.default_rng(0).integers(80, size=(64, 80))
    expected = np.percentile(100 * np.array(values)[draws].mean(axis=1), [2.5, 97.5])
    assert (measure.low, measure.high) == pytest.approx(expected.tolist())


def test_bleu_is_that_of_coco():
    outputs, references = captions(120, 4)
    scorer = BleuScorer(n=4)
    for answer, accepted in zip(outputs, references, strict=True):
        scorer += (answer, list(accepted))
    (*_, four), _ = scorer.compute_score(option="closest", verbose=0)
    assert four > 0.1
    bleu = evaluate("captions", outputs, outputs, references, samples=0).measures["bleu"]
    assert bleu.value == pytest.approx(100 * four, abs=1e-3)
    assert "tok:none" in bleu.signature and "nrefs:var" in bleu.signature


def test_token_f1_and_exact_by_hand():
    outputs = ["a red hat", "A Dog.", "dog dog dog", "", "", "hat red a"]
    references = [("a hat", "the red hat on a man"), ("a dog",), ("one dog",), ("a cat",), ("",), ("a red hat",)]
    # precision and recall: 2/3 and 1 (the second: 1 and 1/2); 1 and 1; 1/3 and 1/2; nothing; both empty; any order.
    values = [0.8, 1, 0.4, 0, 1, 1]
    scores = evaluate("captions", outputs, outputs, references, samples=0)
    assert scores.primary == "token_f1"
    assert scores.measures["token_f1"].value == pytest.approx(100 * np.mean(values))
    assert scores.measures["exact"].value == pytest.approx(100 / 6)
    assert [case.error for case in scores.cases] == pytest.approx([100 - 100 * value for value in values])
    assert scores.by_length == () and scores.kind == "captions"


def test_words_are_those_of_coco_but_for_java():
    """What coco-caption makes of these (Stanford's tokenizer, marks taken out), written down by hand."""
    examples = {
        "A man, riding a well-lit wave!": "a man riding a well-lit wave",
        "Two dogs -- one (the red) runs; why?": "two dogs one the red runs why",
        "“Hello” ‘there’ …": "hello there",
        "...": "",
        "  3.5 km \t north\n": "3.5 km north",
    }
    for caption, expected in examples.items():
        assert words(caption) == expected.split()
    assert token_f1(words("..."), words("")) == 1


def test_captions_are_compared_by_every_measure():
    outputs, references = captions(60, 5)
    worse = [" ".join(answer.split()[::2]) for answer in outputs]
    for measure in ("token_f1", "cider", "bleu"):
        clear = paired_test(outputs, worse, references, "captions", measure, samples=100)
        assert clear.low > 0 and clear.p < 0.05
        assert paired_test(outputs, outputs, references, "captions", measure, samples=20).p == 1
