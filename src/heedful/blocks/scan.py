"""Recurrences whose gates read the input alone, so that a whole sequence is one scan: SSRU and minGRU.

N sequences   T positions   D width
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from heedful.blocks.altering import alter
from heedful.blocks.attention.masks import up_to
from heedful.blocks.recording import note, recording


class GatedAverage(nn.Module):
    """h_t = f_t ∘ h_{t-1} + (1 - f_t) ∘ v_t with f = sigmoid(gates): a running average that chooses what it keeps.

    It has no weights: neither gates nor values depend on h.
    """

    def forward(
        self,
        gates: Tensor,  # (N, T, D)  before the sigmoid; high: what was before is kept
        values: Tensor,  # (N, T, D)
        start: Tensor | None = None,  # (N, D)
        lengths: Tensor | None = None,  # (N,)
        reverse: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """All h (N, T, D), and the one behind each row's own last position (before its first, if it is read backwards).

        Positions behind a row's length keep what is before them. In float32 at least: an average over many steps
        would not move in bfloat16.
        """
        kind = torch.promote_types(values.dtype, torch.float32)
        keep = alter(self, "keep", gates.to(kind).sigmoid())
        new = (1 - keep) * values.to(kind)
        begin = new.new_zeros(new.size(0), new.size(2)) if start is None else start.to(kind)
        if lengths is not None:
            real = up_to(lengths, new.size(1)).unsqueeze(-1)
            keep, new = torch.where(real, keep, 1.0), torch.where(real, new, 0.0)
        if reverse:
            keep, new = keep.flip(1), new.flip(1)
        states = scan_readably(keep, new, begin) if recording() else scan(keep, new, begin)
        states = alter(self, "state", states, begin.unsqueeze(1))
        last = states[:, -1] if states.size(1) else begin
        states = states.flip(1) if reverse else states
        direction = int(reverse)
        note(self, f"forget{direction}", lambda: keep.flip(1) if reverse else keep)
        note(self, f"states{direction}", lambda: states)
        return states.to(values.dtype), last


class SSRU(nn.Module):
    """The simpler simple recurrent unit, Kim et al. 2019, section 2.2: ReLU of a gated average of W x."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.forget = nn.Linear(width, width)
        self.value = nn.Linear(width, width, bias=False)
        self.average = GatedAverage()

    def forward(self, x: Tensor, start: Tensor | None, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (N, T, D) behind a state (N, D) -> outputs (N, T, D), the state behind each row's last position."""
        states, last = self.average(self.forget(x), self.value(x), start, lengths)
        return states.relu(), last


class MinGRU(nn.Module):
    """The minimal GRU of Feng et al. 2024, section 3.1; as they release it, with h̃ = g(W x) > 0 (appendix B).

    Bidirectional, each direction has half of the width.
    """

    def __init__(self, width: int, bidirectional: bool = False) -> None:
        super().__init__()
        assert width % 2 == 0 or not bidirectional, f"two directions cannot share the width {width}"
        self.width = width
        self.directions = 2 if bidirectional else 1
        self.update = nn.Linear(width, width)
        self.candidate = nn.Linear(width, width)
        self.average = GatedAverage()

    def forward(self, x: Tensor, start: Tensor | None, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (N, T, D) behind a state (N, D) -> outputs (N, T, D), the state behind each row's last position."""
        gates, values = -self.update(x), positive(self.candidate(x))  # z = 1 - f: the paper's gate lets in
        starts = (None,) * self.directions if start is None else start.chunk(self.directions, dim=-1)
        parts = zip(gates.chunk(self.directions, -1), values.chunk(self.directions, -1), starts, strict=True)
        read = [self.average(*part, lengths, reverse=bool(number)) for number, part in enumerate(parts)]
        states, lasts = zip(*read, strict=True)
        return torch.cat(states, dim=-1), torch.cat(lasts, dim=-1)


def positive(x: Tensor) -> Tensor:
    """g of Feng et al. 2024, appendix B: x + 1/2 for x ≥ 0, else sigmoid(x)."""
    return torch.where(x >= 0, x + 0.5, x.sigmoid())


def scan(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """h_t = keep_t ∘ h_{t-1} + new_t for all t: (N, T, D), (N, T, D), (N, D) -> (N, T, D)."""
    return Scan.apply(keep, new, start)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def scan_readably(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """The twin of `scan`: the equation, a position at a time."""
    states: list[Tensor] = []
    for t in range(new.size(1)):
        start = keep[:, t] * start + new[:, t]
        states.append(start)
    return torch.stack(states, dim=1)


class Scan(torch.autograd.Function):
    """Of `scan`. Its gradient is a scan backwards, so that neither direction is recorded step by step.

    With δ_t the gradient of h_t in all: δ_t = g_t + keep_{t+1} ∘ δ_{t+1}, which is that of new_t.
    """

    @staticmethod
    def forward(ctx: Any, keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
        states = way(new)(keep, new, start)
        ctx.save_for_backward(keep, states, start)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keep, states, start = ctx.saved_tensors
        (gradient,) = gradients
        shifted = torch.cat([keep[:, 1:], torch.zeros_like(keep[:, :1])], dim=1)
        of_new = way(gradient)(shifted.flip(1), gradient.flip(1), torch.zeros_like(start)).flip(1)
        before = torch.cat([start.unsqueeze(1), states[:, :-1]], dim=1)
        return of_new * before, of_new, keep[:, 0] * of_new[:, 0]


def way(x: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The faster way for where a tensor lies: on a processor the least work, on a GPU the fewest kernels."""
    return in_turn if x.device.type == "cpu" else by_doubling


def in_turn(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """A fused multiplication and addition a position, written in place: T kernels."""
    states = torch.empty_like(new)
    for kept, added, state in zip(keep.unbind(1), new.unbind(1), states.unbind(1), strict=True):
        start = torch.addcmul(added, kept, start, out=state)
    return states


def by_doubling(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """Hillis & Steele 1986: each round joins stretches twice as long; log₂ T rounds, each over all positions.

    Only products of gates and sums, so that nothing overflows, where the logarithms of Feng et al. 2024 lose digits.
    """
    states = torch.cat([torch.addcmul(new[:, :1], keep[:, :1], start.unsqueeze(1)), new[:, 1:]], dim=1)
    reach = 1
    while reach < new.size(1):
        joined = torch.addcmul(states[:, reach:], keep[:, reach:], states[:, :-reach])
        states = torch.cat([states[:, :reach], joined], dim=1)
        keep = torch.cat([keep[:, :reach], keep[:, reach:] * keep[:, :-reach]], dim=1)
        reach *= 2
    return states
