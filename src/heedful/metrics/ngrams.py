"""What counting alone can say about the next token, or one between two others: yardsticks for language models.

T tokens   V vocabulary
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

MIX = np.uint64(0x9E3779B97F4A7C15)


class KneserNey:
    """Interpolated Kneser-Ney (Chen & Goodman 1999, section 2.7): an n-gram's discounted count, and below it how many
    different tokens the shorter one followed.

    One discount an order, n1 / (n1 + 2 n2). Learns from rows of ids, each of which begins a context anew.
    """

    def __init__(self, rows: Sequence[np.ndarray], order: int, vocabulary: int) -> None:
        self.order, self.vocabulary = order, vocabulary
        tokens, keys = predicted_tokens(rows), self.keys(rows)
        positions = np.arange(len(tokens))
        self.tables: list[Table] = []
        for size in reversed(range(order)):  # tokens of context
            deep = positions[context_lengths(rows, positions) >= size]
            table = Table(keys[size][deep], tokens[deep])
            self.tables.append(table)
            # of the shorter context each longer n-gram counts once; what has no longer one counts as it occurs
            short = positions[context_lengths(rows, positions) < size]
            positions = np.sort(np.concatenate([deep[table.first], short]))
        self.tables.reverse()

    def surprise(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Minus the log probability of each token but the first of each row, given those before it."""
        tokens, keys = predicted_tokens(rows), self.keys(rows)
        positions = np.arange(len(tokens))
        deep = context_lengths(rows, positions)
        probabilities = np.full(len(tokens), 1 / self.vocabulary)
        for size, table in enumerate(self.tables):
            probabilities = np.where(deep >= size, table.probability(keys[size], tokens, probabilities), probabilities)
        ends = np.cumsum([len(row) - 1 for row in rows])
        return np.split(-np.log(probabilities), ends[:-1])

    def keys(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each size of context, one number for the tokens (all but the first of each row) that stand before."""
        before = [row.astype(np.uint64) for row in rows]
        keys = [np.zeros(sum(len(row) - 1 for row in rows), np.uint64)]
        for size in range(1, self.order):
            shifted = [np.concatenate([np.zeros(size - 1, np.uint64), row])[: len(row) - 1] for row in before]
            keys.append(hash_pairs(keys[-1], np.concatenate(shifted)))
        return keys


class Table:
    """The n-grams of one order: `first` is where each different one first stands among those counted."""

    def __init__(self, contexts: np.ndarray, tokens: np.ndarray) -> None:
        self.grams, self.first, counts = np.unique(
            hash_pairs(contexts, tokens.astype(np.uint64)), return_index=True, return_counts=True
        )
        self.counts = counts.astype(float)
        self.contexts, index = np.unique(contexts[self.first], return_inverse=True)
        self.totals = np.bincount(index, self.counts, len(self.contexts))
        self.kinds = np.bincount(index, minlength=len(self.contexts)).astype(float)
        once, twice = (float((counts == number).sum()) for number in (1, 2))
        self.discount = once / (once + 2 * twice) if once and twice else 0.5

    def probability(self, contexts: np.ndarray, tokens: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Of each token after its context, given its probability after the shorter one."""
        count = look_up(self.grams, self.counts, hash_pairs(contexts, tokens.astype(np.uint64)))
        total, kinds = (look_up(self.contexts, values, contexts) for values in (self.totals, self.kinds))
        discounted = (np.maximum(count - self.discount, 0) + self.discount * kinds * lower) / np.maximum(total, 1)
        return np.where(total > 0, discounted, lower)


def look_up(keys: np.ndarray, values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The values of keys (sorted), 0 where there is none."""
    if not len(keys):
        return np.zeros(len(queries))
    index = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    return np.where(keys[index] == queries, values[index], 0.0)


def hash_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two columns of numbers as one whose equality means, but for one chance in 2 ** 64, that both are equal."""
    hashes = (first ^ (first >> np.uint64(31))) * MIX + second + np.uint64(1)
    return (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def predicted_tokens(rows: Sequence[np.ndarray]) -> np.ndarray:
    """All tokens that are predicted: those behind the first of each row."""
    return np.concatenate([row[1:] for row in rows]).astype(np.int64)


def context_lengths(rows: Sequence[np.ndarray], positions: np.ndarray) -> np.ndarray:
    """How many tokens of its row stand before each of these predicted ones."""
    return np.concatenate([np.arange(1, len(row)) for row in rows])[positions]


class NeighbourNgrams:
    """A guess at a token from its two neighbours: how often it stood between them, beside one, or anywhere.

    Each count is smoothed by the less exact one as Witten & Bell 1991 have it: c + t p over n + t, where t different
    tokens were seen in n places.
    """

    def __init__(self, rows: Sequence[np.ndarray], vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self.by_left: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.by_right: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.by_both: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        for row in rows:
            ids = row.tolist()
            for before, token, after in zip(ids, ids[1:], ids[2:], strict=False):
                self.by_left[before][token] += 1
                self.by_right[after][token] += 1
                self.by_both[before, after][token] += 1
        unigrams: Counter[int] = Counter()
        for counts in self.by_left.values():
            unigrams.update(counts)
        self.unigrams = smooth(unigrams, np.full(vocabulary, 1 / vocabulary))

    def probabilities(self, before: int, after: int) -> np.ndarray:
        """Of every token (V,) between two; a neighbour that was never seen tells nothing."""
        beside = [smooth(table[key], self.unigrams) for table, key in ((self.by_left, before), (self.by_right, after))
                  if key in table]  # fmt: skip
        lower = np.mean(beside, axis=0) if beside else self.unigrams
        return smooth(self.by_both[before, after], lower) if (before, after) in self.by_both else lower


def smooth(counts: Counter[int], lower: np.ndarray) -> np.ndarray:
    """Counts and what is known without them, as probabilities (V,)."""
    kinds, total = len(counts), counts.total()
    probabilities = kinds * lower
    probabilities[list(counts)] += list(counts.values())
    return probabilities / max(1, total + kinds)
