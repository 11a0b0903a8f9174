"""Value zeroing (Mohebbi et al. 2023, equations 2 to 4): how much a layer's output changes when it is not given one
position's value.

The distance is 1 - cosine of a position's output with and without; each row is normalised. Weights of attention say
nothing of how long a value is, nor of the residual and the layers behind: this does.

R copies   T queries   S positions   D width
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from heedful.blocks.attention import KeyValue
from heedful.blocks.recording import readable_names
from heedful.blocks.transformer import Block, ResidualBlock
from heedful.explain import watch
from heedful.explain.attention import Layer, maps_of
from heedful.explain.found import Found, parts_of
from heedful.explain.rollout import carried
from heedful.explain.target import Target
from heedful.explain.watch import watched
from heedful.tasks.trace import Trace

AT_ONCE = 2**21
"""Numbers (R, T, D) of one layer that are held at once."""


@dataclass(frozen=True)
class Call:
    """What a block was given, and gave (1, T, D)."""

    x: Tensor
    given: Mapping[str, Any]
    output: Tensor


def lacks(network: nn.Module) -> str:
    """Why a network has no values to zero; "": it has."""
    blocks = [module for module in network.modules() if isinstance(module, ResidualBlock)]
    has = any(isinstance(block, Block) or block.memory is not None for block in blocks)
    return "" if has else "it has no Transformer's blocks"


@torch.no_grad()
def value_zeroing(trace: Trace, target: Target) -> Found:
    """What reaches each answer through all layers, multiplied as in rollout; then each layer by itself."""
    names = readable_names(trace.network)
    blocks = [module for module in trace.network.modules() if isinstance(module, ResidualBlock)]
    readers = [parts_of(reading.encoder) for reading in trace.readings]
    layers: list[Layer] = []
    for block, calls in run_watched(trace, blocks).items():
        of = [number for number, inside in enumerate(readers) if block in inside]
        for number in of or [None]:
            call = calls[0 if number is None else trace.readings[number].call]
            if isinstance(block, Block):
                layers.append(Layer(f"{names[block]}.self_attention", zeroed(block, call)[None], number))
            if number is None and call.given.get("memory") is not None:
                layers.append(Layer(f"{names[block]}.memory", zeroed_memory(block, call)[None], None, source=True))
    through = carried(trace, target, layers, "value_zeroing")
    return Found((*through.maps, *(map_ for layer in layers for map_ in maps_of(trace, layer))), through.amounts)


def run_watched(trace: Trace, blocks: list[ResidualBlock]) -> dict[ResidualBlock, list[Call]]:
    """What each block was called with in one run."""
    with watched(blocks) as calls:
        trace.run(1)
    return {block: [call_of(each) for each in calls[block]] for block in blocks if block in calls}


def call_of(watched_call: watch.Call) -> Call:
    """A call of a block, its input apart from what was given beside it."""
    beside = dict(watched_call.given)
    return Call(beside.pop("x"), beside, output_of(watched_call.output))


def zeroed(block: Block, call: Call) -> Tensor:
    """The shares (T, S) of self-attention: of each position, how much its value matters."""
    columns: list[Tensor] = []
    for positions in parts(call):
        rows = torch.arange(len(positions), device=call.x.device)

        def silence(
            module: nn.Module, inputs: object, values: Tensor, rows: Tensor = rows, at: Tensor = positions
        ) -> Tensor:
            values = values.clone()
            values[rows, at] = 0
            return values

        with hooked(block.self_attention.value, silence):
            changed = block(call.x.expand(len(positions), -1, -1), **call.given)
        columns.append(distance(changed, call.output))
    return shares(torch.cat(columns))


def zeroed_memory(block: ResidualBlock, call: Call) -> Tensor:
    """The shares (T, S) of a source that a decoder's block attends to."""
    (keys, values), mask = call.given["memory"]
    columns: list[Tensor] = []
    for position in range(keys.size(1)):
        silent = values.clone()
        silent[:, position] = 0
        changed = block(call.x, **dict(call.given) | {"memory": (KeyValue(keys, silent), mask)})
        columns.append(distance(output_of(changed), call.output))
    return shares(torch.cat(columns))


def output_of(given: Any) -> Tensor:
    """What a block puts out, without the state that some give beside it."""
    return given[0] if isinstance(given, tuple) else given


def parts(call: Call) -> tuple[Tensor, ...]:
    """All positions, in parts of which memory holds the outputs."""
    steps = torch.arange(call.x.size(1), device=call.x.device)
    return steps.split(max(1, AT_ONCE // max(1, call.x[0].numel())))


@contextmanager
def hooked(module: nn.Module, hook: Any) -> Iterator[None]:
    """A forward hook while open."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def distance(changed: Tensor, output: Tensor) -> Tensor:
    """1 - cosine at each position, (R, T)."""
    return 1 - torch.cosine_similarity(changed.float(), output.float().expand_as(changed), dim=-1)


def shares(distances: Tensor) -> Tensor:
    """Distances (S, T) as shares (T, S) of each row; where nothing matters, all alike."""
    rows = distances.T.clamp(min=0)
    total = rows.sum(-1, keepdim=True)
    return torch.where(total > 0, rows / total.clamp(min=torch.finfo(rows.dtype).tiny), 1 / rows.size(-1))
