"""What goes into a network, as plain data: each kind of source knows the embedding that makes vectors of it."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import nn

from heedful.blocks.embedding import Tokens
from heedful.blocks.pixels import Pixels
from heedful.networks.configs import MinGRUConfig, TransformerConfig
from heedful.networks.embeddings import FrameEmbedding, PictureEmbedding, SeriesEmbedding, WordEmbedding
from heedful.networks.lineage import LINEAGE
from heedful.networks.settings import has_class_token
from heedful.schema import NetworkSettings


class Source(Protocol):
    """One kind of source. `embeds_positions`: its embedding adds positions, so that the encoder need not."""

    embeds_positions: ClassVar[bool]

    def embedding(self, settings: NetworkSettings) -> nn.Module:
        """The first part of a network of resolved settings, (N, S, ...) -> (N, S, D)."""
        ...


@dataclass(frozen=True)
class TextSource:
    """Tokens (N, S) of a vocabulary."""

    embeds_positions: ClassVar[bool] = False
    vocabulary: int

    def embedding(self, settings: NetworkSettings) -> Tokens:
        return token_embedding(settings, self.vocabulary)


@dataclass(frozen=True)
class PictureSource:
    """Pictures (N, H, W, C) as bytes."""

    embeds_positions: ClassVar[bool] = True
    pixels: Pixels

    def embedding(self, settings: NetworkSettings) -> PictureEmbedding:
        assert settings.patch != "auto", "fit_pictures decides it"
        sizes = int(settings.width), settings.patch, int(settings.stem)
        return PictureEmbedding(self.pixels, *sizes, settings.positions, has_class_token(settings))


@dataclass(frozen=True)
class FrameSource:
    """Clips (N, S, H, W, C) as bytes."""

    embeds_positions: ClassVar[bool] = False
    pixels: Pixels

    def embedding(self, settings: NetworkSettings) -> FrameEmbedding:
        assert settings.patch != "auto", "fit_frames decides it"
        return FrameEmbedding(self.pixels, int(settings.width), settings.patch, int(settings.stem))


@dataclass(frozen=True)
class SeriesSource:
    """Numbers (N, S, C) of so many channels."""

    embeds_positions: ClassVar[bool] = False
    channels: int

    def embedding(self, settings: NetworkSettings) -> SeriesEmbedding:
        return SeriesEmbedding(self.channels, int(settings.width))


@dataclass(frozen=True)
class WordSource:
    """Words (N, S, 1 + L) with their letters, each of a vocabulary of its own."""

    embeds_positions: ClassVar[bool] = False
    words: int
    letters: int

    def embedding(self, settings: NetworkSettings) -> WordEmbedding:
        return WordEmbedding(self.words, self.letters, int(settings.width))


def token_embedding(settings: NetworkSettings, vocabulary: int) -> Tokens:
    """Embeddings initialised as the row's output layer needs them."""
    row = LINEAGE[settings.name]
    config = row.decoder or row.encoder
    width, tied = int(settings.width), bool(settings.tied)
    if isinstance(config, TransformerConfig) and config.std:
        return Tokens(vocabulary, width, std=config.std)
    if isinstance(config, TransformerConfig | MinGRUConfig) and tied and config.token_std:
        return Tokens(vocabulary, width, std=config.token_std)
    return Tokens(vocabulary, width, tied)
