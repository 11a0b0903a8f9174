"""From settings to modules: every network of the lineage, built from one description."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from heedful.blocks.attention import Additive, Attention, Dot, General, Score
from heedful.blocks.counts import Counts
from heedful.blocks.embedding import Learned, Positions, Rotary, Sinusoidal, Tokens
from heedful.blocks.norm import RMSNorm
from heedful.blocks.recurrent import Recurrent
from heedful.blocks.scan import SSRU, MinGRU
from heedful.blocks.state import Widths
from heedful.blocks.transformer import (
    AnyBlock,
    Block,
    FeedForward,
    GatedFeedForward,
    Inner,
    Norms,
    RecurrentBlock,
    Stack,
    initialise_normal,
    initialise_zero,
)
from heedful.errors import HeedfulError
from heedful.networks.configs import (
    DecoderConfig,
    FrameEncoderConfig,
    MinGRUConfig,
    RecurrentDecoderConfig,
    RecurrentEncoderConfig,
    TransformerConfig,
)
from heedful.networks.decoders import (
    BahdanauDecoder,
    Decoder,
    LuongDecoder,
    ScanDecoder,
    SutskeverDecoder,
    TransformerDecoder,
)
from heedful.networks.encoders import Encoder, FrameEncoder, RecurrentEncoder, ScanEncoder, TransformerEncoder
from heedful.networks.heads import TokenHead
from heedful.networks.joins import (
    EncoderDecoder,
    EncoderHead,
    LanguageModel,
    MaskedLanguageModel,
    Network,
    TwoTowers,
)
from heedful.networks.settings import CONTEXT, Join, decoder_config, decoder_settings, encoder_config
from heedful.networks.sources import Source, TextSource, token_embedding
from heedful.schema import NetworkSettings


@dataclass(frozen=True)
class Spec:
    """All that a network of the lineage is made from: a join, resolved settings, what goes in and what comes out.

    `sources`: one, or two for `two_encoders`; none where a network reads what it writes (`decoder`,
    `encoder_tokens`). `outputs`: how many tokens it can write or tell, or how many classes or labels; none for
    `two_encoders`. `shared`: source and target have one vocabulary, and then one table of embeddings.
    """

    join: Join
    settings: NetworkSettings
    sources: tuple[Source, ...] = ()
    outputs: int = 0
    shared: bool = False


def build(spec: Spec) -> Network:
    """The network of a description, with fresh weights, which torch's seed decides."""
    network = spec.settings
    match spec.join:
        case "encoder_decoder":
            return join_encoder_decoder(spec)
        case "decoder":
            return language_model(network, spec.outputs)
        case "encoder_tokens":
            return masked_language_model(network, spec.outputs)
        case "encoder_pooled":
            return encoder_pooled(network, spec.sources[0], spec.outputs)
        case "encoder_steps":
            return encoder_steps(network, spec.sources[0], spec.outputs)
        case "two_encoders":
            return two_encoders(network, spec.sources[0], spec.sources[1])


def encoder_decoder(
    network: NetworkSettings, source_vocabulary: int, target_vocabulary: int, shared: bool
) -> EncoderDecoder:
    """Text to text. `shared`: both sides have one vocabulary, and then one table of embeddings."""
    sources = (TextSource(source_vocabulary),)
    return join_encoder_decoder(Spec("encoder_decoder", network, sources, target_vocabulary, shared))


def join_encoder_decoder(spec: Spec) -> EncoderDecoder:
    """A source of any kind to tokens."""
    network, source = spec.settings, spec.sources[0]
    target = token_embedding(network, spec.outputs)
    embedding = target if spec.shared else source.embedding(network)
    encoder = build_encoder(network, source.embeds_positions)
    return EncoderDecoder(embedding, encoder, build_decoder(network, target, encoder.widths))


def language_model(network: NetworkSettings, vocabulary: int) -> LanguageModel:
    """Text from nothing."""
    return LanguageModel(build_decoder(network, token_embedding(network, vocabulary), None))


def masked_language_model(network: NetworkSettings, vocabulary: int) -> MaskedLanguageModel:
    """Masked tokens of a text, by an encoder that is bidirectional."""
    tokens, encoder = token_embedding(network, vocabulary), build_encoder(network, bidirectional=True)
    config = encoder_config(network)
    if not isinstance(config, TransformerConfig):
        return MaskedLanguageModel(tokens, encoder, TokenHead(tokens, bool(network.tied), "gelu"))
    norm = norm_of(config)(int(network.width))
    head = TokenHead(tokens, bool(network.tied), config.activation, norm, config.layer_bias)
    if config.std:
        initialise_normal(head, config.std, int(network.depth))
    return MaskedLanguageModel(tokens, encoder, head)


def encoder_pooled(network: NetworkSettings, source: Source, classes: int) -> EncoderHead:
    """One answer for a source."""
    assert network.pool != "auto", "whoever asks for one answer decides it"
    encoder, embedding = build_encoder(network, source.embeds_positions), source.embedding(network)
    counts = None
    if isinstance(source, TextSource) and network.counts not in ("auto", 0):
        counts = Counts(source.vocabulary, network.counts, classes)
    return EncoderHead(embedding, encoder, classes, network.pool, float(network.dropout), counts=counts)


def encoder_steps(network: NetworkSettings, source: Source, labels: int) -> EncoderHead:
    """An answer at each position. Recurrent encoders are bidirectional, unless no step may know a later one."""
    encoder = build_encoder(network, source.embeds_positions, bidirectional=not network.causal)
    return EncoderHead(source.embedding(network), encoder, labels, "each", float(network.dropout))


def two_encoders(network: NetworkSettings, source: Source, text: Source) -> TwoTowers:
    """Two sources in one space; texts have 1-D positions, whatever those of pictures are."""
    of_text = replace(network, positions="sinusoidal") if network.positions == "grid" else network
    encoders = build_encoder(network, source.embeds_positions), build_encoder(of_text, for_text=True)
    return TwoTowers(source.embedding(network), text.embedding(of_text), encoders, int(network.width))


def build_encoder(
    network: NetworkSettings,
    embeds_positions: bool = False,
    bidirectional: bool | None = None,
    for_text: bool = False,
) -> Encoder:
    """The encoder of a row; `for_text`: that of the texts of two encoders.

    `embeds_positions`: the embedding adds positions. `bidirectional`: whether positions see those behind them; None:
    as the row has it.
    """
    config = encoder_config(network, for_text)
    width, depth, dropout = int(network.width), int(network.depth), float(network.dropout)
    if isinstance(config, FrameEncoderConfig):
        return FrameEncoder(width, depth, dropout)
    if isinstance(config, RecurrentEncoderConfig):
        if bidirectional is not None:
            config = replace(config, bidirectional=bidirectional, reverse=False)
        if config.bidirectional:
            refuse_odd_width(network)
        return RecurrentEncoder(config.cell, width, depth, dropout, config.bidirectional, config.reverse)
    if isinstance(config, MinGRUConfig):
        return ScanEncoder(mingru_stack(config, network, None, bidirectional is not False), dropout)
    return transformer_encoder(config, network, embeds_positions, bidirectional)


def refuse_odd_width(network: NetworkSettings) -> None:
    """Raises HeedfulError for a width that two directions cannot share."""
    if int(network.width) % 2:
        raise HeedfulError(
            f"network.width {network.width} cannot be shared by the two directions of {network.name}.",
            "The width must be even.",
        )


def transformer_encoder(
    config: TransformerConfig,
    network: NetworkSettings,
    embeds_positions: bool = False,
    bidirectional: bool | None = None,
) -> TransformerEncoder:
    """The same of a row with a Transformer. Rotary positions are the encoder's own, whatever the embedding adds."""
    embedded = embeds_positions and config.positions != "rotary"
    positions = Positions() if embedded else build_positions(config, network)
    causal = config.causal if bidirectional is None else not bidirectional
    layers, dropout = build_stack(config, network, None), float(network.dropout)
    encoder = TransformerEncoder(layers, positions, dropout, causal, config.summary, config.first_norm, config.epsilon)
    if config.std:
        initialise_normal(encoder, config.std, int(network.depth))
    return encoder


def build_stack(config: TransformerConfig, network: NetworkSettings, memory_width: int | None) -> Stack[Block]:
    """The blocks of a Transformer, which attend to a memory of this width if there is one."""
    return stack_blocks(config, network, memory_width, Block, partial(build_attention, config, network))


def stack_blocks(
    config: TransformerConfig,
    network: NetworkSettings,
    memory_width: int | None,
    kind: type[AnyBlock],
    mixer: Callable[[], nn.Module],
) -> Stack[AnyBlock]:
    """The same of any kind of block, with what mixes positions in each."""
    width, inner, dropout = int(network.width), int(network.inner), float(network.dropout)
    norm = norm_of(config)

    def block() -> AnyBlock:
        mixing, memory = mixer(), build_attention(config, network, memory_width) if memory_width else None
        slots = [Norms.of(norm(width), config.norm) for _ in range(3 if memory else 2)]
        between = slots[1] if memory else None
        return kind(mixing, slots[0], inner_part(config, width, inner), slots[-1], dropout, memory, between)

    last = norm(width) if config.norm == "pre" else nn.Identity()
    stack = Stack(width, [block() for _ in range(int(network.depth))], last)
    if config.zero:
        initialise_zero(stack)
    return stack


def mingru_stack(
    config: MinGRUConfig, network: NetworkSettings, memory_width: int | None, bidirectional: bool = False
) -> Stack[RecurrentBlock]:
    """The blocks of a network of minGRUs, which attend to a memory of this width if there is one."""
    if bidirectional:
        refuse_odd_width(network)
    parts = TransformerConfig(config.norm, activation=config.activation, epsilon=config.epsilon)
    unit = partial(MinGRU, int(network.width), bidirectional)
    return stack_blocks(parts, network, memory_width, RecurrentBlock, unit)


def build_attention(config: TransformerConfig, network: NetworkSettings, memory_width: int | None = None) -> Attention:
    """Self-attention, or attention to a memory of this width.

    Queries and keys are normed in self-attention alone, as published: there was no other, and CTranslate2 has no other.
    """
    head_norm = norm_of(config) if config.query_norm and memory_width is None else None
    return Attention(int(network.width), int(network.heads), memory_width, config.layer_bias, head_norm)


def inner_part(config: TransformerConfig, width: int, inner: int) -> Inner:
    """The inner part of a block."""
    linear = partial(nn.Linear, bias=config.layer_bias)
    if config.gated:
        return GatedFeedForward(linear(width, inner), linear(width, inner), linear(inner, width), config.activation)
    return FeedForward(linear(width, inner), linear(inner, width), config.activation)


def norm_of(config: TransformerConfig) -> Callable[[int], nn.Module]:
    """What makes a norm of vectors of a width."""
    return partial(RMSNorm if config.norm_kind == "rms" else nn.LayerNorm, eps=config.epsilon)


def build_decoder(network: NetworkSettings, tokens: Tokens, memory: Widths | None) -> Decoder:
    """The decoder of a row, after an encoder of these widths (None: a language model)."""
    network = decoder_settings(network)
    config: DecoderConfig = decoder_config(network)
    if isinstance(config, RecurrentDecoderConfig):
        return recurrent_decoder(config, network, tokens, memory)
    if isinstance(config, MinGRUConfig):
        layers = mingru_stack(config, network, memory.vectors if memory else None)
        return ScanDecoder(tokens, layers, Positions(), float(network.dropout), config.tied)
    decoder = stack_decoder(config, network, tokens, memory.vectors if memory else None)
    if config.std:
        initialise_normal(decoder, config.std, int(network.depth))
    return decoder


def stack_decoder(
    config: TransformerConfig, network: NetworkSettings, tokens: Tokens, memory_width: int | None
) -> TransformerDecoder | ScanDecoder:
    """The same of a row whose decoder is made of blocks."""
    dropout = float(network.dropout)
    if config.recurrent:
        units = stack_blocks(config, network, memory_width, RecurrentBlock, partial(SSRU, int(network.width)))
        return ScanDecoder(tokens, units, build_positions(config, network), dropout, config.tied, config.bias)
    layers = build_stack(config, network, memory_width)
    return TransformerDecoder(tokens, layers, build_positions(config, network), dropout, config.tied, config.bias)


def recurrent_decoder(
    config: RecurrentDecoderConfig, network: NetworkSettings, tokens: Tokens, memory: Widths | None
) -> Decoder:
    """The same of a row with a recurrent one."""
    width, depth, dropout = int(network.width), int(network.depth), float(network.dropout)
    if config.attends == "never":
        summary = memory.summary if memory and config.every_step else 0
        layers = Recurrent(config.cell, width + summary, width, depth, dropout)
        return SutskeverDecoder(tokens, layers, dropout, memory, config.tied, config.every_step)
    assert memory is not None, "a row with attention has a source"
    score = build_score(config, width, memory.vectors)
    if config.attends == "before":
        layers = Recurrent(config.cell, width + memory.vectors, width, depth, dropout)
        return BahdanauDecoder(tokens, layers, score, dropout, memory, config.tied)
    layers = Recurrent(config.cell, width * 2 if config.feeding else width, width, depth, dropout)
    return LuongDecoder(tokens, layers, score, dropout, memory, config.tied, config.feeding)


def build_score(config: RecurrentDecoderConfig, width: int, memory_width: int) -> Score:
    """The attention of a recurrent decoder; concat is Luong's name for Bahdanau's sum."""
    if config.attention in ("additive", "concat"):
        return Additive(width, memory_width, width)
    return Dot() if config.attention == "dot" else General(width, memory_width)


def build_positions(config: TransformerConfig, network: NetworkSettings) -> Positions:
    """How a Transformer is told the order."""
    width = int(network.width)
    if config.positions in ("learned", "line"):
        return Learned(width, CONTEXT if network.context == "auto" else int(network.context))
    return Sinusoidal(width) if config.positions == "sinusoidal" else Rotary(width // int(network.heads))
