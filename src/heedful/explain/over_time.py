"""The same answer looked into again and again while a network learns: where it attends, how open its gates are.

Shares and openings lie between 0 and 1, so a byte holds each, and moments can be laid side by side as they are.
"""

from dataclasses import replace

import numpy as np
import torch

from heedful.blocks.recording import record
from heedful.explain import attention, gates
from heedful.explain.found import units_of
from heedful.explanations import Map, Watched
from heedful.tasks.trace import Trace

MAPS = 12  # of an answer: the mean first, then layers and heads as far as they go
CELLS = 4096  # of all maps of an answer


def look_into(trace: Trace) -> tuple[Watched, bytes]:
    """An answer as something to be watched, and what its maps are now; no map where nothing attends or has gates."""
    maps = maps_of(trace)
    named = {key for map_ in maps for key in (map_.rows, map_.columns)} | {"answered"}
    units = units_of(trace, range(len(trace.answered))) | gates.part_units(maps)
    kept = {key: value for key, value in units.items() if key in named}
    empty = tuple(replace(map_, weights=()) for map_ in maps)
    return Watched(trace.question, (trace.answer,), kept, empty), b"".join(map(packed, maps))


def maps_of(trace: Trace) -> tuple[Map, ...]:
    """What each answer attends to and what is read or written through gates, as much as is told at a glance."""
    with torch.no_grad(), record(trace.network) as recorded:
        trace.run(1)
    layers = attention.layers_of(trace, recorded)
    looked = attention.attention_maps(trace, layers, attention.mean_shares(trace, layers))
    found = [map_ for map_ in looked if map_.rows == "answered"]
    found += [map_ for map_ in gates.gate_maps(trace, recorded) if map_.scale == "openings"]
    kept, cells = list[Map](), 0
    for map_ in found[:MAPS]:
        cells += len(map_.weights) * len(map_.weights[0])
        if cells > CELLS:
            break
        kept.append(map_)
    return tuple(kept)


def packed(map_: Map) -> bytes:
    """A byte a weight, row after row."""
    return np.rint(np.asarray(map_.weights).clip(0, 1) * 255).astype(np.uint8).tobytes()
