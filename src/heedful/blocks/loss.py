"""Cross entropy that never holds the logits of a large vocabulary all at once, and MS-TCN's smoothing loss.

M real tokens   D width   V vocabulary   N clips   T steps   C labels
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from heedful.blocks.attention.masks import up_to
from heedful.blocks.host import on_host, pick

TRUNCATION = 4.0  # of the change of a log probability between two steps; Farha & Gall 2019, equation 11
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

    def chunk_loss(chunk: Tensor, classes: Tensor) -> Tensor:
        return F.cross_entropy(logits(chunk).float(), classes, reduction="sum", label_smoothing=smoothing)

    rows = max(1, LOGITS_AT_ONCE // vocabulary)
    if len(outputs) <= rows:
        return chunk_loss(outputs, targets)
    chunks = zip(outputs.split(rows), targets.split(rows), strict=True)
    return torch.stack([checkpoint(chunk_loss, *chunk, use_reentrant=False) for chunk in chunks]).sum()


def truncated_mse(logits: Tensor, lengths: Tensor) -> Tensor:
    """The truncated mean squared error (T-MSE) of Farha & Gall 2019, equations 9 to 11, over the steps of each clip.

    How much log probabilities (N, T, C) change from step to step, summed over steps and averaged over labels.
    """
    scores = logits.log_softmax(-1)
    change = (scores[:, 1:] - scores[:, :-1].detach()).abs().clamp(max=TRUNCATION).square().mean(-1)
    [kept] = pick(up_to(on_host(lengths) - 1, change.size(1)), change)
    return kept.sum()
