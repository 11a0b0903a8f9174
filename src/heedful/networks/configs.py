"""The settings of an encoder or a decoder, as a row of the lineage gives them."""

from dataclasses import dataclass
from typing import Literal

from heedful.blocks.names import EPSILON, Activation, Cell, NormKind, NormOrder, PositionName, ScoreName


@dataclass(frozen=True)
class RecurrentEncoderConfig:
    """Settings of a recurrent encoder. depth 0: as the size says."""

    cell: Cell
    depth: int = 0
    bidirectional: bool = False
    reverse: bool = False


@dataclass(frozen=True)
class FrameEncoderConfig:
    """Settings of an encoder that mixes no positions: depth layers, each position by itself."""

    depth: int = 0


@dataclass(frozen=True)
class RecurrentDecoderConfig:
    """Settings of a recurrent decoder. attends: before its step (Bahdanau), after it (Luong), or never.

    every_step: the source's summary is read at each step, not only at the first.
    """

    cell: Cell
    depth: int = 0
    every_step: bool = False
    attends: Literal["never", "before", "after"] = "never"
    attention: ScoreName | None = None
    feeding: bool = False
    tied: bool = False


@dataclass(frozen=True)
class TransformerConfig:
    """Settings of a Transformer, encoder or decoder.

    bias: of the logits. first_norm: before the first block. std: of initialised weights; 0: as each part initialises
    itself. token_std: of embeddings alone, where the output layer has them too. summary and causal are an encoder's: a
    decoder is causal anyway. norm_kind: of all norms. query_norm: of queries and keys of self-attention too. gated: the
    inner part. layer_bias: of the linear layers in blocks. zero: what a block adds to the residual sum begins at zero.
    recurrent: a decoder's, with simpler simple recurrent units (Kim et al. 2019) in place of self-attention.
    """

    norm: NormOrder = "post"
    positions: PositionName = "sinusoidal"
    tied: bool = True
    activation: Activation = "relu"
    epsilon: float = EPSILON
    bias: bool = True
    first_norm: bool = False
    summary: Literal["mean", "first", "last"] = "mean"
    causal: bool = False
    std: float = 0.0
    token_std: float = 0.0
    norm_kind: NormKind = "layer"
    query_norm: bool = False
    gated: bool = False
    layer_bias: bool = True
    zero: bool = False
    recurrent: bool = False


@dataclass(frozen=True)
class MinGRUConfig:
    """Settings of layers that are a minGRU and an inner part each: an encoder, read both ways, or a decoder, whose
    layers attend to the source if there is one. token_std: as above.
    """

    norm: NormOrder = "pre"
    activation: Activation = "gelu"
    epsilon: float = EPSILON
    tied: bool = False
    token_std: float = 0.02


EncoderConfig = FrameEncoderConfig | RecurrentEncoderConfig | TransformerConfig | MinGRUConfig
DecoderConfig = RecurrentDecoderConfig | TransformerConfig | MinGRUConfig
