"""Muon (Jordan et al. 2024): momentum of matrices, made orthogonal, as a step.

torch has it since 2.9, in bfloat16 alone and for matrices one by one. Where a processor does not multiply bfloat16, one
of 192 × 768 takes three quarters of a second so, and where it does, small ones wait for the calls (docs/log.md). Here
matrices of one shape are made orthogonal together, in the precision that the machine multiplies fastest.

K matrices of one shape   M rows, the shorter side   N columns
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
ITERATIONS = 5
FIRST, THIRD, FIFTH = 3.4445, -4.7750, 2.0315  # of the polynomial: it brings singular values near 1 fastest
SIZE = 0.2  # of a step's entries, times the rate: as large as AdamW's (Liu et al. 2025, section 2.2)
SMALL = 64  # rows: in float32 the products of larger matrices take longer together than one by one
WIDE = 2  # times as many columns as rows: then the iterations have less to do on the square of M


class Muon(torch.optim.Optimizer):
    """Moves matrices by their momentum (Nesterov's), made orthogonal; decay as AdamW has it.

    `reduced`: in bfloat16. Each group may have a rate of its own. `found_inf`, as torch's fused AdamW has it: a number
    on the device of the weights; where it is 1, a step leaves all as it is.
    """

    found_inf: Tensor | None = None

    def __init__(self, groups: Iterable[Mapping[str, Any]], rate: float, decay: float, reduced: bool) -> None:
        super().__init__([dict(group) for group in groups], {"lr": rate, "weight_decay": decay})
        self.orthogonal = orthogonal_reduced if reduced else orthogonal

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Moves each weight that has a gradient."""
        assert closure is None, "the loss is known before"
        for group in self.param_groups:
            shapes = defaultdict[torch.Size, list[Tensor]](list)
            for weight in group["params"]:
                if weight.grad is not None:
                    shapes[weight.shape].append(weight)
            for shape, weights in shapes.items():
                steps = self.orthogonal(torch.stack([self.momentum(weight) for weight in weights]))
                decay, size = group["lr"] * group["weight_decay"], group["lr"] * SIZE * max(shape) ** 0.5
                for weight, step in zip(weights, steps, strict=True):
                    if self.found_inf is None:
                        weight.mul_(1 - decay).add_(step, alpha=-size)
                    else:
                        going = 1 - self.found_inf
                        weight.mul_(1 - decay * going).addcmul_(step, going, value=-size)

    def momentum(self, weight: Tensor) -> Tensor:
        """The gradient of a weight, and those before it, ever less of them; a step ahead of itself."""
        gradient, state = weight.grad, self.state[weight]
        assert gradient is not None, "whoever asks has looked"
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        if self.found_inf is not None:
            gradient = torch.where(self.found_inf > 0, state["momentum_buffer"], gradient)
        state["momentum_buffer"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(state["momentum_buffer"], MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices (K, M, N), or their transposes, with all singular values near 1."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal(matrices.mT).mT
    rows, columns = matrices.shape[1:]
    iterate = by_squares if columns >= WIDE * rows else by_products
    x = of_norm_one(matrices)
    return iterate(x) if rows <= SMALL else torch.cat([iterate(each) for each in x.split(1)])


def orthogonal_reduced(matrices: Tensor) -> Tensor:
    """The same in bfloat16: less near, and much sooner where a machine multiplies it."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal_reduced(matrices.mT).mT
    return by_products(of_norm_one(matrices.bfloat16())).to(matrices.dtype)


def of_norm_one(matrices: Tensor) -> Tensor:
    """Each matrix divided by its norm, so that no singular value is above 1."""
    return matrices / torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True).clamp(min=1e-7)


def by_products(x: Tensor) -> Tensor:
    """Newton and Schulz' iterations of matrices (K, M, N): each singular value s becomes a s + b s³ + c s⁵."""
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=THIRD, alpha=FIFTH), x, beta=FIRST)
    return x


def by_squares(x: Tensor) -> Tensor:
    """The same by x xᵀ (K, M, M) alone, which each iteration takes to its next; the factors are multiplied, and by x at
    the end.
    """
    square, product = x @ x.mT, None
    for left in reversed(range(ITERATIONS)):
        factor = torch.baddbmm(square, square, square, beta=THIRD, alpha=FIFTH)
        factor.diagonal(dim1=1, dim2=2).add_(FIRST)
        product = factor if product is None else factor @ product
        square = factor @ square @ factor if left else square
    assert product is not None, "there are iterations"
    return product @ x
