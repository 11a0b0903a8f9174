# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The vocabulary product of torch, over the tokens alone that the sources of a batch may be answered with.

N sources   K beams   R = N * K rows   U tokens that some source may take   D width
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from heedful.generation.allowed import AllowedTokens
from heedful.networks.decoders import Decoder


class ShortlistedOutput:
    """Rows of decoders' output layers, which are gathered when sources join or leave, and not at each step."""

    def __init__(self, decoders: Sequence[Decoder], allowed: AllowedTokens, beams: int) -> None:
        self.allowed = allowed
        self.tokens = torch.from_numpy(allowed.tokens).to(decoders[0].output.linear.weight.device)  # (U,)
        layers = (decoder.output.linear.named_parameters() for decoder in decoders)
        self.rows = [{name: part[self.tokens] for name, part in layer} for layer in layers]
        self.closed = torch.from_numpy(~allowed.mask).to(self.tokens.device).repeat_interleave(beams, 0)  # (R, U)

    def logits(self, decoder: int, outputs: Tensor) -> Tensor:
        """Of outputs (R, D) of the decoder of this number: (R, U), -inf where the row's source may not go."""
        return functional.linear(outputs, **self.rows[decoder]).masked_fill_(self.closed, -math.inf)
