# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""The step of a Transformer's decoder as a graph of fused operators, which write keys and values where they lie.

What an exporter makes of it copies all keys and values for each token. Here each attention is one operator, and the
beams of a source are queries to one memory.

N sources   K beams   R = N * K rows   C positions that there is room for   S source positions   H heads   D width
E = D / H   V vocabulary
"""

import math
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn

from heedful.blocks.attention import Attention
from heedful.blocks.embedding import Learned, Positions, Rotary, Sinusoidal, sinusoid_angles
from heedful.blocks.state import State
from heedful.engines.onnx_graphs import Graph, Reader
from heedful.engines.onnx_nodes import CONTRIBUTED, FLOAT, Nodes, Shape
from heedful.engines.onnx_rows import BUFFER, LENGTHS, LOG_PROBS, LONGEST, NEW, OUTPUTS, SOURCE
from heedful.networks.decoders import Decoder, TransformerDecoder

KINDS = (Positions, Sinusoidal, Learned, Rotary)
BEAMS = 2  # of each source of an example
ROOM = 6  # positions that buffers of an example have room for
LARGEST = 1 << 31  # bytes of one file of weights


def has_fused_step(decoder: Decoder) -> TypeGuard[TransformerDecoder]:
    """Whether onnxruntime has operators for all that there is in a decoder."""
    if not isinstance(decoder, TransformerDecoder) or type(decoder.positions) not in KINDS:
        return False
    multiple = 16 if isinstance(decoder.positions, Rotary) else 8  # of numbers a head, as the operators ask for
    heads = (block.self_attention.query.out_features // block.self_attention.heads for block in decoder.layers)
    return not any(size % multiple for size in heads) and sum(part.nbytes for part in decoder.parameters()) < LARGEST


def fused_step(step: Graph, decoder: TransformerDecoder) -> tuple[Graph, Any]:
    """One token more for every row: what is computed, with examples of inputs, and the file that computes it."""
    source = {name: heads_first(part) for name, part in step.inputs.items() if name.startswith(SOURCE)}
    heads, width = next(iter(decoder.layers)).self_attention.heads, decoder.layers.width
    rows = step.rows * BEAMS
    shape = (rows, heads, ROOM, width // heads)
    buffers = {
        f"{BUFFER}{kind}.{number}": torch.linspace(-1, 1, math.prod(shape)).view(shape)
        for number, _ in enumerate(decoder.layers)
        for kind in ("keys", "values")
    }
    lengths = torch.arange(rows, dtype=torch.int32) % ROOM
    tokens = torch.ones(step.rows, BEAMS, dtype=torch.long)
    inputs = {"tokens": tokens, LENGTHS: lengths, LONGEST: lengths.max()[None] + 1} | source | buffers
    twin = CachedStep(decoder, list(source), list(buffers))
    return Graph(step.name, step.about, twin, inputs, {}, (LOG_PROBS, OUTPUTS)), write_step(
        decoder, list(source), list(buffers)
    )


def heads_first_graph(reader: Graph) -> Graph:
    """What is read of sources, as such a step takes it."""
    outputs = tuple(name for name in reader.outputs if name.startswith(SOURCE))
    return replace(reader, module=HeadsFirst(reader.module), outputs=outputs)


def heads_first(part: Tensor) -> Tensor:
    """What is known of sources as the operators take it: keys and values (N, H, S, E), masks as numbers."""
    return part.int() if part.dtype == torch.bool else part.transpose(1, 2).contiguous()


class HeadsFirst(nn.Module):
    """What a reader says of sources, as the operators take it."""

    def __init__(self, reader: nn.Module) -> None:
        super().__init__()
        assert isinstance(reader, Reader)
        self.reader = reader

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
        state = self.reader.begin(source, lengths, capacity=1)
        return tuple(heads_first(part) for part in state.source.values())


class CachedStep(nn.Module):
    """What the graph of a step computes, by the decoder itself."""

    def __init__(self, decoder: TransformerDecoder, source: list[str], buffers: list[str]) -> None:
        super().__init__()
        self.decoder, self.source, self.caches = decoder, source, buffers

    def forward(self, tokens: Tensor, lengths: Tensor, longest: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        known = {
            name.removeprefix(SOURCE): part.bool() if part.dtype == torch.int32 else part.transpose(1, 2)
            for name, part in zip(self.source, parts, strict=False)
        }
        buffers = {
            name.removeprefix(BUFFER): part.transpose(1, 2).clone()  # a decoder writes into them
            for name, part in zip(self.caches, parts[len(self.source) :], strict=True)
        }
        outputs, _ = self.decoder(tokens.view(-1, 1), State(known, {}, lengths.long(), buffers))
        return self.decoder.logits(outputs[:, 0]).float().log_softmax(-1), outputs[:, 0]


def write_step(decoder: TransformerDecoder, source: list[str], buffers: list[str]) -> Any:
    """The graph of one token more for every row."""
    nodes = Nodes()
    heads, width = next(iter(decoder.layers)).self_attention.heads, decoder.layers.width
    x = nodes.one("Gather", nodes.constant(decoder.tokens.table.weight), nodes.reshape("tokens", -1))
    if decoder.tokens.scale != 1:
        x = nodes.one("Mul", x, nodes.constant(np.array([decoder.tokens.scale], np.float32)))
    x = add_positions(nodes, x, decoder.positions, width)
    angles = rotary_angles(nodes, decoder.positions, width // heads)
    by_source = nodes.one("Concat", nodes.one("Shape", "tokens"), nodes.constant([width]), axis=0) if source else ""
    for number, block in enumerate(decoder.layers):
        mixed = self_attention(nodes, nodes.norm(x, block.norms.before), block.self_attention, number, angles)
        x = nodes.norm(nodes.one("Add", x, mixed), block.norms.after)
        if block.memory is not None and block.memory_norms is not None:
            context = cross_attention(nodes, nodes.norm(x, block.memory_norms.before), block.memory, number, by_source)
            x = nodes.norm(nodes.one("Add", x, context), block.memory_norms.after)
        inner = nodes.inner(nodes.norm(x, block.inner_norms.before), block.inner)
        x = nodes.norm(nodes.one("Add", x, inner), block.inner_norms.after)
    nodes.put("Identity", (nodes.norm(x, decoder.layers.norm),), [OUTPUTS])
    nodes.put("LogSoftmax", (nodes.linear(OUTPUTS, decoder.output.linear),), [LOG_PROBS], axis=-1)
    cache: Shape = ["rows", heads, "room", width // heads]
    inputs: dict[str, tuple[Any, Shape]] = {"tokens": (np.int64, ["sources", "beams"])}
    inputs |= {LENGTHS: (np.int32, ["rows"]), LONGEST: (np.int32, [1])}
    for name in source:
        is_mask = name == "source.mask"
        inputs[name] = (np.int32, ["sources", "positions"]) if is_mask else (np.float32, memory_shape(heads, width))
    outputs: dict[str, tuple[Any, Shape]] = {
        LOG_PROBS: (np.float32, ["rows", decoder.vocabulary]),
        OUTPUTS: (np.float32, ["rows", width]),
    }
    inputs |= dict.fromkeys(buffers, (np.float32, cache))
    outputs |= {f"{NEW}{name}": (np.float32, cache) for name in buffers}
    return nodes.model("step", inputs, outputs)


def memory_shape(heads: int, width: int) -> Shape:
    """Keys or values of sources."""
    return ["sources", heads, "positions", width // heads]


def self_attention(nodes: Nodes, x: str, attention: Attention, number: int, angles: tuple[str, ...]) -> str:
    """What was read so far, of each row up to its own length, mixed into x (R, D); x joins it."""
    names = [f"{BUFFER}{kind}.{number}" for kind in ("keys", "values")]
    mixed = f"mixed_{number}"
    nodes.put(
        "GroupQueryAttention",
        (*new_parts(nodes, x, attention), *names, LENGTHS, LONGEST, *angles),
        [mixed, *(f"{NEW}{name}" for name in names)],
        CONTRIBUTED,
        num_heads=attention.heads,
        kv_num_heads=attention.heads,
        do_rotary=int(bool(angles)),
    )
    return nodes.linear(nodes.reshape(mixed, -1, attention.query.out_features), attention.out)


def new_parts(nodes: Nodes, x: str, attention: Attention) -> tuple[str, str, str]:
    """Queries, keys and values (R, 1, D) of x (R, D): all three as one (R, 1, 3 D), where no norm is between."""
    parts, width = (attention.query, attention.key, attention.value), attention.query.out_features
    if attention.query_norm is None:
        weight = torch.cat([part.weight for part in parts])
        biases: list[Tensor] = [bias for part in parts for name, bias in part.named_parameters() if name == "bias"]
        bias = torch.cat(biases) if biases else None  # some have none
        return nodes.reshape(nodes.product(x, weight, bias), -1, 1, 3 * width), "", ""
    queries = head_norm(nodes, nodes.linear(x, attention.query), attention.query_norm, attention.heads)
    keys = head_norm(nodes, nodes.linear(x, attention.key), attention.key_norm, attention.heads)
    values = nodes.linear(x, attention.value)
    queries, keys, values = (nodes.reshape(part, -1, 1, width) for part in (queries, keys, values))
    return queries, keys, values


def head_norm(nodes: Nodes, x: str, norm: nn.Module | None, heads: int) -> str:
    """Each head of x (R, D) normed, if there is a norm: (R, H, E)."""
    return x if norm is None else nodes.norm(nodes.one("Reshape", x, nodes.constant([0, heads, -1])), norm)


def cross_attention(nodes: Nodes, x: str, attention: Attention, number: int, by_source: str) -> str:
    """What was read of each source mixed into x (R, D) of its beams."""
    queries = head_norm(nodes, nodes.linear(x, attention.query), attention.query_norm, attention.heads)
    queries = nodes.one("Reshape", queries, by_source)
    known = (f"source.keys.{number}", f"source.values.{number}", "", "source.mask")
    mixed = nodes.one("MultiHeadAttention", queries, *known, domain=CONTRIBUTED, num_heads=attention.heads)
    return nodes.linear(nodes.reshape(mixed, -1, attention.query.out_features), attention.out)


def add_positions(nodes: Nodes, x: str, positions: Positions, width: int) -> str:
    """What is added to vectors (R, D) where rows have read so many tokens."""
    if isinstance(positions, Learned):
        places = nodes.one("Add", LENGTHS, nodes.constant(np.array([positions.first], np.int32)))
        return nodes.one("Add", x, nodes.one("Gather", nodes.constant(positions.table.weight), places))
    if not isinstance(positions, Sinusoidal):
        return x
    places = nodes.reshape(nodes.one("Cast", LENGTHS, to=FLOAT), -1, 1)
    angles = nodes.one("Mul", places, nodes.constant(rates(width)))
    return nodes.one("Add", x, nodes.one("Concat", nodes.one("Sin", angles), nodes.one("Cos", angles), axis=-1))


def rotary_angles(nodes: Nodes, positions: Positions, head_width: int) -> tuple[str, ...]:
    """Cosines and sines (T, E / 2) of all positions up to the longest, if there is something to rotate by them."""
    if not isinstance(positions, Rotary):
        return ()
    zero, one = (nodes.constant(np.array(number, np.int32)) for number in (0, 1))
    places = nodes.one("Range", zero, nodes.one("Squeeze", LONGEST), one)
    column = nodes.reshape(nodes.one("Cast", places, to=FLOAT), -1, 1)
    angles = nodes.one("Mul", column, nodes.constant(rates(head_width)))
    return nodes.one("Cos", angles), nodes.one("Sin", angles)


def rates(width: int) -> np.ndarray:
    """The angles of one position, (1, width / 2)."""
    return sinusoid_angles(torch.ones(1, 1), width)[0].numpy()
