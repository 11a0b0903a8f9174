"""The settings of a network: which rows a join allows, sizes filled in, and what pictures make of them."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Literal, TypeVar, get_args

from heedful.errors import HeedfulError, unknown
from heedful.networks.configs import (
    DecoderConfig,
    EncoderConfig,
    FrameEncoderConfig,
    MinGRUConfig,
    RecurrentDecoderConfig,
    TransformerConfig,
)
from heedful.networks.lineage import LINEAGE, SIZE, Size
from heedful.schema import NetworkSettings

Join = Literal["encoder_decoder", "decoder", "encoder_tokens", "encoder_pooled", "encoder_steps", "two_encoders"]
"""How the parts of a row become a network: a sequence from a source (encoder_decoder) or from nothing (decoder, a
language model); a token at each position (encoder_tokens, a masked language model), one answer (encoder_pooled), an
answer at each position (encoder_steps); or two sources in one space (two_encoders).
"""
JOINS: tuple[Join, ...] = get_args(Join)
DECODING: tuple[Join, ...] = ("encoder_decoder", "decoder")
CONTEXT = 512  # positions that are learned unless a recipe says otherwise
SIZE_IF_NONE = "small"  # of a network by itself, where no data and budget are there to decide by
INNER = 4  # times the width

Config = TypeVar("Config", bound="EncoderConfig | DecoderConfig")


def allowed_rows(join: Join) -> list[str]:
    """The rows that can be joined so: who writes needs a decoder, who reads an encoder.

    >>> "frame" in allowed_rows("encoder_steps"), "frame" in allowed_rows("encoder_decoder")
    (True, False)
    >>> "gpt" in allowed_rows("decoder")
    True
    """
    return [name for name in LINEAGE if not obstacle(name, join)]


def obstacle(name: str, join: Join) -> str:
    """Why a row cannot be joined so, in a few words; empty if it can."""
    row = LINEAGE[name]
    if join in DECODING and row.decoder is None:
        return "it writes nothing"
    if join != "decoder" and row.encoder is None:
        return "it reads nothing but what it writes"
    if join == "decoder" and isinstance(row.decoder, RecurrentDecoderConfig) and row.decoder.attends != "never":
        return "its decoder looks at a source, and here is none"
    return ""


def row_for(name: str, join: Join, default: str) -> str:
    """A row, or the default where it cannot be joined so: what weights came from may read well and write nothing."""
    return default if obstacle(name, join) else name


def require_row(name: str) -> None:
    """Raises HeedfulError for what is no row of the lineage, with the nearest."""
    if name not in LINEAGE:
        raise unknown("network", name, LINEAGE)


def main_join(name: str) -> Join:
    """The join that shows all that a row has."""
    joins: tuple[Join, ...] = ("encoder_decoder", "decoder", "encoder_tokens")
    return next(join for join in joins if not obstacle(name, join))


def describe() -> list[dict[str, str]]:
    """The lineage as people read it, a row an era."""
    return [
        {"name": name, "idea": row.idea, "paper": row.paper, "added": row.added, "lacked": row.lacked}
        for name, row in LINEAGE.items()
    ]


def resolve(
    settings: NetworkSettings,
    join: Join = "encoder_decoder",
    *,
    default: str = "vaswani2017",
    verb: str = "answer",
    extra: Mapping[str, object] | None = None,
) -> NetworkSettings:
    """The settings with every `auto` decided, those that the row lacks left at auto.

    `default`: the row that auto means. `verb`: what the network is to do, as errors say it. `extra`: settings that only
    this use of a network has, with what auto means for them. Raises HeedfulError for an unknown row, for one that
    cannot be joined so, and for a setting that it does not have.
    """
    name = default if settings.name == "auto" else settings.name
    require_row(name)
    if reason := obstacle(name, join):
        raise HeedfulError(f"{name} cannot {verb}: {reason}.", f"Those that can: {', '.join(allowed_rows(join))}.")
    decided = {"name": name} | {
        key: value if (setting := getattr(settings, key)) == "auto" else setting
        for key, value in (defaults(name, settings, join) | dict(extra or {})).items()
    }
    refuse_others(settings, decided, verb)
    network = replace(settings, **decided)
    if network.heads != "auto" and int(network.width) % int(network.heads):
        raise HeedfulError(
            f"network.width {network.width} cannot be shared by network.heads {network.heads}.",
            "The width must be a multiple of the heads.",
        )
    return network


def refuse_others(settings: NetworkSettings, decided: Mapping[str, object], verb: str) -> None:
    """Raises HeedfulError for a setting that was asked for and that the row does not have."""
    for key in (setting.name for setting in fields(NetworkSettings)):
        if key not in ("name", "size") and getattr(settings, key) != "auto" and key not in decided:
            keys = ", ".join(f"network.{key}" for key in decided if key != "name")
            raise HeedfulError(f"{decided['name']} has no setting network.{key} to {verb} with.", f"It has {keys}.")


def defaults(name: str, settings: NetworkSettings, join: Join = "encoder_decoder") -> dict[str, object]:
    """What a row of this size is made of when joined so, by recipe key."""
    row, size = LINEAGE[name], SIZE[SIZE_IF_NONE if settings.size == "auto" else settings.size]
    width = size.width if settings.width == "auto" else int(settings.width)
    decodes, config = join in DECODING, main_config(name, join)
    depth = default_depth(config, size)
    common: dict[str, object] = {"width": width, "dropout": size.dropout, "depth": depth}
    if settings.size == "auto":
        common["size"] = SIZE_IF_NONE
    if join == "encoder_decoder":
        common["decoder_depth"] = depth if settings.depth == "auto" else settings.depth
    if decodes and row.decoder:
        common["tied"] = row.decoder.tied
    elif join == "encoder_tokens":
        common["tied"] = True
    if isinstance(config, TransformerConfig):
        sizes = {"heads": size.heads, "inner": inner_width(width, config.gated)}
        kinds = {key: getattr(config, key) for key in ("norm", "positions", "activation", "epsilon")}
        positions = config.positions if settings.positions == "auto" else settings.positions
        return common | sizes | kinds | ({"context": CONTEXT} if positions in ("learned", "line") else {})
    if isinstance(config, MinGRUConfig):
        heads = {"heads": size.heads} if join == "encoder_decoder" else {}
        kinds = {key: getattr(config, key) for key in ("norm", "activation", "epsilon")}
        return common | heads | {"inner": inner_width(width)} | kinds
    if isinstance(config, FrameEncoderConfig):
        return common
    common["cell"] = config.cell
    if decodes and isinstance(row.decoder, RecurrentDecoderConfig) and row.decoder.attends != "never":
        common["attention"] = row.decoder.attention
        if row.decoder.attends == "after":
            common["feeding"] = row.decoder.feeding
    return common


def default_depth(config: EncoderConfig | DecoderConfig, size: Size) -> int:
    """How many layers a side has: what is made of blocks more than recurrent stacks, unless a row says how many."""
    if isinstance(config, TransformerConfig | MinGRUConfig):
        return size.layers
    return size.recurrent if isinstance(config, FrameEncoderConfig) else config.depth or size.recurrent


def inner_width(width: int, gated: bool = False) -> int:
    """The inner width beside a width; where it is gated two thirds, as its three matrices then weigh as much as two."""
    return math.ceil(INNER * width * 2 / 3 / 16) * 16 if gated else INNER * width


def main_config(name: str, join: Join) -> "EncoderConfig | DecoderConfig":
    """The side whose settings are a row's: the encoder's, or the decoder's where there is none or it is not needed."""
    row = LINEAGE[name]
    config = row.decoder if join == "decoder" else row.encoder or row.decoder
    assert config is not None, "a row has a side"
    return config


def fit_pictures(network: NetworkSettings, size: int, two_dimensional: bool = True) -> NetworkSettings:
    """The settings with what `auto` means for pictures of this side.

    A Transformer reads what convolutions leave, patch by patch, with 2-D position embeddings if `two_dimensional`;
    without a stem, or with 1-D ones, patches of the picture. So does what mixes no positions: it is a convolutional
    network then. Recurrent networks read rows. Raises HeedfulError for a patch that does not fill the picture.
    """
    parallel = isinstance(LINEAGE[network.name].encoder, TransformerConfig | FrameEncoderConfig)
    halved = parallel and network.positions != "line"
    stem = (max(1, math.ceil(math.log2(size / 6))) if halved else 0) if network.stem == "auto" else int(network.stem)
    side = math.ceil(size / 2**stem)
    patch = network.patch
    if patch == "auto":
        divisors = [divisor for divisor in range(1 if stem else 2, side + 1) if side % divisor == 0]
        patch = next(divisor for divisor in divisors if side // divisor <= 8) if parallel else "rows"
    if isinstance(patch, int) and (patch < 1 or side % patch):
        divisors = [divisor for divisor in range(1, side + 1) if side % divisor == 0]
        raise HeedfulError(
            f"network.patch {patch} does not divide {side}, the side of a picture of {size} pixels behind "
            f"{stem} halvings (network.stem).",
            f"Those that do: {', '.join(map(str, divisors))}.",
        )
    network = replace(network, stem=stem, patch=patch)
    grid = two_dimensional and parallel and network.positions == "sinusoidal"
    return replace(network, positions="grid") if grid else network


def fit_frames(network: NetworkSettings, size: int) -> NetworkSettings:
    """The settings with what `auto` means for frames of this side: convolutions, and what they leave as a whole."""
    stem = max(1, math.ceil(math.log2(size / 8))) if network.stem == "auto" else int(network.stem)
    patch = "whole" if network.patch == "auto" else network.patch
    return fit_pictures(replace(network, stem=stem, patch=patch), size, two_dimensional=False)


def picture_grid(network: NetworkSettings, size: int) -> tuple[int, int]:
    """Rows and columns of what a network of fitted settings reads of a picture."""
    side = math.ceil(size / 2 ** int(network.stem))
    if isinstance(network.patch, int):
        return side // network.patch, side // network.patch
    return (side, 1) if network.patch == "rows" else (1, 1)


def picture_positions(network: NetworkSettings, size: int) -> int:
    """How many positions a network of fitted settings reads of a picture, its class token counted."""
    rows, columns = picture_grid(network, size)
    return rows * columns + has_class_token(network)


def has_class_token(network: NetworkSettings) -> bool:
    """Whether a class token stands before a picture's patches: with 1-D positions, or to read an answer from."""
    return network.positions == "line" or network.pool == "class"


def encoder_config(network: NetworkSettings, for_text: bool = False) -> EncoderConfig:
    """A row's encoder with the resolved settings in place; `for_text`: that of the texts of two encoders."""
    row = LINEAGE[network.name]
    config = (row.for_text or row.encoder) if for_text else row.encoder
    assert config is not None, "resolve refuses rows that read nothing"
    return with_settings(config, network)


def decoder_config(network: NetworkSettings) -> DecoderConfig:
    """A row's decoder with the resolved settings in place."""
    row = LINEAGE[network.name]
    assert row.decoder is not None, "resolve refuses rows that write nothing"
    return with_settings(row.decoder, decoder_settings(network))


def decoder_settings(network: NetworkSettings) -> NetworkSettings:
    """The settings as its decoder alone has them: depth is its own."""
    depth = network.depth if network.decoder_depth == "auto" else network.decoder_depth
    return replace(network, depth=depth, decoder_depth="auto")


def with_settings(config: Config, network: NetworkSettings) -> Config:
    """One side, with what the settings say of it."""
    keys = {field.name for field in fields(config)} & {setting.name for setting in fields(NetworkSettings)}
    return replace(config, **{key: value for key in keys if (value := getattr(network, key)) != "auto"})
