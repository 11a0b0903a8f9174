"""Encoders: vectors in, Memory out.

N sources   S positions   D width
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from heedful.blocks.attention.masks import up_to
from heedful.blocks.dropout import Dropout
from heedful.blocks.embedding import Positions
from heedful.blocks.names import EPSILON, Cell
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.state import Memory, Widths
from heedful.blocks.transformer import Block, RecurrentBlock, Stack

Summary = Literal["mean", "first", "last"]


class Layered(Protocol):
    """What has layers that stand on one another: an encoder or a decoder."""

    def layer_modules(self) -> Sequence[nn.Module]:
        """Its layers, the lowest first."""
        ...

    def base_modules(self) -> Sequence[nn.Module]:
        """What stands below all of them: embeddings of tokens and positions."""
        ...


class Encoder(Layered, Protocol):
    """What every encoder offers to a join."""

    widths: Widths
    limit: int | None
    """Positions it can read, None: no limit."""

    def __call__(self, vectors: Tensor, lengths: Tensor) -> Memory:
        """Reads (N, S, D) of which each row's first `lengths` positions are real."""
        ...


class RecurrentEncoder(nn.Module):
    """A recurrent stack; the summary is the last state (of both directions, if it is bidirectional).

    `reverse` reads the source backwards, Sutskever et al. 2014, section 3.3: its beginning ends up near the
    beginning of the answer. Memory stays in reading order; only the recurrence runs the other way.
    """

    def __init__(
        self, cell: Cell, width: int, depth: int, dropout: float, bidirectional: bool = False, reverse: bool = False
    ) -> None:
        super().__init__()
        self.reverse = reverse
        self.dropout = Dropout(dropout)
        self.layers = Recurrent(cell, width, width, depth, dropout, bidirectional)
        self.widths = Widths(width, width, self.layers.widths)
        self.limit: int | None = None

    def forward(self, vectors: Tensor, lengths: Tensor) -> Memory:
        x = self.dropout(vectors)
        outputs, final = self.layers(flip(x, lengths) if self.reverse else x, None, lengths)
        if self.reverse:
            outputs = flip(outputs, lengths)
        summary = final[-self.layers.parts]  # h of the top layer
        return Memory(self.dropout(outputs), up_to(lengths, vectors.size(1)), summary, final)

    def layer_modules(self) -> Sequence[nn.Module]:
        return list(self.layers.layers)

    def base_modules(self) -> Sequence[nn.Module]:
        return []


class FrameEncoder(nn.Module):
    """Layers that see one position each; the summary is the mean over the real positions. The yardstick."""

    def __init__(self, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.widths = Widths(width, width)
        self.limit: int | None = None

    def forward(self, vectors: Tensor, lengths: Tensor) -> Memory:
        mask = up_to(lengths, vectors.size(1))
        x = self.dropout(vectors)
        for layer in self.layers:
            x = x + self.dropout(layer(x).relu())
        return Memory(x, mask, mean(x, mask))

    def layer_modules(self) -> Sequence[nn.Module]:
        return list(self.layers)

    def base_modules(self) -> Sequence[nn.Module]:
        return []


class TransformerEncoder(nn.Module):
    """A Transformer stack. `causal`: no position looks ahead. `first_norm`: a norm before the first block.

    The summary is the mean over the real positions, or the vector of the first of them (a class token), or of the
    last, which alone has seen all where none looks ahead.
    """

    def __init__(
        self,
        layers: Stack[Block],
        positions: Positions,
        dropout: float,
        causal: bool = False,
        summary: Summary = "mean",
        first_norm: bool = False,
        epsilon: float = EPSILON,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.summary: Summary = summary
        self.positions = positions
        self.first_norm = nn.LayerNorm(layers.width, epsilon) if first_norm else nn.Identity()
        self.dropout = Dropout(dropout)
        self.layers = layers
        self.widths = Widths(layers.width, layers.width)
        self.limit = positions.limit

    def forward(self, vectors: Tensor, lengths: Tensor) -> Memory:
        self.positions.refuse_more(vectors.size(1))
        positions = torch.arange(vectors.size(1), device=vectors.device).unsqueeze(0)
        rotary = self.positions.rotary(positions)
        mask = up_to(lengths, vectors.size(1))
        x = self.dropout(self.first_norm(self.positions(vectors, positions)))
        for block in self.layers:
            # what is real stands before what is padding, so looking back alone never meets padding
            x = block(x, mask=None if self.causal else mask, causal=self.causal, rotary=rotary)
        x = self.layers.norm(x)
        return Memory(x, mask, summarise(x, lengths, mask, self.summary))

    def layer_modules(self) -> Sequence[nn.Module]:
        return list(self.layers)

    def base_modules(self) -> Sequence[nn.Module]:
        return [self.positions, self.first_norm]


class ScanEncoder(nn.Module):
    """A stack of blocks with recurrent units, each a scan over the source; the summary is the mean over the real
    positions.
    """

    def __init__(self, layers: Stack[RecurrentBlock], dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.layers = layers
        self.widths = Widths(layers.width, layers.width)
        self.limit: int | None = None

    def forward(self, vectors: Tensor, lengths: Tensor) -> Memory:
        mask, x = up_to(lengths, vectors.size(1)), self.dropout(vectors)
        for block in self.layers:
            x, _ = block(x, lengths=lengths)
        x = self.layers.norm(x)
        return Memory(x, mask, mean(x, mask))

    def layer_modules(self) -> Sequence[nn.Module]:
        return list(self.layers)

    def base_modules(self) -> Sequence[nn.Module]:
        return []


class ProjectedEncoder(nn.Module):
    """An encoder whose vectors are brought to the width of a decoder that was made without it."""

    def __init__(self, encoder: TransformerEncoder, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.linear = nn.Linear(encoder.widths.vectors, width)
        self.widths = Widths(width, encoder.widths.summary)
        self.limit = encoder.limit

    def forward(self, vectors: Tensor, lengths: Tensor) -> Memory:
        memory = self.encoder(vectors, lengths)
        return replace(memory, vectors=self.linear(memory.vectors))

    def layer_modules(self) -> Sequence[nn.Module]:
        return self.encoder.layer_modules()

    def base_modules(self) -> Sequence[nn.Module]:
        return self.encoder.base_modules()


def summarise(x: Tensor, lengths: Tensor, mask: Tensor, summary: Summary) -> Tensor:
    """One vector for each row: (N, S, D) -> (N, D)."""
    if summary == "mean":
        return mean(x, mask)
    if summary == "first":
        return x[:, 0]
    return x[torch.arange(x.size(0), device=x.device), (lengths - 1).clamp(min=0)]


def mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of each row's real positions: (N, S, D), (N, S) -> (N, D)."""
    real = mask.unsqueeze(-1)
    return (x * real).sum(1) / real.sum(1).clamp(min=1)


def flip(x: Tensor, lengths: Tensor) -> Tensor:
    """Each row's real positions in the opposite order, its padding where it was: (N, S, D).

    >>> flip(torch.tensor([[[1.0], [2.0], [0.0]]]), torch.tensor([2])).flatten().tolist()
    [2.0, 1.0, 0.0]
    """
    positions = torch.arange(x.size(1), device=x.device).unsqueeze(0)
    mirrored = torch.where(positions < lengths.unsqueeze(1), lengths.unsqueeze(1) - 1 - positions, positions)
    return x.gather(1, mirrored.unsqueeze(-1).expand_as(x))
