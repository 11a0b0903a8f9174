"""Networks on the meta device: the shapes of their weights, without memory and without initialisation."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

INITIALISATIONS = {
    "constant_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
}


class Uninitialised(TorchFunctionMode):
    """Leaves weights as they are: drawing numbers on the meta device would import torch's compiler, for seconds."""

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in INITIALISATIONS:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


@contextmanager
def meta_device() -> Generator[None]:
    """What is built inside has shapes, and no numbers."""
    with torch.device("meta"), Uninitialised():
        yield
