"""The half of a task that turns data into a network."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from heedful.errors import HeedfulError
from heedful.results import Example, Findings
from heedful.schema import GenerateSettings, Recipe, TrainSettings
from heedful.tasks.answering import Answering
from heedful.tasks.facts import TaskFacts
from heedful.tasks.models import Data, Learnable, LearnableModel, PreparedData
from heedful.tasks.usual import UsualRow
from heedful.tasks.valid_loss import values_of

if TYPE_CHECKING:
    from heedful.data.facts import Decisions
    from heedful.data.kind import DataKind
    from heedful.data.notes import Say
    from heedful.engines.onnx_graphs import Graph
    from heedful.hub import Published
    from heedful.tasks.pretrained import Pretrained
    from heedful.tasks.trace import Trace
    from heedful.training.work import Score, Work


@dataclass(frozen=True)
class Stage:
    """What is learnt before the rest: how, for how long, and what is left for the rest."""

    work: "Work"
    train: TrainSettings
    remaining: TrainSettings


class Learning(ABC, Generic[Data, Learnable]):
    """How a network is made of data, kept, and given away."""

    task_settings: ClassVar[Mapping[str, object]] = {}
    """Settings of networks that only this task has, with what auto means for them."""
    decisions: ClassVar["Decisions"]
    """Who decides what `auto` means of data."""

    def __init__(self, facts: TaskFacts, answering: Answering[Data, Learnable]) -> None:
        self.facts, self.answering = facts, answering

    @abstractmethod
    def resolve(self, recipe: Recipe) -> Recipe:
        """The recipe with what can be decided before the data are seen."""

    @abstractmethod
    def data_kind(self, recipe: Recipe, start: "Pretrained | None" = None) -> "DataKind[Data]":
        """How the recipe's data are read and written: as `start` has it, if its weights are the beginning."""

    def prepare(self, recipe: Recipe, folder: Path, say: "Say", start: "Pretrained | None" = None) -> Data:
        """The recipe's data under `folder`, ready to learn from."""
        from heedful.data.prepare import prepare

        return prepare(self.data_kind(recipe, start), recipe, folder, say, self.decisions)

    def usual_row(self, data: Data) -> UsualRow:
        """The row that auto means for data."""
        return UsualRow(self.facts.network)

    def resolve_for_data(self, recipe: Recipe, data: Data) -> Recipe:
        """The recipe with what the data decide; raises HeedfulError for what they do not allow."""
        return recipe

    @abstractmethod
    def check(self, recipe: Recipe) -> Findings:
        """Looks at the data before training."""

    @abstractmethod
    def build(self, recipe: Recipe, data: Data, start: "Pretrained | None" = None) -> Learnable:
        """A model with fresh weights, which the recipe's seed decides."""

    def fit(self, model: Learnable, data: Data, recipe: Recipe) -> tuple[Data, list[str]]:
        """The data as the network can read them, by the recipe's `data.long`, and what is to be said of it.

        The same data where all fits. Raises HeedfulError for a row that is too long, if the recipe says so.
        """
        return data, []

    @abstractmethod
    def work(self, model: Learnable, data: Data, recipe: Recipe) -> "Work":
        """What the loop needs."""

    def scorer(
        self,
        model: Learnable,
        examples: Sequence[Example],
        settings: GenerateSettings,
        data: Data,
        trial: GenerateSettings | None = None,
    ) -> "Score":
        """What the loop chooses weights by: the measures of a model's answers to examples, as its weights stand.

        `trial`: the settings by which a few are answered to see how long it takes.
        """

        def score(few: int | None = None) -> dict[str, float]:
            asked = settings if few is None or trial is None else trial
            return values_of(self.answering.evaluate([model], examples[:few], asked, samples=0, data=data))

        return score

    def count_scored(self, model: Learnable, examples: Sequence[Example]) -> int:
        """How many answers are scored for examples."""
        return len(examples)

    def watched(self, model: Learnable, data: Data) -> list[Example]:
        """Validation examples that can be looked into while a network learns: what is right is an output of `trace`."""
        return data.valid

    def first(self, model: Learnable, data: Data, recipe: Recipe) -> Stage | None:
        """What is learnt before the rest."""
        return None

    def advice(self, recipe: Recipe, data: Data) -> str:
        """What would do better than to begin from nothing; "": nothing to say."""
        return ""

    def remarks(self, model: Learnable, data: Data) -> Sequence[str]:
        """What is to be said of a trained model beside its scores."""
        return ()

    @abstractmethod
    def pretrained(self, model: Learnable) -> "Pretrained":
        """What goes with the weights of a model where another one begins with them."""

    def inherited_settings(self, before: Recipe, start: "Pretrained") -> dict[str, Any]:
        """Keys of the recipe's data section that are taken over from where weights come from, unless they are set."""
        return {"normalize": before.data.normalize}

    @abstractmethod
    def load(self, config: dict[str, Any], folder: Path) -> Learnable:
        """The model of a folder, with weights still to be put in."""

    def without_data(self, model: Learnable) -> Learnable:
        """The model without what it keeps of its training data, to be given to others."""
        return model

    def from_hub(self, published: "Published", where: str) -> Learnable:
        """The model of a folder in the Hugging Face format; raises HeedfulError where the task has no family."""
        raise HeedfulError(f"No family of published weights can {self.facts.verb}.")

    def hub_recipe(self, recipe: Recipe, published: "Published", model: Learnable) -> Recipe:
        """The recipe with how a published model is asked where the request does not say."""
        return replace(recipe, network=model.settings)

    def to_hub(self, model: Learnable, recipe: Recipe, notes: list[str]) -> "Published":
        """The model as its family publishes one; raises HeedfulError where no layout has a place for it."""
        raise HeedfulError(f"The Hugging Face format has no layout for what was trained here to {self.facts.verb}.")

    @abstractmethod
    def graphs(self, model: Learnable, lengths: Sequence[int]) -> "list[Graph]":
        """The graphs of the network for ONNX, with made-up sources of these lengths."""

    @abstractmethod
    def trace(
        self,
        model: Learnable,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> "Trace":
        """The model on one finished answer to a source, its own or `output`: all that explains goes by it.

        `instead`: what has to be among what could have been answered, where that is not a vocabulary. Raises
        HeedfulError for what cannot be read, or is no answer.
        """


AnyLearning = Learning[PreparedData, LearnableModel]
"""That half of a task that is found by its name."""
