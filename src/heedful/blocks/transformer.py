"""The Transformer's block and stack (Vaswani et al. 2017): norm before or after, looking at a memory or not.

N sources or rows   T positions   S memory positions   D width
"""

from collections.abc import Iterator
from typing import Literal, cast

import torch.nn.functional as F
from torch import Tensor, nn

from heedful.blocks.attention import Attention, Cache, KeyValue
from heedful.blocks.dropout import Dropout

Norm = Literal["pre", "post"]


class Block(nn.Module):
    """Self-attention, then a look at the memory (if `memory_width` is given), then two linear layers.

    post: norm(x + part(x)), as published.  pre: x + part(norm(x)), which trains without care.
    """

    def __init__(
        self, width: int, heads: int, inner: int, dropout: float, norm: Norm, memory_width: int | None = None
    ) -> None:
        super().__init__()
        self.pre = norm == "pre"
        self.dropout = Dropout(dropout)
        self.self_attention = Attention(width, heads)
        self.self_norm = nn.LayerNorm(width)
        self.memory = Attention(width, heads, memory_width) if memory_width else None
        self.memory_norm = nn.LayerNorm(width) if memory_width else None
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.inner_norm = nn.LayerNorm(width)

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
        return self.add(x, self.down(self.dropout(F.relu(self.up(normed)))), self.inner_norm)

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
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(width, heads, inner, dropout, norm, memory_width) for _ in range(depth))
        self.norm = nn.LayerNorm(width) if norm == "pre" else nn.Identity()

    def __iter__(self) -> Iterator[Block]:
        return cast("Iterator[Block]", iter(self.layers))
