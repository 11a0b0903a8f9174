# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""An engine of ONNX out of a network's graphs: those that are exported, cut as answering asks for them.

N rows   T tokens   D width   V vocabulary   M positions
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.blocks.embedding import Tokens
from heedful.blocks.state import State, grow
from heedful.engines import onnx_engine as names
from heedful.engines.onnx_cached import fused_step, has_fused_step, heads_first_graph
from heedful.engines.onnx_files import relative_difference, write_graph
from heedful.engines.onnx_graphs import (
    NEW,
    Graph,
    Guess,
    Painter,
    Reader,
    Stepper,
    Tower,
    axes_of_state,
    tensors_by_name,
)
from heedful.engines.onnx_greedy import has_fixed_size, write_greedy
from heedful.engines.onnx_rows import LOG_PROBS, OUTPUTS, SOURCE
from heedful.engines.onnx_session import Session
from heedful.errors import HeedfulError
from heedful.networks.decoders import Decoder
from heedful.networks.joins import MaskedLanguageModel

BEAMS = 2  # of each source of an example
TOLERANCE = 1e-4
"""How far what a graph says may be from what the network says, as a share of the largest number."""


@dataclass(frozen=True)
class Part:
    """A graph of an engine, and what must be known beside it."""

    graph: Graph
    facts: dict[str, Any]
    file: Any = None
    """The graph, if it is written already; else it is exported."""


def build(graphs: Sequence[Graph], folder: Path) -> None:
    """Writes an engine into `folder`, once each of its graphs has answered as its module does.

    Raises HeedfulError where one does not.
    """
    for graph in graphs:
        graph.module.eval()  # as it answers: without dropout, and with what is counted beside it
    parts = list(parts_of(graphs))
    for part in parts:
        if part.file is None:
            write_graph(part.graph, folder)
        else:
            (folder / f"{part.graph.name}.onnx").write_bytes(part.file.SerializeToString())
        check(part.graph, folder)
    for graph in graphs:
        if isinstance(graph.module, Reader) and isinstance(graph.module.network.embedding, Tokens):
            write_for_shortlists(graph.module.network.decoder, folder)
        if isinstance(graph.module, Reader):
            write_loop(folder)
    facts = {part.graph.name: part.facts for part in parts}
    (folder / names.FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


def write_for_shortlists(decoder: Decoder, folder: Path) -> None:
    """Writes a step that ends before the output layer, and that layer as arrays, whose rows can be chosen."""
    extract: Any = import_module("onnx.utils").extract_model  # has no types
    whole, outputs = folder / f"{names.STEP}.onnx", folder / f"{names.STEP_OUTPUTS}.onnx"
    session = Session(whole)
    said = [name for name in session.outputs if name != LOG_PROBS]
    extract(str(whole), str(outputs), list(session.inputs), said, check_model=False, infer_shapes=False)
    layer = {name: part.detach().float().contiguous() for name, part in decoder.output.linear.named_parameters()}
    save_file(layer, folder / names.OUTPUT_LAYER)


def write_loop(folder: Path) -> None:
    """Writes a step as a loop, where it can be one."""
    step = folder / f"{names.STEP}.onnx"
    if has_fixed_size(Session(step)):
        write_greedy(step, folder / f"{names.GREEDY}.onnx")


def parts_of(graphs: Sequence[Graph]) -> Iterator[Part]:
    """The graphs of an engine, of those that are exported."""
    for graph in graphs:
        module = graph.module
        if isinstance(module, Stepper):
            yield step_part(graph, module.decoder)
            if len(graphs) == 1:
                yield from language_parts(graph, module)
        elif isinstance(module, Reader):
            fused = has_fused_step(module.network.decoder)
            yield Part(heads_first_graph(graph) if fused else graph, {"limit": graph.limit})
        elif isinstance(module, Guess):
            yield from masked_parts(graph, module.network)
        elif isinstance(module, Tower):
            network = module.network
            scale = network.scale.detach().exp().clamp(max=100).item()
            yield Part(graph, {"limit": graph.limit, "width": network.width, "scale": scale})
        elif isinstance(module, Painter):
            yield Part(graph, {"positions": module.codebook.positions})
            yield Part(sketch_graph(module.codebook), {})
        else:
            yield Part(graph, {"limit": graph.limit})


def step_part(graph: Graph, decoder: Decoder) -> Part:
    """A step that says log probabilities in place of logits, and what they are made of, for several beams of each
    source.
    """
    facts = {"limit": decoder.limit, "vocabulary": decoder.vocabulary}
    if has_fused_step(decoder):
        twin, file = fused_step(graph, decoder)
        return Part(twin, facts, file)
    beams = torch.arange(graph.rows).repeat_interleave(BEAMS)
    inputs = {
        name: part if name.startswith(SOURCE) else part[beams].unflatten(0, (-1, BEAMS))
        for name, part in graph.inputs.items()
    }
    axes = {
        name: {0: "sources"} | {place: axis for place, axis in graph.axes[name].items() if place}
        if name.startswith(SOURCE)
        else {0: "sources", 1: "beams"} | {place + 1: axis for place, axis in graph.axes[name].items() if place}
        for name in inputs
    }
    assert isinstance(graph.module, Stepper)
    module, outputs = Beamed(graph.module, list(inputs)), (LOG_PROBS, OUTPUTS, *graph.outputs[1:])
    return Part(replace(graph, module=module, inputs=inputs, axes=axes, outputs=outputs), facts)


def language_parts(step: Graph, module: Stepper) -> Iterator[Part]:
    """What reads many tokens at once behind a state, and what is said of its outputs."""
    decoder, state = module.decoder, {name: part for name, part in step.inputs.items() if name != "tokens"}
    rows = step.rows
    tokens = torch.ones(rows, 4, dtype=torch.long)
    inputs = {"tokens": tokens, "lengths": torch.arange(rows) % 4 + 1} | state
    axes = {"tokens": {0: "rows", 1: "tokens"}, "lengths": {0: "rows"}}
    axes |= {name: axes_of_state(name) for name in state}
    new = tuple(name for name in step.outputs if name.startswith(NEW))
    reads = Reads(module)
    yield Part(Graph(names.READ, "tokens and state to outputs and new state", reads, inputs, axes, (OUTPUTS, *new)), {})
    with torch.no_grad():
        outputs = reads(*inputs.values())[0].flatten(0, 1)
    yield Part(head_graph(Head(decoder), outputs), {"vocabulary": decoder.vocabulary})


def masked_parts(graph: Graph, network: MaskedLanguageModel) -> Iterator[Part]:
    """Texts to vectors, and vectors of masked positions to what stands there."""
    yield Part(replace(graph, name=names.ENCODER, module=network, outputs=(OUTPUTS,)), {"limit": graph.limit})
    with torch.no_grad():
        outputs = network(*graph.inputs.values()).flatten(0, 1)
    yield Part(head_graph(Head(network), outputs), {"vocabulary": network.vocabulary})


def head_graph(head: "Head", outputs: Tensor) -> Graph:
    """Outputs (M, D) to log probabilities (M, V)."""
    return Graph(
        names.HEAD, "outputs to log probabilities", head, {OUTPUTS: outputs}, {OUTPUTS: {0: "chosen"}}, (LOG_PROBS,)
    )


def sketch_graph(codebook: Codebook | GrayLevels) -> Graph:
    """Pictures to codes."""
    codes = torch.arange(3 * codebook.positions).view(3, -1) % codebook.size
    pictures = codebook.decode(codes).clone()
    axes = {"pictures": {0: "rows"}}
    return Graph(names.SKETCH, "pictures to codes", Sketcher(codebook), {"pictures": pictures}, axes, ("codes",))


class Beamed(nn.Module):
    """A step for rows (N, K, ...) that share what was read of N sources; log probabilities in place of logits, and what
    they are made of.
    """

    def __init__(self, inner: Stepper, names: Sequence[str]) -> None:
        super().__init__()
        self.inner, self.names = inner, names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        flat = [
            part if name.startswith(SOURCE) else part.flatten(0, 1)
            for name, part in zip(self.names, inputs, strict=True)
        ]
        outputs, *others = self.inner.advance(*flat)
        return (self.inner.decoder.logits(outputs).float().log_softmax(-1), outputs, *others)


class Reads(nn.Module):
    """Tokens (N, T), of each row the first `lengths`, behind a state: outputs (N, T, D), and the state behind them."""

    def __init__(self, step: Stepper) -> None:
        super().__init__()
        self.decoder, self.parts = step.decoder, step.parts

    def forward(self, tokens: Tensor, lengths: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        parts = iter(state)
        source, hidden, buffers = ({name: next(parts) for name in names} for names in self.parts)
        before = next(parts, torch.zeros_like(lengths))
        more = tokens.size(1)
        grown = {name: grow(buffer, buffer.size(1) + more) for name, buffer in buffers.items()}
        outputs, after = self.decoder(tokens, State(source, hidden, before, grown), lengths)
        return (outputs, *tensors_by_name(after, self.decoder).values())


class Head(nn.Module):
    """Outputs (M, D) to log probabilities (M, V)."""

    def __init__(self, network: Decoder | MaskedLanguageModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        return (self.network.logits(outputs).float().log_softmax(-1),)


class Sketcher(nn.Module):
    """Bytes (N, H, W, C) to codes (N, S)."""

    def __init__(self, codebook: Codebook | GrayLevels) -> None:
        super().__init__()
        self.codebook: Codebook | GrayLevels = codebook

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return (self.codebook.encode(pictures),)


@torch.inference_mode()
def check(graph: Graph, folder: Path) -> None:
    """Raises HeedfulError if a file does not answer as its module does."""
    session = Session(folder / f"{graph.name}.onnx")
    outputs = session({name: tensor.numpy() for name, tensor in graph.inputs.items()})
    expected: Tensor | tuple[Tensor, ...] = graph.module(*graph.inputs.values())
    for name, tensor in zip(graph.outputs, (expected,) if isinstance(expected, Tensor) else expected, strict=True):
        actual = torch.from_numpy(outputs[name])
        deviation = relative_difference(actual.float(), tensor.float()) if actual.numel() else 0.0
        if not deviation <= TOLERANCE:
            raise HeedfulError(
                f"onnxruntime answers otherwise than the network: {graph.name}, {name} differs by {deviation:.1e} of "
                "the largest number.",
                "engine=torch answers. constraints.txt has versions of the libraries with which answers agree.",
            )
