"""Scores of captions: BLEU, CIDEr-D, words in common, exact matches."""

from collections import Counter
from collections.abc import Sequence
from math import exp, log, sqrt

import numpy as np

from heedful.metrics.counts import Counts, References, mean_counts
from heedful.metrics.text import exact, sacrebleu_counts

# What COCO's evaluation strips, and the same signs as print has them.
MARKS = ".,:;!?-'\"`(){}" + "…–—‘’“”"
LONGEST = 4  # words of an n-gram
SIGMA = 6.0  # how many words too many or too few weigh little
BEST = 1000.0

Grams = Counter[tuple[str, ...]]


def caption_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """Token F1 against the best reference, CIDEr-D, BLEU-4 (sacreBLEU), all of `words`; exact matches of raw text.

    All but CIDEr-D in percent.
    """
    from sacrebleu.metrics.bleu import BLEU  # who only answers does not wait for what scores

    hypotheses = [words(output) for output in outputs]
    references_words = [[words(reference) for reference in accepted] for accepted in references]
    f1 = [
        max(token_f1(hypothesis, reference_words) for reference_words in accepted)
        for hypothesis, accepted in zip(hypotheses, references_words, strict=True)
    ]
    texts = [" ".join(hypothesis) for hypothesis in hypotheses]
    bleu = BLEU(tokenize="none", force=True)
    return [
        mean_counts("token_f1", f1),
        cider_counts(hypotheses, references_words),
        sacrebleu_counts("bleu", bleu, texts, [tuple(map(" ".join, accepted)) for accepted in references_words]),
        exact(outputs, references),
    ]


def words(caption: str) -> list[str]:
    """The words of a caption in small letters, without the marks around them.

    >>> words('A dog’s "well-lit" house (red) - at 3 o\\'clock...')
    ['a', 'dog’s', 'well-lit', 'house', 'red', 'at', '3', "o'clock"]
    """
    stripped = (word.strip(MARKS) for word in caption.lower().split())
    return [word for word in stripped if word]


def token_f1(hypothesis: Sequence[str], reference: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of words, in any order; nothing said where nothing was due is right.

    >>> token_f1("a red hat".split(), "a hat".split())
    0.8
    """
    if not hypothesis and not reference:
        return 1.0
    common = (Counter(hypothesis) & Counter(reference)).total()
    return 2 * common / (len(hypothesis) + len(reference))


def cider_counts(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> Counts:
    """CIDEr-D (Vedantam, Zitnick and Parikh, 2015), which coco-caption calls CIDEr, times 100 as tables print it.

    How rare an n-gram is comes from the references of the whole set, and stays as it is when examples are drawn anew
    or left out: so each example has a value of its own, and the score is their mean. 1000 is the most; 0 where there
    is only one example, for nothing can be rare among one.
    """
    reference_grams = [[grams(reference) for reference in accepted] for accepted in references]
    frequencies = Counter(gram for accepted in reference_grams for gram in set().union(*accepted))
    among = log(len(references))
    rarity = {gram: among - log(number) for gram, number in frequencies.items()}
    values = [
        np.mean(
            [
                cider_similarity(weigh(hypothesis, rarity, among), weigh(reference, rarity, among))
                for reference in accepted
            ]
        )
        for hypothesis, accepted in zip(map(grams, hypotheses), reference_grams, strict=True)
    ]
    rows = np.stack([np.array(values, float), np.ones(len(values))], axis=1)
    return Counts("cider", rows, lambda sums: float(BEST * sums[0] / sums[1]))


def grams(tokens: Sequence[str]) -> Grams:
    """How often each run of 1 to 4 words stands there."""
    return Counter(
        tuple(tokens[first : first + size]) for size in range(1, LONGEST + 1) for first in range(len(tokens) - size + 1)
    )


class WeightedGrams:
    """A text's n-grams times their rarity, with the length of that vector for each n, and its number of words."""

    def __init__(self, weights: dict[tuple[str, ...], float], number: int) -> None:
        self.weights, self.words = weights, number
        squares = [0.0] * (LONGEST + 1)
        for gram, weight in weights.items():
            squares[len(gram)] += weight * weight
        self.norms = [sqrt(square) for square in squares]


def weigh(counts: Grams, rarity: dict[tuple[str, ...], float], most: float) -> WeightedGrams:
    """N-grams by frequency times rarity; one that no reference has is as rare as can be."""
    number = sum(times for gram, times in counts.items() if len(gram) == 1)
    return WeightedGrams({gram: times * rarity.get(gram, most) for gram, times in counts.items()}, number)


def cider_similarity(hypothesis: WeightedGrams, reference: WeightedGrams) -> float:
    """The cosine of two texts' n-grams, the mean over n, from 0 to 1.

    What is said more often than it should be counts no more than it should; another length counts less.
    """
    common = [0.0] * (LONGEST + 1)
    for gram, weight in hypothesis.weights.items():
        if gram in reference.weights:
            common[len(gram)] += min(weight, reference.weights[gram]) * reference.weights[gram]
    norms = [mine * other for mine, other in zip(hypothesis.norms, reference.norms, strict=True)]
    # An n of which either text has no n-gram counts 0.
    cosine = sum(common[n] / norms[n] for n in range(1, LONGEST + 1) if norms[n]) / LONGEST
    return cosine * exp(-((hypothesis.words - reference.words) ** 2) / (2 * SIGMA**2))
