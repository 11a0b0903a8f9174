"""Cross entropy that never holds the logits of a large vocabulary all at once; how much answers in step may jump.

M real tokens   D width   V vocabulary   N clips   T steps   C labels
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from heedful.blocks.attention.masks import up_to

LARGEST_JUMP = 4.0  # of log probabilities between two steps; Farha & Gall 2019, equation 11
LOGITS_AT_ONCE = 1 << 24  # 64 MiB of float32


def cross_entropy(
    outputs: Tensor,  # (M, D)
    logits: Callable[[Tensor], Tensor],  # (m, D) -> (m, V)
    targets: Tensor,  # (M,)
    vocabulary: int,
    smoothing: float = 0.0,
) -> Tensor:
    """The sum over M tokens of the label-smoothed cross entropy (Szegedy et al. 2016, section 7), in nats.

    A vocabulary so large that M x V logits would not fit is done in chunks of rows, each computed again in the
    backward pass: memory falls to one chunk, for a second product.
    """

    def of_chunk(some: Tensor, right: Tensor) -> Tensor:
        return F.cross_entropy(logits(some).float(), right, reduction="sum", label_smoothing=smoothing)

    rows = max(1, LOGITS_AT_ONCE // vocabulary)
    if len(outputs) <= rows:
        return of_chunk(outputs, targets)
    parts = zip(outputs.split(rows), targets.split(rows), strict=True)
    return torch.stack([checkpoint(of_chunk, *part, use_reentrant=False) for part in parts]).sum()


def jumps(logits: Tensor, lengths: Tensor) -> Tensor:
    """How much log probabilities (N, T, C) change from step to step, summed over steps and averaged over labels.

    The truncated mean squared error of Farha & Gall 2019, equations 9 to 11, over the steps of each clip alone.
    """
    shares = logits.log_softmax(-1)
    apart = (shares[:, 1:] - shares[:, :-1].detach()).abs().clamp(max=LARGEST_JUMP).square().mean(-1)
    return apart[up_to(lengths - 1, apart.size(1))].sum()
