"""From the weights of one network to another: what fits by name and shape is taken, and all else is told.

Parts are matched by where they stand, whatever task a network was made for: embedding, encoder, decoder, head. One of
two towers stands for both of its parts where the other network has but one side.

S positions   D width   V vocabulary
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from heedful.blocks.vision import stretched
from heedful.networks.embeddings import Frames, Pictures, Segments, Series
from heedful.networks.encoders import ProjectedEncoder
from heedful.networks.joins import Drawing, EncoderHead, TwoTowers
from heedful.networks.parts import gathered, inside, shown
from heedful.networks.subwords import FirstPieces

ROWS = ("embedding.table.weight", "tokens.table.weight", "output.linear.weight", "output.linear.bias")
"""Tensors of a row for each token."""
PLACES = "positions.table.weight"
"""A row for each position of a text."""

Sight = Literal["pictures", "series", "texts"]


@dataclass
class Taken:
    """What became of the tensors of both networks: names as people are shown them, and why some did not fit."""

    whole: list[str] = field(default_factory=list)
    resized: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    weights: int = 0  # numbers in what was taken
    everything: list[str] = field(default_factory=list)  # names of both networks
    there: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many tensors were taken."""
        return len(self.whole) + len(self.resized)

    def has_whole(self, part: str) -> bool:
        """Whether all of a part was taken as it was."""
        within = [name for name in self.everything if inside(name, part)]
        return bool(within) and {*within} <= {*self.whole}

    def lines(self, where: str) -> list[str]:
        """All of it in a few lines."""
        total = self.count + len(self.fresh)
        first = f"all {total:,}" if self.count == total else f"{self.count:,} of {total:,}"
        found = [f"from {where}: {first} tensors taken, {self.weights / 1e6:.2f} M weights"]
        found += [f"  {what}: {told(some, self.everything)}" for what, some in self.parts() if some]
        return found + ([f"  left over there: {', '.join(gathered(self.left, self.there))}"] if self.left else [])

    def parts(self) -> list[tuple[str, dict[str, str]]]:
        """What is not as it was there."""
        return [("resized", self.resized), ("new", self.fresh)]


def told(some: Mapping[str, str], every: Sequence[str]) -> str:
    """Tensors with why each is not taken as it is; those of one reason stand together."""
    groups: dict[str, list[str]] = {}
    for name, why in some.items():
        groups.setdefault(why, []).append(name)
    return "; ".join(", ".join(gathered(names, every)) + (f" ({why})" if why else "") for why, names in groups.items())


@torch.no_grad()
def take(network: nn.Module, start: nn.Module, unlike: Mapping[str, str], order: Sequence[int] = ()) -> Taken:
    """Gives a network the weights of another where they fit.

    `unlike`: parts whose rows stand for something else there, with why. `order`: for each class, its row in the head
    there.
    """
    other, mine = standing(start, network), standing(network, start)
    theirs = {place: value for name, value in start.state_dict().items() if (place := other.get(name))}
    origin = {place: value.data_ptr() for place, value in theirs.items()}
    one_text(theirs, origin, start, network)
    unlike = {**unlike, **apart(network, start)}
    grids = grid_of(network), grid_of(start)
    found, used = Taken(), set[int]()
    for names, weight in tensors(network):
        places = [place for name in names if (place := mine.get(name))]
        why = ""
        for place in places:
            value = theirs.get(place)
            reason = next((text for part, text in unlike.items() if inside(place, part)), None)
            if value is None or reason is not None:
                why = reason or why
                continue
            fits = fitted(place, value, weight, grids)
            if fits is None:
                why = f"{shape(weight)} here, {shape(value)} there"
                continue
            weight.copy_(fits[list(order)] if order and inside(place, "head") else fits)
            used.add(origin[place])
            found.weights += weight.numel()
            if value.shape == weight.shape:
                found.whole.append(shown(names[0]))
            else:
                found.resized[shown(names[0])] = f"{shape(weight)} here, {shape(value)} there"
            break
        else:
            found.fresh[shown(names[0])] = why
    found.left = [shown(names[0]) for names, value in tensors(start) if value.data_ptr() not in used]
    found.everything = [shown(names[0]) for names, _ in tensors(network)]
    found.there = [shown(names[0]) for names, _ in tensors(start)]
    return found


def one_text(theirs: dict[str, Tensor], origin: dict[str, int], start: nn.Module, network: nn.Module) -> None:
    """Brings tensors that tell several texts apart to a network that knows of one: the first is added to positions."""
    if not isinstance(embedding_of(start), Segments) or isinstance(embedding_of(network), Segments):
        return
    words, texts, places = "embedding.tokens.table.weight", "embedding.texts.weight", "encoder.positions.table.weight"
    theirs["embedding.table.weight"], origin["embedding.table.weight"] = theirs[words], origin[words]
    theirs[places] = theirs[places] + theirs[texts][0]


def tensors(network: nn.Module) -> list[tuple[list[str], Tensor]]:
    """Each tensor of a network once, with all of its names: tied ones have several."""
    found: dict[int, tuple[list[str], Tensor]] = {}
    for name, value in network.state_dict().items():
        found.setdefault(value.data_ptr(), ([], value))[0].append(name)
    return list(found.values())


def standing(network: nn.Module, beside: nn.Module) -> dict[str, str]:
    """Where the tensors of a network stand, by name, as one side of a network has them; others are left out."""
    if isinstance(network, TwoTowers) and not isinstance(beside, TwoTowers):
        side = 1 if sight(beside) == "texts" else 0
        starts = {f"embeddings.{side}.": "embedding.", f"encoders.{side}.": "encoder."}
    elif isinstance(network, Drawing):
        starts = {"writer.": "", "codebook.": "codebook."}
    elif isinstance(network, FirstPieces):
        starts = {"inner.": ""}
    elif isinstance(getattr(network, "encoder", None), ProjectedEncoder) != isinstance(
        getattr(beside, "encoder", None), ProjectedEncoder
    ):
        starts = {"encoder.encoder.": "encoder.", "encoder.linear.": "encoder.projection.", "": ""}
    else:
        starts = {"": ""}
    found: dict[str, str] = {}
    for name in network.state_dict():
        first = next((start for start in starts if name.startswith(start)), None)
        if first is not None:
            found[name] = starts[first] + name.removeprefix(first)
    return found


def apart(network: nn.Module, start: nn.Module) -> dict[str, str]:
    """Parts that fit by name and yet do another thing, with what it is."""
    if isinstance(network, TwoTowers) and isinstance(start, TwoTowers):
        return {}
    mine, theirs = reading(network, start), reading(start, network)
    if mine is None or theirs is None:
        return {}
    if mine[0] != theirs[0]:
        why = f"{mine[0]} here, {theirs[0]} there"
        return {"embedding": why, "encoder": why}
    causal = [bool(getattr(encoder, "causal", False)) for _, encoder in (mine, theirs)]
    if causal[0] != causal[1]:
        return {"encoder": "positions see those behind them here or there alone"}
    here, there = answered_from(network), answered_from(start)
    return {"head": f"read from {here} here, {there} there"} if here and there and here != there else {}


def answered_from(network: nn.Module) -> str:
    """The vector that one answer is read from; empty for networks that answer otherwise."""
    if not isinstance(network, EncoderHead) or network.pool == "each":
        return ""
    pool = network.pool if network.pool != "summary" else getattr(network.encoder, "summary", "summary")
    name = {"mean": "the mean", "first": "the first vector", "class": "the first vector"}.get(pool, "the summary")
    return name if network.pooler is None else f"one more layer over {name}"


def reading(network: nn.Module, beside: nn.Module) -> tuple[Sight, nn.Module] | None:
    """What the side of a network reads that stands where the other's does, and its encoder; None: it reads nothing."""
    if isinstance(network, TwoTowers):
        side = 1 if sight(beside) == "texts" else 0
        return ("texts" if side else "pictures"), network.encoders[side]
    encoder = getattr(within(network), "encoder", None)
    return (sight(network), encoder) if encoder is not None else None


def sight(network: nn.Module) -> Sight:
    """What a network of one side reads."""
    embedding = embedding_of(network)
    if isinstance(embedding, Pictures | Frames):
        return "pictures"
    return "series" if isinstance(embedding, Series) else "texts"


def embedding_of(network: nn.Module) -> nn.Module | None:
    """The embedding of the side that sees, or of the only one."""
    if isinstance(network, TwoTowers):
        return network.embeddings[0]
    return getattr(within(network), "embedding", None)


def within(network: nn.Module) -> nn.Module:
    """The network of two sides, or of one, that another is made of."""
    if isinstance(network, FirstPieces):
        return network.inner
    return network.writer if isinstance(network, Drawing) else network


def grid_of(network: nn.Module) -> tuple[int, int] | None:
    """Rows and columns in which a network reads pictures, if it does."""
    embedding = embedding_of(network)
    return embedding.patches.grid if isinstance(embedding, Pictures) else None


def fitted(place: str, value: Tensor, weight: Tensor, grids: tuple[tuple[int, int] | None, ...]) -> Tensor | None:
    """A tensor as large as `weight`, or None if it cannot be made so.

    Of tokens and positions as many as both have are taken, since both count from the same first one. Places of
    patches are stretched (Dosovitskiy et al. 2021, section 3.2).
    """
    if value.shape == weight.shape:
        return value
    if place.endswith((*ROWS, PLACES)) and value.shape[1:] == weight.shape[1:]:
        rows, new = min(len(value), len(weight)), weight.clone()
        new[:rows] = value[:rows]
        return new
    new_grid, grid = grids
    if new_grid is None or grid is None or value.shape[-1] != weight.shape[-1]:
        return None
    if place.endswith("places.table"):
        return stretched(value, new_grid)
    if place.endswith("line.table.weight"):  # the class token stands before the patches
        token, rest = value[:1], value[1:].unflatten(0, grid)
        return torch.cat([token, stretched(rest, new_grid).flatten(0, 1)])
    return None


def shape(tensor: Tensor) -> str:
    """A shape as people read it."""
    return " × ".join(f"{side:,}" for side in tensor.shape)
