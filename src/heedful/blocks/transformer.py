"""The Transformer's block and stack (Vaswani et al. 2017): norm before or after, looking at a memory or not.

N sources or rows   T positions   S memory positions   D width
"""

import math
from collections.abc import Iterator
from typing import Literal, cast

import torch
from torch import Tensor, nn

from heedful.blocks.activation import ACTIVATIONS, Activation
from heedful.blocks.attention import Attention, Cache, KeyValue
from heedful.blocks.dropout import Dropout

Norm = Literal["pre", "post"]
EPSILON = 1e-5  # what a norm adds to the variance, unless a network says otherwise
ENDS = ("attention.out.weight", "memory.out.weight", "down.weight")


class Block(nn.Module):
    """Self-attention, then a look at the memory (if `memory_width` is given), then two linear layers.

    post: norm(x + part(x)), as published.  pre: x + part(norm(x)), which trains without care.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        inner: int,
        dropout: float,
        norm: Norm,
        memory_width: int | None = None,
        activation: Activation = "relu",
        epsilon: float = EPSILON,
    ) -> None:
        super().__init__()
        self.pre = norm == "pre"
        self.activation: Activation = activation
        self.dropout = Dropout(dropout)
        self.self_attention = Attention(width, heads)
        self.self_norm = nn.LayerNorm(width, epsilon)
        self.memory = Attention(width, heads, memory_width) if memory_width else None
        self.memory_norm = nn.LayerNorm(width, epsilon) if memory_width else None
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.inner_norm = nn.LayerNorm(width, epsilon)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        causal: bool = False,
        cache: Cache | None = None,
        turn: tuple[Tensor, Tensor] | None = None,
        memory: tuple[KeyValue, Tensor] | None = None,  # of N sources, whose rows' queries are looked up together
    ) -> Tensor:
        normed = self.self_norm(x) if self.pre else x
        x = self.add(x, self.self_attention(normed, mask=mask, cache=cache, causal=causal, turn=turn), self.self_norm)
        if memory is not None:
            assert self.memory is not None and self.memory_norm is not None
            seen, may_look = memory
            normed = self.memory_norm(x) if self.pre else x
            queries = normed.reshape(may_look.size(0), -1, x.size(-1))  # (N, K*T, D)
            looked = self.memory(queries, memory=seen, mask=may_look).reshape(x.shape)
            x = self.add(x, looked, self.memory_norm)
        normed = self.inner_norm(x) if self.pre else x
        inner = ACTIVATIONS[self.activation](self.up(normed))
        return self.add(x, self.down(self.dropout(inner)), self.inner_norm)

    def add(self, x: Tensor, part: Tensor, norm: nn.LayerNorm) -> Tensor:
        """The residual sum, normed here if the norm stands after."""
        x = x + self.dropout(part)
        return x if self.pre else norm(x)


class Stack(nn.Module):
    """`depth` blocks; with pre-norm one more norm at the end, since the sum itself was never normed."""

    def __init__(
        self,
        depth: int,
        width: int,
        heads: int,
        inner: int,
        dropout: float,
        norm: Norm,
        memory_width: int | None = None,
        activation: Activation = "relu",
        epsilon: float = EPSILON,
    ) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(
            Block(width, heads, inner, dropout, norm, memory_width, activation, epsilon) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width, epsilon) if norm == "pre" else nn.Identity()

    def __iter__(self) -> Iterator[Block]:
        return cast("Iterator[Block]", iter(self.layers))


@torch.no_grad()
def begin_small(network: nn.Module, spread: float, depth: int) -> None:
    """Weights as Radford et al. 2019, section 2.3, begin: matrices from N(0, spread²), biases at zero.

    Those whose product joins the residual sum, which 2 * depth of them share, begin smaller by its root.
    """
    for name, weight in network.named_parameters():
        if weight.dim() > 1:
            nn.init.normal_(weight, std=spread / (math.sqrt(2 * depth) if name.endswith(ENDS) else 1))
        elif name.endswith("bias"):
            nn.init.zeros_(weight)
