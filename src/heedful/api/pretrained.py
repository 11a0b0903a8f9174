"""A run that begins with weights that exist: what it takes over from where they come from, and what it says of it."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

from torch import nn

from heedful import hub
from heedful.api.locate import is_published, located
from heedful.api.model import load_one
from heedful.errors import HeedfulError
from heedful.networks.lineage import LINEAGE
from heedful.networks.parts import freeze, summarise_names
from heedful.networks.settings import defaults, obstacle, row_for
from heedful.networks.transfer import Transfer, describe_reasons, transfer
from heedful.recipe import listed
from heedful.schema import NetworkSettings, Recipe, parse_settings
from heedful.tasks.from_hub import beginning
from heedful.tasks.joins import join_of
from heedful.tasks.pretrained import Pretrained, order, unlike
from heedful.tasks.task import find_task

FREE = ("name", "dropout", "depth", "pool", "context", "patch", "stem", "tied", "codes")
"""Settings of a network that one may choose anew: what does not fit then is not taken. Others change what fits."""


@dataclass(frozen=True)
class Start:
    """Where weights come from: a run, or what was published. `task`: what they can do; none: they only read."""

    where: str
    task: str
    recipe: Recipe
    network: nn.Module
    pretrained: Pretrained

    def __str__(self) -> str:
        return f"{self.where} ({self.task or 'reads only'})"


def open_start(name: str) -> Start:
    """What `--from` names; raises HeedfulError as `load` does."""
    folder = located(name)
    if is_published(folder) and not (published := hub.open(folder)).tasks:
        settings, pretrained = beginning(published, name)
        return Start(name, "", Recipe(network=settings), hub.network(published), pretrained)
    model = load_one(Path(name))
    trained = model.trained[0]
    pretrained = find_task(model.task).learning.pretrained(trained)
    return Start(name, model.task, model.recipe, trained.network, pretrained)


def inherit(recipe: Recipe, start: Start) -> Recipe:
    """The recipe with what it leaves open taken from where the weights come from.

    Raises HeedfulError for a setting under which the weights would fit and mean something else.
    """
    learning = find_task(recipe.task).learning
    changes = learning.inherited(start.recipe, start.pretrained)
    return replace(recipe, network=inherit_network(recipe, start)).with_defaults("data", changes)


def inherit_network(recipe: Recipe, start: Start) -> NetworkSettings:
    """The settings of the network that the weights come from, as far as the task has them, with what is asked anew."""
    asked, name, there = recipe.network, recipe.task, settings_for(start, recipe.task)
    own = find_task(name).learning.own
    written = {one.name for one in fields(NetworkSettings) if f"network.{one.name}" in recipe.written}
    for key in (one.name for one in fields(NetworkSettings)):
        value = getattr(asked, key)
        told = "sinusoidal" if getattr(there, key) == "grid" else getattr(there, key)  # both are sinusoidal
        if key in written - {*FREE} and value != told and not {value, told} & {"auto", "grid"}:
            raise HeedfulError(
                f"network.{key} is {value!r}, but the weights come from a network with {told!r}.",
                f"Leave network.{key} out.",
            )
    row = row_for(there.name, *join_of(name)) if asked.name == "auto" else asked.name
    if row not in LINEAGE or obstacle(row, join_of(name).join):
        return asked  # resolve says what is wrong with it
    known = {"size": there.size, "name": row}
    known |= {"positions": "sinusoidal" if there.positions == "grid" else there.positions}
    has = {"positions", *defaults(row, replace(asked, **known), join_of(name).join), *own}
    kept = {key: getattr(there, key) for key in has if getattr(there, key) != "auto"} | known
    chosen = {key: getattr(asked, key) for key in written if getattr(asked, key) != "auto"}
    return parse_settings(NetworkSettings, kept | chosen)


def settings_for(start: Start, name: str) -> NetworkSettings:
    """The settings of that side of a start which can do a task; of its first one if none can."""
    sides = [start.recipe.network, *(start.pretrained.plan.sides.values() if start.pretrained.plan else ())]
    return next((side for side in sides if not obstacle(side.name, join_of(name).join)), sides[0])


def begin_with(network: nn.Module, here: Pretrained, start: Start) -> Transfer:
    """Gives a network the weights of a start; raises HeedfulError if they share nothing."""
    there = start.pretrained
    taken = transfer(network, start.network, unlike(here, there), order(here.names, there.names))
    if not taken.count:
        raise HeedfulError(
            f"The weights of {start} fit no part of this network.",
            f"Here: {describe_reasons(taken.fresh, taken.everything)}.\n"
            f"There: {', '.join(summarise_names(taken.unused, taken.source_names))}.",
        )
    return taken


def freeze_parts(network: nn.Module, recipe: Recipe, taken: Transfer | None) -> list[str]:
    """Freezes what the recipe says, and a codebook that was taken whole; what was done, in lines.

    Who has learnt to write codes knows what they meant.
    """
    codebook: object = getattr(network, "codebook", None)
    lines: list[str] = []
    freeze(network, recipe.train.freeze)
    if taken and isinstance(codebook, nn.Module) and taken.has_whole("codebook"):
        codebook.requires_grad_(False)
        lines.append("  the codebook is kept as it is: what has learnt to write its codes knows what they mean")
    if recipe.train.freeze:
        weights = list(network.parameters())
        learning = sum(weight.numel() for weight in weights if weight.requires_grad)
        total = sum(weight.numel() for weight in weights)
        what = f"{listed(recipe.train.freeze)} stay{'s' * (len(recipe.train.freeze) == 1)} as before"
        lines.append(f"{learning / 1e6:.2f} of {total / 1e6:.2f} M weights learn; {what} (train.freeze)")
    return lines
