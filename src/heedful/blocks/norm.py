"""The norm of one scale.

D width
"""

import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.RMSNorm):
    """x / √(mean(x²) + ε) · g, Zhang & Sennrich 2019, equation 4: no mean is taken off, nothing is added."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D), in the precision of x: torch warns where the scales have another."""
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)
