"""Attention rollout (Abnar & Zuidema 2020, section 3.1): what attention carries through all layers, residuals counted.

Each layer is Â = (A + I) / 2, A the mean of its heads and each row normalised; layers are multiplied, the first one
rightmost. Where a decoder looks at a source, the mean over its layers looks at what the encoder's rollout left there.

T queries   S positions
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from heedful.blocks.transformer import Block
from heedful.explain.attention import Layer, answer_maps, attention_layers, sides, stacked
from heedful.explain.found import Found, make_map
from heedful.explain.target import Target
from heedful.explanations import Map
from heedful.tasks.trace import Trace


def lacks(network: nn.Module) -> str:
    """Why a network has no rollout; "": it has one."""
    return "" if any(isinstance(module, Block) for module in network.modules()) else "it has no self-attention"


def rollout(trace: Trace, target: Target) -> Found:
    """What reaches each answer, then what reaches each position of each stack."""
    return carried(trace, target, attention_layers(trace), "rollout")


def carried(trace: Trace, target: Target, layers: Sequence[Layer], name: str) -> Found:
    """The same of any shares (H, T, S) of layers that mix positions."""
    stacks: dict[str, list[Layer]] = {}
    for layer in layers:
        if not layer.source:
            stacks.setdefault(stack_name(layer), []).append(layer)
    products = {stack: multiply([layer.weights.mean(0) for layer in parts]) for stack, parts in stacks.items()}
    maps = [whole_map(trace, f"{stack}.{name}", stacks[stack][0], product) for stack, product in products.items()]
    by_reading = {stacks[stack][0].reading: product for stack, product in products.items()}
    shares = answer_shares(trace, layers, by_reading)
    steps = list(target.steps)
    amounts = {number: share[steps].cpu().numpy() for number, share in shares.items()}
    return Found((*answer_maps(trace, name, shares), *maps), amounts)


def stack_name(layer: Layer) -> str:
    """The stack of `encoder.0.self_attention`: encoder; of a second source read by the same one, encoder.1."""
    stack = layer.name.rpartition(".")[0].rpartition(".")[0]
    return stack if layer.reading in (None, 0) or stack.startswith("encoders") else f"{stack}.{layer.reading}"


def multiply(layers: Sequence[Tensor]) -> Tensor:
    """The product of (A + I) / 2, rows normalised, over layers (S, S) from the first to the last."""
    product = torch.eye(layers[0].size(-1), device=layers[0].device)
    for weights in layers:
        mixed = weights.float() + torch.eye(weights.size(-1), device=weights.device)
        product = mixed / mixed.sum(-1, keepdim=True) @ product
    return product


def whole_map(trace: Trace, name: str, layer: Layer, product: Tensor) -> Map:
    """A stack's product, with the sides of its layers."""
    rows, columns, answers = sides(trace, layer)
    return make_map(name, rows, columns, "shares", product, answers)


def answer_shares(trace: Trace, layers: Sequence[Layer], products: Mapping[int | None, Tensor]) -> dict[int, Tensor]:
    """What reaches each answer from each position of a source, (T, S)."""
    memory = [layer for layer in layers if layer.source]
    if memory:
        looked = stacked(memory)
        return {0: looked @ products[0] if 0 in products else looked}
    if trace.decoder is not None:
        return {0: products[None][trace.first :]} if trace.decoded is None and None in products else {}
    pools = {number: reading.pool for number, reading in enumerate(trace.readings)}
    return {
        number: pool @ products[number] for number, pool in pools.items() if pool is not None and number in products
    }
