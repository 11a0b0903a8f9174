"""Numbers that both a device and the host hold: what a shape depends on is asked of the host, which waits for no GPU.

N rows   T positions   M of them that are picked
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

TWINS: ContextVar[tuple[tuple[Tensor, Tensor], ...]] = ContextVar("TWINS", default=())


@contextmanager
def held_on_host(twins: Iterable[tuple[Tensor, Tensor]]) -> Generator[None]:
    """Has `on_host` know the twins of these tensors, as pairs (on a device, on the host), until the block ends."""
    token = TWINS.set((*TWINS.get(), *twins))
    try:
        yield
    finally:
        TWINS.reset(token)


def on_host(tensor: Tensor) -> Tensor:
    """The tensor itself on a processor, its twin if the host holds one; else a copy, for which the host waits."""
    if tensor.is_cpu:
        return tensor
    twins = [twin for there, twin in TWINS.get() if there is tensor]
    return twins[-1] if twins else tensor.cpu()


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device, without waiting until it has arrived."""
    if device.type != "cuda" or not tensor.is_cpu:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)  # from other memory the copy waits for the GPU's work


def pick(mask: Tensor, *values: Tensor) -> list[Tensor]:
    """The positions (M, ...) of values (N, T, ...) where a mask (N, T), which is on the host, is True.

    >>> pick(torch.tensor([[True, False], [True, True]]), torch.tensor([[1, 2], [3, 4]]))
    [tensor([1, 3, 4])]
    """
    device = values[0].device
    if device.type == "cpu":
        return [value[mask] for value in values]
    positions = send(mask.flatten().nonzero().squeeze(1), device)
    return [value.flatten(0, 1).index_select(0, positions) for value in values]
