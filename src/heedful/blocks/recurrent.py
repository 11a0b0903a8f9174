"""Elman RNN, LSTM and GRU: fused over whole sequences, or one step at a time.

N sequences or rows   T positions   D width
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from heedful.blocks.altering import alter, is_altered
from heedful.blocks.attention.masks import up_to
from heedful.blocks.dropout import Dropout
from heedful.blocks.host import on_host, send
from heedful.blocks.names import Cell
from heedful.blocks.recording import note, recording

Hidden = tuple[Tensor, ...]  # h of layer 1, (c of layer 1,) h of layer 2, …: each (N, D)

LAYERS: dict[Cell, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
STEPS: dict[Cell, Callable[..., Tensor | tuple[Tensor, Tensor]]] = {
    "rnn": torch.rnn_tanh_cell,
    "lstm": torch.lstm_cell,
    "gru": torch.gru_cell,
}


class Recurrent(nn.Module):
    """`depth` recurrent layers, each reading the one below; bidirectional ones join the halves of both directions.

    Bidirectional layers give each direction half of `width`, so outputs are (N, T, width) either way.
    """

    def __init__(
        self, cell: Cell, input_width: int, width: int, depth: int, dropout: float = 0.0, bidirectional: bool = False
    ) -> None:
        super().__init__()
        assert width % 2 == 0 or not bidirectional, f"two directions cannot share the width {width}"
        self.cell: Cell = cell
        self.width = width
        self.directions = 2 if bidirectional else 1
        self.parts = 2 if cell == "lstm" else 1  # tensors that a layer carries on: h, and the LSTM's c
        self.dropout = Dropout(dropout)
        kind = LAYERS[cell]
        self.layers = nn.ModuleList(
            kind(
                width if layer else input_width, width // self.directions, batch_first=True, bidirectional=bidirectional
            )
            for layer in range(depth)
        )
        for name, weight in self.named_parameters():
            if "bias_ih" in name and cell == "lstm":  # begin by remembering (Gers et al. 2000): forget gates open
                nn.init.ones_(weight.chunk(4)[1])
            if "weight_hh" in name:  # keeps the length of a state, and so its gradient, over many steps
                for gate in weight.chunk(weight.size(0) // weight.size(1)):
                    nn.init.orthogonal_(gate)

    @property
    def widths(self) -> tuple[int, ...]:
        """The last dimensions of the hidden state."""
        return (self.width,) * (self.parts * len(self.layers))

    def forward(self, x: Tensor, hidden: Hidden | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Hidden]:
        """Reads x (N, T, D): outputs (N, T, width), and the hidden state after each row's own last position.

        Outputs behind a row's length are zero. Without `lengths` every position is real.
        """
        states: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            start = self.of_layer(hidden, number)
            read_layer = self.read_readably if recording() or is_altered(layer) else self.read
            x, last = read_layer(layer, x if number == 0 else self.dropout(x), start, lengths)
            states += last
        return x, tuple(states)

    def step(self, x: Tensor, hidden: Hidden) -> tuple[Tensor, Hidden]:
        """One position of every row: x (N, D) -> output (N, width), hidden state."""
        states: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            start = self.of_layer(hidden, number)
            assert start is not None
            last = self.step_layer(layer, x if number == 0 else self.dropout(x), start)
            x = last[0]
            states += last
        return x, tuple(states)

    def zeros(self, rows: int, like: Tensor) -> Hidden:
        """A beginning for `rows` sequences."""
        return tuple(like.new_zeros(rows, width) for width in self.widths)

    def of_layer(self, hidden: Hidden | None, number: int) -> Hidden | None:
        """The part of the hidden state that belongs to one layer."""
        return hidden[number * self.parts : (number + 1) * self.parts] if hidden else None

    def step_layer(self, layer: nn.Module, x: Tensor, start: Hidden) -> Hidden:
        """One step of one layer with one direction."""
        weights = layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0
        if recording() or is_altered(layer):
            seen = Seen(layer)
            last = seen.step(EQUATIONS[self.cell], x, start, weights)
            seen.end_step(last)
            seen.note(0)
            return last
        hidden = start if self.cell == "lstm" else start[0]
        new = STEPS[self.cell](x, hidden, *weights)
        return new if isinstance(new, tuple) else (new,)

    def read(self, layer: nn.Module, x: Tensor, start: Hidden | None, lengths: Tensor | None) -> tuple[Tensor, Hidden]:
        """One layer over the whole sequence in one fused call; packed, so that padding is never read."""
        if self.cell == "lstm" and lacks_fused_lstm(x):
            with torch.autocast("cpu", enabled=False):
                return self.read(layer, x.float(), start and tuple(part.float() for part in start), lengths)
        host = None if lengths is None else on_host(lengths).long()
        if host is not None and not host.all():
            return self.read_readably(layer, x, start, lengths)  # packing refuses rows without any position
        before = None
        if start is not None:
            # each (directions, N, D)
            parts = [part.unflatten(-1, (self.directions, -1)).transpose(0, 1).contiguous() for part in start]
            before = tuple(parts) if self.cell == "lstm" else parts[0]
        if host is None or bool((host == x.size(1)).all()):
            out, last = layer(x, before)
            out = out.contiguous()  # dropout draws in the order of memory, which has to be the twin's
        else:
            out, last = read_packed(layer, x, before, host)
        last = last if isinstance(last, tuple) else (last,)
        return out, tuple(part.transpose(0, 1).flatten(1) for part in last)

    def read_readably(
        self, layer: nn.Module, x: Tensor, start: Hidden | None, lengths: Tensor | None
    ) -> tuple[Tensor, Hidden]:
        """The twin of `read`: the equations, a position at a time. Its gates can be looked at."""
        steps = x.size(1)
        real = up_to(lengths if lengths is not None else torch.full((len(x),), steps, device=x.device), steps)
        begin = start or tuple(x.new_zeros(len(x), self.width) for _ in range(self.parts))
        halves = [part.chunk(self.directions, dim=-1) for part in begin]
        outputs, lasts = [], []
        for direction in range(self.directions):
            weights = [getattr(layer, f"{name}_l0{'_reverse' if direction else ''}") for name in
                       ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]  # fmt: skip
            hidden: Hidden = tuple(half[direction] for half in halves)
            states: list[Tensor] = []
            seen = Seen(layer)
            for t in reversed(range(steps)) if direction else range(steps):
                new = seen.step(EQUATIONS[self.cell], x[:, t], hidden, weights)
                keep = real[:, t : t + 1]
                hidden = tuple(torch.where(keep, after, before) for after, before in zip(new, hidden, strict=True))
                states.append(torch.where(keep, hidden[0], 0.0))
                seen.end_step(hidden)
            seen.note(direction)
            outputs.append(torch.stack(states[::-1] if direction else states, dim=1))
            lasts.append(hidden)
        return torch.cat(outputs, dim=-1), tuple(torch.cat(parts, dim=-1) for parts in zip(*lasts, strict=True))


def read_packed(layer: nn.Module, x: Tensor, before: Any, lengths: Tensor) -> tuple[Tensor, Any]:
    """One layer over rows x (N, T, D) whose lengths (N,) the host holds: outputs (N, T, width), and its last states.

    torch packs rows that are not sorted, too, but then waits for a GPU to have sorted them.
    """
    sizes, order = lengths.sort(descending=True)
    back = send(order.argsort(), x.device)
    order = send(order, x.device)
    packed = pack_padded_sequence(x.index_select(0, order), sizes, batch_first=True)
    read, last = layer(PackedSequence(packed.data, packed.batch_sizes, order, back), before)
    out, _ = pad_packed_sequence(PackedSequence(read.data, read.batch_sizes), batch_first=True, total_length=x.size(1))
    return out.index_select(0, back), last


def lacks_fused_lstm(x: Tensor) -> bool:
    """Whether PyTorch would ask oneDNN for an LSTM in bfloat16 where it has none: on processors without AVX-512."""
    half = x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    return half and x.device.type == "cpu" and torch.backends.cpu.get_cpu_capability() != "AVX512"


Gate = Callable[[str, Tensor], Tensor]
"""What an equation hands each gate to, by its name, and goes on with."""


class Seen:
    """The gates and states of one direction of a layer, step by step, as its equations hand them over; what is altered
    of the layer is altered here.
    """

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.steps: dict[str, list[Tensor]] = {}

    def step(self, equation: Callable[..., Hidden], x: Tensor, before: Hidden, weights: Sequence[Any]) -> Hidden:
        """The hidden state behind one position x (N, D)."""
        new = equation(x, before, *weights, self.gate)
        return tuple(alter(self.layer, "state", *parts) for parts in zip(new, before, strict=True))

    def gate(self, name: str, value: Tensor) -> Tensor:
        """The value of a gate (N, D) that the equation goes on with."""
        return self.keep(name, alter(self.layer, name, value))

    def keep(self, name: str, value: Tensor) -> Tensor:
        """Keeps one step of a tensor (N, D), and gives it back."""
        self.steps.setdefault(name, []).append(value)
        return value

    def end_step(self, hidden: Hidden) -> None:
        """Keeps what a step ended with."""
        for name, value in zip(("states", "cell"), hidden, strict=False):
            self.keep(name, value)

    def note(self, direction: int) -> None:
        """Hands all of them over (N, T, D), in the order of positions: `forget0` forwards, `forget1` backwards."""
        for name, values in self.steps.items():
            note(
                self.layer, f"{name}{direction}", lambda values=values: torch.stack(values[:: 1 - 2 * direction], dim=1)
            )


def elman(x: Tensor, hidden: Hidden, w: Tensor, u: Tensor, b: Tensor, c: Tensor, gate: Gate) -> Hidden:
    """h' = tanh(W x + b + U h + c), Elman 1990."""
    (h,) = hidden
    return (torch.tanh(x @ w.T + b + h @ u.T + c),)


def lstm(x: Tensor, hidden: Hidden, w: Tensor, u: Tensor, b: Tensor, c: Tensor, gate: Gate) -> Hidden:
    """Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; gates i, f, g, o."""
    h, cell = hidden
    i, f, g, o = (x @ w.T + b + h @ u.T + c).chunk(4, dim=-1)
    i, f, o = gate("input", i.sigmoid()), gate("forget", f.sigmoid()), gate("output", o.sigmoid())
    cell = f * cell + i * g.tanh()
    return o * cell.tanh(), cell


def gru(x: Tensor, hidden: Hidden, w: Tensor, u: Tensor, b: Tensor, c: Tensor, gate: Gate) -> Hidden:
    """Cho et al. 2014, equations 5 to 8, the reset gate on U h as in cuDNN; gates r, z, n."""
    (h,) = hidden
    from_x, from_h = (x @ w.T + b).chunk(3, dim=-1), (h @ u.T + c).chunk(3, dim=-1)
    r = gate("reset", (from_x[0] + from_h[0]).sigmoid())
    z = gate("update", (from_x[1] + from_h[1]).sigmoid())
    n = (from_x[2] + r * from_h[2]).tanh()
    return ((1 - z) * n + z * h,)


EQUATIONS: dict[Cell, Callable[..., Hidden]] = {"rnn": elman, "lstm": lstm, "gru": gru}
