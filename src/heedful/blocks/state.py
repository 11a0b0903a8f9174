"""What an encoder hands over, and what a decoder remembers: one form for every era.

A cache of keys and values is a hidden state. So an Elman network and a Transformer answer to the same calls.

N sources   R rows = N * K   K beams of a source   S source positions   T target positions   D width
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

SPARE = 16  # positions that a buffer grows by beyond what is asked for
MOVED_AT_ONCE = 1 << 20  # bytes, which a processor's cache holds


@dataclass(frozen=True)
class Widths:
    """What a decoder must know of an encoder before either has run: the last dimensions of its Memory."""

    vectors: int
    summary: int
    final: tuple[int, ...] = ()


@dataclass(frozen=True)
class Memory:
    """What an encoder has read."""

    vectors: Tensor  # (N, S, D)
    mask: Tensor  # (N, S)  True = may look
    summary: Tensor  # (N, D)  last state | class token | mean
    final: tuple[Tensor, ...] = ()  # each (N, D); recurrent encoders only


@dataclass(frozen=True)
class State:
    """What a decoder remembers of R rows; row r belongs to source r // K.

    A state that holds buffers (`start` with capacity > 0) is spent once it was passed to `forward`, which writes into
    them. To go on from one point twice, fork it with `select`, which copies.
    """

    source: dict[str, Tensor]  # (N, ...)  computed once by start, never copied per beam; {} for a language model
    hidden: dict[str, Tensor]  # (R, ...)
    lengths: Tensor  # (R,)  positions each row has read
    buffers: dict[str, Tensor] = field(default_factory=dict)  # (R, capacity, ...)  what was read, a place a position

    def select(self, rows: Tensor, sources: Tensor | None = None) -> "State":
        """The rows (N', K'), by their old numbers; `sources` (N',) says which sources stay, if some leave."""
        flat = rows.reshape(-1)
        hidden, buffers = (
            {name: value.index_select(0, flat) for name, value in tensors.items()}
            for tensors in (self.hidden, self.buffers)
        )
        source = self.source
        if sources is not None:
            source = {name: value.index_select(0, sources) for name, value in source.items()}
        return State(source, hidden, self.lengths.index_select(0, flat), buffers)

    def reorder(self, rows: Tensor, steps: int) -> "State":
        """The rows (N, K), each taken from its own source; none has read more than `read` positions.

        It spends this state, where `select` copies: buffers are written in place, as the memory for new ones at each
        step would cost several times the moving.
        """
        flat, (sources, beams) = rows.reshape(-1), rows.shape
        for buffer in self.buffers.values():
            of_source = beams * steps * buffer[0, 0].numel() * buffer.element_size()
            rows_at_once = max(1, MOVED_AT_ONCE // of_source) * beams
            for low in range(0, sources * beams, rows_at_once):
                part = buffer[low : low + rows_at_once, :steps]
                part.copy_(part.index_select(0, flat[low : low + rows_at_once] - low))
        hidden = {name: value.index_select(0, flat) for name, value in self.hidden.items()}
        return self.replace(hidden, self.lengths.index_select(0, flat))

    def widen(self, capacity: int, most: int) -> "State":
        """The same with buffers, if it holds any, for at least `capacity` positions; it is spent if they grow.

        They grow by more than is asked for, but not beyond `most`.
        """
        if all(buffer.size(1) >= capacity for buffer in self.buffers.values()):
            return self
        capacity = max(capacity, min(capacity + SPARE, most))
        return replace(self, buffers={name: grow(buffer, capacity) for name, buffer in self.buffers.items()})

    def replace(self, hidden: dict[str, Tensor], lengths: Tensor) -> "State":
        """The same sources, read further."""
        return replace(self, hidden=hidden, lengths=lengths)

    @staticmethod
    def cat(states: Sequence["State"]) -> "State":
        """States of the same decoder side by side: new sources join a running batch.

        Where sizes differ (source positions, capacity) the shorter are filled up behind with zeros, which masks hide.
        """
        first = states[0]
        source = {name: join([state.source[name] for state in states]) for name in first.source}
        hidden = {name: torch.cat([state.hidden[name] for state in states]) for name in first.hidden}
        buffers = {name: join([state.buffers[name] for state in states]) for name in first.buffers}
        return State(source, hidden, torch.cat([state.lengths for state in states]), buffers)


def join(tensors: Sequence[Tensor]) -> Tensor:
    """Row-first tensors one after another, the shorter filled up with zeros along dimension 1."""
    if tensors[0].dim() < 2 or len({tensor.size(1) for tensor in tensors}) == 1:
        return torch.cat(list(tensors))
    size = max(tensor.size(1) for tensor in tensors)
    joined = tensors[0].new_zeros(sum(len(tensor) for tensor in tensors), size, *tensors[0].shape[2:])
    row = 0
    for tensor in tensors:
        joined[row : row + len(tensor), : tensor.size(1)] = tensor
        row += len(tensor)
    return joined


def grow(buffer: Tensor, capacity: int) -> Tensor:
    """A buffer (R, T, ...) with zeros behind, up to `capacity` positions."""
    return F.pad(buffer, (*(0, 0) * (buffer.dim() - 2), 0, capacity - buffer.size(1)))


def by_source(rows: Tensor, sources: int) -> Tensor:
    """(R, T, D) -> (N, K*T, D): the beams of one source are more queries, not more memories."""
    return rows.reshape(sources, -1, rows.size(-1))


def to_rows(source: Tensor, rows: int) -> Tensor:
    """(N, ...) -> (R, ...), each source repeated for its beams; no copy where there is one beam."""
    beams = rows // source.size(0)
    # exporters understand it where the number of beams is open, which they do not of `repeat_interleave`
    return source if beams == 1 else source.unsqueeze(1).expand(-1, beams, *source.shape[1:]).flatten(0, 1)
