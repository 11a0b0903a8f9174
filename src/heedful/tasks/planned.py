"""A network that was published keeps its plan: by it, and not by a row of the lineage, it is built again."""

from collections.abc import Mapping
from typing import Any

from heedful import hub
from heedful.hub import Plan


def kept(plan: Plan | None) -> dict[str, Any]:
    """What a config says of a plan."""
    return {"plan": plan.plain()} if plan else {}


def planned(config: Mapping[str, Any]) -> Plan | None:
    """The plan that a config tells, None for a network of the lineage."""
    return Plan.parse(config["plan"]) if "plan" in config else None


def built(plan: Plan) -> Any:
    """The network of a plan, with weights still to be put in; which kind it is, the plan's architecture tells."""
    return hub.build(plan)
