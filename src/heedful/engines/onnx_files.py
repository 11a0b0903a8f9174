# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Graphs to .onnx files, and whether the files answer as the network does.

N sources   T tokens   V vocabulary
"""

import logging
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from heedful.engines.onnx_exportable import exportable
from heedful.engines.onnx_graphs import NEW, Example, Graph, Reader, Stepper, tensors_by_name, with_empty_buffers
from heedful.engines.onnx_recurrent import OPSET
from heedful.errors import HeedfulError
from heedful.networks.decoders import Decoder

STEPS = 5  # tokens of a check


def require() -> None:
    """Raises HeedfulError if what writes ONNX is not installed."""
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise HeedfulError(f"--to onnx needs the package {package}.", 'pip install "heedful[export]"')


def write_graph(graph: Graph, folder: Path) -> None:
    """Writes one graph into `folder`; every axis that has a name may then have any size."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    names = {axis for axes in graph.axes.values() for axis in axes.values()}
    sizes = {name: torch.export.Dim(name, max=graph.limit if name == "positions" else None) for name in names}
    shapes = tuple({place: sizes[axis] for place, axis in graph.axes[name].items()} for name in graph.inputs)
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            Listed(exportable(graph.module)).eval(),
            tuple(
                part.clone() for part in graph.inputs.values()
            ),  # two that are one tensor would be taken for one input
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=(shapes,),
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    ClearMetadataAndDocStringPass()(program.model)  # which tells where each node's Python code stood
    program.save(str(folder / f"{graph.name}.onnx"))


class Listed(nn.Module):
    """A module whose inputs are one list, whatever they are called."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self.module(*inputs)


@contextmanager
def quiet() -> Generator[None]:
    """Without the exporter's remarks, on libraries that are not installed and names of axes that are one."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class Session:
    """An .onnx file that answers."""

    def __init__(self, path: Path) -> None:
        onnxruntime: Any = import_module("onnxruntime")  # has no types
        self.inner = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.input_names: list[str] = [entry.name for entry in self.inner.get_inputs()]
        self.output_names: list[str] = [entry.name for entry in self.inner.get_outputs()]

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name; what the file does not take is left out."""
        arrays = {name: inputs[name].numpy() for name in self.input_names}
        answers: list[np.ndarray] = self.inner.run(None, arrays)
        return {name: torch.from_numpy(answer) for name, answer in zip(self.output_names, answers, strict=True)}


def differences(graphs: Sequence[Graph], folder: Path) -> float:
    """How far the files' answers are from the network's, as a share of the largest number; the worst of all files."""
    deviations: list[float] = []
    for graph in graphs:
        if isinstance(graph.module, Reader):
            tokens = made_up_tokens(graph.module.network.decoder, graph.rows)
            deviations.append(difference_in_steps(graph.module, graph.inputs, tokens, folder))
        elif not isinstance(graph.module, Stepper):
            deviations.append(difference(graph, folder))
        elif len(graphs) == 1:  # else it was asked together with the reader
            tokens = made_up_tokens(graph.module.decoder, graph.rows)
            deviations.append(difference_alone(graph.module.decoder, tokens, folder))
    return max(deviations)


def made_up_tokens(decoder: Decoder, rows: int) -> Tensor:
    """Tokens that nobody wrote, a few for each source."""
    random, steps = torch.Generator().manual_seed(0), min(STEPS, decoder.limit or STEPS)
    return torch.randint(0, decoder.vocabulary, (rows, steps), generator=random)


@torch.inference_mode()
def difference(graph: Graph, folder: Path) -> float:
    """How far a file's first output is from the module's, as a share of the largest number in it."""
    output = Session(folder / f"{graph.name}.onnx")(graph.inputs)[graph.outputs[0]]
    return relative_difference(output, graph.module(*graph.inputs.values())[0])


@torch.inference_mode()
def difference_in_steps(reader: Reader, example: Example, tokens: Tensor, folder: Path) -> float:
    """How far logits of encoder.onnx and step.onnx, fed with tokens (N, T), are from those of one call on them all."""
    logits = stepwise(Session(folder / "encoder.onnx")(example), tokens, folder)
    lengths = reader.lengths_of(example["source"], example.get("lengths"))
    outputs = reader.network(example["source"], lengths, tokens)
    return relative_difference(logits, reader.network.decoder.logits(outputs))


@torch.inference_mode()
def difference_alone(decoder: Decoder, tokens: Tensor, folder: Path) -> float:
    """The same of step.onnx alone."""
    state = with_empty_buffers(decoder.start(None, rows=tokens.size(0), capacity=1))
    outputs, _ = decoder(tokens, decoder.start(None, rows=tokens.size(0)))
    return relative_difference(stepwise(tensors_by_name(state, decoder), tokens, folder), decoder.logits(outputs))


def stepwise(state: dict[str, Tensor], tokens: Tensor, folder: Path) -> Tensor:
    """The logits (N, T, V) of step.onnx, fed with tokens (N, T) one by one."""
    step = Session(folder / "step.onnx")
    logits: list[Tensor] = []
    for column in tokens.T:
        outputs = step(state | {"tokens": column.contiguous()})
        logits.append(outputs["logits"])
        state = state | {name.removeprefix(NEW): part for name, part in outputs.items() if name.startswith(NEW)}
    return torch.stack(logits, 1)


def relative_difference(actual: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest number."""
    assert actual.shape == expected.shape, f"{actual.shape} is not {expected.shape}"
    return float((actual.double() - expected.double()).abs().max() / expected.abs().max().clamp(min=1e-9))
