"""The functions between the two linear layers of a Transformer's block, by name."""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from heedful.blocks.names import Activation


def quick_gelu(x: Tensor) -> Tensor:
    """x sigmoid(1.702 x), Hendrycks & Gimpel 2016, section 2: cheaper than the tanh, and not the same function."""
    return x * (1.702 * x).sigmoid()


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "quick_gelu": quick_gelu,
    "silu": F.silu,
}
