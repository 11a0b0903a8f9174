"""The norm of one scale.

D width
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from heedful.blocks.recording import recording


class RMSNorm(nn.RMSNorm):
    """x / √(mean(x²) + ε) ∘ g, Zhang & Sennrich 2019, equation 4: no mean is taken off, nothing is added."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D), in the precision of x, computed in float32 at least."""
        assert self.eps is not None, "rows of the lineage have one"
        if x.device.type != "cpu" and not recording():
            # torch warns where the scales have another precision
            return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)
        way: Any = rms_norm_readably if recording() else FastRMSNorm.apply
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return way(wide, self.weight.to(wide.dtype), self.eps).to(x.dtype)


def rms_norm_readably(x: Tensor, scales: Tensor, epsilon: float) -> Tensor:
    """The equation."""
    return x / (x.square().mean(-1, keepdim=True) + epsilon).sqrt() * scales


class FastRMSNorm(torch.autograd.Function):
    """The same on a processor, where torch has no kernel for its gradient: by that of the layer norm.

    That is told a mean of zero, and takes the mean of what comes back off, which is added again (docs/log.md).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scales: Tensor, epsilon: float) -> Tensor:
        lengths = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        factors = lengths.square_().div_(x.size(-1)).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, scales, factors)
        return (x * factors).mul_(scales)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (x, scales, factors), (gradient,) = ctx.saved_tensors, gradients
        of_x, of_scales, _ = torch.ops.aten.native_layer_norm_backward(
            gradient, x, [x.size(-1)], torch.zeros_like(factors), factors, scales, None, [True, True, False]
        )
        mean = (gradient @ scales).unsqueeze(-1).div_(x.size(-1))
        return of_x.add_(mean.mul_(factors)), of_scales, None
