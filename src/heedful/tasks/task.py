"""The joint of the house: what a task is, and all that api, report, exporters and the command line know of one.

A task has facts (tasks/<verb>/__init__.py), and two halves that are imported when they are asked for: `answering` turns
a request into an answer and an answer into results (tasks/<verb>/ask.py), `learning` turns data into a network
(tasks/<verb>/learn.py).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar, cast

from heedful.beam_tree import BeamTree
from heedful.errors import HeedfulError, unknown
from heedful.results import Answer, Example, Exhibits, Findings, Scores, View
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, TrainSettings
from heedful.tasks import TASKS
from heedful.tasks.teaching import Lesson
from heedful.tasks.usual import UsualRow
from heedful.tasks.valid_loss import values_of

if TYPE_CHECKING:
    from torch import nn

    from heedful.data.facts import Decisions
    from heedful.data.kind import DataKind
    from heedful.data.notes import Say
    from heedful.data.readers.rows import BadRow
    from heedful.engines.engine import Engine
    from heedful.engines.onnx_graphs import Graph
    from heedful.hub import Plan, Published
    from heedful.metrics.counts import Kind
    from heedful.networks.settings import Join
    from heedful.tasks.long import Lengths
    from heedful.tasks.match.vectors import Vectors
    from heedful.tasks.pretrained import Pretrained
    from heedful.tasks.trace import Trace
    from heedful.training.loop import Score, Work
    from heedful.training.progress import Listener

Shape = Literal["one to one", "one to many", "many to one", "many to many", "many to many, in step"]
SourceKind = Literal["text", "picture", "frames", "series", "tokens"]
"""What a model is asked with: tokens are the words of a text, each of which is answered for."""
SOURCES: dict[SourceKind, str] = {
    "text": "a text",
    "picture": "a picture",
    "frames": "a video",
    "series": "a series of numbers",
    "tokens": "a text",
}


@dataclass(frozen=True)
class TaskFacts:
    """All that is known of a task without a model: said here once, read everywhere."""

    verb: str
    shape: Shape
    join: "Join"
    """How it joins the parts of a network."""
    sources: tuple[SourceKind, ...]
    """The kinds of what goes in; a model has one of them."""
    takes: str
    """What goes in, in words."""
    gives: str
    """What comes out, in words."""
    asked_with: str
    """What stands behind a model's folder on a command line."""
    data: str
    """What people have: the files of an example."""
    hub_tasks: Mapping[SourceKind, str]
    """What the Hugging Face hub calls it, by what goes in; a series has no name there."""
    lesson: Lesson
    """What its trained models hand on to a student."""
    columns: tuple[str, ...] = ("source", "target")
    """What a row of its data holds, where nobody names it."""
    network: str = "vaswani2017"
    """The row of the lineage that auto means."""
    unit: str = "tokens"
    """What its speed is counted in."""
    view: View = "texts"
    """How its answers are drawn."""
    searches: bool = False
    """Whether its answers are searched for with a beam."""
    aligns: bool = False
    """Whether reports draw what an answer looked at in its source."""
    by_windows: bool = False
    """Whether it answers piece by piece, so that what is too long for a network can be read in windows."""
    judged_by: str = ""
    """The verb of the models that can tell what its answers are taken for."""
    exported_as: str = ""
    """The family of published weights whose layout a network that was trained here fits."""
    runs_in_ct2: bool = False
    """Whether CTranslate2 runs its Transformers."""
    keys: frozenset[str] = field(default=frozenset())
    """Dotted keys of a recipe that it uses and some other task does not."""

    @property
    def writes(self) -> bool:
        """Whether it answers step by step, each step by what stands before it: slowly."""
        return self.join == "encoder_decoder"

    def takes_from(self, source: SourceKind) -> str:
        """What goes into a model of this kind of source, in words."""
        return SOURCES[source] if len(self.sources) > 1 else self.takes


class TrainedModel(Protocol):
    """What answers: how it reads and writes, and plain settings."""

    @property
    def settings(self) -> NetworkSettings: ...

    @property
    def plan(self) -> "Plan | None":
        """The plan of a network that was published; None for one of the lineage."""
        ...


class LearnableModel(TrainedModel, Protocol):
    """A trained model whose network is at hand, to be trained on, written, or looked into."""

    @property
    def network(self) -> "nn.Module": ...


class PreparedData(Protocol):
    """Data ready to learn from."""

    @property
    def valid(self) -> list[Example]: ...

    @property
    def test(self) -> list[Example]: ...

    @property
    def notes(self) -> list[str]: ...

    @property
    def fingerprint(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Stage:
    """What is learnt before the rest: how, for how long, and what is left for the rest."""

    work: "Work"
    train: TrainSettings
    remaining: TrainSettings


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


Data = TypeVar("Data", bound=PreparedData)
Model = TypeVar("Model", bound=TrainedModel, contravariant=True)
Learnable = TypeVar("Learnable", bound=LearnableModel)
OnBad = Callable[["BadRow"], None]


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


class Task(ABC, Generic[Data, Model, Learnable]):
    """A task: its facts, and its two halves."""

    facts: ClassVar[TaskFacts]

    @property
    @abstractmethod
    def answering(self) -> Answering[Data, Model]:
        """The half that needs no torch."""

    @property
    @abstractmethod
    def learning(self) -> Learning[Data, Learnable]:
        """The half that trains."""


AnyTask = Task[PreparedData, TrainedModel, LearnableModel]
"""A task that is found by its name: its models and data go back to where they came from, and nowhere else."""
AnyLearning = Learning[PreparedData, LearnableModel]
"""Its half that trains."""


def find_task(verb: str) -> AnyTask:
    """The task of a verb; raises HeedfulError for one that there is not."""
    if verb not in TASKS:
        raise unknown("task", verb, TASKS)
    return cast(AnyTask, import_module(f"heedful.tasks.{verb}").TASK)
