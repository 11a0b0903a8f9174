"""A network that was published keeps its plan: by it, and not by a row of the lineage, it is built again."""

from collections.abc import Mapping, Sequence
from typing import Any

from heedful import hub
from heedful.blocks.vision import Pixels
from heedful.hub import Plan
from heedful.schema import NetworkSettings
from heedful.tasks.pretrained import Given


def kept(plan: Plan | None) -> dict[str, Any]:
    """What a config says of a plan."""
    return {"plan": plan.plain()} if plan else {}


def planned(config: Mapping[str, Any]) -> Plan | None:
    """The plan that a config tells, None for a network of the lineage."""
    return Plan.parse(config["plan"]) if "plan" in config else None


def begun(
    start: Given | None, task: str, settings: NetworkSettings, names: Sequence[str] = (), pixels: Pixels | None = None
) -> Plan | None:
    """The plan of a network that begins with published weights, None if it is to be one of the lineage."""
    if start is None or start.plan is None:
        return None
    return hub.begun(start.plan, task, settings, names, pixels.size if pixels else 0)


def built(plan: Plan) -> Any:
    """The network of a plan, with weights still to be put in; which kind it is, the plan's architecture tells."""
    return hub.build(plan)
