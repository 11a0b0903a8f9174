"""A network that was published keeps its plan: by it, and not by a row of the lineage, it is built again."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from heedful import hub
from heedful.blocks.pixels import Pixels
from heedful.hub import Plan
from heedful.networks import build as lineage
from heedful.networks.build import Spec
from heedful.networks.joins import Network
from heedful.schema import NetworkSettings
from heedful.tasks.joins import join_of
from heedful.tasks.pretrained import Pretrained

Kind = TypeVar("Kind", bound=Network)


def build(spec: Spec | Plan, kind: type[Kind]) -> Kind:
    """The network of a description with fresh weights, which torch's seed decides: of the lineage, or as published.

    `kind`: the join that the description must give, as EncoderDecoder.
    """
    network = hub.build(spec) if isinstance(spec, Plan) else lineage.build(spec)
    assert isinstance(network, kind), f"{type(network).__name__} is no {kind.__name__}"
    return network


def plan_from_config(config: Mapping[str, Any]) -> Plan | None:
    """The plan that a config tells, None for a network of the lineage."""
    return Plan.parse(config["plan"]) if "plan" in config else None


def derive_plan(
    start: Pretrained | None,
    task: str,
    settings: NetworkSettings,
    names: Sequence[str] = (),
    pixels: Pixels | None = None,
) -> Plan | None:
    """The plan of a network that begins with published weights, None if it is to be one of the lineage."""
    if start is None or start.plan is None:
        return None
    join, default = join_of(task)
    return hub.derive_plan(start.plan, task, settings, join, default, names, pixels.size if pixels else 0)
