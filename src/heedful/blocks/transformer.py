"""The Transformer's block and stack (Vaswani et al. 2017), made from parts: attentions, norms, an inner part; and its
recurrent sibling.

N sources or rows   T positions   S memory positions   D width
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from heedful.blocks.activation import ACTIVATIONS
from heedful.blocks.attention import Attention, Cache, KeyValue
from heedful.blocks.dropout import Dropout
from heedful.blocks.names import Activation, NormOrder
from heedful.blocks.scan import SSRU, MinGRU

Looking = tuple[KeyValue, Tensor]
"""Keys and values of the memory of N sources, and which of its positions are real. A block's queries of all rows of
one source go together."""

ENDS = ("attention.out.weight", "memory.out.weight", "down.weight")


class Norms(NamedTuple):
    """The two slots around a part of a block: what norms its input, and what norms the residual sum behind it.

    post-norm, as published: the first is the identity. pre-norm, which trains without care: the second is.
    """

    before: nn.Module
    after: nn.Module

    @classmethod
    def of(cls, norm: nn.Module, order: NormOrder) -> "Norms":
        """A norm in the slot of an order, the identity in the other."""
        return cls(norm, nn.Identity()) if order == "pre" else cls(nn.Identity(), norm)

    @property
    def pre(self) -> bool:
        """Whether the residual sum itself is never normed."""
        return isinstance(self.after, nn.Identity)

    @property
    def norm(self) -> nn.Module:
        """The one that is not the identity."""
        return self.before if self.pre else self.after


class Inner(Protocol):
    """The inner part of a block, which mixes no positions. Its layers stand in the block under these names."""

    def layers(self) -> dict[str, nn.Module]:
        """Its layers, in the order in which files have them."""
        ...

    def __call__(self, x: Tensor, dropout: nn.Module) -> Tensor:
        """(N, T, D) -> (N, T, D)."""
        ...


@dataclass(frozen=True, eq=False)
class FeedForward:
    """Two linear layers and a function between them (Vaswani et al. 2017, equation 2)."""

    up: nn.Linear
    down: nn.Linear
    activation: Activation

    def layers(self) -> dict[str, nn.Module]:
        return {"up": self.up, "down": self.down}

    def __call__(self, x: Tensor, dropout: nn.Module) -> Tensor:
        return self.down(dropout(ACTIVATIONS[self.activation](self.up(x))))


@dataclass(frozen=True, eq=False)
class GatedFeedForward:
    """One linear layer's outputs, each multiplied by a function of another's (Shazeer 2020, equation 6)."""

    gate: nn.Linear
    up: nn.Linear
    down: nn.Linear
    activation: Activation

    def layers(self) -> dict[str, nn.Module]:
        return {"gate": self.gate, "up": self.up, "down": self.down}

    def __call__(self, x: Tensor, dropout: nn.Module) -> Tensor:
        return self.down(dropout(ACTIVATIONS[self.activation](self.gate(x)) * self.up(x)))


class ResidualBlock(nn.Module):
    """What mixes positions, then attention over a memory if there is one, then the inner part, each with a residual
    sum.

    In files a norm has one name (`self_norm`) in whichever slot it stands, and the layers of the inner part are the
    block's own. `norms`: of the mixer, `inner_norms`: of the inner part.
    """

    mixer_name: ClassVar[str]
    """The name of what mixes positions, in files too."""

    def __init__(
        self,
        mixer: nn.Module,
        norms: Norms,
        inner: Inner,
        inner_norms: Norms,
        dropout: float,
        memory: Attention | None = None,
        memory_norms: Norms | None = None,
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.norms, self.memory_norms, self.inner_norms, self.inner = norms, memory_norms, inner_norms, inner
        self.add_module(self.mixer_name, mixer)
        self.self_norm = norms.norm
        self.memory = memory
        self.memory_norm = memory_norms.norm if memory_norms else None
        for name, layer in inner.layers().items():
            self.add_module(name, layer)
        self.inner_norm = inner_norms.norm

    def add_parts(self, x: Tensor, mixed: Tensor, memory: Looking | None) -> Tensor:
        """All residual sums: x with what was mixed of it, with what is attended to, with the inner part's."""
        x = self.norms.after(x + self.dropout(mixed))
        if memory is not None:
            assert self.memory is not None and self.memory_norms is not None
            keys_values, may_look = memory
            queries = self.memory_norms.before(x).reshape(may_look.size(0), -1, x.size(-1))  # (N, K*T, D)
            context = self.memory(queries, memory=keys_values, mask=may_look).reshape(x.shape)
            x = self.memory_norms.after(x + self.dropout(context))
        inner = self.inner(self.inner_norms.before(x), self.dropout)
        return self.inner_norms.after(x + self.dropout(inner))


class Block(ResidualBlock):
    """A Transformer's block: what mixes positions is self-attention."""

    mixer_name = "self_attention"
    self_attention: Attention

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        causal: bool = False,
        cache: Cache | None = None,
        rotary: tuple[Tensor, Tensor] | None = None,
        memory: Looking | None = None,
    ) -> Tensor:
        normed = self.norms.before(x)
        mixed = self.self_attention(normed, mask=mask, cache=cache, causal=causal, rotary=rotary)
        return self.add_parts(x, mixed, memory)


class RecurrentBlock(ResidualBlock):
    """The same with a recurrent unit in place of self-attention: what was read is one vector, however much it was."""

    mixer_name = "unit"
    unit: SSRU | MinGRU

    def forward(
        self,
        x: Tensor,
        start: Tensor | None = None,  # (N, D)  the state behind what was read before
        lengths: Tensor | None = None,  # (N,)
        memory: Looking | None = None,
    ) -> tuple[Tensor, Tensor]:
        """x (N, T, D) -> outputs (N, T, D), the state behind each row's own last position."""
        mixed, last = self.unit(self.norms.before(x), start, lengths)
        return self.add_parts(x, mixed, memory), last


AnyBlock = TypeVar("AnyBlock", bound=ResidualBlock)


class Stack(nn.Module, Generic[AnyBlock]):
    """Blocks, and a norm behind the last: the identity, unless their residual sum itself was never normed."""

    def __init__(self, width: int, blocks: Iterable[AnyBlock], norm: nn.Module) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(blocks)
        self.norm = norm

    def __iter__(self) -> Iterator[AnyBlock]:
        return cast("Iterator[AnyBlock]", iter(self.layers))


@torch.no_grad()
def initialise_normal(network: nn.Module, std: float, depth: int) -> None:
    """Initialises matrices from N(0, std²) and biases with zeros, as Radford et al. 2019, section 2.3.

    Matrices whose product joins the residual sum, to which 2 * depth of them add, get a std smaller by the root of
    that number.
    """
    for name, weight in network.named_parameters():
        if weight.dim() > 1:
            nn.init.normal_(weight, std=std / (math.sqrt(2 * depth) if name.endswith(ENDS) else 1))
        elif name.endswith("bias"):
            nn.init.zeros_(weight)


@torch.no_grad()
def initialise_zero(network: nn.Module) -> None:
    """Initialises with zeros the matrices whose product joins the residual sum: each block begins as the identity.

    Those of cross-attention stay as drawn: through them alone an encoder learns, and behind zeros it begins too late
    (docs/log.md).
    """
    for name, weight in network.named_parameters():
        if name.endswith(ENDS) and not name.endswith("memory.out.weight"):
            nn.init.zeros_(weight)
