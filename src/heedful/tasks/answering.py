"""The half of a task that turns a request into an answer, and an answer into results: no torch is needed for it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol

from heedful.beam_tree import BeamTree
from heedful.errors import HeedfulError
from heedful.results import Answer, Example, Exhibits, Scores
from heedful.schema import DataSettings, GenerateSettings
from heedful.tasks.facts import SourceKind, TaskFacts
from heedful.tasks.models import Data, Model, OnBad, TrainedModel

if TYPE_CHECKING:
    from heedful.engines.engine import Engine
    from heedful.metrics.counts import Kind
    from heedful.tasks.long import Lengths
    from heedful.tasks.match.vectors import Vectors
    from heedful.training.progress import Listener


class Finder(Protocol):
    """Finds pictures by words, and words for pictures, in whole folders."""

    def search(
        self, texts: Sequence[str], sources: Sequence[str], settings: GenerateSettings, listener: "Listener"
    ) -> list[list[Answer]]:
        """The n best pictures of `sources` for each text, with their cosines."""
        ...

    def among(
        self, sources: Sequence[str], texts: Sequence[str], settings: GenerateSettings, listener: "Listener"
    ) -> list[list[Answer]]:
        """The n best texts (none given: of those of training) for each picture of `sources`."""
        ...

    def embed(self, inputs: Sequence[str], texts: bool, settings: GenerateSettings, listener: "Listener") -> "Vectors":
        """Unit vectors of pictures and of all in folders, or of texts."""
        ...


class Answering(ABC, Generic[Data, Model]):
    """How trained models are asked and scored. Several models that fit together answer as one, an ensemble."""

    known_by: ClassVar[str] = "source"
    """What of an example is known again if it was learnt from."""

    def __init__(self, facts: TaskFacts) -> None:
        self.facts = facts

    @abstractmethod
    def answer(self, models: Sequence[Model], inputs: Sequence[str], settings: GenerateSettings) -> list[list[Answer]]:
        """The n best answers to each input, best first; raises HeedfulError for what cannot be read."""

    def score(self, models: Sequence[Model], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (input, output); raises HeedfulError where a task has none."""
        raise self.refusal("gives no score to an answer that is given")

    @abstractmethod
    def evaluate(
        self,
        models: Sequence[Model],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: Data | None = None,
    ) -> Scores:
        """Scores the best answers to examples, with intervals from so many bootstrap samples (0: none).

        With `data`, what was read when they were prepared is not read again.
        """

    @abstractmethod
    def baseline(self, model: Model, data: Data, examples: Sequence[Example]) -> tuple[str, Scores]:
        """What needs no network: its name, and its scores on the same examples, case by case as those of `evaluate`."""

    @abstractmethod
    def kind(self, model: Model) -> "Kind":
        """How answers are scored."""

    @abstractmethod
    def can_answer_together(self, model: Model, other: Model) -> bool:
        """Whether two models can answer together."""

    @abstractmethod
    def open_data(self, folder: Path) -> Data | None:
        """The data that was prepared in a run's folder, if it is still there."""

    @abstractmethod
    def examples(self, model: Model, files: Sequence[str], settings: DataSettings, on_bad: OnBad) -> list[Example]:
        """What to answer in these files, and everything that counts as right."""

    def contents(self, model: Model, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        """What examples hold as their sources, as rows that are learnt from are known by it, and where that stands."""
        return ((example.where, example.source.encode()) for example in examples)

    def example_notes(self, model: Model, files: Sequence[str], settings: DataSettings) -> list[str]:
        """What is said of these files before they are scored on."""
        return []

    def lengths(self, models: Sequence[Model], inputs: Sequence[str]) -> "Lengths | None":
        """How many tokens inputs have, and how many of them the networks read; None: no input is too long for them."""
        return None

    def example_lengths(self, models: Sequence[Model], examples: Sequence[Example]) -> "Lengths | None":
        """The same of examples that are to be scored."""
        return self.lengths(models, [example.source for example in examples])

    def source_kind(self, model: Model) -> SourceKind:
        """What the model is asked with."""
        return "text"

    def asked_with(self, model: Model) -> str:
        """What stands behind the model's folder where it is asked."""
        return self.facts.asked_with

    def names(self, model: Model) -> tuple[str, ...]:
        """The classes or labels whose probabilities the tracks of its answers hold, in their order."""
        raise self.refusal("gives no class a probability")

    def prompts(self, model: Model, texts: Sequence[str]) -> Sequence[str]:
        """What a model is asked with to show what it does, made of the sources of examples."""
        return texts

    def exhibits(self, models: Sequence[Model], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """What a report shows beside the numbers."""
        return Exhibits(self.facts.view)

    @abstractmethod
    def config(self, model: Model) -> dict[str, Any]:
        """What `Learning.load` must know beside weights and tokenizers, as JSON keeps it."""

    @abstractmethod
    def save(self, model: Model, folder: Path) -> None:
        """Writes the tokenizers; the caller writes config and weights."""

    def export_files(self, model: Model, folder: Path) -> None:
        """Writes what stands beside exported graphs."""
        self.save(model, folder)

    @abstractmethod
    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedModel:
        """The model of a run's folder that answers by an engine; its network is of the lineage, and not at hand."""

    @abstractmethod
    def by_engine(self, model: Model, engine: "Engine") -> TrainedModel:
        """The same model, answering by another engine."""

    @abstractmethod
    def manifest(self, model: Model, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        """What one must know beside exported graphs: how sources are made (tokenizers lie in `folder`), what answers
        mean.
        """

    def unknown(self, model: Model, text: str) -> tuple[str, ...]:
        """The pieces of a text that the model's vocabulary does not have."""
        return ()

    def tree(self, models: Sequence[Model], text: str, settings: GenerateSettings) -> BeamTree:
        """Every hypothesis of the search for the answer to one input, and what became of it."""
        raise self.refusal("searches for no answer with a beam")

    def finder(self, models: Sequence[Model]) -> "Finder":
        """What finds pictures by words, and words for pictures."""
        raise self.refusal("has no space for pictures and texts")

    def stream(
        self, models: Sequence[Model], text: str, settings: GenerateSettings, tell: Callable[[str], object]
    ) -> list[list[Answer]]:
        """Answers one text, and gives out a single answer piece by piece as it is written."""
        raise self.refusal("continues no texts")

    def judge(
        self,
        models: Sequence[Model],
        examples: Sequence[Example],
        settings: GenerateSettings,
        judges: Sequence[TrainedModel],
    ) -> Scores:
        """Scores answers by what models of another task take them for."""
        raise self.refusal("its answers are judged by no other model")

    def refusal(self, reason: str) -> HeedfulError:
        """The error for what this task cannot do."""
        return HeedfulError(f"This model was trained to {self.facts.verb}: it {reason}.")
