"""Which rows stand together in a batch, and in which order: pure functions of their arguments.

A batch costs rows x the longest side, the target counted with its end token; no batch costs more than the budget, but
for a single row that does so alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from heedful.data.tokenizers.special_tokens import PAD

T = TypeVar("T")


@dataclass(frozen=True)
class Rows:
    """The examples of a batch: (N,) row numbers of what a task learns from, in an epoch."""

    epoch: int
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice) -> "Rows":
        return Rows(self.epoch, self.rows[index])

    def seeds(self, seed: int, size: int) -> list[int]:
        """A seed for what is drawn for each example: by `seed`, epoch and row alone, whatever is beside it.

        `size`: how many rows an epoch has.
        """
        numbers = (int(row) + self.epoch * size for row in self.rows)
        return [int(np.random.default_rng((seed, number)).integers(2**62)) for number in numbers]


def plan(lengths: np.ndarray, tokens: int, seed: int, epoch: int, *, multiple: int = 1) -> list[Rows]:
    """The batches of an epoch, in order: every row exactly once, rows of like lengths together.

    `lengths` is (rows, 2), tokens of source and target; `tokens` the budget of a batch. Where the budget allows as
    many, a batch has a multiple of `multiple` rows.

    >>> batches = plan(np.array([[9, 9], [1, 1], [9, 8]]), 20, seed=0, epoch=0)
    >>> sorted(sorted(batch.rows.tolist()) for batch in batches)
    [[0, 2], [1]]
    """
    rng = np.random.default_rng([seed, epoch])
    order, longest = shuffle_by_length(np.asarray(lengths), rng)
    # The first batch has a random size, which shifts all others: neighbours are parted at other rows each epoch.
    batches = cut_into_batches(order, longest, tokens, multiple, first=rng.uniform(0.25, 1))
    return [Rows(epoch, batches[i]) for i in rng.permutation(len(batches))]


def shard(batch: Rows, rank: int, world: int) -> Rows:
    """The rows of a batch that process `rank` of `world` takes; an empty share if rows are too few."""
    return batch[rank::world]


def order_for_inference(lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Batches of all rows, longest first (so that memory runs out at once or never).

    `lengths` is (rows,) or (rows, 2); `tokens` bounds rows x the longest.
    """
    lengths = np.asarray(lengths)
    longest = lengths.max(axis=1) if lengths.ndim == 2 else lengths
    order = np.argsort(-longest, kind="stable")
    return cut_into_batches(order, np.maximum(longest, 1)[order], tokens, multiple=1, first=1.0)


def shuffle_by_length(lengths: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows by their longer side, then by the sum of both, at random among (nearly) equals; and that longer side."""
    longest = np.maximum(lengths[:, 0], lengths[:, 1] + 1)
    total = lengths.sum(axis=1)
    order = np.lexsort((blur_lengths(total, rng), np.floor(blur_lengths(longest, rng))))
    return order, longest[order]


def blur_lengths(lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lengths and up to a token or four percent more: long rows, of which few are alike, meet others each epoch."""
    return lengths + rng.random(len(lengths)) * np.maximum(1, 0.04 * lengths)


def cut_into_batches(
    order: np.ndarray, longest: np.ndarray, tokens: int, multiple: int, first: float
) -> list[np.ndarray]:
    """Cuts rows in this order into batches as large as the budget allows; `longest` is in the same order.

    The first batch gets only the share `first` of the budget.
    """
    batches, start = [], 0
    while start < len(order):
        window = longest[start : start + max(1, tokens // int(longest[start]))]
        costs = np.maximum.accumulate(window) * np.arange(1, len(window) + 1)
        rows = max(1, int(np.searchsorted(costs, tokens if batches else first * tokens, side="right")))
        if rows > multiple:
            rows -= rows % multiple
        batches.append(order[start : start + rows])
        start += rows
    return batches


def sample(examples: Sequence[T], limit: int, seed: int) -> list[T]:
    """At most `limit` of the examples, the same ones for a seed, in their order."""
    if len(examples) <= limit:
        return list(examples)
    numbers = np.random.default_rng(seed).choice(len(examples), limit, replace=False)
    return [examples[number] for number in sorted(numbers)]


def pad(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ids as one array (N, longest), padded behind, and their lengths (N,)."""
    lengths = np.array([len(row) for row in rows])
    padded = np.full((len(rows), int(lengths.max())), PAD, np.int64)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded, lengths
