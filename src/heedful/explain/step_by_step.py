"""How attention came to its weights: the queries, keys, values and sums of every head, as one run had them.

Bahdanau et al. 2015, appendix A.1.2; Luong et al. 2015, equation 8; Vaswani et al. 2017, section 3.2. What is computed
of them, `heedful.computations` does once more and the page too: scores, softmax, sum.

H heads   T queries   S keys   D width   E = D / H
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from heedful.blocks.altering import is_altered
from heedful.blocks.attention import Additive, Attention, General, Score
from heedful.blocks.embedding import Positions
from heedful.blocks.recording import readable_names
from heedful.blocks.vision import PatchPositions
from heedful.computations import AddedPositions, Computation, Head, Norm
from heedful.explain.attention import Layer, attention_layers, maps_of, sides
from heedful.explain.found import Found, matrix, parts_of
from heedful.explain.target import Target
from heedful.explain.watch import Call, watched
from heedful.explanations import Map
from heedful.tasks.trace import Reading, Trace

NUMBERS = 300_000
"""Of queries, keys, values, sums and weights that are handed out: a page of them stays under a megabyte."""
WIDEST = 64
"""Numbers of a position's vector, of those that are wider."""

Calls = Mapping[nn.Module, Sequence[Call]]


@torch.no_grad()
def step_by_step(trace: Trace, target: Target) -> Found:
    """Every layer's numbers, or those of the last layers where all are too many: weights by the readable twin, sums by
    the fused kernel.
    """
    modules = {name: module for module, name in readable_names(trace.network).items()}
    calls = run_watched(trace)
    layers = sorted(attention_layers(trace), key=lambda layer: not layer.source)
    kept, heads, notes = fitting(layers, [size(modules[layer.name], layer, calls) for layer in layers])
    maps = [maps_of(trace, layer)[:heads] for layer in kept]
    computations = tuple(
        compute(trace, layer, modules[layer.name], calls, parts) for layer, parts in zip(kept, maps, strict=True)
    )
    changed = [layer.name for layer in kept if is_altered(modules[layer.name])]
    notes += [f"{name} was altered: its weights are no softmax of its scores." for name in changed]
    return Found(
        tuple(map_ for parts in maps for map_ in parts), {}, tuple(notes), computations, added_positions(trace, calls)
    )


def run_watched(trace: Trace) -> Calls:
    """What attention, its layers, embeddings and positions were called with in one run by the fast kernels."""
    modules = list(trace.network.modules())
    attentions = [module for module in modules if isinstance(module, Attention | Score)]
    parts = [part for module in attentions for part in module.children()]
    placed = [module for module in modules if isinstance(module, Positions | PatchPositions)]
    embeddings = [reading.embedding for reading in trace.readings]
    with watched(list(dict.fromkeys([*attentions, *parts, *placed, *embeddings]))) as calls:
        trace.run(1)
    return calls


def size(module: nn.Module, layer: Layer, calls: Calls) -> int:
    """How many numbers there are to hand out of an attention."""
    parts = (module.query, module.key, module.value, module.out) if isinstance(module, Attention) else ()
    held = [calls[part][0].output for part in parts] or [calls[module][0].given[key] for key in ("keys", "vectors")]
    return layer.weights.numel() + sum(tensor[0].numel() for tensor in held)


def fitting(layers: Sequence[Layer], sizes: Sequence[int]) -> tuple[list[Layer], int | None, list[str]]:
    """The layers that there is room for, from the last of each stack down, how many heads of each (None: all), and
    what is said of the others.
    """
    stacks: dict[tuple[str, int | None], list[int]] = {}
    for number, layer in enumerate(layers):
        stacks.setdefault((re.sub(r"\.\d+\.", ".", layer.name), layer.reading), []).append(number)
    depth = max(map(len, stacks.values()))
    chosen, total = list(range(len(layers))), sum(sizes)
    kept = depth
    while total > NUMBERS and kept > 1:
        kept -= 1
        chosen = sorted(number for numbers in stacks.values() for number in numbers[-kept:])
        total = sum(sizes[number] for number in chosen)
    most = max(len(layers[number].weights) for number in chosen)
    heads = None if total <= NUMBERS else max(1, most * NUMBERS // total)
    said = [f"the last {kept} of {depth} layers" if kept > 1 else f"the last of {depth} layers"] * (kept < depth)
    said += [f"the first {heads} of {most} heads"] * (heads is not None)
    notes = [f"Shown: {' and '.join(said)}; all would be too much for a page."] if said else []
    return [layers[number] for number in chosen], heads, notes


def compute(trace: Trace, layer: Layer, module: nn.Module, calls: Calls, maps: Sequence[Map]) -> Computation:
    """What the weights of a layer were computed from."""
    rows, columns, _ = sides(trace, layer)
    number = 0 if layer.reading is None else trace.readings[layer.reading].call
    name = re.sub(r"\.head\d+$", "", maps[0].name)
    if isinstance(module, Attention):
        asked = {"answered": "decoded", "written": "read"}.get(rows, rows)
        return multi_head(Computation(name, "scaled dot", rows, columns, asked, ()), module, number, calls, maps)
    assert isinstance(module, Score)
    return single(Computation(name, "dot", rows, columns, rows, ()), module, calls[module], maps)


def multi_head(
    computation: Computation, module: Attention, number: int, calls: Calls, maps: Sequence[Map]
) -> Computation:
    """The numbers of each head of a Transformer's attention."""
    call = calls[module][number]
    queries, keys, values = (calls[part][number].output for part in (module.query, module.key, module.value))
    parts = [
        split(tensor, module.heads) for tensor in (queries, keys, values, calls[module.out][number].given["input"])
    ]
    rotary = call.given.get("rotary")
    return replace(
        computation,
        heads=tuple(Head(map_.name, *map(matrix, tensors)) for map_, *tensors in zip(maps, *parts, strict=False)),
        causal=bool(call.given.get("causal", False)),
        real=real_keys(call.given.get("mask")),
        query_norm=norm_of(module.query_norm),
        key_norm=norm_of(module.key_norm),
        angles=() if rotary is None else matrix(angles(*rotary)),
    )


def single(computation: Computation, module: Score, calls: Sequence[Call], maps: Sequence[Map]) -> Computation:
    """The numbers of attention with one set of weights, which a loop may have called for each query."""
    queries = torch.cat([call.given["queries"] for call in calls], dim=1)
    keys, vectors, mask = (calls[0].given[key] for key in ("keys", "vectors", "mask"))
    additive = isinstance(module, Additive)
    if isinstance(module, Additive):
        queries = module.query(queries)
    sums = torch.cat([call.output for call in calls], dim=1)
    head = Head(maps[0].name, *(matrix(tensor[0]) for tensor in (queries, keys, vectors, sums)))
    return replace(
        computation,
        score="additive" if additive else "general" if isinstance(module, General) else "dot",
        heads=(head,),
        real=real_keys(mask),
        vector=tuple(module.score.weight[0].tolist()) if isinstance(module, Additive) else (),
    )


def split(tensor: Tensor, heads: int) -> Tensor:
    """(1, T, D) -> (H, T, E)."""
    return tensor[0].unflatten(-1, (heads, -1)).transpose(0, 1)


def real_keys(mask: Tensor | None) -> tuple[bool, ...]:
    """Which keys of a mask (1, S) may be looked at; (): all."""
    return () if mask is None or bool(mask.all()) else tuple(mask[0].tolist())


def norm_of(module: nn.Module | None) -> Norm | None:
    """A norm of queries or keys in numbers."""
    if module is None:
        return None
    assert isinstance(module, nn.RMSNorm | nn.LayerNorm) and module.eps is not None
    shifts = getattr(module, "bias", None)
    return Norm(
        tuple(module.weight.tolist()),
        module.eps,
        isinstance(module, nn.LayerNorm),
        () if shifts is None else tuple(shifts.tolist()),
    )


def angles(cos: Tensor, sin: Tensor) -> Tensor:
    """The angles (S, E / 2) of cosines and sines (1, S, 1, E), each in half a turn either way."""
    half = cos.size(-1) // 2
    return torch.atan2(sin, cos)[0, :, 0, :half]


def added_positions(trace: Trace, calls: Calls) -> dict[str, AddedPositions]:
    """What was added to the vectors of each source, and to what a decoder read, by the name of these units."""
    sides = {trace.reading_name(number): reading for number, reading in enumerate(trace.readings)}
    found: dict[str, AddedPositions] = {}
    for module in calls:
        for name, reading in sides.items():
            if module in parts_of(reading.encoder) | parts_of(reading.embedding):
                found |= {name: added} if (added := added_by(module, calls, reading.call, reading)) else {}
        if module in parts_of(trace.decoder) and (added := added_by(module, calls, 0)):
            found["read" if trace.decoded is None else "decoded"] = added
    return found


def added_by(module: nn.Module, calls: Calls, number: int, reading: Reading | None = None) -> AddedPositions | None:
    """What a module added at one of its calls: positions of patches are added behind the class token, by whoever
    called it.
    """
    if isinstance(module, Positions) and module.adds:
        call = calls[module][number]
        vectors, added = call.given["x"][0], call.output[0] - call.given["x"][0]
    elif isinstance(module, PatchPositions) and reading is not None:
        output = calls[reading.embedding][number].output[0]
        added = torch.zeros_like(output)
        added[reading.units.lead :] = calls[module][number].output
        vectors = output - added
    else:
        return None
    kind = "learned" if any(True for _ in module.parameters()) else "sinusoidal"
    return AddedPositions(kind, added.size(1), *(matrix(tensor[:, :WIDEST]) for tensor in (vectors, added)))
