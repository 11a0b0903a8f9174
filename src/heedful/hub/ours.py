"""A network that was trained here, as one of a family would be published."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from heedful.blocks.embedding import Tokens
from heedful.errors import HeedfulError
from heedful.hub.families import FAMILIES
from heedful.hub.layout import Tensors
from heedful.hub.plan import Plan
from heedful.hub.published import Published, shapes, weights_of
from heedful.networks.configs import TransformerConfig
from heedful.networks.lineage import LINEAGE
from heedful.schema import NetworkSettings

ROWS = {"gpt2": "gpt", "qwen3": "touvron2023", "bert": "bert", "vit": "vit", "clip": "clip", "marian": "vaswani2017"}
"""The row of the lineage that a family's layout tells, where networks of our own can have it."""


def as_published(family: str, settings: NetworkSettings, facts: Mapping[str, Any], network: nn.Module) -> Published:
    """A network that was trained here, as one of a family would be published.

    Raises HeedfulError if the family has no layout for it.
    """
    make = FAMILIES[family].plan_of
    if make is None:
        raise HeedfulError(f"Only what was published as {family} can be written as {family}.")
    plan = make(settings, facts)
    weights = weights_of(network) if plan.facts.get("scaled") else unscaled_weights(network)
    refuse_settings(plan, settings)
    expected = shapes(plan)
    differs = sorted(
        name
        for name in expected.keys() | weights.keys()
        if name not in weights or expected.get(name) != tuple(weights[name].shape)
    )
    if differs:
        raise HeedfulError(f"The layout of {family} has no place for this network: {', '.join(differs)}.")
    return Published(plan, FAMILIES[family].tasks[plan.architecture], weights)


def unscaled_weights(network: nn.Module) -> Tensors:
    """The weights of a network, those of embeddings as they are read: few layouts tell by what they are multiplied."""
    weights = weights_of(network)
    for name, module in network.named_modules():
        if isinstance(module, Tokens):
            weights[f"{name}.table.weight"] = weights[f"{name}.table.weight"] * module.scale
    return weights


def refuse_settings(plan: Plan, settings: NetworkSettings) -> None:
    """Raises HeedfulError for settings of our own that the family's row does not have."""
    name = ROWS[plan.family]
    side = LINEAGE[name].encoder or LINEAGE[name].decoder
    if settings.name != name:
        raise HeedfulError(
            f"{settings.name} is not a network that {plan.family} has a layout for.", f"It has one for {name}."
        )
    assert isinstance(side, TransformerConfig)
    for key in ("norm", "positions"):
        value = getattr(settings, key)
        if value not in ("auto", getattr(side, key)):
            raise no_place(key, value, plan)
    if settings.patch in ("rows", "whole"):
        raise no_place("patch", settings.patch, plan)
    if settings.pool == "mean":
        raise no_place("pool", settings.pool, plan)


def no_place(key: str, value: object, plan: Plan) -> HeedfulError:
    """The error for a setting that a layout cannot tell."""
    return HeedfulError(f"network.{key} {value} has no place in the layout of {plan.family}.")
