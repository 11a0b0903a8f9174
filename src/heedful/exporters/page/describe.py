"""What the page's runtime must know of a network: its parts, by the resolved settings that they were built from."""

from dataclasses import asdict
from typing import Any

from torch import nn

from heedful.blocks.embedding import Tokens
from heedful.networks.configs import (
    DecoderConfig,
    EncoderConfig,
    FrameEncoderConfig,
    MinGRUConfig,
    TransformerConfig,
)
from heedful.networks.embeddings import PictureEmbedding
from heedful.networks.joins import EncoderDecoder, EncoderHead, LanguageModel, Network
from heedful.networks.settings import decoder_config, decoder_settings, encoder_config
from heedful.schema import NetworkSettings

Part = dict[str, Any]


def describe(network: Network, settings: NetworkSettings) -> Part:
    """The parts of a network as JSON keeps them.

    Sizes of single layers are told by the weights, and so is whether a part that may be missing is there.
    """
    description: Part = {}
    for embedding, _ in network.sides():
        description["source"] = describe_embedding(embedding, settings)
        description["encoder"] = describe_encoder(settings, reads_pictures=isinstance(embedding, PictureEmbedding))
    if isinstance(network, EncoderDecoder | LanguageModel):
        description["decoder"] = describe_decoder(settings) | {"scale": network.decoder.tokens.scale}
    if isinstance(network, EncoderHead):
        description["pool"] = network.pool
    return description


def describe_embedding(embedding: nn.Module, settings: NetworkSettings) -> Part:
    """How a source becomes vectors: tokens times a scale, or the patches of a picture."""
    if isinstance(embedding, Tokens):
        return {"scale": embedding.scale}
    assert isinstance(embedding, PictureEmbedding), "refuse has seen to it"
    (high, wide), (rows, _) = embedding.patches.patch_size, embedding.patches.grid
    return {"patch": [high, wide], "size": high * rows, "positions": settings.positions}


def describe_encoder(settings: NetworkSettings, reads_pictures: bool) -> Part:
    """The encoder of a row. The embedding of pictures has added positions, unless these are rotary."""
    config = encoder_config(settings)
    part = describe_side(config, settings)
    if isinstance(config, MinGRUConfig):
        return part | {"bidirectional": True}
    return part | {"positions": None} if reads_pictures and part.get("positions") != "rotary" else part


def describe_decoder(settings: NetworkSettings) -> Part:
    """The decoder of a row."""
    return describe_side(decoder_config(settings), decoder_settings(settings))


def describe_side(config: EncoderConfig | DecoderConfig, settings: NetworkSettings) -> Part:
    """A side of a row: which kind of parts, their settings, and how many layers and heads."""
    kinds = {FrameEncoderConfig: "frame", MinGRUConfig: "mingru", TransformerConfig: "transformer"}
    kind = next((name for config_type, name in kinds.items() if isinstance(config, config_type)), "recurrent")
    return asdict(config) | {"part": kind, "depth": settings.depth, "heads": settings.heads}
