"""How each task joins the parts of a row, and the row that auto means to it."""

from collections.abc import Mapping
from typing import NamedTuple

from heedful.networks import settings
from heedful.networks.settings import Join
from heedful.schema import NetworkSettings


class TaskJoin(NamedTuple):
    """A join, and the row of the lineage that is usual for it."""

    join: Join
    default: str = "vaswani2017"


JOINS: dict[str, TaskJoin] = {
    "classify": TaskJoin("encoder_pooled"),
    "caption": TaskJoin("encoder_decoder"),
    "draw": TaskJoin("encoder_decoder"),
    "translate": TaskJoin("encoder_decoder"),
    "label": TaskJoin("encoder_steps"),
    "complete": TaskJoin("decoder", "gpt"),
    "fill": TaskJoin("encoder_tokens", "bert"),
    "match": TaskJoin("two_encoders"),
}


def allowed(task: str) -> list[str]:
    """The rows that can do a task."""
    return settings.allowed(JOINS[task].join)


def resolve(asked: NetworkSettings, task: str, own: Mapping[str, object] | None = None) -> NetworkSettings:
    """The settings with every `auto` decided for a task; raises HeedfulError as `networks.settings.resolve` does."""
    join, default = JOINS[task]
    return settings.resolve(asked, join, default=default, verb=task, own=own)
