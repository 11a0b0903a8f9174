"""The settings of one side of a network, reading or writing, and what a row of the lineage is made of."""

from dataclasses import dataclass
from typing import Literal

from heedful.blocks.activation import Activation
from heedful.blocks.recurrent import Cell
from heedful.blocks.transformer import EPSILON, Norm

AttentionName = Literal["additive", "dot", "general", "concat"]
PositionsName = Literal["sinusoidal", "learned", "rotary", "grid", "line"]


@dataclass(frozen=True)
class RecurrentReader:
    """Settings of a recurrent encoder. depth 0: as the size says."""

    cell: Cell
    depth: int = 0
    bidirectional: bool = False
    reverse: bool = False


@dataclass(frozen=True)
class FrameReader:
    """Settings of an encoder that mixes no positions: depth layers, each position by itself."""

    depth: int = 0


@dataclass(frozen=True)
class RecurrentAnswer:
    """Settings of a recurrent decoder. looks: before its step (Bahdanau), after it (Luong), or never."""

    cell: Cell
    depth: int = 0
    every_step: bool = False
    looks: Literal["never", "before", "after"] = "never"
    attention: AttentionName | None = None
    feeding: bool = False
    tied: bool = False


@dataclass(frozen=True)
class TransformerSide:
    """Settings of a Transformer, reading or writing.

    bias: of the logits. first_norm: before the first block. spread: of fresh weights; 0: as each part begins by
    itself. summary and causal are for readers: a decoder looks back anyway.
    """

    norm: Norm = "post"
    positions: PositionsName = "sinusoidal"
    tied: bool = True
    activation: Activation = "relu"
    epsilon: float = EPSILON
    bias: bool = True
    first_norm: bool = False
    summary: Literal["mean", "first", "last"] = "mean"
    causal: bool = False
    spread: float = 0.0


Reader = FrameReader | RecurrentReader | TransformerSide
Writer = RecurrentAnswer | TransformerSide


@dataclass(frozen=True)
class Row:
    """One era: where it comes from, what it still lacked, and its parts.

    Without a decoder it writes nothing, without an encoder it writes from nothing. `second` reads the texts of
    `match`, where the encoder does not.
    """

    paper: str
    added: str
    lacked: str
    encoder: Reader | None
    decoder: Writer | None
    second: Reader | None = None


@dataclass(frozen=True)
class Size:
    """A row of the table of sizes. `layers` is the depth of Transformers, `recurrent` that of recurrent stacks."""

    width: int
    layers: int
    recurrent: int
    heads: int
    inner: int
    dropout: float
