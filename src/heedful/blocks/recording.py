"""How maps are read beside fast kernels.

Fused kernels keep no attention weights. Inside `record(network)` the blocks take their readable path and hand the
maps to `note`; outside it, `note` costs a look at a context variable. Maps never travel through signatures.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn


class Maps(dict[str, list[Tensor]]):
    """Notes by name, in the order they were made: `decoder.1.memory.weights` -> [(N, H, T, S), ...]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.names = readable_names(network)

    def concatenate(self) -> dict[str, Tensor]:
        """One tensor a name: what was noted step by step is joined along the target positions (dimension -2)."""
        return {name: torch.cat(parts, dim=-2) for name, parts in self.items()}


def readable_names(network: nn.Module) -> dict[nn.Module, str]:
    """What a reader calls each module: `layers` says nothing, decoder.layers.1.memory is layer 1 of the decoder."""
    return {module: name.replace("layers.", "") for name, module in network.named_modules()}


current: ContextVar[Maps | None] = ContextVar("maps", default=None)


@contextmanager
def record(network: nn.Module) -> Iterator[Maps]:
    """Collects what the blocks of `network` note until the block ends."""
    maps = Maps(network)
    token = current.set(maps)
    try:
        yield maps
    finally:
        current.reset(token)


def recording() -> bool:
    """Whether somebody wants maps: then blocks leave their fused path."""
    return current.get() is not None


def note(module: nn.Module, kind: str, make: Callable[[], Tensor]) -> None:
    """Hands over what `make` gives, under the module's name in its network, if somebody is recording."""
    maps = current.get()
    if maps is not None and module in maps.names:
        maps.setdefault(f"{maps.names[module]}.{kind}", []).append(make().detach())
