"""A batch: what a step reads at once, and how it is cut where the memory is too small for all of it.

N examples
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.host import send
from heedful.data.batching import pad


@dataclass(frozen=True)
class Batch:
    """Tensors by name, (N, …): one row for each example. Those named in `pairwise` are (N, N) instead.

    The loss of a pairwise batch compares all of its examples with one another, so that no part of the batch has a loss
    of its own: such a batch stays whole, and `parts` says in how many passes its examples are to be read.
    """

    tensors: Mapping[str, Tensor]
    pairwise: frozenset[str] = frozenset()
    parts: int = 1

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def __len__(self) -> int:
        """How many examples there are."""
        return len(next(iter(self.tensors.values())))

    def __or__(self, tensors: Mapping[str, Tensor]) -> "Batch":
        """The same with more tensors, or others, of a row for each example."""
        return replace(self, tensors={**self.tensors, **tensors})

    def to(self, device: torch.device) -> "Batch":
        """The same on another device, where its tensors need not have arrived yet."""
        return replace(self, tensors={name: send(tensor, device) for name, tensor in self.tensors.items()})

    def twins(self, other: "Batch") -> list[tuple[Tensor, Tensor]]:
        """The tensors of this batch, each with that of the same batch elsewhere."""
        return [(tensor, other[name]) for name, tensor in self.tensors.items()]

    def split(self, parts: int) -> list["Batch"]:
        """At most so many batches whose losses sum to that of this one: a pairwise batch alone, to be read in parts."""
        if self.pairwise or parts == 1:
            return [replace(self, parts=parts)]
        rows = -(-len(self) // parts)
        pieces = {name: tensor.split(rows) for name, tensor in self.tensors.items()}
        return [
            replace(self, tensors={name: tensors[index] for name, tensors in pieces.items()})
            for index in range(-(-len(self) // rows))
        ]


def pad_rows(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Rows of ids as one tensor (N, longest), padded behind, and their lengths (N,)."""
    ids, lengths = pad(rows)
    return torch.from_numpy(ids), torch.from_numpy(lengths)
