"""What PyTorch's exporter is given: copies of networks in which parts stand that it writes well.

N rows   T queries   S positions   H heads   E = D / H
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from heedful.blocks.attention import Attention, KeyValue
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.scan import GatedAverage
from heedful.engines.onnx_recurrent import OnnxGatedAverage, OnnxRecurrent

Module = TypeVar("Module", bound=nn.Module)


def exportable(module: Module) -> Module:
    """A copy in which every recurrence is made of ONNX's operators, and attention of few; it computes nothing but when
    exported.
    """
    copied = copy.deepcopy(module).eval()
    for parent in list(copied.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Recurrent):
                setattr(parent, name, OnnxRecurrent(child))
            if isinstance(child, GatedAverage):
                setattr(parent, name, OnnxGatedAverage())
            if isinstance(child, Attention):
                setattr(parent, name, OnnxAttention(child))
    return copied


class OnnxAttention(Attention):
    """What `Attention` is, without what PyTorch's exporter makes of its fused kernel where there is a mask: that looks
    at every weight twice more, whether it is a number.
    """

    def __init__(self, plain: Attention) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(plain.__dict__)

    def mix(self, query: Tensor, keys_values: KeyValue, mask: Tensor | None, causal: bool) -> Tensor:
        if mask is None or causal:
            return super().mix(query, keys_values, mask, causal)
        mask = mask[:, None, None] if mask.dim() == 2 else mask[:, None]  # (N, 1, 1 | T, S)
        q, k, v = query.transpose(1, 2), keys_values.keys.permute(0, 2, 3, 1), keys_values.values.transpose(1, 2)
        unreal = torch.where(mask, 0.0, torch.finfo(q.dtype).min)
        mixed = (q * q.size(-1) ** -0.5 @ k + unreal).softmax(-1) @ v
        return (mixed * mask.any(-1, keepdim=True)).transpose(1, 2)  # of a row that may look nowhere nothing
