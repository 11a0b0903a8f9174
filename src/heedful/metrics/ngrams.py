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
        tokens, keys = joined(rows), self.keys(rows)
        places = np.arange(len(tokens))
        self.tables: list[Table] = []
        for size in reversed(range(order)):  # tokens of context
            known = places[reach(rows, places) >= size]
            table = Table(keys[size][known], tokens[known])
            self.tables.append(table)
            # of the shorter context each longer n-gram counts once; what has no longer one counts as it occurs
            short = places[reach(rows, places) < size]
            places = np.sort(np.concatenate([known[table.first], short]))
        self.tables.reverse()

    def surprise(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Minus the log probability of each token but the first of each row, given those before it."""
        tokens, keys = joined(rows), self.keys(rows)
        places = np.arange(len(tokens))
        deep = reach(rows, places)
        found = np.full(len(tokens), 1 / self.vocabulary)
        for size, table in enumerate(self.tables):
            found = np.where(deep >= size, table.probability(keys[size], tokens, found), found)
        ends = np.cumsum([len(row) - 1 for row in rows])
        return np.split(-np.log(found), ends[:-1])

    def keys(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each size of context, one number for the tokens (all but the first of each row) that stand before."""
        before = [row.astype(np.uint64) for row in rows]
        found = [np.zeros(sum(len(row) - 1 for row in rows), np.uint64)]
        for size in range(1, self.order):
            shifted = [np.concatenate([np.zeros(size - 1, np.uint64), row])[: len(row) - 1] for row in before]
            found.append(mixed(found[-1], np.concatenate(shifted)))
        return found


class Table:
    """The n-grams of one order: `first` is where each different one first stands among those counted."""

    def __init__(self, contexts: np.ndarray, tokens: np.ndarray) -> None:
        self.grams, self.first, counts = np.unique(
            mixed(contexts, tokens.astype(np.uint64)), return_index=True, return_counts=True
        )
        self.counts = counts.astype(float)
        self.contexts, place = np.unique(contexts[self.first], return_inverse=True)
        self.totals = np.bincount(place, self.counts, len(self.contexts))
        self.kinds = np.bincount(place, minlength=len(self.contexts)).astype(float)
        once, twice = (float((counts == number).sum()) for number in (1, 2))
        self.discount = once / (once + 2 * twice) if once and twice else 0.5

    def probability(self, contexts: np.ndarray, tokens: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Of each token after its context, given its probability after the shorter one."""
        count = looked_up(self.grams, self.counts, mixed(contexts, tokens.astype(np.uint64)))
        total, kinds = (looked_up(self.contexts, values, contexts) for values in (self.totals, self.kinds))
        seen = (np.maximum(count - self.discount, 0) + self.discount * kinds * lower) / np.maximum(total, 1)
        return np.where(total > 0, seen, lower)


def looked_up(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The values of keys (sorted), 0 where there is none."""
    if not len(keys):
        return np.zeros(len(asked))
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, values[place], 0.0)


def mixed(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Two columns of numbers as one whose equality means, but for one chance in 2 ** 64, that both are equal."""
    made = (some ^ (some >> np.uint64(31))) * MIX + others + np.uint64(1)
    return (made ^ (made >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def joined(rows: Sequence[np.ndarray]) -> np.ndarray:
    """All tokens that are predicted: those behind the first of each row."""
    return np.concatenate([row[1:] for row in rows]).astype(np.int64)


def reach(rows: Sequence[np.ndarray], places: np.ndarray) -> np.ndarray:
    """How many tokens of its row stand before each of these predicted ones."""
    return np.concatenate([np.arange(1, len(row)) for row in rows])[places]


class Between:
    """A guess at a token from its two neighbours: how often it stood between them, beside one, or anywhere.

    Each count is smoothed by the less exact one as Witten & Bell 1991 have it: c + t p over n + t, where t different
    tokens were seen in n places.
    """

    def __init__(self, rows: Sequence[np.ndarray], vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self.left: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.right: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.both: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        for row in rows:
            ids = row.tolist()
            for one, token, other in zip(ids, ids[1:], ids[2:], strict=False):
                self.left[one][token] += 1
                self.right[other][token] += 1
                self.both[one, other][token] += 1
        alone: Counter[int] = Counter()
        for counted in self.left.values():
            alone.update(counted)
        self.alone = smoothed(alone, np.full(vocabulary, 1 / vocabulary))

    def probabilities(self, one: int, other: int) -> np.ndarray:
        """Of every token (V,) between two; a neighbour that was never seen tells nothing."""
        beside = [smoothed(table[key], self.alone) for table, key in ((self.left, one), (self.right, other))
                  if key in table]  # fmt: skip
        lower = np.mean(beside, axis=0) if beside else self.alone
        return smoothed(self.both[one, other], lower) if (one, other) in self.both else lower


def smoothed(counted: Counter[int], lower: np.ndarray) -> np.ndarray:
    """Counts and what is known without them, as probabilities (V,)."""
    kinds, total = len(counted), counted.total()
    found = kinds * lower
    found[list(counted)] += list(counted.values())
    return found / max(1, total + kinds)
