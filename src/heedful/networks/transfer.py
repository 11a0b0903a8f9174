"""From the weights of one network to another: what fits by name and shape is transferred, and all else is listed.

Tensors are matched by the part that they stand in, whatever task a network was made for: embedding, encoder, decoder,
head. One of two towers stands for both of its parts where the other network has but one side.

S positions   D width   V vocabulary
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from heedful.blocks.embedding import Learned
from heedful.blocks.vision import resample
from heedful.errors import weights_of
from heedful.networks.embeddings import FrameEmbedding, PictureEmbedding, SegmentEmbedding, SeriesEmbedding
from heedful.networks.encoders import Encoder, ProjectedEncoder, TransformerEncoder
from heedful.networks.joins import Drawing, EncoderHead, Network, TwoTowers
from heedful.networks.parts import display_name, is_within, summarise_names
from heedful.networks.subwords import FirstPieces

ROWS = ("embedding.table.weight", "tokens.table.weight", "output.linear.weight", "output.linear.bias")
"""Tensors of a row for each token."""
POSITIONS = "positions.table.weight"
"""A row for each position of a text."""

Kind = Literal["pictures", "series", "texts"]
Grid = tuple[int, int]
"""Rows and columns of patches."""


@dataclass
class Transfer:
    """What became of the tensors of both networks: names as people are shown them, and why some did not fit."""

    copies: list[str] = field(default_factory=list[str])
    resized: dict[str, str] = field(default_factory=dict[str, str])
    fresh: dict[str, str] = field(default_factory=dict[str, str])
    unused: list[str] = field(default_factory=list[str])
    weights: int = 0  # numbers in what was transferred
    everything: list[str] = field(default_factory=list[str])  # names of the network
    source_names: list[str] = field(default_factory=list[str])  # names of the network that the weights come from

    @property
    def count(self) -> int:
        """How many tensors were transferred."""
        return len(self.copies) + len(self.resized)

    def has_whole(self, part: str) -> bool:
        """Whether all of a part was transferred as it was."""
        tensors = [name for name in self.everything if is_within(name, part)]
        return bool(tensors) and {*tensors} <= {*self.copies}

    def lines(self, where: str) -> list[str]:
        """All of it in a few lines."""
        total = self.count + len(self.fresh)
        first = f"all {total:,}" if self.count == total else f"{self.count:,} of {total:,}"
        lines = [f"from {where}: {first} tensors taken, {weights_of(self.weights)}"]
        lines += [
            f"  {kind}: {describe_reasons(reasons, self.everything)}" for kind, reasons in self.parts() if reasons
        ]
        unused = summarise_names(self.unused, self.source_names)
        return lines + ([f"  left over there: {', '.join(unused)}"] if self.unused else [])

    def parts(self) -> list[tuple[str, dict[str, str]]]:
        """What is not as it was there."""
        return [("resized", self.resized), ("new", self.fresh)]


class Origin(NamedTuple):
    """Where weights come from: tensors by the part that they stand in, and the numbers of their storages."""

    tensors: dict[str, Tensor]
    storages: dict[str, int]


class Match(NamedTuple):
    """A tensor there that fits one here: the name that both have in their sides, and it as large as the one here."""

    name: str
    value: Tensor
    resized: Tensor


def describe_reasons(reasons: Mapping[str, str], every: Sequence[str]) -> str:
    """Tensors with why each is not transferred as it is; those of one reason stand together."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return "; ".join(
        ", ".join(summarise_names(names, every)) + (f" ({reason})" if reason else "")
        for reason, names in groups.items()
    )


@torch.no_grad()
def transfer(network: nn.Module, start: nn.Module, unlike: Mapping[str, str], order: Sequence[int] = ()) -> Transfer:
    """Gives a network the weights of another where they fit.

    `unlike`: parts whose rows stand for something else there, with why. `order`: for each class, its row in the head
    there.
    """
    origin, side_names = origin_of(start, network), names_in_side(network, start)
    unlike = {**unlike, **incompatible_parts(network, start)}
    grids = grid_of(network), grid_of(start)
    report, used = Transfer(), set[int]()
    for names, weight in distinct_tensors(network):
        label = display_name(names[0])
        match = find_match([side_names[name] for name in names if name in side_names], weight, origin, unlike, grids)
        if isinstance(match, str):
            report.fresh[label] = match
            continue
        weight.copy_(match.resized[list(order)] if order and is_within(match.name, "head") else match.resized)
        used.add(origin.storages[match.name])
        report.weights += weight.numel()
        if match.value.shape == weight.shape:
            report.copies.append(label)
        else:
            report.resized[label] = mismatch(weight, match.value)
    theirs = distinct_tensors(start)
    report.unused = [display_name(names[0]) for names, value in theirs if value.data_ptr() not in used]
    report.everything = [display_name(names[0]) for names, _ in distinct_tensors(network)]
    report.source_names = [display_name(names[0]) for names, _ in theirs]
    return report


def find_match(
    side_names: Sequence[str],
    weight: Tensor,
    origin: Origin,
    unlike: Mapping[str, str],
    grids: tuple[Grid | None, Grid | None],
) -> Match | str:
    """The tensor there that stands where this one does, by the first of its names that has one; or why none fits."""
    reason = ""
    for name in side_names:
        value = origin.tensors.get(name)
        other = next((text for part, text in unlike.items() if is_within(name, part)), None)
        if value is None or other is not None:
            reason = other or reason
            continue
        resized = resize(name, value, weight, grids)
        if resized is not None:
            return Match(name, value, resized)
        reason = mismatch(weight, value)
    return reason


def origin_of(start: nn.Module, network: nn.Module) -> Origin:
    """The tensors of a start by where they stand.

    Where it tells several texts apart and the network knows of one, the first text's vector is added to positions.
    Rows before its first position are left out where the network has none.
    """
    side_names, state = names_in_side(start, network), start.state_dict()
    if not first_position(network):
        for name in [name for name in state if name.endswith(POSITIONS)]:
            positions = start.get_submodule(name.removesuffix(".table.weight"))
            state[name] = state[name][positions.first :] if isinstance(positions, Learned) else state[name]
    tensors = {side_name: value for name, value in state.items() if (side_name := side_names.get(name))}
    storages = {side_name: value.data_ptr() for side_name, value in tensors.items()}
    if isinstance(embedding_of(start), SegmentEmbedding) and not isinstance(embedding_of(network), SegmentEmbedding):
        tokens, texts = "embedding.tokens.table.weight", "embedding.texts.weight"
        tensors["embedding.table.weight"] = tensors[tokens]
        storages["embedding.table.weight"] = storages[tokens]
        positions = "encoder.positions.table.weight"
        tensors[positions] = tensors[positions] + tensors[texts][0]
    return Origin(tensors, storages)


def first_position(network: nn.Module) -> int:
    """The row of a network's position embeddings in which the first one stands."""
    return next((module.first for module in network.modules() if isinstance(module, Learned)), 0)


def distinct_tensors(network: nn.Module) -> list[tuple[list[str], Tensor]]:
    """Each tensor of a network once, with all of its names: tied ones have several."""
    tensors: dict[int, tuple[list[str], Tensor]] = {}
    for name, value in network.state_dict().items():
        tensors.setdefault(value.data_ptr(), ([], value))[0].append(name)
    return list(tensors.values())


def names_in_side(network: nn.Module, other: nn.Module) -> dict[str, str]:
    """The names that a network's tensors would have in a network of one side, by their own; others are left out."""
    if isinstance(network, TwoTowers) and not isinstance(other, TwoTowers):
        side = 1 if kind_of(other) == "texts" else 0
        prefixes = {f"embeddings.{side}.": "embedding.", f"encoders.{side}.": "encoder."}
    elif isinstance(network, Drawing):
        prefixes = {"writer.": "", "codebook.": "codebook."}
    elif isinstance(network, FirstPieces):
        prefixes = {"inner.": ""}
    elif is_projected(network) != is_projected(other):
        prefixes = {"encoder.encoder.": "encoder.", "encoder.linear.": "encoder.projection.", "": ""}
    else:
        prefixes = {"": ""}
    side_names: dict[str, str] = {}
    for name in network.state_dict():
        first = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
        if first is not None:
            side_names[name] = prefixes[first] + name.removeprefix(first)
    return side_names


def is_projected(network: nn.Module) -> bool:
    """Whether a network's memory is brought to another width than its encoder's."""
    return isinstance(getattr(network, "encoder", None), ProjectedEncoder)


def incompatible_parts(network: nn.Module, start: nn.Module) -> dict[str, str]:
    """Parts that fit by name and yet do another thing, with what it is."""
    if isinstance(network, TwoTowers) and isinstance(start, TwoTowers):
        return {}
    mine, theirs = reading_side(network, start), reading_side(start, network)
    if mine is None or theirs is None:
        return {}
    if mine[0] != theirs[0]:
        reason = f"{mine[0]} here, {theirs[0]} there"
        return {"embedding": reason, "encoder": reason}
    if is_causal(mine[1]) != is_causal(theirs[1]):
        return {"encoder": "positions see those behind them here or there alone"}
    vectors = pooled_vector(network), pooled_vector(start)
    differ = all(vectors) and vectors[0] != vectors[1]
    return {"head": f"read from {vectors[0]} here, {vectors[1]} there"} if differ else {}


def is_causal(encoder: Encoder) -> bool:
    """Whether no position of an encoder sees those behind it."""
    return isinstance(encoder, TransformerEncoder) and encoder.causal


def pooled_vector(network: nn.Module) -> str:
    """The vector that one answer is read from; empty for networks that answer otherwise."""
    if not isinstance(network, EncoderHead) or network.pool == "each":
        return ""
    pool: str = network.pool
    if pool == "summary" and isinstance(network.encoder, TransformerEncoder):
        pool = network.encoder.summary
    name = {"mean": "the mean", "first": "the first vector", "class": "the first vector"}.get(pool, "the summary")
    return name if network.pooler is None else f"one more layer over {name}"


def reading_side(network: nn.Module, other: nn.Module) -> tuple[Kind, Encoder] | None:
    """What the side of a network reads that stands where the other's does, and its encoder; None: it reads nothing."""
    if isinstance(network, TwoTowers):
        side = 1 if kind_of(other) == "texts" else 0
        return ("texts" if side else "pictures"), network.encoder(side)
    sides = sides_of(network)
    return (kind_of(network), sides[0][1]) if sides else None


def kind_of(network: nn.Module) -> Kind:
    """What a network reads with its first side."""
    embedding = embedding_of(network)
    if isinstance(embedding, PictureEmbedding | FrameEmbedding):
        return "pictures"
    return "series" if isinstance(embedding, SeriesEmbedding) else "texts"


def embedding_of(network: nn.Module) -> nn.Module | None:
    """The embedding of the first side, which sees where there are two."""
    return next((embedding for embedding, _ in sides_of(network)), None)


def sides_of(network: nn.Module) -> Sequence[tuple[nn.Module, Encoder]]:
    """The sides of a network, or of the one within it."""
    return network.core.sides() if isinstance(network, Network) else []


def grid_of(network: nn.Module) -> Grid | None:
    """Rows and columns in which a network reads pictures, if it does."""
    embedding = embedding_of(network)
    return embedding.patches.grid if isinstance(embedding, PictureEmbedding) else None


def resize(name: str, value: Tensor, weight: Tensor, grids: tuple[Grid | None, Grid | None]) -> Tensor | None:
    """A tensor as large as `weight`, or None if it cannot be made so.

    Of tokens and positions as many as both have are taken, since both count from the same first one. Positions of
    patches are resampled (Dosovitskiy et al. 2021, section 3.2).
    """
    if value.shape == weight.shape:
        return value
    if name.endswith((*ROWS, POSITIONS)) and value.shape[1:] == weight.shape[1:]:
        rows, resized = min(len(value), len(weight)), weight.clone()
        resized[:rows] = value[:rows]
        return resized
    new_grid, grid = grids
    if new_grid is None or grid is None or value.shape[-1] != weight.shape[-1]:
        return None
    if name.endswith("places.table"):
        return resample(value, new_grid)
    if name.endswith("line.table.weight"):  # the class token stands before the patches
        patches = value[1:].reshape(*grid, -1)
        return torch.cat([value[:1], resample(patches, new_grid).flatten(0, 1)])
    return None


def mismatch(weight: Tensor, value: Tensor) -> str:
    """Two shapes as people read them."""
    shape, their_shape = (" × ".join(f"{side:,}" for side in tensor.shape) for tensor in (weight, value))
    return f"{shape} here, {their_shape} there"
