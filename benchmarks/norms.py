"""Ways to compute an RMS norm on a processor, beside the layer norm: the table of docs/log.md.

python benchmarks/norms.py

N rows   T positions   D width
"""

import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from heedful.blocks.norm import FastRMSNorm, rms_norm_readably

SHAPES = ((32, 32, 256), (32, 32, 4, 64), (8, 256, 512))
EPSILON, TIMES, CALLS = 1e-6, 15, 10
Way = Callable[[Tensor, Tensor], Tensor]


def layer_norm_of_both_signs(x: Tensor, scales: Tensor) -> Tensor:
    """A layer norm of x beside -x: their mean is zero."""
    return F.layer_norm(torch.cat([x, -x], -1), (2 * x.size(-1),), eps=EPSILON)[..., : x.size(-1)] * scales


class ByHand(torch.autograd.Function):
    """The equation and its derivative, a kernel an operation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scales: Tensor) -> Tensor:
        factors = torch.linalg.vecdot(x, x).unsqueeze(-1).div_(x.size(-1)).add_(EPSILON).rsqrt_()
        ctx.save_for_backward(x, scales, factors)
        return (x * factors).mul_(scales)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (x, scales, factors), (gradient,) = ctx.saved_tensors, gradients
        normed, scaled = x * factors, gradient * scales
        of_scales = torch.linalg.vecdot(gradient.flatten(0, -2), normed.flatten(0, -2), dim=0)
        along = torch.linalg.vecdot(scaled, normed).div_(x.size(-1)).unsqueeze(-1)
        return scaled.addcmul_(normed, along, value=-1).mul_(factors), of_scales


WAYS: dict[str, Way] = {
    "layer norm": lambda x, scales: F.layer_norm(x, (x.size(-1),), scales, None, EPSILON),
    "torch's rms_norm": lambda x, scales: F.rms_norm(x, (x.size(-1),), scales, EPSILON),
    "recorded by autograd": lambda x, scales: rms_norm_readably(x, scales, EPSILON),
    "layer norm of x, -x": layer_norm_of_both_signs,
    "own gradient, by hand": lambda x, scales: ByHand.apply(x, scales),  # pyright: ignore
    "own gradient, layer norm's": lambda x, scales: FastRMSNorm.apply(x, scales, EPSILON),  # pyright: ignore
}


def microseconds(run: Callable[[], object]) -> float:
    """CPU time of this thread for a call; the second best of so many."""
    seconds: list[float] = []
    for _ in range(TIMES):
        begin = time.thread_time()
        for _ in range(CALLS):
            run()
        seconds.append((time.thread_time() - begin) / CALLS)
    return sorted(seconds)[1] * 1e6


def time_ways(shape: tuple[int, ...]) -> None:
    """Each way without gradients, and forward and backward, with its gradient's error against float64."""
    x, scales, gradient = torch.randn(shape), torch.randn(shape[-1]), torch.randn(shape)
    exact = gradients_of(WAYS["recorded by autograd"], x.double(), scales.double(), gradient.double())
    for name, way in WAYS.items():
        with torch.no_grad():
            forward = microseconds(lambda way=way: way(x, scales))
        both = microseconds(lambda way=way: gradients_of(way, x, scales, gradient))
        pairs = zip(gradients_of(way, x, scales, gradient), exact, strict=True)
        error = max(float((ours - other).abs().max() / other.abs().max()) for ours, other in pairs)
        size = " × ".join(map(str, shape))
        print(f"{size:15s}  {name:27s} {forward:8.0f} / {both:8.0f} µs  error {error:.0e}", flush=True)


def gradients_of(way: Way, x: Tensor, scales: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
    """The gradients of x and of the scales."""
    parts = [part.detach().requires_grad_() for part in (x, scales)]
    return torch.autograd.grad(way(parts[0], parts[1]), parts, gradient)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for size in SHAPES:
        time_ways(size)
