"""Who may look where. Every mask is boolean, True = may look, combined with `&`, and made from lengths.

N sources   S source positions   T queries
"""

import torch
from torch import Tensor


def up_to(lengths: Tensor, size: int) -> Tensor:
    """(...,) -> (..., size): True at the first `lengths` positions.

    >>> up_to(torch.tensor([1, 3]), 3).tolist()
    [[True, False, False], [True, True, True]]
    """
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(-1)


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax over the last dimension, zero where the mask is False; a row that may look at nothing is all zeros."""
    if mask is None:
        return scores.softmax(-1)
    # the smallest number rather than -inf, whose softmax over nothing is NaN, in the gradient too
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1)
    return weights.masked_fill(~mask, 0.0)
