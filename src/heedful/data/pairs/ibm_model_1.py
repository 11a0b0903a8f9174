"""IBM model 1: how likely each target token is as the translation of a source token, learnt from pairs of texts alone
by expectation maximisation (Brown et al. 1993, section 4.1).

Every target token of a pair comes from one of its source tokens, or from the empty word, and where they stand does not
matter. Only tokens that stand in one pair can have a probability, so nothing is kept of the others.

L links: a target token beside a source token of its pair   P different links   T target tokens
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]

ITERATIONS = 5
LINKS = 40_000_000
"""Links that are learnt from at the most, for which some 700 MB are needed: of more, pairs at even distances."""
AT_ONCE = 1 << 22  # links


class Pairs(Protocol):
    """Sources and targets as token ids."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> tuple[Ints, Ints]: ...


@dataclass(frozen=True)
class Translations:
    """The probability of each `target` (P,) given its `source` (P,), which rises; the empty word is one source more.

    `log_likelihoods`: that of all targets before each iteration, in nats.
    """

    sources: Ints
    targets: Ints
    probabilities: Floats
    log_likelihoods: tuple[float, ...]


@dataclass(frozen=True)
class Block:
    """Some of the links: which of the different ones each is (L,), and how many each target token has (T,), which stand
    side by side.
    """

    links: Ints
    sizes: Ints


def learn(pairs: Pairs, sources: int, targets: int, iterations: int = ITERATIONS) -> Translations:
    """Learns from pairs whose ids are below `sources` and `targets`, all being equally likely at first.

    Some seconds for a million target tokens.

    >>> import numpy as np
    >>> pairs = [(np.array([0, 1]), np.array([0, 1])), (np.array([0]), np.array([0]))]
    >>> learned = learn(pairs, sources=2, targets=2)
    >>> learned.probabilities[(learned.sources == 0) & (learned.targets == 0)].round(2)
    array([0.88])
    """
    blocks, keys = link(pairs, sources, targets)
    probabilities = np.full(len(keys), 1 / targets)
    of_source = keys // targets
    first = np.flatnonzero(np.diff(of_source, prepend=-1))
    counts_of_sources = np.diff(first, append=len(keys))
    log_likelihoods: list[float] = []
    for _ in range(iterations if len(keys) else 0):
        counts, log_likelihood = expect(blocks, probabilities)
        probabilities = counts / np.repeat(np.add.reduceat(counts, first), counts_of_sources)
        log_likelihoods.append(log_likelihood)
    return Translations(of_source, keys % targets, probabilities, tuple(log_likelihoods))


def expect(blocks: Sequence[Block], probabilities: Floats) -> tuple[Floats, float]:
    """How often each link is expected to be the one that its target token comes from (equation 16), and the log
    likelihood of the target tokens.
    """
    counts, log_likelihood = np.zeros(len(probabilities)), 0.0
    for block in blocks:
        of_links = probabilities[block.links]
        totals = np.add.reduceat(of_links, np.cumsum(block.sizes) - block.sizes)
        log_likelihood += float(np.log(totals / block.sizes).sum())
        counts += np.bincount(block.links, of_links / np.repeat(totals, block.sizes), len(probabilities))
    return counts, log_likelihood


def link(pairs: Pairs, sources: int, targets: int) -> tuple[list[Block], Ints]:
    """All links, numbered by the keys `source * targets + target` of the different ones (P,), which rise."""
    blocks: list[Block] = []
    keys_of_blocks: list[Ints] = []
    for rows in rows_at_once(pairs):
        keys, sizes = zip(*(keys_of_pair(*pairs[row], sources, targets) for row in rows), strict=True)
        different, numbers = np.unique(np.concatenate(keys), return_inverse=True)
        blocks.append(Block(numbers.astype(np.int32), np.concatenate(sizes)))
        keys_of_blocks.append(different)
    if not blocks:
        return [], np.zeros(0, np.int64)
    everywhere = np.unique(np.concatenate(keys_of_blocks))
    numbered = [
        Block(np.searchsorted(everywhere, keys).astype(np.int32)[block.links], block.sizes)
        for block, keys in zip(blocks, keys_of_blocks, strict=True)
    ]
    return numbered, everywhere


def rows_at_once(pairs: Pairs) -> Iterator[list[int]]:
    """The pairs that are learnt from, as many at once as have the links that are numbered at once."""
    counts = np.array([(len(source) + 1) * len(target) for source, target in each(pairs)], np.int64)
    every = max(1, -(-int(counts.sum()) // LINKS))
    rows = np.arange(0, len(counts), every)
    rows = rows[counts[rows] > 0]
    at = np.cumsum(counts[rows]) // AT_ONCE
    for number in range(int(at.max(initial=-1)) + 1):
        if together := rows[at == number].tolist():
            yield together


def each(pairs: Pairs) -> Iterator[tuple[Ints, Ints]]:
    """The pairs one by one."""
    return (pairs[row] for row in range(len(pairs)))


def keys_of_pair(source: Ints, target: Ints, empty: int, targets: int) -> tuple[Ints, Ints]:
    """The keys of a pair's links (L,), those of each target token side by side, and how many each has (T,)."""
    read = np.append(source.astype(np.int64), empty)
    keys = (read * targets + target.astype(np.int64)[:, None]).reshape(-1)
    return keys, np.full(len(target), len(read), np.int32)
