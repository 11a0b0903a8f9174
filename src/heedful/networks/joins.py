"""How parts become a network: the task chooses the join, the lineage the parts.

N sources   S source positions   T target positions   D width   V vocabulary
"""

from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from heedful.blocks.attention import Additive, Dot, General, Score
from heedful.blocks.codebook import Codebook, Grays
from heedful.blocks.dropout import Dropout
from heedful.blocks.embedding import Learned, Positions, Rotary, Sinusoidal, Tokens
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.state import Memory, Widths
from heedful.blocks.transformer import Stack, begin_small
from heedful.networks.configs import FrameReader, Reader, RecurrentAnswer, RecurrentReader, TransformerSide, Writer
from heedful.networks.decoders import BahdanauDecoder, LuongDecoder, RecurrentDecoder, TransformerDecoder
from heedful.networks.encoders import FrameEncoder, ProjectedEncoder, RecurrentEncoder, TransformerEncoder, mean
from heedful.networks.heads import WordHead
from heedful.networks.lineage import CONTEXT, LINEAGE, reader, writer
from heedful.schema import NetworkSettings

AnyEncoder = FrameEncoder | RecurrentEncoder | TransformerEncoder | ProjectedEncoder
AnyDecoder = RecurrentDecoder | BahdanauDecoder | LuongDecoder | TransformerDecoder


class EncoderDecoder(nn.Module):
    """Something in, a sequence of tokens out. `embedding` turns the source into vectors (N, S, D)."""

    def __init__(self, embedding: nn.Module, encoder: AnyEncoder, decoder: AnyDecoder) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: AnyEncoder = encoder
        self.decoder: AnyDecoder = decoder

    def read(self, source: Tensor, lengths: Tensor) -> Memory:
        """The memory of sources (N, S, ...)."""
        return self.encoder(self.embedding(source), lengths)

    def forward(self, source: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Outputs (N, T, D) for sources (N, S, ...) and the target's tokens so far (N, T): teacher forcing."""
        state = self.decoder.start(self.read(source, lengths))
        return self.decoder(tokens, state)[0]


class LanguageModel(nn.Module):
    """Text from nothing: a decoder alone."""

    def __init__(self, decoder: AnyDecoder) -> None:
        super().__init__()
        self.decoder: AnyDecoder = decoder

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs (N, T, D) for the tokens so far (N, T): teacher forcing."""
        return self.decoder(tokens, self.decoder.start(None, rows=len(tokens)), lengths)[0]


class Filler(nn.Module):
    """A text with gaps in; at each position, which word stands there."""

    def __init__(self, embedding: nn.Module, encoder: AnyEncoder, head: WordHead) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: AnyEncoder = encoder
        self.head = head
        self.vocabulary = head.output.linear.out_features

    def forward(self, source: Tensor, lengths: Tensor) -> Tensor:
        """Outputs (N, S, D) for sources (N, S, ...)."""
        return self.encoder(self.embedding(source), lengths).vectors

    def logits(self, outputs: Tensor) -> Tensor:
        """(..., D) -> (..., V): a loss asks at the gaps alone."""
        return self.head(outputs)


class EncoderHead(nn.Module):
    """Something in; one answer out of a pooled memory, or an answer at each position.

    `pool`: the encoder's own summary, the mean over positions, or the first vector, which is a class token. `pooler`:
    one more layer and a tanh before the answer (Devlin et al. 2019, as they released it).
    """

    def __init__(
        self,
        embedding: nn.Module,
        encoder: AnyEncoder,
        classes: int,
        pool: Literal["summary", "mean", "class", "each"],
        dropout: float,
        pooler: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: AnyEncoder = encoder
        self.pool = pool
        self.dropout = Dropout(dropout)
        width = encoder.widths.summary if pool == "summary" else encoder.widths.vectors
        self.pooler = nn.Linear(width, width) if pooler else None
        self.head = nn.Linear(width, classes)

    def forward(self, source: Tensor, lengths: Tensor) -> Tensor:
        """Logits (N, classes), or (N, S, classes) where each position is answered for."""
        memory = self.encoder(self.embedding(source), lengths)
        x = pooled(memory, self.pool)
        return self.head(self.dropout(x if self.pooler is None else self.pooler(x).tanh()))


class EncoderAlone(nn.Module):
    """Something in, its memory out: vectors for whoever comes next. `pooled` of a width, if there is a layer for it."""

    def __init__(self, embedding: nn.Module, encoder: AnyEncoder, pooled: int = 0) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: AnyEncoder = encoder
        self.pooler = nn.Linear(encoder.widths.vectors, pooled) if pooled else None

    def forward(self, source: Tensor, lengths: Tensor) -> Memory:
        """The memory of sources (N, S, ...)."""
        return self.encoder(self.embedding(source), lengths)

    def one(self, memory: Memory) -> Tensor:
        """The first vector through one more layer and a tanh: (N, pooled)."""
        assert self.pooler is not None, "this encoder has no such layer"
        return self.pooler(memory.vectors[:, 0]).tanh()


class TwoTowers(nn.Module):
    """Two encoders into one space (Radford et al. 2021, figure 3): what belongs together points the same way."""

    def __init__(
        self, first: nn.Module, second: nn.Module, encoders: tuple[AnyEncoder, AnyEncoder], width: int
    ) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList([first, second])
        self.encoders = nn.ModuleList(encoders)
        self.projections = nn.ModuleList(nn.Linear(one.widths.summary, width, bias=False) for one in encoders)
        self.width = width
        self.scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def embed(self, side: int, source: Tensor, lengths: Tensor) -> Tensor:
        """Unit vectors (N, width) of sources of one side: 0 the first, 1 the second."""
        memory = self.encoders[side](self.embeddings[side](source), lengths)
        return F.normalize(self.projections[side](memory.summary).float(), dim=-1)

    def forward(self, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """Similarities (N, N) of N pairs, each side (source, lengths), times a learned scale of at most 100."""
        return self.compare(self.embed(0, *first), self.embed(1, *second))

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """The same of the unit vectors (N, width) of both sides."""
        return self.scale.exp().clamp(max=100) * first @ second.T


class Drawing(nn.Module):
    """Pictures as codes, and the network that writes codes."""

    def __init__(self, codebook: Codebook | Grays, writer: EncoderDecoder) -> None:
        super().__init__()
        self.codebook: Codebook | Grays = codebook
        self.writer = writer

    def forward(self, source: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Outputs (N, S, D) for source tokens and the codes so far: teacher forcing."""
        return self.writer(source, lengths, tokens)


def pooled(memory: Memory, pool: str) -> Tensor:
    """What an answer is made from: (N, D), or (N, S, D) for each position."""
    if pool == "each":
        return memory.vectors
    if pool == "class":
        return memory.vectors[:, 0]
    return memory.summary if pool == "summary" else mean(memory.vectors, memory.mask)


def encoder_decoder(
    network: NetworkSettings, source_vocabulary: int, target_vocabulary: int, shared: bool
) -> EncoderDecoder:
    """Text to text: a network of resolved settings, with fresh weights.

    `shared`: both sides have one vocabulary, and then one table of embeddings.
    """
    target = target_tokens(network, target_vocabulary)
    source = target if shared else target_tokens(network, source_vocabulary)
    return joined(network, source, target)


def joined(network: NetworkSettings, embedding: nn.Module, target: Tokens, own_places: bool = False) -> EncoderDecoder:
    """An encoder-decoder behind any embedding of the source. `own_places`: it tells positions by itself."""
    encoder = build_encoder(network, own_places)
    return EncoderDecoder(embedding, encoder, build_decoder(writer(network), network, target, encoder.widths))


def language_model(network: NetworkSettings, vocabulary: int) -> LanguageModel:
    """Text from nothing: a network of resolved settings, with fresh weights."""
    return LanguageModel(build_decoder(writer(network), network, target_tokens(network, vocabulary), None))


def filler(network: NetworkSettings, vocabulary: int) -> Filler:
    """Words left out of a text: a network of resolved settings, with fresh weights, that reads both ways."""
    tokens, encoder = target_tokens(network, vocabulary), build_encoder(network, both_ways=True)
    side = reader(network)
    if not isinstance(side, TransformerSide):
        return Filler(tokens, encoder, WordHead(tokens, bool(network.tied), "gelu"))
    head = WordHead(tokens, bool(network.tied), side.activation, side.epsilon)
    if side.spread:
        begin_small(head, side.spread, int(network.depth))
    return Filler(tokens, encoder, head)


def target_tokens(network: NetworkSettings, vocabulary: int) -> Tokens:
    """Embeddings as the row's output layer needs them."""
    row = LINEAGE[network.name]
    side = row.decoder or row.encoder
    if isinstance(side, TransformerSide) and side.spread:
        return Tokens(vocabulary, int(network.width), spread=side.spread)
    return Tokens(vocabulary, int(network.width), bool(network.tied))


def build_encoder(
    network: NetworkSettings, own_places: bool = False, both_ways: bool | None = None, second: bool = False
) -> AnyEncoder:
    """The encoder of a row; `second`: that of the texts of `match`.

    `own_places`: the embedding tells positions. `both_ways`: whether positions see those behind them; None: as the
    row has it.
    """
    side: Reader = reader(network, second)
    width, depth, dropout = int(network.width), int(network.depth), float(network.dropout)
    if isinstance(side, FrameReader):
        return FrameEncoder(width, depth, dropout)
    if isinstance(side, RecurrentReader):
        if both_ways is not None:
            side = replace(side, bidirectional=both_ways, reverse=False)
        return RecurrentEncoder(side.cell, width, depth, dropout, side.bidirectional, side.reverse)
    positions = Positions() if own_places and side.positions != "rotary" else build_positions(side, network)
    causal = side.causal if both_ways is None else not both_ways
    layers = build_stack(side, network, None)
    encoder = TransformerEncoder(layers, positions, dropout, causal, side.summary, side.first_norm, side.epsilon)
    if side.spread:
        begin_small(encoder, side.spread, depth)
    return encoder


def build_stack(side: TransformerSide, network: NetworkSettings, memory_width: int | None) -> Stack:
    """The blocks of a Transformer, which look at a memory of this width if there is one."""
    sizes = int(network.depth), int(network.width), int(network.heads), int(network.inner)
    return Stack(*sizes, float(network.dropout), side.norm, memory_width, side.activation, side.epsilon)


def build_decoder(side: Writer, network: NetworkSettings, tokens: Tokens, memory: Widths | None) -> AnyDecoder:
    """The decoder of a row, after an encoder of these widths (None: a language model)."""
    width, depth, dropout = int(network.width), int(network.depth), float(network.dropout)
    if isinstance(side, TransformerSide):
        layers = build_stack(side, network, memory.vectors if memory else None)
        decoder = TransformerDecoder(tokens, layers, build_positions(side, network), dropout, side.tied, side.bias)
        if side.spread:
            begin_small(decoder, side.spread, depth)
        return decoder
    if side.looks == "never":
        beside = memory.summary if memory and side.every_step else 0
        layers = Recurrent(side.cell, width + beside, width, depth, dropout)
        return RecurrentDecoder(tokens, layers, dropout, memory, side.tied, side.every_step)
    assert memory is not None, "a row with attention has a source"
    score = build_score(side, width, memory.vectors)
    if side.looks == "before":
        layers = Recurrent(side.cell, width + memory.vectors, width, depth, dropout)
        return BahdanauDecoder(tokens, layers, score, dropout, memory, side.tied)
    layers = Recurrent(side.cell, width * 2 if side.feeding else width, width, depth, dropout)
    return LuongDecoder(tokens, layers, score, dropout, memory, side.tied, side.feeding)


def build_score(side: RecurrentAnswer, width: int, memory_width: int) -> Score:
    """The attention of a recurrent decoder; concat is Luong's name for Bahdanau's sum."""
    if side.attention in ("additive", "concat"):
        return Additive(width, memory_width, width)
    return Dot() if side.attention == "dot" else General(width, memory_width)


def build_positions(side: TransformerSide, network: NetworkSettings) -> Positions:
    """How a Transformer is told the order."""
    width = int(network.width)
    if side.positions in ("learned", "line"):
        return Learned(width, CONTEXT if network.context == "auto" else int(network.context))
    return Sinusoidal(width) if side.positions == "sinusoidal" else Rotary(width // int(network.heads))
