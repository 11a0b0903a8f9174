"""How a wire is cut: parts of a network are altered while it answers, so that one sees what they cause.

Inside `altered(network, alterations)` the blocks that are named take their readable path, and pass attention weights,
gates and states through `alter`; outside it, `alter` costs a look at a context variable. Nothing travels through
signatures, and no weight is touched.

N sources or rows   R = N * K rows   K beams   H heads   T queries   S keys   D width
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from heedful.blocks.recording import readable_names

Way = Literal["uniform", "diagonal", "previous"]
SELF_ATTENTION = "self_attention"


class Alteration(Protocol):
    """What is done to one tensor of one part. `part`: a module's name as `Maps` has it; `kind`: what `alter` calls the
    tensor.
    """

    @property
    def part(self) -> str: ...

    @property
    def kind(self) -> str: ...

    def __call__(self, tensor: Tensor, beside: Tensor | None) -> Tensor:
        """The tensor in its place. `beside`: the mask of attention weights, the state before a state."""
        ...


@dataclass(frozen=True)
class Without:
    """A head, or all of them, looks at nothing: what it adds to the output is zero."""

    part: str
    head: int | None = None
    kind: str = "weights"

    def __call__(self, tensor: Tensor, beside: Tensor | None) -> Tensor:
        return in_head(self.head, tensor, torch.zeros_like(tensor))


@dataclass(frozen=True)
class Attend:
    """A head, or all of them, looks where it is told, and nowhere that its mask forbids; each row still sums to 1.

    `uniform`: at all positions alike. `diagonal`: at the query's own position. `previous`: at the one before. Where
    queries and keys are two sequences, token t of the answer looks at position t of the source, and behind its end at
    its last: while an answer is written nobody knows how long it will be, so that no slope could be had.
    """

    part: str
    way: Way
    head: int | None = None
    kind: str = "weights"

    def __call__(self, tensor: Tensor, beside: Tensor | None) -> Tensor:
        allowed = torch.ones_like(tensor, dtype=torch.bool) if beside is None else beside.expand_as(tensor)
        if self.way == "uniform":
            weights = allowed.to(tensor.dtype) / allowed.sum(-1, keepdim=True).clamp(min=1)
        else:
            own = self.positions(tensor, beside)  # (N or 1, 1, T or 1), or (T,)
            wanted = own - 1 if self.way == "previous" else own
            wanted = torch.minimum(wanted, allowed.sum(-1) - 1).clamp(min=0)  # masks are made from lengths: no holes
            chosen = torch.arange(tensor.size(-1), device=tensor.device) == wanted.unsqueeze(-1)
            weights = (chosen & allowed).to(tensor.dtype)
        return in_head(self.head, tensor, weights)

    def positions(self, weights: Tensor, mask: Tensor | None) -> Tensor:
        """Where each query of weights (N, H, T, S) stands in its own sequence."""
        count = weights.size(-2)
        if not self.part.endswith(SELF_ATTENTION):
            state = current.get()
            assert state is not None and state.positions is not None, "decoders say where their queries stand"
            return state.positions.reshape(len(weights), 1, count)
        if mask is not None and mask.size(-2) == count:  # a mask for each query: the last it may see is itself
            return mask.sum(-1) - 1
        return torch.arange(count, device=weights.device)


@dataclass(frozen=True)
class Hold:
    """A gate keeps one value: 1 is open, 0 is shut."""

    part: str
    kind: str
    value: float

    def __call__(self, tensor: Tensor, beside: Tensor | None) -> Tensor:
        return torch.full_like(tensor, self.value)


@dataclass(frozen=True)
class Freeze:
    """A state is carried on as it was before the first step, whatever is read."""

    part: str
    kind: str = "state"

    def __call__(self, tensor: Tensor, beside: Tensor | None) -> Tensor:
        assert beside is not None, "a state stands beside the one before it"
        return beside.expand_as(tensor)


@dataclass
class Altered:
    """What is altered, by module and kind; and where the queries of attention over a memory stand: (R, T)."""

    alterations: dict[tuple[nn.Module, str], list[Alteration]]
    modules: frozenset[nn.Module]
    positions: Tensor | None = None


current: ContextVar[Altered | None] = ContextVar("altered", default=None)


@contextmanager
def altered(network: nn.Module, alterations: Sequence[Alteration]) -> Generator[None]:
    """Has `network` compute with these alterations, behind those that hold already, until the block ends."""
    modules = {name: module for module, name in readable_names(network).items()}
    before = current.get()
    table = {key: list(changes) for key, changes in before.alterations.items()} if before else {}
    for alteration in alterations:
        table.setdefault((modules[alteration.part], alteration.kind), []).append(alteration)
    token = current.set(Altered(table, frozenset(module for module, _ in table)))
    try:
        yield
    finally:
        current.reset(token)


def is_altered(module: nn.Module) -> bool:
    """Whether something of this module is altered: then it leaves its fused path."""
    state = current.get()
    return state is not None and module in state.modules


def alter(module: nn.Module, kind: str, tensor: Tensor, beside: Tensor | None = None) -> Tensor:
    """The tensor as the alterations of this module have it: itself, where there are none."""
    state = current.get()
    for alteration in state.alterations.get((module, kind), ()) if state else ():
        tensor = alteration(tensor, beside)
    return tensor


def describe_alterations(network: nn.Module) -> str:
    """What is altered of a network, for who keeps what it computes; "": nothing."""
    state = current.get()
    if state is None:
        return ""
    inside = set(network.modules())
    return "".join(repr(changes) for (module, _), changes in state.alterations.items() if module in inside)


def locate(first: Tensor, steps: int = 1) -> None:
    """Says where the queries of a decoder's rows stand: `steps` from `first` (R,) on. It is told to whom it concerns,
    since attention over a memory sees its queries alone.
    """
    state = current.get()
    if state is not None:
        state.positions = first.unsqueeze(1) + torch.arange(steps, device=first.device)


def in_head(head: int | None, tensor: Tensor, replacement: Tensor) -> Tensor:
    """Weights (N, H, T, S) replaced in one head, or in all."""
    if head is None:
        return replacement
    chosen = torch.arange(tensor.size(1), device=tensor.device) == head
    return torch.where(chosen[:, None, None], replacement, tensor)
