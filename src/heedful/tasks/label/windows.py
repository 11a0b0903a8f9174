"""How long sequences are read: in windows as long as those of training, which overlap by half.

N sequences   T steps   C labels
"""

from collections.abc import Sequence

import numpy as np

from heedful.data import batching
from heedful.engines.reading import ReadingEngine

SMALLEST_PROBABILITY = 1e-30  # of a probability whose logarithm is taken


def cut_windows(lengths: Sequence[int] | np.ndarray, window: int) -> np.ndarray:
    """Pieces of at most `window` steps that overlap by half: (pieces, 3) clip, first step, behind the last.

    >>> cut_windows([5, 2], 4).tolist()
    [[0, 0, 4], [0, 1, 5], [1, 0, 2]]
    """
    pieces = [(clip, low, high) for clip, length in enumerate(lengths) for low, high in windows(int(length), window)]
    return np.array(pieces)


def windows(length: int, window: int) -> list[tuple[int, int]]:
    """The first steps and the ends of windows that cover `length` steps; the last one ends where they end."""
    if not window or length <= window:
        return [(0, length)]
    firsts = [*range(0, length - window, max(1, window // 2)), length - window]
    return [(first, first + window) for first in firsts]


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
    lengths = np.array([len(sequence) for sequence in sequences])
    for rows in batching.order_for_inference(lengths, budget) if len(sequences) else ():
        stack = stack_sequences([sequences[row] for row in rows])
        means = np.mean([engine(*stack) for engine in engines], axis=0)
        for row, mean in zip(rows, means, strict=True):
            rows_of[row] = mean[: lengths[row]]
    return rows_of


def probabilities_by_windows(
    engines: Sequence[ReadingEngine], sequences: Sequence[np.ndarray], window: int, budget: int
) -> list[np.ndarray]:
    """As `probabilities`, by windows as long as those of training (0: no windows); where they overlap, their mean."""
    pieces = cut_windows([len(sequence) for sequence in sequences], window)
    parts = probabilities(engines, [sequences[clip][low:high] for clip, low, high in pieces], budget)
    sums = [np.zeros((len(sequence), parts[0].shape[1])) for sequence in sequences]
    counts = [np.zeros((len(sequence), 1)) for sequence in sequences]
    for (clip, low, high), part in zip(pieces, parts, strict=True):
        sums[clip][low:high] += part
        counts[clip][low:high] += 1
    return [total / count for total, count in zip(sums, counts, strict=True)]


def disagreement(
    engines: Sequence[ReadingEngine], sequence: np.ndarray, shares: np.ndarray, window: int, budget: int
) -> float | None:
    """The share of steps, in percent, that one pass over the whole would have labelled otherwise; None: it was one."""
    if not window or len(sequence) <= window:
        return None
    expected = probabilities(engines, [sequence], budget)[0]
    return float(100 * np.mean(expected.argmax(1) != shares.argmax(1)))


def best_log_probability(shares: np.ndarray) -> float:
    """The log probability of the likeliest label at every step."""
    return float(np.log(np.maximum(shares.max(1), SMALLEST_PROBABILITY)).sum())
