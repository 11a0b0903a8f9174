"""How long sequences are read: in windows as long as those of training, which overlap by half.

What is answered is read whole up to what memory holds, and then in windows that overlap by an eighth: each has far more
steps than training mostly saw at once, and half would be twice the work.

N sequences   T steps   C labels
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from heedful.data import batching
from heedful.data.steps.buffer import forget
from heedful.engines.reading import ReadingEngine
from heedful.metrics.classes import SMALLEST_PROBABILITY
from heedful.tasks.long import windows

LONGEST = 2**15
"""Steps that are answered at once at the most: what a network keeps of each would fill the memory."""
BYTES = 2**28  # of steps that are answered at once, which large frames reach sooner
WINDOW = 2**12  # steps of a longer sequence that are read at once, where no window is set
STRIDE = 7 / 8  # of such a window, between the first step of one and that of the next


@dataclass(frozen=True)
class Reach:
    """What is read at once: `window` steps (0: all), and no more positions than a network can tell apart (`limit`).

    A step takes a position, or, `by_pieces`, one for each of its numbers that is not 0, of which no more are read than
    the network has positions; `marks` more are taken by what stands around all steps. Of a sequence of more than
    `longest` steps, where that is set, a window is read at once in any case.
    """

    window: int
    limit: int | None = None
    by_pieces: bool = False
    marks: int = 0
    longest: int = 0

    @property
    def most(self) -> int | None:
        """The positions that are left to steps; None: there is no limit."""
        return None if self.limit is None else max(1, self.limit - self.marks)

    def counts(self, steps: np.ndarray) -> np.ndarray:
        """The positions that each step would take (T,)."""
        return (steps > 0).sum(1) if self.by_pieces else np.ones(len(steps), np.int64)

    def positions(self, steps: np.ndarray) -> int:
        """The positions that steps would take, read together."""
        return int(self.counts(steps).sum()) + self.marks

    def windows(self, steps: np.ndarray) -> list[tuple[int, int]]:
        """The first steps and the ends of windows that cover steps, and overlap."""
        pieces = windows(len(steps), self.window)
        longest = min(self.longest, steps_at_once(steps))
        if not self.window and len(steps) > longest > 0:
            window = min(WINDOW, longest)
            pieces = windows(len(steps), window, max(1, int(window * STRIDE)))
        if self.most is None:
            return pieces
        costs, most = np.minimum(self.counts(steps), self.most), self.most
        return [(low + first, low + end) for low, high in pieces for first, end in spans(costs[low:high], most)]


def steps_at_once(steps: np.ndarray) -> int:
    """How many steps like these memory holds beside what a network keeps of them."""
    return min(LONGEST, max(1, BYTES // max(1, steps.nbytes // max(1, len(steps)))))


def spans(costs: np.ndarray, most: int) -> list[tuple[int, int]]:
    """Windows over steps of these costs, each of `most` at the most, that overlap by about half.

    >>> spans(np.array([2, 1, 1, 3, 1]), 4)
    [(0, 3), (2, 4), (3, 5)]
    >>> spans(np.ones(5), 4)
    [(0, 4), (1, 5)]
    """
    total = np.concatenate([[0], np.cumsum(costs)])

    def end(low: int) -> int:
        return max(low + 1, int(np.searchsorted(total, total[low] + most, "right")) - 1)

    pieces, low = list[tuple[int, int]](), 0
    while end(low) < len(costs):
        high = end(low)
        pieces.append((low, high))
        low = min(high, max(low + 1, int(np.searchsorted(total, total[high] - most / 2))))
        while end(low) <= high:  # before a long step: nothing new would be read
            low += 1
    while low and end(low - 1) >= len(costs):
        low -= 1
    return [*pieces, (low, len(costs))]


def cut_windows(sequences: Iterable[np.ndarray], reach: Reach) -> np.ndarray:
    """Pieces of sequences that can be read at once: (pieces, 3) sequence, first step, behind the last.

    >>> cut_windows([np.zeros(5), np.zeros(2)], Reach(4)).tolist()
    [[0, 0, 4], [0, 1, 5], [1, 0, 2]]
    """
    pieces = [(clip, low, high) for clip, steps in enumerate(sequences) for low, high in reach.windows(steps)]
    return np.array(pieces)


def stack_sequences(sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (T, ...) as one array (N, longest, ...), padded behind, and their lengths (N,)."""
    return pad_sequences(sequences, 0), np.array([len(sequence) for sequence in sequences])


def pad_sequences(sequences: Sequence[np.ndarray], filler: int) -> np.ndarray:
    """Sequences (T, ...) as one array (N, longest, ...), as a network takes it: bytes, float32 or int64."""
    first = sequences[0]
    padded = np.full((len(sequences), max(map(len, sequences)), *first.shape[1:]), filler, first.dtype)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
    return padded if padded.dtype in (np.uint8, np.float32) else padded.astype(np.int64)


def probabilities(engines: Sequence[ReadingEngine], sequences: Sequence[np.ndarray], budget: int) -> list[np.ndarray]:
    """The probability of each label at each step, (T, C) a sequence; several engines give the mean of theirs."""
    rows_of: list[np.ndarray] = [np.zeros(0)] * len(sequences)
    for row, mean in probabilities_by_batches(engines, sequences, budget):
        rows_of[row] = mean
    return rows_of


def probabilities_by_batches(
    engines: Sequence[ReadingEngine], sequences: Sequence[np.ndarray], budget: int
) -> Iterator[tuple[int, np.ndarray]]:
    """As `probabilities`, each with the number of its sequence, as soon as they are known."""
    lengths = np.array([len(sequence) for sequence in sequences])
    for rows in batching.order_for_inference(lengths, budget) if len(sequences) else ():
        means = mean_probabilities(engines, [sequences[row] for row in rows])
        for row, mean in zip(rows, means, strict=True):
            yield int(row), mean[: lengths[row]]


def mean_probabilities(engines: Sequence[ReadingEngine], sequences: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the engines' probabilities (N, longest, C), of one batch: what is padded is not held beyond it."""
    stack = stack_sequences(sequences)
    for sequence in sequences:
        forget(sequence)
    return np.mean([engine(*stack) for engine in engines], axis=0)


def probabilities_by_windows(
    engines: Sequence[ReadingEngine], sequences: Sequence[np.ndarray], reach: Reach, budget: int
) -> list[np.ndarray]:
    """As `probabilities`, by windows; where they overlap, their mean."""
    pieces = cut_windows(sequences, reach)
    budget = max(budget, LONGEST) if any(len(sequence) > LONGEST for sequence in sequences) else budget
    budget = min([budget, *map(steps_at_once, sequences)])
    sums, counts = list[np.ndarray](), [np.zeros((len(sequence), 1)) for sequence in sequences]
    windows_of = [sequences[clip][low:high] for clip, low, high in pieces]
    for number, part in probabilities_by_batches(engines, windows_of, budget):
        clip, low, high = pieces[number]
        sums = sums or [np.zeros((len(sequence), part.shape[1])) for sequence in sequences]
        sums[clip][low:high] += part
        counts[clip][low:high] += 1
    return [np.divide(total, count, out=total) for total, count in zip(sums, counts, strict=True)]


def disagreement(
    engines: Sequence[ReadingEngine], sequence: np.ndarray, shares: np.ndarray, reach: Reach, budget: int
) -> float | None:
    """The share of steps, in percent, that one pass over the whole would have labelled otherwise; None: it was one, or
    there cannot be one.
    """
    whole = len(sequence) <= steps_at_once(sequence) and not (reach.limit and reach.positions(sequence) > reach.limit)
    if not whole or len(reach.windows(sequence)) == 1:
        return None
    expected = probabilities(engines, [sequence], budget)[0]
    return float(100 * np.mean(expected.argmax(1) != shares.argmax(1)))


def best_log_probability(shares: np.ndarray) -> float:
    """The log probability of the likeliest label at every step."""
    return float(np.log(np.maximum(shares.max(1), SMALLEST_PROBABILITY)).sum())
