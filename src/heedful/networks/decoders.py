"""Decoders of one protocol: recurrent, recurrent with attention (Bahdanau's and Luong's), Transformer, and its
recurrent sibling.

N sources   R = N * K rows   K beams   S source positions   T target positions   D width   V vocabulary
"""

from collections.abc import Sequence
from typing import Generic, Protocol

import torch
from torch import Tensor, nn

from heedful.blocks.altering import locate
from heedful.blocks.attention import Cache, KeyValue, Score
from heedful.blocks.attention.masks import up_to
from heedful.blocks.dropout import Dropout
from heedful.blocks.embedding import Positions, Tokens
from heedful.blocks.recurrent import Hidden, Recurrent
from heedful.blocks.state import Memory, State, Widths, by_source, to_rows
from heedful.blocks.transformer import AnyBlock, Block, Looking, RecurrentBlock, Stack
from heedful.networks.encoders import Layered


class Decoder(Layered, Protocol):
    """From Elman to GPT, every decoder obeys this, so one loss and one search serve them all."""

    tokens: Tokens
    """The embedding of what it has written."""
    output: "Output"
    vocabulary: int
    limit: int | None
    """Positions it can write, None: no limit."""

    @property
    def counts_positions(self) -> bool:
        """Whether what it writes depends on how much it has read, and not on its hidden state alone."""
        ...

    def start(self, memory: Memory | None, *, rows: int | None = None, capacity: int = 0) -> State:
        """The state before the first token, one row a source (or `rows`); buffers of `capacity` positions (0: none)."""
        ...

    def __call__(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """Reads tokens (R, T): outputs (R, T, D), and the state behind each row's first `lengths` tokens."""
        ...

    def logits(self, outputs: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        ...


class Output(nn.Module):
    """Logits over the vocabulary, by weights of its own or by the embedding's (Press & Wolf 2017).

    `bias`: how likely each entry is before anything is read.
    """

    def __init__(self, width: int, tokens: Tokens, tied: bool, bias: bool = True) -> None:
        super().__init__()
        vocabulary, embedding_width = tokens.table.weight.shape
        self.linear = nn.Linear(width, vocabulary, bias)
        if tied:
            assert width == embedding_width, "a tied output layer has the embedding's width"
            self.linear.weight = tokens.table.weight

    def forward(self, outputs: Tensor) -> Tensor:
        return self.linear(outputs)


class RecurrentDecoder(nn.Module):
    """What recurrent decoders share: their first hidden state, and how a State holds it."""

    limit: int | None = None
    counts_positions = False

    def __init__(self, tokens: Tokens, layers: Recurrent, dropout: float, memory: Widths | None, tied: bool) -> None:
        super().__init__()
        self.tokens = tokens
        self.vocabulary, self.embedding_width = tokens.table.weight.shape
        self.layers = layers
        self.dropout = Dropout(dropout)
        self.output = Output(self.embedding_width, tokens, tied)
        # the encoder's last states fit as they are, or its summary is bridged to each part of the hidden state
        fits = memory is not None and memory.final == layers.widths
        width = sum(layers.widths)
        self.bridge = nn.Linear(memory.summary, width) if memory is not None and not fits else None

    def logits(self, outputs: Tensor) -> Tensor:
        return self.output(outputs)

    def layer_modules(self) -> Sequence[nn.Module]:
        return list(self.layers.layers)

    def base_modules(self) -> Sequence[nn.Module]:
        return [self.tokens]

    def first_hidden(self, memory: Memory | None, rows: int | None) -> Hidden:
        """The hidden state before the first token."""
        if memory is None:
            return self.layers.zeros(rows or 1, self.output.linear.weight)
        if self.bridge is None:
            final = memory.final
        else:
            final = self.bridge(memory.summary).tanh().split(self.layers.widths, dim=-1)
        return tuple(to_rows(part, rows or part.size(0)) for part in final)

    def pack(self, hidden: Hidden) -> dict[str, Tensor]:
        return {str(number): part for number, part in enumerate(hidden)}

    def unpack(self, state: State) -> Hidden:
        return tuple(state.hidden[str(number)] for number in range(len(self.layers.widths)))


class SutskeverDecoder(RecurrentDecoder):
    """No attention: one fused call over the whole target (Sutskever et al. 2014).

    `every_step` feeds the source's summary beside each token, and to the output, as Cho et al. 2014 (equations 2 to
    4 of their section 2.2): the state need not carry all of the source to the end.
    """

    def __init__(
        self, tokens: Tokens, layers: Recurrent, dropout: float, memory: Widths | None, tied: bool, every_step: bool
    ) -> None:
        super().__init__(tokens, layers, dropout, memory, tied)
        self.every_step = every_step
        width = layers.width + self.embedding_width + (memory.summary if memory else 0)
        self.readout = nn.Linear(width, self.embedding_width) if every_step else None

    def start(self, memory: Memory | None, *, rows: int | None = None, capacity: int = 0) -> State:
        hidden = self.first_hidden(memory, rows)
        source = {"summary": memory.summary} if memory is not None and self.every_step else {}
        return State(source, self.pack(hidden), hidden[0].new_zeros(hidden[0].size(0), dtype=torch.long))

    def forward(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        x = self.dropout(self.tokens(tokens))
        beside = [x]
        if "summary" in state.source:
            beside.append(to_rows(state.source["summary"], x.size(0)).unsqueeze(1).expand(-1, x.size(1), -1))
        outputs, hidden = self.layers(torch.cat(beside, dim=-1), self.unpack(state), lengths)
        if self.readout is not None:
            outputs = self.readout(self.dropout(torch.cat([outputs, *beside], dim=-1))).tanh()
        return self.dropout(outputs), state.replace(self.pack(hidden), lengths_after(state, tokens, lengths))


class BahdanauDecoder(RecurrentDecoder):
    """Attends before its step: the last state is the query, the context feeds the cell (Bahdanau et al. 2015, A.1.2).

    The source is projected once; the output is made of state, token and context together, for all positions at once.
    """

    def __init__(
        self, tokens: Tokens, layers: Recurrent, attention: Score, dropout: float, memory: Widths, tied: bool
    ) -> None:
        super().__init__(tokens, layers, dropout, memory, tied)
        self.attention = attention
        self.readout = nn.Linear(layers.width + self.embedding_width + memory.vectors, self.embedding_width)

    def start(self, memory: Memory | None, *, rows: int | None = None, capacity: int = 0) -> State:
        assert memory is not None, "attention needs a source"
        hidden = self.first_hidden(memory, rows)
        source = {"vectors": memory.vectors, "keys": self.attention.keys(memory.vectors), "mask": memory.mask}
        return State(source, self.pack(hidden), hidden[0].new_zeros(hidden[0].size(0), dtype=torch.long))

    def forward(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        x = self.dropout(self.tokens(tokens))
        hidden, source = self.unpack(state), state.source
        states: list[Tensor] = []
        contexts: list[Tensor] = []
        for t in range(tokens.size(1)):
            locate(state.lengths + t)
            top = hidden[-self.layers.parts].unsqueeze(1)  # (R, 1, D)
            query = by_source(top, source["mask"].size(0))
            context = self.attention(query, source["keys"], source["vectors"], source["mask"]).reshape(x.size(0), -1)
            out, stepped = self.layers.step(torch.cat((x[:, t], context), dim=-1), hidden)
            hidden = keep_ended(stepped, hidden, t, lengths)
            states.append(out)
            contexts.append(context)
        joined = torch.cat((torch.stack(states, 1), x, torch.stack(contexts, 1)), dim=-1)
        outputs = self.dropout(self.readout(self.dropout(joined)).tanh())
        return outputs, state.replace(self.pack(hidden), lengths_after(state, tokens, lengths))


class LuongDecoder(RecurrentDecoder):
    """Attends after its step: h~ = tanh(W [c; h]) (Luong et al. 2015, equation 5).

    `feeding` gives h~ to the next step beside its token (section 3.3), which makes a loop; without it the recurrence
    is one fused call and all positions attend together.
    """

    def __init__(
        self,
        tokens: Tokens,
        layers: Recurrent,
        attention: Score,
        dropout: float,
        memory: Widths,
        tied: bool,
        feeding: bool,
    ) -> None:
        super().__init__(tokens, layers, dropout, memory, tied)
        self.attention = attention
        self.feeding = feeding
        self.readout = nn.Linear(layers.width + memory.vectors, self.embedding_width)

    def start(self, memory: Memory | None, *, rows: int | None = None, capacity: int = 0) -> State:
        assert memory is not None, "attention needs a source"
        hidden = self.first_hidden(memory, rows)
        source = {"vectors": memory.vectors, "keys": self.attention.keys(memory.vectors), "mask": memory.mask}
        count = hidden[0].size(0)
        first = self.pack(hidden)
        if self.feeding:
            first["fed"] = hidden[0].new_zeros(count, self.embedding_width)
        return State(source, first, hidden[0].new_zeros(count, dtype=torch.long))

    def forward(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        x = self.dropout(self.tokens(tokens))
        hidden = self.unpack(state)
        if not self.feeding:
            locate(state.lengths, tokens.size(1))
            tops, hidden = self.layers(x, hidden, lengths)
            return self.dropout(self.attend(tops, state)), state.replace(
                self.pack(hidden), lengths_after(state, tokens, lengths)
            )
        fed = state.hidden["fed"]
        outputs: list[Tensor] = []
        for t in range(tokens.size(1)):
            locate(state.lengths + t)
            out, stepped = self.layers.step(torch.cat((x[:, t], fed), dim=-1), hidden)
            attended = self.attend(out.unsqueeze(1), state).squeeze(1)
            *moved, fed = keep_ended((*stepped, attended), (*hidden, fed), t, lengths)
            hidden = tuple(moved)
            outputs.append(attended)
        after = self.pack(hidden) | {"fed": fed}
        return self.dropout(torch.stack(outputs, 1)), state.replace(after, lengths_after(state, tokens, lengths))

    def attend(self, outputs: Tensor, state: State) -> Tensor:
        """h~ (R, T, D) for the top layer's outputs (R, T, D)."""
        source = state.source
        queries = by_source(outputs, source["mask"].size(0))
        contexts = self.attention(queries, source["keys"], source["vectors"], source["mask"])
        return self.readout(self.dropout(torch.cat((contexts.reshape(*outputs.shape[:2], -1), outputs), dim=-1))).tanh()


class StackDecoder(nn.Module, Generic[AnyBlock]):
    """What decoders made of blocks share, whatever mixes the positions in these. `bias`: of the logits."""

    def __init__(
        self,
        tokens: Tokens,
        layers: Stack[AnyBlock],
        positions: Positions,
        dropout: float,
        tied: bool,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.vocabulary, width = tokens.table.weight.shape
        self.limit = positions.limit
        self.positions = positions
        self.layers = layers
        self.dropout = Dropout(dropout)
        self.output = Output(width, tokens, tied, bias)

    def logits(self, outputs: Tensor) -> Tensor:
        return self.output(outputs)

    def layer_modules(self) -> Sequence[nn.Module]:
        return list(self.layers)

    def base_modules(self) -> Sequence[nn.Module]:
        return [self.tokens, self.positions]

    def project(self, memory: Memory | None) -> dict[str, Tensor]:
        """The keys and values of each layer, which are computed once a source."""
        source: dict[str, Tensor] = {} if memory is None else {"mask": memory.mask}
        for number, block in enumerate(self.layers if memory is not None else ()):
            assert memory is not None and block.memory is not None, "this decoder was made without a memory"
            projected = block.memory.project(memory.vectors)
            source |= {f"keys.{number}": projected.keys, f"values.{number}": projected.values}
        return source

    def memory(self, number: int, state: State) -> Looking | None:
        """The memory as one layer sees it."""
        if "mask" not in state.source:
            return None
        return KeyValue(state.source[f"keys.{number}"], state.source[f"values.{number}"]), state.source["mask"]


class TransformerDecoder(StackDecoder[Block]):
    """Vaswani et al. 2017; without a memory, GPT. Its state is the keys and values of what it has read."""

    counts_positions = True

    def start(self, memory: Memory | None, *, rows: int | None = None, capacity: int = 0) -> State:
        weight, source = self.output.linear.weight, self.project(memory)
        count = rows or (memory.mask.size(0) if memory is not None else 1)
        buffers: dict[str, Tensor] = {}
        for number, block in enumerate(self.layers if capacity else ()):
            shape = (count, capacity, block.self_attention.heads, weight.size(1) // block.self_attention.heads)
            buffers |= {f"keys.{number}": weight.new_zeros(shape), f"values.{number}": weight.new_zeros(shape)}
        return State(source, {}, torch.zeros(count, dtype=torch.long, device=weight.device), buffers)

    def forward(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        steps = tokens.size(1)
        locate(state.lengths, steps)
        self.positions.refuse_more(steps)
        positions = state.lengths.unsqueeze(1) + torch.arange(steps, device=tokens.device)  # (R, T)
        mask = None
        if state.buffers:  # token t of a row sees what was written up to its own place
            mask = up_to(positions + 1, state.buffers["keys.0"].size(1))  # (R, T, capacity)
        rotary = self.positions.rotary(positions)
        x = self.dropout(self.positions(self.tokens(tokens), positions))
        for number, block in enumerate(self.layers):
            x = block(x, mask, mask is None, self.cache(number, state, positions), rotary, self.memory(number, state))
        outputs = self.dropout(self.layers.norm(x))
        return outputs, state.replace(state.hidden, lengths_after(state, tokens, lengths))

    def cache(self, number: int, state: State, positions: Tensor) -> Cache | None:
        """The buffers of one layer, if the state has any."""
        if not state.buffers:
            return None
        return Cache(state.buffers[f"keys.{number}"], state.buffers[f"values.{number}"], positions)


class ScanDecoder(StackDecoder[RecurrentBlock]):
    """Recurrent units where a Transformer has self-attention (Kim et al. 2019): a whole target is one scan, and the
    state behind it is a vector a layer, however long it was.
    """

    @property
    def counts_positions(self) -> bool:
        return self.positions.adds

    def start(self, memory: Memory | None, *, rows: int | None = None, capacity: int = 0) -> State:
        weight = self.output.linear.weight
        count = rows or (memory.mask.size(0) if memory is not None else 1)
        state = weight.new_zeros(count, self.layers.width, dtype=torch.promote_types(weight.dtype, torch.float32))
        hidden = {str(number): state for number, _ in enumerate(self.layers)}
        return State(self.project(memory), hidden, torch.zeros(count, dtype=torch.long, device=weight.device))

    def forward(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        steps = tokens.size(1)
        locate(state.lengths, steps)
        self.positions.refuse_more(steps)
        positions = state.lengths.unsqueeze(1) + torch.arange(steps, device=tokens.device)  # (R, T)
        x, hidden = self.dropout(self.positions(self.tokens(tokens), positions)), dict[str, Tensor]()
        for number, block in enumerate(self.layers):
            x, hidden[str(number)] = block(x, state.hidden[str(number)], lengths, self.memory(number, state))
        outputs = self.dropout(self.layers.norm(x))
        return outputs, state.replace(hidden, lengths_after(state, tokens, lengths))


def lengths_after(state: State, tokens: Tensor, lengths: Tensor | None) -> Tensor:
    """How far each row has read when these tokens are done."""
    return state.lengths + (tokens.size(1) if lengths is None else lengths)


def keep_ended(new: Hidden, old: Hidden, t: int, lengths: Tensor | None) -> Hidden:
    """The new tensors for rows that have a token t, the old ones for rows whose tokens ended before."""
    if lengths is None:
        return new
    real = (lengths > t).unsqueeze(-1)
    return tuple(torch.where(real, after, before) for after, before in zip(new, old, strict=True))
