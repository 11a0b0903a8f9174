"""Multi-head attention (Vaswani et al. 2017, section 3.2): self, cross, causal and cached from one body.

N sources or rows   T queries   S keys   H heads   D width   E = D / H
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from heedful.blocks.altering import alter, is_altered
from heedful.blocks.attention.masks import masked_softmax
from heedful.blocks.recording import note, recording


class KeyValue(NamedTuple):
    """What is looked at: projected once, used by any number of queries."""

    keys: Tensor  # (N, S, H, E)
    values: Tensor  # (N, S, H, E)


@dataclass(frozen=True)
class Cache:
    """Buffers of keys and values that grow in place, each row from its own length."""

    keys: Tensor  # (R, capacity, H, E)
    values: Tensor  # (R, capacity, H, E)
    positions: Tensor  # (R, T) where the new tokens go

    def append(self, new: KeyValue) -> KeyValue:
        """Writes the new keys and values at their positions and gives the whole buffers back."""
        rows = torch.arange(self.positions.size(0), device=self.positions.device).unsqueeze(1)
        self.keys[rows, self.positions] = new.keys.to(self.keys.dtype)
        self.values[rows, self.positions] = new.values.to(self.values.dtype)
        return KeyValue(self.keys, self.values)


class Attention(nn.Module):
    """softmax(Q Kᵀ / √E) V over H heads, then a projection (equation 1 and section 3.2.2).

    `memory` given: cross-attention. `cache` given: the new tokens join those read before. `causal`: token t sees
    tokens up to t, said to the kernel rather than drawn as a mask. `norm`: of each head's queries and keys, before they
    are rotated (Henry et al. 2020): no product of theirs grows beyond what their scales allow.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        memory_width: int | None = None,
        bias: bool = True,
        norm: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        assert width % heads == 0, f"{heads} heads do not divide the width {width}"
        self.heads = heads
        self.query = nn.Linear(width, width, bias)
        self.key = nn.Linear(memory_width or width, width, bias)
        self.value = nn.Linear(memory_width or width, width, bias)
        self.out = nn.Linear(width, width, bias)
        self.query_norm = norm(width // heads) if norm else None
        self.key_norm = norm(width // heads) if norm else None

    def forward(
        self,
        x: Tensor,  # (N, T, D)
        memory: KeyValue | None = None,
        mask: Tensor | None = None,  # (N, S) or (N, T, S)
        cache: Cache | None = None,
        causal: bool = False,
        rotary: tuple[Tensor, Tensor] | None = None,  # cosines and sines of the positions of x, (N or 1, T, 1, E)
    ) -> Tensor:
        query = self.split(self.query(x))
        if self.query_norm is not None:
            query = self.query_norm(query)
        new = memory or self.project(x)
        if rotary is not None:
            query, new = rotate(query, rotary), KeyValue(rotate(new.keys, rotary), new.values)
        keys_values = cache.append(new) if cache else new
        mixed = self.mix(query, keys_values, mask, causal)
        return self.out(mixed.flatten(-2))

    def project(self, memory: Tensor) -> KeyValue:
        """Keys and values of (N, S, D)."""
        keys = self.split(self.key(memory))
        return KeyValue(self.key_norm(keys) if self.key_norm is not None else keys, self.split(self.value(memory)))

    def split(self, x: Tensor) -> Tensor:
        """(N, T, D) -> (N, T, H, E)."""
        return x.unflatten(-1, (self.heads, -1))

    def mix(self, query: Tensor, keys_values: KeyValue, mask: Tensor | None, causal: bool) -> Tensor:
        """The weighted values (N, T, H, E), by the fused kernel, or readably when weights are recorded or altered."""
        q, k, v = (part.transpose(1, 2) for part in (query, *keys_values))  # (N, H, T | S, E)
        if mask is not None:
            mask = mask[:, None, None] if mask.dim() == 2 else mask[:, None]  # (N, 1, 1 | T, S)
        fused = not recording() and not is_altered(self) and not (q.device.type == "cpu" and q.dtype == torch.bfloat16)
        if fused:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        else:  # also the faster of the two on a CPU in bfloat16: the fused kernel's backward is slow there
            mixed = self.mix_readably(q, k, v, mask, causal)
        return mixed.transpose(1, 2)

    def mix_readably(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """The same in four lines: the twin of the fused kernel."""
        if causal:
            mask = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool, device=q.device).tril()
        weights = masked_softmax(q @ k.transpose(-1, -2) / q.size(-1) ** 0.5, mask)
        weights = alter(self, "weights", weights, mask)
        note(self, "weights", lambda: weights)
        return weights @ v


def rotate(x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Rotates each pair of coordinates (i, i + E/2) by its position's angle (Su et al. 2021, equation 34)."""
    cos, sin = rotary
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
