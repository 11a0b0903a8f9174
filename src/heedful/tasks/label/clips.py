"""Clips as batches, and what is learnt from them: a label at each step.

N sources   T steps   C labels
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from heedful.blocks.host import on_host, pick, send
from heedful.blocks.loss import truncated_mse
from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.data.pictures.augment import augment
from heedful.data.steps.store import ClipStore
from heedful.networks.joins import EncoderHead
from heedful.tasks.class_weights import weights_of_targets
from heedful.tasks.label.windows import pad_sequences, stack_sequences

IGNORE_INDEX = -1


@dataclass(frozen=True)
class Collate:
    """Rows of `pieces` -> a batch: sources, lengths and labels, -1 where nothing is to be learnt.

    A clip is varied, all its frames alike, by seed, epoch and piece alone. `soft_labels` (steps of all clips, C), if
    there are any, are what is learnt from.
    """

    store: ClipStore
    pieces: np.ndarray
    kinds: tuple[str, ...]
    seed: int
    soft_labels: np.ndarray | None = None

    def __call__(self, rows: Rows) -> Batch:
        sources, labels, soft = [], [], []
        for clip, low, high in self.pieces[rows.rows]:
            values, numbers = self.store[int(clip)]
            sources.append(values[low:high])
            labels.append(numbers[low:high])
            if self.soft_labels is not None:
                first = self.store.ends[clip]
                soft.append(self.soft_labels[first + low : first + high].astype(np.float32))
        source, lengths = stack_sequences(sources)
        arrays = {"source": source, "lengths": lengths, "labels": pad_sequences(labels, IGNORE_INDEX)}
        if soft:
            arrays["soft"] = pad_sequences(soft, 0)
        batch = Batch({name: torch.from_numpy(array) for name, array in arrays.items()})
        if not self.kinds:
            return batch
        frames = batch["source"]  # (N, T, H, W, C)
        seeds = np.repeat(rows.seeds(self.seed, len(self.pieces)), frames.size(1)).tolist()
        return batch | {"source": augment(frames.flatten(0, 1), self.kinds, seeds).view_as(frames)}

    def where(self, rows: Rows) -> list[str]:
        """The files and lines of these."""
        return [self.store.where(int(clip)) for clip in self.pieces[rows.rows, 0]]


@dataclass(frozen=True)
class Loss:
    """Cross entropy with labels or, of soft labels, with all their probabilities, summed over steps that have a label,
    which count as `weights` (C,) say (None: alike);
    `mse_weight` weighs how much neighbours may differ.

    The second part is MS-TCN's truncated mean squared error (Farha & Gall 2019, equations 9 to 11), over the steps
    of each clip alone.
    """

    smoothing: float
    mse_weight: float
    weights: Tensor | None = None

    def __call__(self, network: EncoderHead, batch: Batch) -> tuple[Tensor, int]:
        logits = network(batch["source"], batch["lengths"]).float()
        asked = batch["soft" if "soft" in batch else "labels"]
        given, true = pick(on_host(batch["labels"]) != IGNORE_INDEX, logits, asked)
        if self.weights is None:
            loss = F.cross_entropy(given, true, reduction="sum", label_smoothing=self.smoothing)
        else:
            entropies = F.cross_entropy(given, true, reduction="none", label_smoothing=self.smoothing)
            loss = (entropies * weights_of_targets(send(self.weights, true.device), true)).sum()
        if self.mse_weight:
            loss = loss + self.mse_weight * truncated_mse(logits, batch["lengths"])
        return loss, len(true)
