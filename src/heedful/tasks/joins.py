"""How a task joins the parts of a row, and the row that auto means to it: facts of tasks, as networks take them."""

from collections.abc import Mapping
from typing import NamedTuple

from heedful.networks import settings
from heedful.networks.settings import Join
from heedful.schema import NetworkSettings
from heedful.tasks.task import find_task


class TaskJoin(NamedTuple):
    """A join, and the row of the lineage that is usual for it."""

    join: Join
    default: str


def join_of(task: str) -> TaskJoin:
    """The join of a task."""
    facts = find_task(task).facts
    return TaskJoin(facts.join, facts.network)


def allowed(task: str) -> list[str]:
    """The rows that can do a task."""
    return settings.allowed_rows(join_of(task).join)


def resolve(network: NetworkSettings, task: str, own: Mapping[str, object] | None = None) -> NetworkSettings:
    """The settings with every `auto` decided for a task; raises HeedfulError as `networks.settings.resolve` does."""
    join, default = join_of(task)
    return settings.resolve(network, join, default=default, verb=task, extra=own)
