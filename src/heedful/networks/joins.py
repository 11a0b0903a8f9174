"""How parts become a network: the task chooses the join, the lineage the parts.

N sources   S source positions   T target positions   D width   V vocabulary
"""

from torch import Tensor, nn

from heedful.blocks.attention import Additive, Dot, General, Score
from heedful.blocks.embedding import Learned, Positions, Rotary, Sinusoidal, Tokens
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.state import Memory, Widths
from heedful.blocks.transformer import Stack
from heedful.networks.decoders import BahdanauDecoder, LuongDecoder, RecurrentDecoder, TransformerDecoder
from heedful.networks.encoders import RecurrentEncoder, TransformerEncoder
from heedful.networks.lineage import RecurrentAnswer, RecurrentReader, TransformerSide, sides
from heedful.sections import Network

LEARNED_POSITIONS = 512  # of networks that learn them; others have no limit


AnyEncoder = RecurrentEncoder | TransformerEncoder
AnyDecoder = RecurrentDecoder | BahdanauDecoder | LuongDecoder | TransformerDecoder


class EncoderDecoder(nn.Module):
    """A sequence of tokens in, a sequence of tokens out."""

    def __init__(self, embedding: Tokens, encoder: AnyEncoder, decoder: AnyDecoder) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder: AnyEncoder = encoder
        self.decoder: AnyDecoder = decoder

    def read(self, source: Tensor, lengths: Tensor) -> Memory:
        """The memory of source tokens (N, S)."""
        return self.encoder(self.embedding(source), lengths)

    def forward(self, source: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Outputs (N, T, D) for source tokens (N, S) and the target's tokens so far (N, T): teacher forcing."""
        state = self.decoder.start(self.read(source, lengths))
        return self.decoder(tokens, state)[0]


def encoder_decoder(network: Network, source_vocabulary: int, target_vocabulary: int, shared: bool) -> EncoderDecoder:
    """A network of resolved settings, with fresh weights.

    `shared`: both sides have one vocabulary, and then one table of embeddings.
    """
    reader, answer = sides(network)
    width = int(network.width)
    scaled = answer.tied
    target = Tokens(target_vocabulary, width, scaled)
    source = target if shared else Tokens(source_vocabulary, width, scaled)
    encoder = build_encoder(reader, network)
    decoder = build_decoder(answer, network, target, encoder.widths)
    return EncoderDecoder(source, encoder, decoder)


def build_encoder(side: RecurrentReader | TransformerSide, network: Network) -> AnyEncoder:
    """The encoder of a row."""
    width, depth, dropout = int(network.width), int(network.depth), float(network.dropout)
    if isinstance(side, RecurrentReader):
        return RecurrentEncoder(side.cell, width, depth, dropout, side.bidirectional, side.reverse)
    heads, inner = int(network.heads), int(network.inner)
    return TransformerEncoder(width, depth, heads, inner, dropout, side.norm, build_positions(side, network))


def build_decoder(
    side: RecurrentAnswer | TransformerSide, network: Network, tokens: Tokens, memory: Widths | None
) -> AnyDecoder:
    """The decoder of a row, after an encoder of these widths (None: a language model)."""
    width, depth, dropout = int(network.width), int(network.depth), float(network.dropout)
    if isinstance(side, TransformerSide):
        looked_at = memory.vectors if memory else None
        layers = Stack(depth, width, int(network.heads), int(network.inner), dropout, side.norm, looked_at)
        return TransformerDecoder(tokens, layers, build_positions(side, network), dropout, side.tied)
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


def build_positions(side: TransformerSide, network: Network) -> Positions:
    """How a Transformer is told the order."""
    width = int(network.width)
    if side.positions == "learned":
        return Learned(width, LEARNED_POSITIONS)
    return Sinusoidal(width) if side.positions == "sinusoidal" else Rotary(width // int(network.heads))
