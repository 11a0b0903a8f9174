"""Attention as it was computed: each layer and head, and their mean, from one teacher-forced run.

Bahdanau et al. 2015, section 5.2; Vaswani et al. 2017, appendix. Weights say where vectors were taken from, not why an
answer came about (Jain & Wallace 2019; Wiegreffe & Pinter 2019).

H heads   T queries   S positions
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from heedful.blocks.attention import Attention, Score
from heedful.blocks.recording import Maps, record
from heedful.explain.found import Found, make_map, numbered, parts_of
from heedful.explain.target import Target
from heedful.explanations import Map
from heedful.tasks.trace import Trace

SOURCE_ATTENTION = ("memory", "attention")
"""How decoders of all eras call what looks at the source."""


@dataclass(frozen=True)
class Layer:
    """The weights (H, T, S) of one attention, and whose they are: of the source that an encoder reads (`reading`), or
    of a decoder, looking at what it had read (`source` False) or at the source.
    """

    name: str
    weights: Tensor
    reading: int | None
    source: bool = False


def lacks(network: nn.Module) -> str:
    """Why a network has no such maps; "": it has."""
    has = any(isinstance(module, Attention | Score) for module in network.modules())
    return "" if has else "it has no attention"


def attention(trace: Trace, target: Target) -> Found:
    """The mean of all heads for each answer, then every layer and head."""
    layers = attention_layers(trace)
    amounts, steps = mean_shares(trace, layers), list(target.steps)
    chosen = {number: share[steps].cpu().numpy() for number, share in amounts.items()}
    return Found(attention_maps(trace, layers, amounts), chosen)


def attention_maps(trace: Trace, layers: Sequence[Layer], amounts: Mapping[int, Tensor]) -> tuple[Map, ...]:
    """The mean shares of the sources as maps, where they are a mean of several, and those of all layers."""
    single = len(layers) == 1 and len(layers[0].weights) == 1 and layers[0].source
    means = [] if single else answer_maps(trace, "mean", amounts)
    order = sorted(layers, key=lambda layer: not layer.source)
    return (*means, *(map_ for layer in order for map_ in maps_of(trace, layer)))


def answer_maps(trace: Trace, name: str, shares: Mapping[int, Tensor]) -> list[Map]:
    """A map of each source with a row for each answer."""
    return [
        make_map(
            numbered(name, trace, number), "answered", trace.reading_name(number), "shares", share, range(len(share))
        )
        for number, share in shares.items()
    ]


@torch.no_grad()
def attention_layers(trace: Trace) -> list[Layer]:
    """The weights of every attention of one run, in the order of names."""
    with record(trace.network) as recorded:
        trace.run(1)
    return layers_of(trace, recorded)


def layers_of(trace: Trace, recorded: Maps) -> list[Layer]:
    """The weights that were recorded in a run of a trace."""
    modules = {name: module for module, name in recorded.names.items()}
    readers = [parts_of(reading.encoder) for reading in trace.readings]
    layers: list[Layer] = []
    for name, parts in recorded.items():
        path, _, kind = name.rpartition(".")
        if kind != "weights":
            continue
        module = modules[path]
        of = [number for number, inside in enumerate(readers) if module in inside]
        if of:  # one encoder that reads several sources does so call by call
            layers += [Layer(path, parts[trace.readings[number].call][0], number) for number in of]
        else:
            whole = torch.cat(parts, dim=-2)[0]
            layers.append(Layer(path, whole, None, path.rpartition(".")[2] in SOURCE_ATTENTION))
    return layers


def maps_of(trace: Trace, layer: Layer) -> list[Map]:
    """A map for each head of a layer."""
    rows, columns, answers = sides(trace, layer)
    prefix = (
        layer.name
        if layer.reading in (None, 0) or layer.name.startswith("encoders")
        else f"{layer.name}.{layer.reading}"
    )
    names = [prefix] if len(layer.weights) == 1 else [f"{prefix}.head{head}" for head in range(len(layer.weights))]
    return [
        make_map(name, rows, columns, "shares", weights, answers)
        for name, weights in zip(names, layer.weights, strict=True)
    ]


def sides(trace: Trace, layer: Layer) -> tuple[str, str, Sequence[int]]:
    """The units of a layer's rows and columns, and the row of each answer."""
    if layer.reading is not None:
        reading = trace.readings[layer.reading]
        return trace.reading_name(layer.reading), trace.reading_name(layer.reading), answer_rows(reading.pool)
    answers = range(trace.first, trace.first + len(trace.answered))
    if layer.source:
        return "answered", trace.reading_name(0), answers
    return ("answered", "decoded", answers) if trace.decoded is not None else ("written", "read", answers)


def answer_rows(pool: Tensor | None) -> list[int]:
    """The position that each answer is made of, where it is one for all of them."""
    if pool is None or not bool((pool.max(-1).values == 1).all()):
        return []
    return pool.argmax(-1).tolist()


def mean_shares(trace: Trace, layers: Sequence[Layer]) -> dict[int, Tensor]:
    """By the number of each source what `mean_share` knows of it."""
    shares = {number: mean_share(trace, layers, number) for number in range(len(trace.readings))}
    return {number: share for number, share in shares.items() if share is not None}


def mean_share(trace: Trace, layers: Sequence[Layer], number: int) -> Tensor | None:
    """How much of each position of a source the answers attend to, (T, S): the mean over layers and heads."""
    if trace.decoder is not None:
        chosen = [layer for layer in layers if layer.reading is None and layer.source == (trace.decoded is not None)]
        return stacked(chosen)[trace.first :] if chosen else None
    pool = trace.readings[number].pool
    chosen = [layer for layer in layers if layer.reading == number]
    return pool @ stacked(chosen) if chosen and pool is not None else None


def stacked(layers: Sequence[Layer]) -> Tensor:
    """The mean (T, S) over layers and heads."""
    return torch.cat([layer.weights for layer in layers]).float().mean(0)
