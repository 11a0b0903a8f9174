"""What an export to ONNX is made of: one graph for what is answered at once, two for what is written token by token
from a source, and the second of them alone for what is written from nothing.

N sources or rows   S source positions   T tokens so far   D width   V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.blocks.state import State, grow
from heedful.networks.decoders import Decoder
from heedful.networks.joins import EncoderDecoder, EncoderHead, LanguageModel, MaskedLanguageModel, TwoTowers

NEW = "new."
"""Before the name of what `step` hands on; without it, it is the name under which the next `step` takes it."""
EXAMPLE_POSITIONS = 3  # positions that the example of a state has read: an exporter takes 0 and 1 for constants


@dataclass(frozen=True)
class Graph:
    """One file: a module, examples of what goes in by name, and which of their axes may have any size.

    `limit`: the most that the axis `positions` may have, where a network can tell no more apart.
    """

    name: str
    about: str
    module: nn.Module
    inputs: dict[str, Tensor]
    axes: dict[str, dict[int, str]]
    outputs: tuple[str, ...]
    limit: int | None = None

    @property
    def rows(self) -> int:
        """How many sources the examples are of."""
        return len(next(iter(self.inputs.values())))


Example = dict[str, Tensor]
"""A source (N, ...) and, where lengths differ, lengths (N,)."""


def answer_graph(network: EncoderHead, example: Example, positions: int) -> Graph:
    """Sources to logits: of each class, or of each label at each step."""
    module = Answer(network, positions)
    return Graph("model", "source to logits", module, example, axes_of(example), ("logits",), network.encoder.limit)


def filler_graph(network: MaskedLanguageModel, example: Example) -> Graph:
    """Texts with gaps to logits of each entry of the vocabulary at each position."""
    module = Guess(network)
    return Graph("model", "source to logits", module, example, axes_of(example), ("logits",), network.encoder.limit)


def tower_graph(network: TwoTowers, side: int, name: str, example: Example, positions: int) -> Graph:
    """Sources of one side to unit vectors."""
    module, limit = Tower(network, side, positions), network.encoder(side).limit
    return Graph(name, f"{name} to unit vectors", module, example, axes_of(example), ("vectors",), limit)


def writer_graphs(network: EncoderDecoder, example: Example, positions: int) -> list[Graph]:
    """Sources to the state before the first token; a token and a state to logits and the next state."""
    reader = Reader(network, positions)
    with torch.no_grad():
        state = reader.begin(*example.values(), capacity=EXAMPLE_POSITIONS)
    tensors = tuple(tensors_by_name(state, network.decoder))
    return [
        Graph("encoder", "source to state", reader, example, axes_of(example), tensors, network.encoder.limit),
        step_graph(network.decoder, state),
    ]


def alone_graph(network: LanguageModel, rows: int) -> Graph:
    """A token and a state to logits and the next state, of a network that needs no source."""
    return step_graph(network.decoder, network.decoder.start(None, rows=rows, capacity=EXAMPLE_POSITIONS))


def step_graph(decoder: Decoder, state: State) -> Graph:
    """One token more for every row, behind a state like this one."""
    tensors = tensors_by_name(state, decoder)
    inputs = {"tokens": torch.ones_like(state.lengths)} | tensors
    axes = {"tokens": {0: "rows"}} | {name: axes_of_state(name) for name in tensors}
    outputs = ("logits", *(f"{NEW}{name}" for name in tensors if not name.startswith("source.")))
    return Graph("step", "token and state to logits and new state", Stepper(decoder, state), inputs, axes, outputs)


def paint_graph(codebook: Codebook | GrayLevels) -> Graph:
    """Codes to pictures."""
    codes = torch.arange(3 * codebook.positions).view(3, -1) % codebook.size
    return Graph(
        "paint", "codes to pictures", Painter(codebook), {"codes": codes}, {"codes": {0: "rows"}}, ("pictures",)
    )


def axes_of(example: Example) -> dict[str, dict[int, str]]:
    """Any number of sources; of any length, where lengths are told."""
    if "lengths" not in example:
        return {"source": {0: "rows"}}
    return {"source": {0: "rows", 1: "positions"}, "lengths": {0: "rows"}}


def axes_of_state(name: str) -> dict[int, str]:
    """The axes of a state's tensor that may have any size."""
    kind, _, part = name.partition(".")
    if kind == "read" and part != "lengths":
        return {0: "rows", 1: "read"}
    return {0: "rows", 1: "positions"} if kind == "source" and part != "summary" else {0: "rows"}


class Positioned(nn.Module):
    """What reads sources; `positions` of each, where all have the same and no lengths are told."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.positions = positions

    def lengths_of(self, source: Tensor, lengths: Tensor | None) -> Tensor:
        """The lengths (N,)."""
        if lengths is not None:
            return lengths
        return torch.full((source.size(0),), self.positions, dtype=torch.long, device=source.device)


class Answer(Positioned):
    """An encoder with a head."""

    def __init__(self, network: EncoderHead, positions: int) -> None:
        super().__init__(positions)
        self.network = network

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
        return (self.network(source, self.lengths_of(source, lengths)),)


class Guess(nn.Module):
    """What fills gaps, asked at every position."""

    def __init__(self, network: MaskedLanguageModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        return (self.network.logits(self.network(source, lengths)),)


class Tower(Positioned):
    """One side of two towers."""

    def __init__(self, network: TwoTowers, side: int, positions: int) -> None:
        super().__init__(positions)
        self.network, self.side = network, side

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
        return (self.network.embed(self.side, source, self.lengths_of(source, lengths)),)


class Reader(Positioned):
    """The first half of an encoder-decoder: all that happens once a source."""

    def __init__(self, network: EncoderDecoder, positions: int) -> None:
        super().__init__(positions)
        self.network = network

    def begin(self, source: Tensor, lengths: Tensor | None = None, *, capacity: int) -> State:
        """The state before the first token."""
        return self.network.decoder.start(
            self.network.read(source, self.lengths_of(source, lengths)), capacity=capacity
        )

    def forward(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
        """The tensors of that state; its buffers have no position yet."""
        state = with_empty_buffers(self.begin(source, lengths, capacity=1))
        return tuple(tensors_by_name(state, self.network.decoder).values())


class Stepper(nn.Module):
    """The second half: one token more for every row."""

    def __init__(self, decoder: Decoder, like: State) -> None:
        super().__init__()
        self.decoder = decoder
        self.parts = [list(part) for part in (like.source, like.hidden, like.buffers)]

    def forward(self, tokens: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Tokens (N,) and the tensors of a state -> logits (N, V), and those tensors that are not the source's."""
        outputs, *new = self.advance(tokens, *state)
        return (self.decoder.logits(outputs), *new)

    def advance(self, tokens: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """The same with what logits are made of, (N, D)."""
        outputs, after = self.decoder(tokens.unsqueeze(1), self.state(tokens, state))
        new = {
            name: part for name, part in tensors_by_name(after, self.decoder).items() if not name.startswith("source.")
        }
        return (outputs[:, 0], *new.values())

    def state(self, tokens: Tensor, tensors: Sequence[Tensor]) -> State:
        """The state whose tensors these are, with room for one position more."""
        parts = iter(tensors)
        source, hidden, buffers = ({name: next(parts) for name in names} for names in self.parts)
        lengths = next(parts, torch.zeros_like(tokens))
        return State(
            source, hidden, lengths, {name: grow(buffer, buffer.size(1) + 1) for name, buffer in buffers.items()}
        )


class Painter(nn.Module):
    """Codes (N, S) to bytes (N, H, W, C)."""

    def __init__(self, codebook: Codebook | GrayLevels) -> None:
        super().__init__()
        self.codebook: Codebook | GrayLevels = codebook

    def forward(self, codes: Tensor) -> tuple[Tensor, ...]:
        return (self.codebook.decode(codes),)


def with_empty_buffers(state: State) -> State:
    """A state whose buffers have no position yet."""
    return replace(state, buffers={name: buffer[:, :0] for name, buffer in state.buffers.items()})


def tensors_by_name(state: State, decoder: Decoder) -> dict[str, Tensor]:
    """A state as one table. Rows come first in each of its tensors, so that rows are chosen in all of them alike.

    `source.…` stays as it is, `carried.…` is what a recurrent decoder remembers, `read.…` grows with what was read.
    """
    source = {f"source.{name}": part for name, part in state.source.items()}
    hidden = {f"carried.{name}": part for name, part in state.hidden.items()}
    buffers = {f"read.{name}": part for name, part in state.buffers.items()}
    return source | hidden | buffers | ({"read.lengths": state.lengths} if decoder.counts_positions else {})
