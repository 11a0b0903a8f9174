"""What modules of a network were called with, and gave, while somebody watched."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Call:
    """One call: what was given by the names of its parameters, and what came out."""

    given: Mapping[str, Any]
    output: Any


@contextmanager
def watched(modules: Sequence[nn.Module]) -> Iterator[dict[nn.Module, list[Call]]]:
    """The calls of each of these modules until the block ends, in their order."""
    calls: dict[nn.Module, list[Call]] = {}

    def watch(module: nn.Module, args: tuple[Any, ...], given: dict[str, Any], output: Any) -> None:
        arguments = signature(module.forward).bind(*args, **given).arguments
        calls.setdefault(module, []).append(Call(dict(arguments), output))

    handles = [module.register_forward_hook(watch, with_kwargs=True) for module in modules]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
