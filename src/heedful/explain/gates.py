"""States and gates of recurrent networks over time: how open each gate is on average, how long the state is, and how
much a step changed it (Hochreiter & Schmidhuber 1997; Cho et al. 2014; Karpathy et al. 2016, section 4.2).

T positions   D width
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from heedful.blocks.recording import Maps, record
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.scan import GatedAverage
from heedful.explain.found import Found, make_map, parts_of
from heedful.explain.target import Target
from heedful.explanations import Map, Units
from heedful.tasks.trace import Trace

GATES = ("input", "forget", "output", "reset", "update")
STATES = ("states", "cell")


def lacks(network: nn.Module) -> str:
    """Why a network has nothing of the kind; "": it has."""
    recurrent = any(isinstance(module, Recurrent | GatedAverage) for module in network.modules())
    return "" if recurrent else "it is not recurrent"


@torch.no_grad()
def gates(trace: Trace, target: Target) -> Found:
    """Two maps a layer and direction: its gates, and its state."""
    with record(trace.network) as recorded:
        trace.run(1)
    return Found(gate_maps(trace, recorded), {})


def gate_maps(trace: Trace, recorded: Maps) -> tuple[Map, ...]:
    """The maps of what was recorded in a run of a trace."""
    modules = {name: module for module, name in recorded.names.items()}
    layers: dict[tuple[str, int, str, bool], dict[str, Tensor]] = {}
    for name, parts in recorded.items():
        path, _, kind = name.rpartition(".")
        gate, direction = kind[:-1], int(kind[-1]) if kind[-1].isdigit() else 0
        if gate in (*GATES, *STATES):
            columns, call, reverse = side_of(trace, modules[path])
            values = torch.cat(parts, dim=-2) if call is None else parts[call]
            layers.setdefault((path, direction, columns, reverse), {})[gate] = values[0].float()
    return tuple(map_ for key, values in layers.items() for map_ in layer_maps(*key, values))


def side_of(trace: Trace, module: nn.Module) -> tuple[str, int | None, bool]:
    """The units along a layer's time, the call that it read them in, and whether it read them backwards."""
    for number, reading in enumerate(trace.readings):
        if module in parts_of(reading.encoder):
            return trace.reading_name(number), reading.call, bool(getattr(reading.encoder, "reverse", False))
    return "decoded" if trace.decoded is not None else "read", None, False


def layer_maps(path: str, direction: int, columns: str, reverse: bool, values: dict[str, Tensor]) -> list[Map]:
    """The gates and the states (T, D) of one layer as maps."""
    name = path.removesuffix(".unit.average") + (".backward" if direction else "")
    read = values if not reverse else {key: value.flip(0) for key, value in values.items()}
    backwards = bool(direction) != reverse
    openings = [(gate, read[gate].mean(-1)) for gate in GATES if gate in read]
    states = [(kind, length(read[kind])) for kind in STATES if kind in read]
    states.append(("change", change(read["states"], backwards)))
    maps = [rows_map(f"{name}.gates", openings, columns, "openings")] if openings else []
    return [*maps, rows_map(f"{name}.states", states, columns, "lengths")]


def rows_map(name: str, rows: Sequence[tuple[str, Tensor]], columns: str, scale: str) -> Map:
    """Named rows as a map; what they are called stands in `part_units`."""
    key = "+".join(row for row, _ in rows)
    return make_map(
        name, key, columns, "openings" if scale == "openings" else "lengths", torch.stack([value for _, value in rows])
    )


def part_units(maps: Sequence[Map]) -> dict[str, Units]:
    """The rows of these maps by what a map calls them."""
    return {
        map_.rows: Units("parts", tuple(map_.rows.split("+")))
        for map_ in maps
        if "+" in map_.rows or map_.rows in GATES
    }


def length(states: Tensor) -> Tensor:
    """How long each state (T, D) is, by the root mean square of its numbers."""
    return states.square().mean(-1).sqrt()


def change(states: Tensor, backwards: bool) -> Tensor:
    """How far each step moved the state; the first begins at zero."""
    ordered = states.flip(0) if backwards else states
    moved = length(torch.cat([ordered[:1], ordered.diff(dim=0)]))
    return moved.flip(0) if backwards else moved
