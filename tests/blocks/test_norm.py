"""The RMS norm: the fast way against the equation, forward and backward, and against torch's."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from heedful.blocks.norm import FastRMSNorm, RMSNorm, rms_norm_readably
from heedful.blocks.recording import record

SHAPES = ((3, 7, 16), (2, 5, 3, 4), (1, 5), (4, 1, 33), (0, 8))
EPSILON = 1e-5


def inputs(shape: tuple[int, ...], kind: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Vectors of all lengths, one of them zero, and scales; both with gradients."""
    generator = torch.Generator().manual_seed(len(shape))
    x, scales = torch.randn(shape, generator=generator), torch.randn(shape[-1], generator=generator)
    x = x * torch.randn((*shape[:-1], 1), generator=generator).exp()
    x.view(-1, shape[-1])[:1] = 0 if x.numel() > shape[-1] else 1
    return x.to(kind).requires_grad_(), scales.to(kind).requires_grad_()


def with_gradients(way: object, x: Tensor, scales: Tensor) -> list[Tensor]:
    """What comes out, and the gradients of a random sum of it."""
    out = way(x, scales, EPSILON)  # type: ignore[operator]
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    return [out.detach(), *torch.autograd.grad(out, (x, scales), weights)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_fast_is_the_equation(shape: tuple[int, ...]) -> None:
    """In float32 as float64 tells it, strided and not; the equation is torch's."""
    x, scales = inputs(shape)
    exact = with_gradients(rms_norm_readably, x.double(), scales.double())
    strided = x.detach().transpose(0, -1).contiguous().transpose(0, -1).requires_grad_()
    for ours in (with_gradients(FastRMSNorm.apply, x, scales), with_gradients(FastRMSNorm.apply, strided, scales)):
        for actual, expected in zip(ours, exact, strict=True):
            assert actual.dtype == torch.float32 and actual.shape == expected.shape
            largest = expected.abs().max() if expected.numel() else 0
            assert ((actual - expected).abs() <= 2e-6 * largest + 1e-12).all()
    assert torch.allclose(exact[0], F.rms_norm(x.double(), shape[-1:], scales.double(), EPSILON))


def test_its_gradient_is_that_of_finite_differences() -> None:
    x, scales = inputs((3, 2, 6), torch.float64)
    x = x.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, scales: FastRMSNorm.apply(x, scales, EPSILON), (x, scales))


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_recorded_is_fast_in_every_precision(kind: torch.dtype) -> None:
    norm, (x, _) = RMSNorm(16, eps=EPSILON), inputs((3, 7, 16), kind)
    fast = norm(x)
    with record(norm):
        readable = norm(x)
    assert fast.dtype == readable.dtype == kind
    assert torch.allclose(
        fast.float(), readable.float(), atol=4 * torch.finfo(kind).eps, rtol=4 * torch.finfo(kind).eps
    )
