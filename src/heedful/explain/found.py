"""What methods share: how they name the sides of maps, and what they hand back.

T answers   S positions that were read
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from heedful.computations import AddedPositions, Computation
from heedful.explanations import Map, Scale, Units
from heedful.results import Rows
from heedful.tasks.trace import Trace

LOGITS, NUMBERS = 2**24, 2**23
"""Logits, and numbers of input vectors, that are held at once: of what stands between them memory holds many times as
much, and with gradients more again.
"""


@dataclass(frozen=True)
class Found:
    """Maps, the most telling first; `amounts`: by number of the source, how much each unit gets (explained, S);
    `computations` and `positions` as an Explanation has them.
    """

    maps: tuple[Map, ...]
    amounts: dict[int, np.ndarray]
    notes: tuple[str, ...] = ()
    computations: tuple[Computation, ...] = ()
    positions: dict[str, AddedPositions] = field(default_factory=dict)


def make_map(
    name: str, rows: str, columns: str, scale: Scale, weights: Tensor | np.ndarray, answers: Sequence[int] = ()
) -> Map:
    """A map of a matrix."""
    return Map(name, rows, columns, scale, matrix(weights), tuple(answers))


def matrix(values: Tensor | np.ndarray) -> Rows:
    """A matrix as plain results hold it."""
    array = values.detach().float().cpu().numpy() if isinstance(values, Tensor) else values
    content = np.ascontiguousarray(array, np.float64)
    return Rows(content.tobytes(), content.shape[1])


def numbered(name: str, trace: Trace, number: int) -> str:
    """The name of a map of one of several sources."""
    return name if len(trace.readings) == 1 else f"{name}.{number}"


def units_of(trace: Trace, steps: Sequence[int]) -> dict[str, Units]:
    """All units that maps may name: `explained` are those answers that a target is made of, where it is not of all.

    `written`: the positions of a language model, what it read before its answer begins and its answers from there on.
    """
    units = {trace.reading_name(number): reading.units for number, reading in enumerate(trace.readings)}
    units["answered"] = trace.answered
    if len(steps) < len(trace.answered):
        units["explained"] = pick(trace.answered, steps)
    if trace.decoded is not None:
        units["decoded"] = trace.decoded
    elif trace.decoder is not None:
        before = trace.readings[0].units.names[: trace.first]
        units["written"] = Units("words", (*before, *trace.answered.names))
    return units


def pick(units: Units, steps: Sequence[int]) -> Units:
    """Some of the units, which are no grid any more."""
    names = tuple(units.names[step] for step in steps)
    seconds = tuple(units.seconds[step] for step in steps) if units.seconds else ()
    return replace(units, names=names, grid=None, picture=b"", seconds=seconds, values=(), places=tuple(steps))


def rows_name(trace: Trace, steps: Sequence[int]) -> str:
    """How the rows of a map are called that has one for each explained answer."""
    return "answered" if len(steps) == len(trace.answered) else "explained"


def parts_of(module: nn.Module | None) -> set[nn.Module]:
    """All modules within one."""
    return set() if module is None else set(module.modules())


@torch.no_grad()
def rows_at_once(trace: Trace, answers: int, gradients: bool = False) -> int:
    """How many copies of an example are read at once, and so many of their answers asked for."""
    vocabulary = trace.head(trace.run(1)[:, :1]).numel()
    numbers = max(reading.baseline.numel() for reading in trace.readings)
    most = min(LOGITS // (vocabulary * answers), NUMBERS // (4 * numbers if gradients else numbers))
    return max(1, min(128, most))
