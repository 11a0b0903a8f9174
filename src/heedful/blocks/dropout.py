"""Dropout whose mask is drawn eight positions to a random number: drawing was a sixth of training on a CPU."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Sets activations to zero with probability p in training and scales up the rest (Srivastava et al. 2014).

    On a CPU p is rounded to 1/256 (0.1 becomes 26/256), and the scale follows the rounded p.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.p)
        dropped = min(255, round(self.p * 256))
        return x * mask(x.shape, dropped).to(x.dtype).mul_(256 / (256 - dropped))


def mask(shape: torch.Size, dropped: int) -> Tensor:
    """True with a chance of 1 - dropped / 256, from the bytes of 64-bit random numbers."""
    count = shape.numel()
    # the full range: without bounds torch draws 63 bits, whose highest byte would be smaller than the others
    words = torch.empty((count + 7) // 8, dtype=torch.long).random_(-(2**63), None)
    return (words.view(torch.uint8)[:count] >= dropped).view(shape)
