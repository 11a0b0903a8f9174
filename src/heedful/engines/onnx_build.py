# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""An engine of ONNX out of a network's graphs: those that are exported, cut as answering asks for them.

N rows   T tokens   D width   V vocabulary   M positions
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.blocks.state import State, grow
from heedful.engines import onnx_engine as names
from heedful.engines.onnx_files import relative_difference, write_graph
from heedful.engines.onnx_graphs import (
    NEW,
    Graph,
    Guess,
    Painter,
    Stepper,
    Tower,
    axes_of_state,
    tensors_by_name,
)
from heedful.engines.onnx_session import Session
from heedful.engines.onnx_writing import LOG_PROBS, OUTPUTS
from heedful.errors import HeedfulError
from heedful.networks.decoders import Decoder
from heedful.networks.joins import MaskedLanguageModel

TOLERANCE = 1e-4
"""How far what a graph says may be from what the network says, as a share of the largest number."""


@dataclass(frozen=True)
class Part:
    """A graph of an engine, and what must be known beside it."""

    graph: Graph
    facts: dict[str, Any]


def build(graphs: Sequence[Graph], folder: Path) -> None:
    """Writes an engine into `folder`, once each of its graphs has answered as its module does.

    Raises HeedfulError where one does not.
    """
    for graph in graphs:
        graph.module.eval()  # as it answers: without dropout, and with what is counted beside it
    parts = list(parts_of(graphs))
    for part in parts:
        write_graph(part.graph, folder)
        check(part.graph, folder)
    facts = {part.graph.name: part.facts for part in parts}
    (folder / names.FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


def parts_of(graphs: Sequence[Graph]) -> Iterator[Part]:
    """The graphs of an engine, of those that are exported."""
    for graph in graphs:
        module = graph.module
        if isinstance(module, Stepper):
            yield Part(scored(graph), {"limit": module.decoder.limit, "vocabulary": module.decoder.vocabulary})
            if len(graphs) == 1:
                yield from language_parts(graph, module)
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


def scored(graph: Graph) -> Graph:
    """A step that says log probabilities in place of logits."""
    return replace(graph, module=Scored(graph.module), outputs=(LOG_PROBS, *graph.outputs[1:]))


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


class Scored(nn.Module):
    """Log probabilities in place of the first output, which are logits."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        logits, *others = self.inner(*inputs)
        return (logits.float().log_softmax(-1), *others)


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
