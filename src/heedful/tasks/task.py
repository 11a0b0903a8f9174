"""The joint of the house: what a task is, and all that api, report, exporters and the command line know of one.

A task has facts (tasks/<verb>/__init__.py), and two halves that are imported when they are asked for: `answering` turns
a request into an answer and an answer into results (tasks/<verb>/ask.py), `learning` turns data into a network
(tasks/<verb>/learn.py).
"""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Generic, cast

from heedful.errors import unknown
from heedful.tasks import TASKS
from heedful.tasks.answering import Answering
from heedful.tasks.facts import TaskFacts
from heedful.tasks.models import Data, Learnable, LearnableModel, Model, PreparedData, TrainedModel

if TYPE_CHECKING:  # nobody learns who asks
    from heedful.tasks.learning import Learning


class Task(ABC, Generic[Data, Model, Learnable]):
    """A task: its facts, and its two halves."""

    facts: ClassVar[TaskFacts]

    @property
    @abstractmethod
    def answering(self) -> Answering[Data, Model]:
        """The half that needs no torch."""

    @property
    @abstractmethod
    def learning(self) -> "Learning[Data, Learnable]":
        """The half that trains."""


AnyTask = Task[PreparedData, TrainedModel, LearnableModel]
"""A task that is found by its name: its models and data go back to where they came from, and nowhere else."""


def find_task(verb: str) -> AnyTask:
    """The task of a verb; raises HeedfulError for one that there is not."""
    if verb not in TASKS:
        raise unknown("task", verb, TASKS)
    return cast(AnyTask, import_module(f"heedful.tasks.{verb}").TASK)
