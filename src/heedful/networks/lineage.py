"""The history of the field as one table: read downwards, each row is a diff of the one above.

A row names the settings of an encoder and a decoder; the task chooses how they are joined. Sizes are a second table.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TypeVar

from heedful.errors import HeedfulError, unknown
from heedful.networks.configs import (
    FrameReader,
    Reader,
    RecurrentAnswer,
    RecurrentReader,
    Row,
    Size,
    TransformerSide,
    Writer,
)
from heedful.schema import NetworkSettings, Recipe

WRITTEN = ("translate", "caption", "draw", "complete")
"""Tasks whose answer a decoder writes."""
ALONE = ("complete",)
"""Those of them in which it writes from nothing."""
DEFAULT = {"complete": "gpt", "fill": "bert"}
"""The row that auto means; of other tasks vaswani2017."""
TUNING = 0.1  # of the usual learning rate, from weights that exist: 3e-5 at width 768, as Devlin et al. 2019, A.3
CONTEXT = 512  # positions that are learned unless a recipe says otherwise


S = TypeVar("S", bound="Reader | Writer")

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
    "gpt": Row(
        "Radford et al. 2018 and 2019, Language Models are Unsupervised Multitask Learners",
        "the decoder alone, on any text: predicting the next word needs no pairs; norms before each part",
        "looks back only: a word is read without what follows it",
        None,
        TransformerSide("pre", "learned", activation="gelu_tanh", bias=False, spread=0.02),
    ),
    "bert": Row(
        "Devlin et al. 2019, BERT",
        "the encoder alone, on any text: words that were left out are told from both sides",
        "reads and does not write",
        TransformerSide("post", "learned", activation="gelu", epsilon=1e-12, first_norm=True, spread=0.02),
        None,
    ),
    "vit": Row(
        "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words",
        "a picture is a line of patches behind a class token, read as a text is; no convolutions",
        "what is near or far has to be learnt, from many pictures; only classes that were named beforehand",
        TransformerSide("pre", "line", activation="gelu", epsilon=1e-12, summary="first"),
        None,
    ),
    "clip": Row(
        "Radford et al. 2021, Learning Transferable Visual Models",
        "a network for pictures and one for texts, into one space: any words can name what is seen",
        "says how near two things are, and no word of its own",
        TransformerSide("pre", "line", activation="quick_gelu", first_norm=True, summary="first"),
        None,
        TransformerSide("pre", "learned", activation="quick_gelu", summary="last", causal=True),
    ),
}

SIZE: dict[str, Size] = {
    "tiny": Size(width=64, layers=2, recurrent=1, heads=4, inner=256, dropout=0.1),
    "small": Size(width=256, layers=3, recurrent=1, heads=4, inner=1024, dropout=0.1),
    "base": Size(width=512, layers=6, recurrent=2, heads=8, inner=2048, dropout=0.1),
}


def allowed(task: str) -> list[str]:
    """The rows that can do a task: who writes needs a decoder, who reads an encoder.

    >>> "frame" in allowed("label"), "frame" in allowed("translate"), "gpt" in allowed("complete")
    (True, False, True)
    """
    return [name for name in LINEAGE if not lacking(name, task)]


def able(name: str, task: str) -> str:
    """A row, or the usual one for a task that it cannot do: what weights came from may read well and write nothing."""
    return DEFAULT.get(task, "vaswani2017") if lacking(name, task) else name


def shape(name: str) -> str:
    """The task whose shape shows all that a row has."""
    return next(task for task in ("translate", "complete", "fill") if not lacking(name, task))


def lacking(name: str, task: str) -> str:
    """Why a row cannot do a task, in a few words; empty if it can."""
    row = LINEAGE[name]
    if task in WRITTEN and row.decoder is None:
        return "it writes nothing"
    if task not in ALONE and row.encoder is None:
        return "it reads nothing but what it writes"
    if task in ALONE and isinstance(row.decoder, RecurrentAnswer) and row.decoder.looks != "never":
        return "its decoder looks at a source, and here is none"
    return ""


def resolve(
    asked: NetworkSettings, task: str = "translate", default: str = "", own: Mapping[str, object] | None = None
) -> NetworkSettings:
    """The settings with every `auto` decided, those that the row lacks left at auto.

    `own` are the settings that only this task has, with what auto means for them. Raises HeedfulError for an unknown
    row, for one that cannot do the task, and for a setting that it does not have.
    """
    name = (default or DEFAULT.get(task, "vaswani2017")) if asked.name == "auto" else asked.name
    if name not in LINEAGE:
        raise unknown("network", name, LINEAGE)
    if why := lacking(name, task):
        raise HeedfulError(f"{name} cannot {task}: {why}.", f"Those that can: {', '.join(allowed(task))}.")
    decided = {"name": name} | {
        key: value if (given := getattr(asked, key)) == "auto" else given
        for key, value in (defaults(name, asked, task) | dict(own or {})).items()
    }
    for key in (one.name for one in fields(NetworkSettings)):
        if key not in ("name", "size") and getattr(asked, key) != "auto" and key not in decided:
            has = ", ".join(f"network.{one}" for one in decided if one != "name")
            raise HeedfulError(f"{name} has no setting network.{key} to {task} with.", f"It has {has}.")
    network = replace(asked, **decided)
    if network.heads != "auto" and int(network.width) % int(network.heads):
        raise HeedfulError(
            f"network.width {network.width} cannot be shared by network.heads {network.heads}.",
            "The width must be a multiple of the heads.",
        )
    return network


def defaults(name: str, asked: NetworkSettings, task: str = "translate") -> dict[str, object]:
    """What a row of this size is made of to do a task, by recipe key."""
    row, size = LINEAGE[name], SIZE[asked.size]
    writes, side = task in WRITTEN, main_side(name, task)
    common: dict[str, object] = {"width": size.width, "dropout": size.dropout}
    if writes and row.decoder:
        common["tied"] = row.decoder.tied
    elif task == "fill":
        common["tied"] = True
    if isinstance(side, TransformerSide):
        parts = {"depth": size.layers, "heads": size.heads, "inner": size.inner}
        kinds = {key: getattr(side, key) for key in ("norm", "positions", "activation", "epsilon")}
        told = kinds["positions"] if asked.positions == "auto" else asked.positions
        return common | parts | kinds | ({"context": CONTEXT} if told in ("learned", "line") else {})
    if isinstance(side, FrameReader):
        return common | {"depth": size.recurrent}
    common |= {"cell": side.cell, "depth": side.depth or size.recurrent}
    if writes and isinstance(row.decoder, RecurrentAnswer) and row.decoder.looks != "never":
        common["attention"] = row.decoder.attention
        if row.decoder.looks == "after":
            common["feeding"] = row.decoder.feeding
    return common


def main_side(name: str, task: str) -> "Reader | Writer":
    """The side whose settings are a row's: the encoder's, or the decoder's where there is none or it is not needed."""
    row = LINEAGE[name]
    side = row.decoder if task in ALONE else row.encoder or row.decoder
    assert side is not None, "a row has a side"
    return side


def fit_pictures(network: NetworkSettings, size: int, places: bool = True) -> NetworkSettings:
    """The settings with what `auto` means for pictures of this side.

    A Transformer reads what convolutions leave, patch by patch, told in rows and columns if `places`; without a stem,
    or told them in a line, patches of the picture. Recurrent networks read rows. Raises HeedfulError for a patch that
    does not fill the picture.
    """
    parallel = isinstance(LINEAGE[network.name].encoder, TransformerSide)
    halved = parallel and network.positions != "line"
    stem = (max(1, math.ceil(math.log2(size / 6))) if halved else 0) if network.stem == "auto" else int(network.stem)
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
    return replace(network, **({"stem": stem, "patch": patch} | told))


def fit_frames(network: NetworkSettings, size: int) -> NetworkSettings:
    """The settings with what `auto` means for frames of this side: convolutions, and what they leave as a whole."""
    stem = max(1, math.ceil(math.log2(size / 8))) if network.stem == "auto" else int(network.stem)
    patch = "whole" if network.patch == "auto" else network.patch
    return fit_pictures(replace(network, stem=stem, patch=patch), size, places=False)


def resolve_recipe(recipe: Recipe, own: Mapping[str, object] | None = None) -> Recipe:
    """The recipe with the network's settings decided, and the learning rate that goes with them."""
    network, train = resolve(recipe.network, recipe.task, own=own), recipe.train
    if train.learning_rate == "auto":
        rate = learning_rate(network) * (TUNING if recipe.start else 1)
        train = replace(train, learning_rate=round(rate, 7))
    return replace(recipe, network=network, train=train)


def picture_grid(network: NetworkSettings, size: int) -> tuple[int, int]:
    """Rows and columns of what a network of fitted settings reads of a picture."""
    side = math.ceil(size / 2 ** int(network.stem))
    if isinstance(network.patch, int):
        return side // network.patch, side // network.patch
    return (side, 1) if network.patch == "rows" else (1, 1)


def learning_rate(network: NetworkSettings) -> float:
    """The peak rate that suited a resolved network in trials on cmudict (docs/log.md); wider ones bear less."""
    row = LINEAGE[network.name]
    at_256 = 1e-3 if isinstance(row.encoder or row.decoder, TransformerSide) else 3e-3
    return round(at_256 * 256 / int(network.width), 6)


def picture_positions(network: NetworkSettings, size: int) -> int:
    """How many positions a network of fitted settings reads of a picture, its class token counted."""
    rows, columns = picture_grid(network, size)
    return rows * columns + class_token(network)


def class_token(network: NetworkSettings) -> bool:
    """Whether a picture's patches stand behind a class token: where they are told in a line, or an answer needs it."""
    return network.positions == "line" or network.pool == "class"


def reader(network: NetworkSettings, second: bool = False) -> Reader:
    """A row's encoder settings with the recipe's resolved ones in place; `second`: those of the texts of `match`."""
    row = LINEAGE[network.name]
    side = (row.second or row.encoder) if second else row.encoder
    assert side is not None, "resolve refuses rows that read nothing"
    return fill(side, network)


def writer(network: NetworkSettings) -> Writer:
    """A row's decoder settings with the recipe's resolved ones in place."""
    row = LINEAGE[network.name]
    assert row.decoder is not None, "resolve refuses rows that write nothing"
    return fill(row.decoder, network)


def fill(side: S, network: NetworkSettings) -> S:
    """One side's settings, taken from the recipe where it has them."""
    names = {field.name for field in fields(side)} & {one.name for one in fields(NetworkSettings)}
    given = {name: getattr(network, name) for name in names if getattr(network, name) != "auto"}
    return replace(side, **given)


def describe() -> list[dict[str, str]]:
    """The table as people read it, a row an era."""
    return [
        {"name": name, "paper": row.paper, "added": row.added, "lacked": row.lacked} for name, row in LINEAGE.items()
    ]
