"""The scan of recurrences whose gates read the input alone: each fast way against the equation, forward and backward.

N sequences   T positions   D width
"""

import pytest
import torch
from torch import Tensor

from heedful.blocks import scan as scans
from heedful.blocks.scan import SSRU, GatedAverage, MinGRU, Scan, scan_readably

STEPS = (1, 2, 7, 32, 131)


def inputs(steps: int, kind: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Gates from wide shut to wide open, what is added, and a start, all with gradients."""
    generator = torch.Generator().manual_seed(steps)
    gates, new = (torch.randn(3, steps, 5, generator=generator) for _ in range(2))
    keep = (gates * 8).sigmoid()
    start = torch.randn(3, 5, generator=generator)
    return tuple(part.to(kind).requires_grad_() for part in (keep, new * 2, start))  # type: ignore[return-value]


def with_gradients(way: object, parts: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
    """The states, and the gradients of a random sum of them."""
    copies = [part.detach().clone().requires_grad_() for part in parts]
    states = way(*copies)  # type: ignore[operator]
    weights = torch.randn(states.shape, generator=torch.Generator().manual_seed(1)).to(states.dtype)
    (states * weights).sum().backward()
    return [states.detach(), *(part.grad for part in copies if part.grad is not None)]


@pytest.mark.parametrize("way", [scans.in_turn, scans.by_doubling])
@pytest.mark.parametrize("steps", STEPS)
def test_every_way_is_the_equation(way: object, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 as exactly as the loop itself is, which float64 tells; its gradients too."""
    monkeypatch.setattr(scans, "way", lambda x: way)
    parts = inputs(steps)
    exact = with_gradients(scan_readably, tuple(part.double() for part in parts))  # type: ignore[arg-type]
    for actual, expected in zip(with_gradients(scans.scan, parts), exact, strict=True):
        assert actual.dtype == torch.float32
        assert (actual - expected).abs().max() <= 2e-6 * expected.abs().max()


def test_its_gradient_is_that_of_finite_differences() -> None:
    assert torch.autograd.gradcheck(Scan.apply, inputs(6, torch.float64))


def test_nothing_overflows_and_nothing_is_lost_where_gates_are_shut_or_open() -> None:
    """A thousand steps that forget all, and a thousand that keep all: logarithms would give infinities."""
    values = torch.ones(2, 1000, 4, requires_grad=True)
    for gate, last in ((-200.0, 1.0), (200.0, 3.0)):
        states, end = GatedAverage()(torch.full((2, 1000, 4), gate), values, torch.full((2, 4), 3.0))
        assert torch.equal(end, torch.full((2, 4), last)) and torch.isfinite(states).all()
        states.sum().backward()
        assert values.grad is not None and torch.isfinite(values.grad).all()


@torch.no_grad()
def test_units_are_as_published() -> None:
    """One step each, by hand: Kim et al. 2019 (f open keeps), Feng et al. 2024 (z open lets in, g is positive)."""
    x, state = torch.randn(2, 1, 4), torch.rand(2, 4)
    ssru, gru = SSRU(4), MinGRU(4)
    f = (x[:, 0] @ ssru.forget.weight.T + ssru.forget.bias).sigmoid()
    c = f * state + (1 - f) * (x[:, 0] @ ssru.value.weight.T)
    outputs, last = ssru(x, state, None)
    torch.testing.assert_close((outputs[:, 0], last), (c.relu(), c))
    z = (x[:, 0] @ gru.update.weight.T + gru.update.bias).sigmoid()
    u = x[:, 0] @ gru.candidate.weight.T + gru.candidate.bias
    h = (1 - z) * state + z * torch.where(u >= 0, u + 0.5, u.sigmoid())
    outputs, last = gru(x, state, None)
    torch.testing.assert_close((outputs[:, 0], last), (h, h))
