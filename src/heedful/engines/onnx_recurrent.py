# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Recurrences as ONNX's own operators, which read padded batches by their lengths; single steps as their equations.

PyTorch's packed sequences have no counterpart in ONNX; its RNN, LSTM and GRU take the lengths beside the batch. For one
position of many rows onnxruntime's operators take half as long again as products of matrices.

N sequences   T positions   D width
"""

from typing import Any

import torch
from torch import Tensor, nn

from heedful.blocks.attention.masks import up_to
from heedful.blocks.names import Cell
from heedful.blocks.recurrent import EQUATIONS, Hidden, Recurrent

OPSET = 18
OPERATORS: dict[Cell, str] = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
GATES: dict[Cell, tuple[int, ...]] = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Where each gate stands in PyTorch's weights, in ONNX's order: LSTM i o f c of i f g o, GRU z r h of r z n."""
CLOSED = 100.0
"""Before the sigmoid: a gate that lets nothing new in, exactly, in float32."""


class OnnxRecurrent(nn.Module):
    """What `Recurrent` is, as a graph."""

    def __init__(self, plain: Recurrent) -> None:
        super().__init__()
        self.cell: Cell = plain.cell
        self.width, self.directions, self.parts, self.widths = plain.width, plain.directions, plain.parts, plain.widths
        self.plain = plain
        self.depth = len(plain.layers)
        for number, layer in enumerate(plain.layers):
            for name in ("weight_ih", "weight_hh"):
                self.register_buffer(f"{name}_{number}", torch.stack(self.onnx_weights(layer, name)))
            biases = zip(self.onnx_weights(layer, "bias_ih"), self.onnx_weights(layer, "bias_hh"), strict=True)
            self.register_buffer(f"bias_{number}", torch.stack([torch.cat(pair) for pair in biases]))

    def onnx_weights(self, layer: nn.Module, name: str) -> list[Tensor]:
        """A layer's weights of one name, of each direction, with the gates in ONNX's order."""
        weights = [getattr(layer, f"{name}_l0{end}").detach() for end in ("", "_reverse")[: self.directions]]
        gates = [weight.chunk(len(GATES[self.cell])) for weight in weights]
        return [torch.cat([gate[index] for index in GATES[self.cell]]) for gate in gates]

    def forward(self, x: Tensor, hidden: Hidden | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Hidden]:
        """Reads x (N, T, D): outputs (N, T, width), and the hidden state after each row's own last position."""
        if x.size(1) == 1 and lengths is None and hidden is not None and self.directions == 1:
            outputs, hidden = self.step(x.squeeze(1), hidden)
            return outputs.unsqueeze(1), hidden
        states: list[Tensor] = []
        for number in range(self.depth):
            x, last = self.read(number, x, self.plain.of_layer(hidden, number), lengths)
            states += last
        return x, tuple(states)

    def step(self, x: Tensor, hidden: Hidden) -> tuple[Tensor, Hidden]:
        """One position of every row: x (N, D) -> output (N, width), hidden state."""
        states: list[Tensor] = []
        for number, layer in enumerate(self.plain.layers):
            start = self.plain.of_layer(hidden, number)
            weights = [getattr(layer, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            last = EQUATIONS[self.cell](x, start, *weights, unaltered)
            x = last[0]
            states += last
        return x, tuple(states)

    def read(self, number: int, x: Tensor, start: Hidden | None, lengths: Tensor | None) -> tuple[Tensor, Hidden]:
        """One layer."""
        rows, steps, half = x.size(0), x.size(1), self.width // self.directions
        begin: list[Tensor] = (
            [part.unflatten(-1, (self.directions, -1)).transpose(0, 1) for part in start] if start else []
        )
        names = ("weight_ih", "weight_hh", "bias")
        weights = [getattr(self, f"{name}_{number}") for name in names]
        settings: dict[str, Any] = {"hidden_size": half}
        if self.directions == 2:
            settings["direction"] = "bidirectional"
        if self.cell == "gru":
            settings["linear_before_reset"] = 1  # the reset gate on U h, as in cuDNN
        out, *last = torch.onnx.ops.symbolic_multi_out(
            OPERATORS[self.cell],
            [x.transpose(0, 1), *weights, None if lengths is None else lengths.to(torch.int32), *begin],
            settings,
            dtypes=[x.dtype] * (1 + self.parts),
            shapes=[(steps, self.directions, rows, half)] + [(self.directions, rows, half)] * self.parts,
            version=OPSET,
        )
        return out.permute(2, 0, 1, 3).flatten(2), tuple(part.transpose(0, 1).flatten(1) for part in last)


def unaltered(name: str, gate: Tensor) -> Tensor:
    """A gate that an equation goes on with as it is."""
    return gate


class OnnxGatedAverage(nn.Module):
    """What `GatedAverage` is, as a graph: one step is its equation, a sequence ONNX's GRU.

    ONNX has no scan of numbers alone. Its GRU is one where it reads gates and values through the identity, has no
    recurrent weights, and takes the values as they are: h = z ∘ h' + (1 - z) ∘ v.
    """

    def forward(
        self,
        gates: Tensor,
        values: Tensor,
        start: Tensor | None = None,
        lengths: Tensor | None = None,
        reverse: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """All h (N, T, D), and the one behind each row's own last position."""
        rows, steps, width = values.shape
        if steps == 1 and lengths is None:
            begin = torch.zeros_like(values[:, 0]) if start is None else start
            keep = gates[:, 0].sigmoid()
            last = keep * begin + (1 - keep) * values[:, 0]
            return last.unsqueeze(1), last
        if lengths is not None:  # as there: what is behind a row's length keeps what is before it
            real = up_to(lengths, steps).unsqueeze(-1)
            gates, values = torch.where(real, gates, CLOSED), torch.where(real, values, 0.0)
        identity, nothing = torch.eye(width), torch.zeros(width, width)
        inputs = torch.cat([identity, nothing, nothing]), torch.cat([nothing, nothing, identity])  # z, r, h
        out, last = torch.onnx.ops.symbolic_multi_out(
            "GRU",
            [
                torch.cat([gates, values], dim=-1).transpose(0, 1),
                torch.cat(inputs, dim=1).unsqueeze(0),
                torch.zeros(1, 3 * width, width),
                *([] if start is None else [None, None, start.unsqueeze(0)]),
            ],
            {
                "hidden_size": width,
                "direction": "reverse" if reverse else "forward",
                "activations": ["Sigmoid", "Affine"],
                "activation_alpha": [1.0],
                "activation_beta": [0.0],
            },
            dtypes=[values.dtype] * 2,
            shapes=[(steps, 1, rows, width), (1, rows, width)],
            version=OPSET,
        )
        return out.squeeze(1).transpose(0, 1), last.squeeze(0)
