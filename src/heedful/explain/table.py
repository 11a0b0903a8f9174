"""Which method there is for which task and row of the lineage: one table, by what a network must have."""

from heedful.explain.methods import METHODS
from heedful.networks.build import Spec, build
from heedful.networks.joins import Network
from heedful.networks.lineage import LINEAGE
from heedful.networks.meta import meta_device
from heedful.networks.sources import TextSource
from heedful.schema import NetworkSettings, parse_settings
from heedful.tasks import TASKS
from heedful.tasks.joins import allowed, join_of, resolve
from heedful.tasks.task import find_task

ENTRIES = 8
"""Of made-up vocabularies: what a network has does not hang on how many words there are."""


def methods_of(task: str, row: str) -> list[str]:
    """The methods that a network of a row has for a task."""
    network = network_of(task, row)
    return [name for name, method in METHODS.items() if not method.lacks(network)]


def network_of(task: str, row: str) -> Network:
    """A network of a row as a task joins it, without memory for its weights."""
    own = find_task(task).learning.task_settings
    named = parse_settings(NetworkSettings, {"name": row, "size": "tiny"})
    settings = resolve(named, task, own)
    sources = {"two_encoders": 2, "decoder": 0, "encoder_tokens": 0}.get(join_of(task).join, 1)
    with meta_device():
        return build(Spec(join_of(task).join, settings, (TextSource(ENTRIES),) * sources, ENTRIES))


def table() -> list[list[str]]:
    """A row for each row of the lineage and a column for each method: the tasks that have it.

    `all`: of those tasks that the row can do.
    """
    having = {row: {task: methods_of(task, row) for task in TASKS if row in allowed(task)} for row in LINEAGE}
    rows = [["network", *METHODS]]
    for row, tasks in having.items():
        cells = [[task for task, names in tasks.items() if method in names] for method in METHODS]
        rows.append([row, *("all" if len(cell) == len(tasks) else ", ".join(cell) or "–" for cell in cells)])
    return rows
