"""Which tensors of weights the rows of the lineage have, by size: counted from the modules once, and kept in a file.

So a network is described in a moment, without torch, whose import takes longer than all else. docs/make_pages.py writes
the file anew; tests/docs/test_pages.py holds it to the modules.
"""

import json
import math
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import nn

FILE = Path(__file__).with_name("weights.json")
VOCABULARY = 1000
"""Entries of the vocabularies of the networks in the file."""

Lines = list[tuple[str, list[int], int]]


class Tensors(NamedTuple):
    """Tensors that differ only in the layer they are in: their name, with * for its number, shape, and how many."""

    name: str
    shape: tuple[int, ...]
    times: int

    @property
    def weights(self) -> int:
        """How many numbers they are together."""
        return math.prod(self.shape) * self.times


def tensors_of(network: "nn.Module") -> tuple[Tensors, ...]:
    """The tensors of weights of a network, in its order; tied ones stand there once."""
    counts = Counter(
        (re.sub(r"\.\d+(?=\.|$)", ".*", name), tuple(weight.shape)) for name, weight in network.named_parameters()
    )
    return tuple(Tensors(name, shape, times) for (name, shape), times in counts.items())


def tensors_at(row: str, size: str) -> tuple[Tensors, ...]:
    """The same of a row of the lineage at a size, without building it.

    >>> sum(tensors.weights for tensors in tensors_at("vaswani2017", "base"))
    45163496
    """
    return tuple(Tensors(name, tuple(shape), times) for name, shape, times in kept()[f"{row} {size}"])


@cache
def kept() -> dict[str, Lines]:
    """What the file holds."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def dump(networks: dict[str, "nn.Module"]) -> str:
    """The text of the file: a line for each tensor of each network, which is called by its row and size."""
    tables = (
        f"{json.dumps(name)}: [\n " + ",\n ".join(map(json.dumps, tensors_of(network))) + "\n]"
        for name, network in networks.items()
    )
    return "{\n" + ",\n".join(tables) + "\n}\n"
