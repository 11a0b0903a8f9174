"""Runs that begin with pretrained weights: settings and tensors taken over, and what is frozen."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

from torch import nn

from heedful import hub
from heedful.api.loading import load_one
from heedful.api.locate import is_published, locate_model
from heedful.errors import HeedfulError, weights_of
from heedful.networks.lineage import LINEAGE
from heedful.networks.parts import freeze, summarise_names
from heedful.networks.settings import defaults, obstacle, row_for
from heedful.networks.transfer import Transfer, describe_reasons, transfer
from heedful.recipe import listed
from heedful.schema import NetworkSettings, Recipe, parse_settings
from heedful.tasks.from_hub import encoder_start
from heedful.tasks.joins import join_of
from heedful.tasks.pretrained import Pretrained, differing_parts, order
from heedful.tasks.task import find_task

FREE = ("name", "dropout", "depth", "decoder_depth", "pool", "context", "patch", "stem", "tied", "codes")
"""Settings that may differ from the source's: tensors that do not fit then are initialised. Others must be equal."""


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
    folder = locate_model(name)
    if is_published(folder) and not (published := hub.open(folder)).tasks:
        settings, pretrained = encoder_start(published, name)
        return Start(name, "", Recipe(network=settings), hub.network(published), pretrained)
    model = load_one(Path(name))
    trained = model.learnable[0]
    pretrained = find_task(model.task).learning.pretrained(trained)
    return Start(name, model.task, model.recipe, trained.network, pretrained)


def inherit(recipe: Recipe, start: Start) -> Recipe:
    """The recipe with what it leaves open taken from where the weights come from.

    Raises HeedfulError for a setting under which the weights would fit and mean something else.
    """
    learning = find_task(recipe.task).learning
    changes = learning.inherited_settings(start.recipe, start.pretrained)
    return replace(recipe, network=inherit_network(recipe, start)).with_defaults("data", changes)


def inherit_network(recipe: Recipe, start: Start) -> NetworkSettings:
    """The settings of the network that the weights come from, as far as the task has them, with what is asked anew."""
    settings, task, source_settings = recipe.network, recipe.task, settings_for(start, recipe.task)
    own_settings = find_task(task).learning.task_settings
    user_keys = {field.name for field in fields(NetworkSettings) if f"network.{field.name}" in recipe.written}
    for key in (field.name for field in fields(NetworkSettings)):
        value = getattr(settings, key)
        source_value = (
            "sinusoidal" if getattr(source_settings, key) == "grid" else getattr(source_settings, key)
        )  # both are sinusoidal
        if key in user_keys - {*FREE} and value != source_value and not {value, source_value} & {"auto", "grid"}:
            raise HeedfulError(
                f"network.{key} is {value!r}, but the weights come from a network with {source_value!r}.",
                f"Leave network.{key} out.",
            )
    row = row_for(source_settings.name, *join_of(task)) if settings.name == "auto" else settings.name
    if row not in LINEAGE or obstacle(row, join_of(task).join):
        return settings  # resolve says what is wrong with it
    base_settings = {"size": source_settings.size, "name": row}
    base_settings |= {"positions": "sinusoidal" if source_settings.positions == "grid" else source_settings.positions}
    shared_keys = {"positions", *defaults(row, replace(settings, **base_settings), join_of(task).join), *own_settings}
    inherited = {
        key: getattr(source_settings, key) for key in shared_keys if getattr(source_settings, key) != "auto"
    } | base_settings
    user_settings = {key: getattr(settings, key) for key in user_keys if getattr(settings, key) != "auto"}
    return parse_settings(NetworkSettings, inherited | user_settings)


def inherit_limit(recipe: Recipe, start: Start) -> Recipe:
    """As `inherit`, with the positions of what reads texts, where a published network has several sides."""
    recipe, plan = inherit(recipe, start), start.pretrained.plan
    text_side = plan.sides.get("text") if plan else None
    if text_side is None:
        return recipe
    positions, context = text_side.positions, text_side.context
    return replace(recipe, network=replace(recipe.network, positions=positions, context=context))


def settings_for(start: Start, name: str) -> NetworkSettings:
    """The settings of that side of a start which can do a task; of its first one if none can."""
    sides = [start.recipe.network, *(start.pretrained.plan.sides.values() if start.pretrained.plan else ())]
    return next((side for side in sides if not obstacle(side.name, join_of(name).join)), sides[0])


def begin_with(network: nn.Module, pretrained: Pretrained, start: Start) -> Transfer:
    """Gives a network the weights of a start; raises HeedfulError if they share nothing."""
    source = start.pretrained
    result = transfer(
        network, start.network, differing_parts(pretrained, source), order(pretrained.names, source.names)
    )
    if not result.count:
        raise HeedfulError(
            f"The weights of {start} fit no part of this network.",
            f"Here: {describe_reasons(result.fresh, result.everything)}.\n"
            f"There: {', '.join(summarise_names(result.unused, result.source_names))}.",
        )
    return result


def freeze_parts(network: nn.Module, recipe: Recipe, transferred: Transfer | None) -> list[str]:
    """Freezes what the recipe says, and a codebook that was taken whole; what was done, in lines.

    Who has learnt to write codes knows what they meant.
    """
    codebook: object = getattr(network, "codebook", None)
    lines: list[str] = []
    freeze(network, recipe.train.freeze)
    if transferred and isinstance(codebook, nn.Module) and transferred.has_whole("codebook"):
        codebook.requires_grad_(False)
        lines.append("  the codebook is kept as it is: what has learnt to write its codes knows what they mean")
    if recipe.train.freeze:
        weights = list(network.parameters())
        trainable = sum(weight.numel() for weight in weights if weight.requires_grad)
        total = sum(weight.numel() for weight in weights)
        frozen_note = f"{listed(recipe.train.freeze)} stay{'s' * (len(recipe.train.freeze) == 1)} as before"
        lines.append(f"{weights_of(trainable)} of {weights_of(total)} learn; {frozen_note} (train.freeze)")
    return lines
