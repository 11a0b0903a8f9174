"""How classifiers are asked and scored: a picture or a text in, the probability of each class out.

N sources   C classes
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful.data import batching
from heedful.data.normal_form import normalize_text
from heedful.data.pairs.coders import ClassNames
from heedful.data.pairs.prepared import Prepared, example_notes, open_run
from heedful.data.pairs.prepared import examples as read_examples
from heedful.data.pictures.album import Album
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.reading import ReadingEngine
from heedful.errors import for_each
from heedful.metrics import bags, baselines
from heedful.metrics.classes import SMALLEST_PROBABILITY, evaluate_classes
from heedful.metrics.counts import Kind
from heedful.metrics.scores import evaluate as measure
from heedful.results import Answer, Example, Exhibits, Scores, Track
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, NormalForm
from heedful.tasks.answering import Answering
from heedful.tasks.facts import SourceKind
from heedful.tasks.inputs import Preprocessor, load_preprocessor
from heedful.tasks.long import Lengths
from heedful.tasks.manifests import describe_source, plan_config
from heedful.tasks.models import OnBad
from heedful.tasks.nearest import nearest_picture

if TYPE_CHECKING:
    from heedful.engines.engine import Engine
    from heedful.hub import Plan

COUNTED_TOKENS = 2_000_000  # of training texts, whose words a baseline counts
CHOSEN_BY = 2000  # validation examples, by which the better baseline is chosen


@dataclass(frozen=True)
class TrainedClassifier:
    """What tells classes apart, with what it takes to read its sources and to name its answers."""

    engine: ReadingEngine
    settings: NetworkSettings
    preprocessor: Preprocessor
    names: tuple[str, ...]
    plan: "Plan | None" = None


class ClassifyAnswering(Answering[Prepared, TrainedClassifier]):
    """The answers of classifiers; several give the mean of their probabilities."""

    def answer(
        self, models: Sequence[TrainedClassifier], inputs: Sequence[str], settings: GenerateSettings
    ) -> list[list[Answer]]:
        """The n best classes for each source; each answer's track has the probabilities of all."""
        rows, unknown = probabilities(models, inputs, settings), models[0].preprocessor.unknown_batch(inputs)
        return [
            best_classes(models[0].names, source, row, settings.n_best, unread)
            for source, row, unread in zip(inputs, rows, unknown, strict=True)
        ]

    def score(self, models: Sequence[TrainedClassifier], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (source, class)."""
        names = ClassNames(models[0].names)
        classes = for_each(names.known, [name for _, name in pairs])
        rows = probabilities(models, [source for source, _ in pairs], GenerateSettings())
        return [
            float(np.log(max(row[names.numbers[name]], SMALLEST_PROBABILITY)))
            for row, name in zip(rows, classes, strict=True)
        ]

    def evaluate(
        self,
        models: Sequence[TrainedClassifier],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: Prepared | None = None,
    ) -> Scores:
        sources = [example.source for example in examples]
        references = [example.references for example in examples]
        rows = probabilities(models, sources, settings, data)
        return evaluate_classes(sources, models[0].names, rows, references, samples=samples)

    def baseline(self, model: TrainedClassifier, data: Prepared, examples: Sequence[Example]) -> tuple[str, Scores]:
        """The class of the nearest training picture; for texts, what their counted words say."""
        targets = [model.names[int(data.train[row][1][0])] for row in range(len(data.train))]
        sources, references = [case.source for case in examples], [case.references for case in examples]
        if isinstance(data.source, Album):
            name, nearest = nearest_picture(data, targets, choose)
            outputs = nearest.answers(data.source.of(sources))
        else:
            name, outputs = answer_by_counts(data, targets, sources, model.preprocessor.normal_form)
        return name, measure("classes", sources, outputs, references)

    def kind(self, model: TrainedClassifier) -> Kind:
        return "classes"

    def can_answer_together(self, model: TrainedClassifier, other: TrainedClassifier) -> bool:
        """Whether they read the same and name the same classes."""
        return model.preprocessor.same_as(other.preprocessor) and model.names == other.names

    def open_data(self, folder: Path) -> Prepared | None:
        return open_run(folder)

    def examples(
        self, model: TrainedClassifier, files: Sequence[str], settings: DataSettings, on_bad: OnBad
    ) -> list[Example]:
        """A row each, as it stands: of several classes of a source, one is right."""
        names, pictures = ClassNames(model.names), model.preprocessor.pixels is not None
        rows = read_examples(files, settings, on_bad, pictures, merge_sources=False)
        return [replace(row, references=tuple(map(names.find, row.references))) for row in rows]

    def contents(self, model: TrainedClassifier, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        return model.preprocessor.contents(examples)

    def example_notes(self, model: TrainedClassifier, files: Sequence[str], settings: DataSettings) -> list[str]:
        return example_notes(files, settings, ClassNames(model.names))

    def names(self, model: TrainedClassifier) -> tuple[str, ...]:
        return model.names

    def lengths(self, models: Sequence[TrainedClassifier], inputs: Sequence[str]) -> Lengths | None:
        return models[0].preprocessor.lengths(inputs, [model.engine.limit for model in models])

    def source_kind(self, model: TrainedClassifier) -> SourceKind:
        return "picture" if model.preprocessor.positions else "text"

    def asked_with(self, model: TrainedClassifier) -> str:
        return "PICTURE" if model.preprocessor.positions else '"…"'

    def exhibits(self, models: Sequence[TrainedClassifier], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """The pictures of scored examples, as people are shown them."""
        return Exhibits("classes", pictures=models[0].preprocessor.prints(case.source for case in scores.cases))

    def config(self, model: TrainedClassifier) -> dict[str, Any]:
        fields = {"network": asdict(model.settings), "names": list(model.names)}
        return fields | model.preprocessor.config() | plan_config(model.plan)

    def save(self, model: TrainedClassifier, folder: Path) -> None:
        """Writes the tokenizer, if there is one; the caller writes config and weights."""
        if isinstance(model.preprocessor.coder, Tokenizer):
            model.preprocessor.coder.save(folder / "tokenizer.json")

    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedClassifier:
        settings, preprocessor = (
            NetworkSettings(**config["network"]),
            load_preprocessor(config, folder / "tokenizer.json"),
        )
        return TrainedClassifier(engine.reader(), settings, preprocessor, tuple(config["names"]))

    def by_engine(self, model: TrainedClassifier, engine: "Engine") -> TrainedClassifier:
        return replace(model, engine=engine.reader())

    def manifest(self, model: TrainedClassifier, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        return {"source": describe_source(model.preprocessor, folder, model.engine.limit), "names": list(model.names)}


def probabilities(
    models: Sequence[TrainedClassifier],
    sources: Sequence[str],
    settings: GenerateSettings,
    data: Prepared | None = None,
) -> np.ndarray:
    """The probability of each class, (N, C); several models give the mean of theirs. Pictures of `data` are not read
    again.
    """
    first, album = models[0], data.source if data and isinstance(data.source, Album) else None
    mean = np.zeros((len(sources), len(first.names)))
    limits = [model.engine.limit for model in models]
    for rows, (source, lengths) in first.preprocessor.stacks(sources, settings.batch_tokens, limits, album):
        for model in models:
            mean[rows] += model.engine(source, lengths) / len(models)
    return mean


def choose(examples: Sequence[Example], answers: Mapping[str, Sequence[str]]) -> str:
    """The name of the answers that are right most often."""
    return baselines.best("classes", answers, [example.references for example in examples])


def answer_by_counts(
    data: Prepared, targets: list[str], sources: Sequence[str], form: NormalForm
) -> tuple[str, list[str]]:
    """The classes of texts by their counted words, and by what: the better of two on the validation side.

    Words are those of texts as the tokenizer gives them back, in training and here.
    """
    order = np.random.default_rng(0).permutation(len(data.train))
    few = order[: max(1, int(np.searchsorted(np.cumsum(data.train.lengths[order, 0]), COUNTED_TOKENS, side="right")))]
    part = "" if len(few) == len(order) else f", {len(few):,} of {len(order):,} texts counted"
    rows = sorted(few.tolist())
    texts = [data.source.decode(data.train[row][0]) for row in rows]

    def read(examples: Sequence[str]) -> list[str]:
        written = [normalize_text(text, form) for text in examples]
        return [data.source.decode(ids) for ids in data.source.encode_batch(written)]

    ways = bags.counted(texts, [targets[row] for row in rows])
    valid = batching.sample(data.valid, CHOSEN_BY, 0)
    validated = read([example.source for example in valid])
    name = choose(valid, {name: answer(validated) for name, answer in ways.items()}) if valid else next(iter(ways))
    return f"{name}{part}", ways[name](read(sources))


def best_classes(
    names: tuple[str, ...], source: str, row: np.ndarray, count: int, unread: tuple[str, ...]
) -> list[Answer]:
    """The likeliest classes of one source, by the probabilities (C,) of all; `unread` is unknown of it."""
    order = np.argsort(-row, kind="stable")[:count]
    probabilities_of_all = tuple(float(value) for value in row)
    scores = [float(np.log(max(row[number], SMALLEST_PROBABILITY))) for number in order]
    return [
        Answer(
            source,
            names[number],
            score,
            score,
            unknown=unread,
            track=Track(names, (names[number],), (probabilities_of_all,)),
        )
        for number, score in zip(order, scores, strict=True)
    ]
