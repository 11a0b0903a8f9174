"""Texts told apart by how often words are in them: what a classifier of texts should be better than.

N texts   V features   C classes   K different features of each text, summed over texts
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

WORD = re.compile(r"\w+")
LETTERS = 4  # of the longest stretches of letters that are counted where words tell nothing
LONG_WORD = 15  # letters of a word on average: there are no blanks between words
FEATURES = 100_000  # at most: the most frequent ones
CELLS = 10_000_000  # of a table of classes and features, at most
PRODUCTS = 40_000_000  # K times C, at most, of the texts that a linear layer is fitted to: seconds
SMOOTHING = 0.1  # of a count in naive Bayes
PENALTY = 1.0  # on the squares of a linear layer's weights
STEPS = 12  # of conjugate gradients
CLOSE = 1e-3  # what is left of the error, at which they end

Answers = Callable[[Sequence[str]], list[str]]


def counted(texts: Sequence[str], targets: Sequence[str]) -> dict[str, Answers]:
    """What answers a text with a class by counted words, by name: naive Bayes, and a linear layer over TF-IDF.

    >>> answers = counted(["a cat sat", "the cat", "a dog sat", "the dog"], ["cat", "cat", "dog", "dog"])
    >>> [answer(["my dog", "cat"]) for answer in answers.values()]
    [['dog', 'cat'], ['dog', 'cat']]
    """
    names = sorted(set(targets))
    numbers = {name: number for number, name in enumerate(names)}
    classes = np.array([numbers[target] for target in targets])
    bag = Bag(texts, CELLS // len(names))
    counts = bag.counts(texts)
    few, part = within(counts, PRODUCTS // len(names))
    models = {
        f"naive Bayes over {bag.unit}": NaiveBayes(counts, classes, len(names)),
        f"TF-IDF of {bag.unit}, linear layer{part}": LinearLayer(counts.rows(few), classes[few], len(names)),
    }

    def answers_of(model: "NaiveBayes | LinearLayer") -> Answers:
        return lambda queries: [names[number] for number in model.classes(bag.counts(queries))]

    return {name: answers_of(model) for name, model in models.items()}


@dataclass(frozen=True, eq=False)
class Sparse:
    """A matrix (N, V) that is 0 in most places: row n is `values[starts[n] : starts[n + 1]]` in these `columns`."""

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def times(self, vector: np.ndarray) -> np.ndarray:
        """The product (N,) with a vector (V,)."""
        product, filled = np.zeros(len(self)), np.diff(self.starts) > 0
        if filled.any():
            product[filled] = np.add.reduceat(self.values * vector[self.columns], self.starts[:-1][filled])
        return product

    def transposed(self) -> "Sparse":
        """The same with rows and columns exchanged."""
        order = np.argsort(self.columns, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.columns, minlength=self.width))])
        return Sparse(starts, self.row_numbers()[order], self.values[order], len(self))

    def rows(self, numbers: np.ndarray) -> "Sparse":
        """Some of the rows, in their order."""
        lengths = np.diff(self.starts)
        kept = np.repeat(np.isin(np.arange(len(self)), numbers), lengths)
        starts = np.concatenate([[0], np.cumsum(lengths[numbers])])
        return Sparse(starts, self.columns[kept], self.values[kept], self.width)

    def row_numbers(self) -> np.ndarray:
        """The row of each value (K,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))


class Bag:
    """The features that texts are made of, at most `most`: words and pairs of them that stand in two texts.

    Where texts are single words or have no blanks between words, they are stretches of up to four letters.
    """

    def __init__(self, texts: Sequence[str], most: int) -> None:
        words = sum(len(WORD.findall(text)) for text in texts)
        letters = sum(map(len, texts))
        self.by_letters = words < 2 * len(texts) or letters > LONG_WORD * words
        self.unit = "letters" if self.by_letters else "words"
        found = Counter[str]()
        for text in texts:
            found.update(set(self.features(text)))
        kept = [(times, name) for name, times in found.items() if times > 1 or " " not in name.strip()]
        kept.sort(key=lambda pair: (-pair[0], pair[1]))
        self.numbers = {name: number for number, (_, name) in enumerate(kept[: min(most, FEATURES)])}

    def features(self, text: str) -> list[str]:
        """All that is counted of a text, known or not."""
        if self.by_letters:
            padded = f" {' '.join(text.lower().split())} "
            return [
                padded[first : first + size]
                for size in range(1, LETTERS + 1)
                for first in range(len(padded) - size + 1)
            ]
        words = WORD.findall(text.lower())
        return words + [f"{word} {following}" for word, following in pairwise(words)]

    def counts(self, texts: Sequence[str]) -> Sparse:
        """How often each feature is in each text (N, V); those that are not known count nowhere."""
        starts, columns, values = [0], list[int](), list[int]()
        for text in texts:
            numbers = (self.numbers.get(feature) for feature in self.features(text))
            found = Counter(number for number in numbers if number is not None)
            columns += found.keys()
            values += found.values()
            starts.append(len(columns))
        return Sparse(np.array(starts), np.array(columns, np.int64), np.array(values, float), len(self.numbers))


class NaiveBayes:
    """Multinomial naive Bayes (McCallum & Nigam 1998), with SMOOTHING added to each count."""

    def __init__(self, counts: Sparse, classes: np.ndarray, number: int) -> None:
        cells = classes[counts.row_numbers()] * counts.width + counts.columns
        table = np.bincount(cells, counts.values, number * counts.width).reshape(number, counts.width) + SMOOTHING
        self.logs = np.log(table) - np.log(table.sum(axis=1, keepdims=True))
        self.priors = np.log(np.bincount(classes, minlength=number) / len(classes))

    def classes(self, counts: Sparse) -> np.ndarray:
        """The likeliest class of each text (N,), the first of several equals."""
        scores = [prior + counts.times(logs) for prior, logs in zip(self.priors, self.logs, strict=True)]
        return np.argmax(scores, axis=0)


class LinearLayer:
    """A linear layer over TF-IDF: ridge regression on 1 for a text's class and -1 for the others.

    TF-IDF as scikit-learn has it, with the logarithm of counts: (1 + ln count) (1 + ln((1 + N) / (1 + texts with it))),
    each text of length 1. Solved class by class by conjugate gradients.
    """

    def __init__(self, counts: Sparse, classes: np.ndarray, number: int) -> None:
        present = np.bincount(counts.columns, minlength=counts.width)
        self.idf = 1 + np.log((1 + len(counts)) / (1 + present))
        rows = self.tfidf(counts)
        columns = rows.transposed()
        mean = columns.times(np.ones(len(rows))) / len(rows)
        solutions = [ridge(rows, columns, mean, np.where(classes == each, 1.0, -1.0)) for each in range(number)]
        self.weights, self.biases = [weights for weights, _ in solutions], [bias for _, bias in solutions]

    def tfidf(self, counts: Sparse) -> Sparse:
        """Counts weighted, each text of length 1."""
        values = (1 + np.log(counts.values)) * self.idf[counts.columns]
        rows = counts.row_numbers()
        lengths = np.sqrt(np.bincount(rows, values**2, len(counts)))
        return Sparse(counts.starts, counts.columns, values / lengths[rows], counts.width)

    def classes(self, counts: Sparse) -> np.ndarray:
        """The class of each text (N,) with the highest output, the first of several equals."""
        rows = self.tfidf(counts)
        outputs = [rows.times(weights) + bias for weights, bias in zip(self.weights, self.biases, strict=True)]
        return np.argmax(outputs, axis=0)


def ridge(rows: Sparse, columns: Sparse, mean: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (V,) and bias by which the outputs for rows come near their goal (N,); `columns` are them transposed."""
    weights = np.zeros(rows.width)
    residual = columns.times(goal - goal.mean())
    direction, square = residual, dot(residual, residual)
    first = square
    for _ in range(STEPS):
        if square <= CLOSE**2 * first:
            break
        outputs = rows.times(direction)
        curved = columns.times(outputs - dot(mean, direction)) + PENALTY * direction
        step = square / dot(direction, curved)
        weights, residual = weights + step * direction, residual - step * curved
        before, square = square, dot(residual, residual)
        direction = residual + square / before * direction
    return weights, float(goal.mean() - dot(mean, weights))


def dot(first: np.ndarray, second: np.ndarray) -> float:
    """The inner product of two vectors, without BLAS, whose threads would only wait for each other here."""
    return float(np.einsum("i,i->", first, second))


def within(counts: Sparse, most: int, seed: int = 0) -> tuple[np.ndarray, str]:
    """The numbers of texts with at most `most` values in all, drawn by a seed, and how to say that they are not all."""
    if len(counts.values) <= most:
        return np.arange(len(counts)), ""
    order = np.random.default_rng(seed).permutation(len(counts))
    sizes = np.cumsum(np.diff(counts.starts)[order])
    few = np.sort(order[: max(1, int(np.searchsorted(sizes, most, side="right")))])
    return few, f", fitted to {len(few):,} of {len(counts):,} texts"
