"""The history of the field as one table: read downwards, each row is a diff of the one above.

A row names the settings of an encoder and a decoder; the task chooses how they are joined. Sizes are a second table.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeVar

from heedful.blocks.recurrent import Cell
from heedful.blocks.transformer import Norm
from heedful.errors import HeedfulError, unknown
from heedful.sections import Network, Recipe

AttentionName = Literal["additive", "dot", "general", "concat"]
PositionsName = Literal["sinusoidal", "learned", "rotary", "grid"]
WRITTEN = ("translate", "caption", "draw", "complete")
"""Tasks whose answer a decoder writes."""


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
    """Settings of a Transformer, reading or writing."""

    norm: Norm = "post"
    positions: PositionsName = "sinusoidal"
    tied: bool = True


Reader = FrameReader | RecurrentReader | TransformerSide
Writer = RecurrentAnswer | TransformerSide
S = TypeVar("S", bound="Reader | Writer")


@dataclass(frozen=True)
class Row:
    """One era: where it comes from, what it still lacked, and its parts. Without a decoder it writes nothing."""

    paper: str
    added: str
    lacked: str
    encoder: Reader
    decoder: Writer | None


@dataclass(frozen=True)
class Size:
    """A row of the table of sizes. `layers` is the depth of Transformers, `recurrent` that of recurrent stacks."""

    width: int
    layers: int
    recurrent: int
    heads: int
    inner: int
    dropout: float


LINEAGE: dict[str, Row] = {
    "frame": Row(
        "the yardstick: no network of its own time",
        "layers between what goes in and what comes out, each position by itself",
        "no position knows of any other",
        FrameReader(),
        None,
    ),
    "rnn": Row(
        "Elman 1990, as two networks",
        "a state that is carried from step to step",
        "gradients fade within some ten steps; all of the source in one vector",
        RecurrentReader("rnn"),
        RecurrentAnswer("rnn"),
    ),
    "lstm": Row(
        "Hochreiter & Schmidhuber 1997, as two networks",
        "gates around a cell through which gradients pass unharmed",
        "all of the source in one vector",
        RecurrentReader("lstm"),
        RecurrentAnswer("lstm"),
    ),
    "gru": Row(
        "Cho et al. 2014, the unit alone, as two networks",
        "two gates in place of three and no cell beside the state",
        "all of the source in one vector",
        RecurrentReader("gru"),
        RecurrentAnswer("gru"),
    ),
    "cho2014": Row(
        "Cho et al. 2014, Learning Phrase Representations",
        "the summary of the source is seen at every step, not only at the first",
        "one vector still: quality falls with length",
        RecurrentReader("gru"),
        RecurrentAnswer("gru", every_step=True),
    ),
    "sutskever2014": Row(
        "Sutskever et al. 2014, Sequence to Sequence Learning",
        "LSTMs, four deep; the source read backwards, so that beginnings meet",
        "one vector still, only a larger one",
        RecurrentReader("lstm", depth=4, reverse=True),
        RecurrentAnswer("lstm", depth=4),
    ),
    "bahdanau2015": Row(
        "Bahdanau et al. 2015, Jointly Learning to Align and Translate",
        "a memory of all source positions, read both ways; each step looks at what it needs",
        "steps one after another: no work in parallel along the sequence",
        RecurrentReader("gru", bidirectional=True),
        RecurrentAnswer("gru", looks="before", attention="additive"),
    ),
    "luong2015": Row(
        "Luong et al. 2015, Effective Approaches to Attention",
        "looking after the step, by a product; what was looked at is fed to the next step",
        "steps one after another, the more so with input feeding",
        RecurrentReader("lstm", depth=2, reverse=True),
        RecurrentAnswer("lstm", depth=2, looks="after", attention="general", feeding=True),
    ),
    "vaswani2017": Row(
        "Vaswani et al. 2017, Attention Is All You Need",
        "no recurrence: every position looks at every other, many heads at once, all in parallel",
        "cost grows with the square of the length; order must be told apart",
        TransformerSide(),
        TransformerSide(),
    ),
}

SIZE: dict[str, Size] = {
    "tiny": Size(width=64, layers=2, recurrent=1, heads=4, inner=256, dropout=0.1),
    "small": Size(width=256, layers=3, recurrent=1, heads=4, inner=1024, dropout=0.1),
    "base": Size(width=512, layers=6, recurrent=2, heads=8, inner=2048, dropout=0.1),
}


def allowed(task: str) -> list[str]:
    """The rows that can do a task: who writes needs a decoder, who puts two things into one space needs none.

    >>> "frame" in allowed("label"), "frame" in allowed("translate")
    (True, False)
    """
    return [name for name, row in LINEAGE.items() if row.decoder is not None or task not in WRITTEN]


def resolve(
    asked: Network, task: str = "translate", default: str = "vaswani2017", own: Mapping[str, object] | None = None
) -> Network:
    """The settings with every `auto` decided, those that the row lacks left at auto.

    `own` are the settings that only this task has, with what auto means for them. Raises HeedfulError for an unknown
    row, for one that cannot do the task, and for a setting that it does not have.
    """
    name = default if asked.name == "auto" else asked.name
    if name not in LINEAGE:
        raise unknown("network", name, LINEAGE)
    if name not in allowed(task):
        raise HeedfulError(f"{name} cannot {task}: it writes nothing.", f"Those that can: {', '.join(allowed(task))}.")
    decided = {"name": name} | {
        key: value if (given := getattr(asked, key)) == "auto" else given
        for key, value in (defaults(name, asked, task in WRITTEN) | dict(own or {})).items()
    }
    for key in Network.model_fields:
        if key not in ("name", "size") and getattr(asked, key) != "auto" and key not in decided:
            has = ", ".join(f"network.{one}" for one in decided if one != "name")
            raise HeedfulError(f"{name} has no setting network.{key} to {task} with.", f"It has {has}.")
    network = asked.model_copy(update=decided)
    if network.heads != "auto" and int(network.width) % int(network.heads):
        raise HeedfulError(
            f"network.width {network.width} cannot be shared by network.heads {network.heads}.",
            "The width must be a multiple of the heads.",
        )
    return network


def defaults(name: str, asked: Network, writes: bool = True) -> dict[str, object]:
    """What a row of this size is made of, by recipe key; without its decoder's settings where it writes nothing."""
    row, size = LINEAGE[name], SIZE[asked.size]
    common: dict[str, object] = {"width": size.width, "dropout": size.dropout}
    if writes and row.decoder:
        common["tied"] = row.decoder.tied
    if isinstance(row.encoder, TransformerSide):
        parts = {"depth": size.layers, "heads": size.heads, "inner": size.inner}
        return common | parts | {"norm": row.encoder.norm, "positions": row.encoder.positions}
    if isinstance(row.encoder, FrameReader):
        return common | {"depth": size.recurrent}
    common |= {"cell": row.encoder.cell, "depth": row.encoder.depth or size.recurrent}
    if writes and isinstance(row.decoder, RecurrentAnswer) and row.decoder.looks != "never":
        common["attention"] = row.decoder.attention
        if row.decoder.looks == "after":
            common["feeding"] = row.decoder.feeding
    return common


def fit_pictures(network: Network, size: int, places: bool = True) -> Network:
    """The settings with what `auto` means for pictures of this side.

    A Transformer reads what convolutions leave, patch by patch, told in rows and columns if `places`; without a stem,
    patches of the picture. Recurrent networks read rows. Raises HeedfulError for a patch that does not fill the
    picture.
    """
    parallel = isinstance(LINEAGE[network.name].encoder, TransformerSide)
    stem = (max(1, math.ceil(math.log2(size / 6))) if parallel else 0) if network.stem == "auto" else int(network.stem)
    side = math.ceil(size / 2**stem)
    patch = network.patch
    if patch == "auto":
        divisors = [one for one in range(1 if stem else 2, side + 1) if side % one == 0]
        patch = next(one for one in divisors if side // one <= 8) if parallel else "rows"
    if isinstance(patch, int) and (patch < 1 or side % patch):
        fits = [one for one in range(1, side + 1) if side % one == 0]
        raise HeedfulError(
            f"network.patch {patch} does not divide {side}, the side of a picture of {size} pixels behind "
            f"{stem} halvings (network.stem).",
            f"Those that do: {', '.join(map(str, fits))}.",
        )
    told = {"positions": "grid"} if places and parallel and network.positions == "sinusoidal" else {}
    return network.model_copy(update={"stem": stem, "patch": patch} | told)


def fit_frames(network: Network, size: int) -> Network:
    """The settings with what `auto` means for frames of this side: convolutions, and what they leave as a whole."""
    stem = max(1, math.ceil(math.log2(size / 8))) if network.stem == "auto" else int(network.stem)
    patch = "whole" if network.patch == "auto" else network.patch
    return fit_pictures(network.model_copy(update={"stem": stem, "patch": patch}), size, places=False)


def resolve_recipe(recipe: Recipe, own: Mapping[str, object] | None = None) -> Recipe:
    """The recipe with the network's settings decided, and the learning rate that goes with them."""
    network, train = resolve(recipe.network, recipe.task, own=own), recipe.train
    if train.learning_rate == "auto":
        train = train.model_copy(update={"learning_rate": learning_rate(network)})
    return recipe.model_copy(update={"network": network, "train": train})


def picture_grid(network: Network, size: int) -> tuple[int, int]:
    """Rows and columns of what a network of fitted settings reads of a picture."""
    side = math.ceil(size / 2 ** int(network.stem))
    if isinstance(network.patch, int):
        return side // network.patch, side // network.patch
    return (side, 1) if network.patch == "rows" else (1, 1)


def learning_rate(network: Network) -> float:
    """The peak rate that suited a resolved network in trials on cmudict (docs/log.md); wider ones bear less."""
    at_256 = 1e-3 if isinstance(LINEAGE[network.name].encoder, TransformerSide) else 3e-3
    return round(at_256 * 256 / int(network.width), 6)


def reader(network: Network) -> Reader:
    """A row's encoder settings with the recipe's resolved ones in place."""
    return fill(LINEAGE[network.name].encoder, network)


def writer(network: Network) -> Writer:
    """A row's decoder settings with the recipe's resolved ones in place."""
    row = LINEAGE[network.name]
    assert row.decoder is not None, "resolve refuses rows that write nothing"
    return fill(row.decoder, network)


def fill(side: S, network: Network) -> S:
    """One side's settings, taken from the recipe where it has them."""
    names = {field.name for field in fields(side)} & set(Network.model_fields)
    given = {name: getattr(network, name) for name in names if getattr(network, name) != "auto"}
    return replace(side, **given)


def describe() -> list[dict[str, str]]:
    """The table as people read it, a row an era."""
    return [
        {"name": name, "paper": row.paper, "added": row.added, "lacked": row.lacked} for name, row in LINEAGE.items()
    ]
