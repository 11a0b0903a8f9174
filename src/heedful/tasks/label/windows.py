"""How long sequences are read: in windows as long as those of training, which overlap by half.

N sequences   T steps   C labels
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from heedful.data import batching
from heedful.data.batch import Batch
from heedful.networks.joins import EncoderHead
from heedful.networks.subwords import FirstPieces
from heedful.schema import GenerateSettings

LEAST = 1e-30  # of a probability whose logarithm is taken


class Reader(Protocol):
    """What a model must have to be asked here."""

    @property
    def network(self) -> EncoderHead | FirstPieces: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def window(self) -> int:
        """Steps that are read at once of what is longer; 0: all."""
        ...


def cut(lengths: Sequence[int] | np.ndarray, window: int) -> np.ndarray:
    """Pieces of at most `window` steps that overlap by half: (pieces, 3) clip, first step, behind the last.

    >>> cut([5, 2], 4).tolist()
    [[0, 0, 4], [0, 1, 5], [1, 0, 2]]
    """
    found = [(clip, low, high) for clip, length in enumerate(lengths) for low, high in windows(int(length), window)]
    return np.array(found)


def windows(length: int, window: int) -> list[tuple[int, int]]:
    """The first steps and the ends of windows that cover `length` steps; the last one ends where they end."""
    if not window or length <= window:
        return [(0, length)]
    firsts = [*range(0, length - window, max(1, window // 2)), length - window]
    return [(first, first + window) for first in firsts]


def together_padded(sources: Sequence[np.ndarray]) -> Batch:
    """Sequences (T, ...) as one batch."""
    return Batch({"source": filled(sources, 0), "lengths": torch.tensor([len(one) for one in sources])})


def filled(rows: Sequence[np.ndarray], filler: int) -> Tensor:
    """Rows (T, ...) as one tensor (N, longest, ...)."""
    found = np.full((len(rows), max(map(len, rows)), *rows[0].shape[1:]), filler, rows[0].dtype)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return torch.from_numpy(found if found.dtype in (np.uint8, np.float32) else found.astype(np.int64))


@torch.inference_mode()
def probabilities(models: Sequence[Reader], sequences: Sequence[np.ndarray], budget: int) -> list[np.ndarray]:
    """What each label gets at each step, (T, C) a sequence; several models give the mean of theirs."""
    for model in models:
        model.network.eval()
    device = next(models[0].network.parameters()).device
    found: list[np.ndarray] = [np.zeros(0)] * len(sequences)
    lengths = np.array([len(one) for one in sequences])
    for rows in batching.order_for_inference(lengths, budget) if len(sequences) else ():
        batch = together_padded([sequences[row] for row in rows])
        source, steps = batch["source"].to(device), batch["lengths"].to(device)
        shares = torch.stack([model.network(source, steps).float().softmax(-1) for model in models]).mean(0).cpu()
        for row, one in zip(rows, shares.numpy(), strict=True):
            found[row] = one[: lengths[row]]
    return found


def by_windows(models: Sequence[Reader], sequences: Sequence[np.ndarray], budget: int) -> list[np.ndarray]:
    """As `probabilities`, by windows as long as those of training; where they overlap, their mean."""
    pieces = cut([len(one) for one in sequences], models[0].window)
    parts = probabilities(models, [sequences[clip][low:high] for clip, low, high in pieces], budget)
    sums = [np.zeros((len(one), len(models[0].names) + 1)) for one in sequences]
    for (clip, low, high), part in zip(pieces, parts, strict=True):
        sums[clip][low:high, :-1] += part
        sums[clip][low:high, -1] += 1
    return [one[:, :-1] / one[:, -1:] for one in sums]


def apart(models: Sequence[Reader], array: np.ndarray, shares: np.ndarray, settings: GenerateSettings) -> float | None:
    """The share of steps, in percent, that one pass over the whole would have labelled otherwise; None: it was one."""
    if not models[0].window or len(array) <= models[0].window:
        return None
    whole = probabilities(models, [array], settings.batch_tokens)[0]
    return float(100 * np.mean(whole.argmax(1) != shares.argmax(1)))


def sureness(shares: np.ndarray) -> float:
    """The log probability of the likeliest label at every step."""
    return float(np.log(np.maximum(shares.max(1), LEAST)).sum())
