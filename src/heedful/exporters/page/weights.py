"""The weights of a network as text: each row of a matrix as bytes and the one number that these are multiplied by."""

import zlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STEPS = 127
"""The largest of a row's bytes."""


@dataclass(frozen=True)
class Blob:
    """Weights in base64, and what stands in them: names and shapes, in order. One that is another has its name."""

    text: str
    layout: list[dict[str, Any]]


def blob_of(network: nn.Module) -> Blob:
    """All weights and buffers. Numbers come first, as four bytes each: vectors, and the factors of rows."""
    numbers, rows, layout, seen = list[Tensor](), list[Tensor](), list[dict[str, Any]](), dict[int, str]()
    named = [*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)]
    for name, weight in named:
        entry: dict[str, Any] = {"name": name, "shape": list(weight.shape)}
        layout.append(entry)
        if id(weight) in seen:
            entry["same"] = seen[id(weight)]
            continue
        seen[id(weight)], tensor = name, weight.detach().cpu().float()
        if tensor.dim() < 2:
            numbers.append(tensor.flatten())
        else:
            factors, whole = quantise(tensor)
            numbers.append(factors)
            rows.append(whole)
    parts = [torch.cat(numbers).numpy().astype("<f4").tobytes(), *(part.numpy().tobytes() for part in rows)]
    return Blob(b64encode(zlib.compress(b"".join(parts), 9)).decode(), layout)


def quantise(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A factor for each row (R,), and whole numbers in -127..127 (R, C), of a matrix or what has more dimensions.

    >>> factors, whole = quantise(torch.tensor([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]]))
    >>> whole.tolist(), [round(factor, 4) for factor in factors.tolist()]
    ([[64, -127, 32], [0, 0, 0]], [0.0157, 0.0])
    """
    rows = matrix.reshape(-1, matrix.shape[-1])
    factors = rows.abs().amax(1) / STEPS
    return factors, (rows / factors.clamp(min=float(np.finfo(np.float32).tiny)).unsqueeze(1)).round().to(torch.int8)


@torch.no_grad()
def round_weights(network: nn.Module) -> None:
    """Gives a network the weights that a page has: what bytes and factors make."""
    for weight in (*network.parameters(), *network.buffers()):
        if weight.dim() > 1:
            factors, whole = quantise(weight.float())
            weight.copy_((whole * factors.unsqueeze(1)).reshape(weight.shape))
