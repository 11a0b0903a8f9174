"""How labellers are asked and scored: a label for each frame of a video, step of a series or word of a text.

N sources   T steps   C labels
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful.blocks.pixels import Pixels
from heedful.data.steps.choose import example_notes
from heedful.data.steps.forms import StepForm, Steps, open_asked, open_steps
from heedful.data.steps.read import read_clips
from heedful.data.steps.store import PreparedClips, digest_of_steps, open_run
from heedful.data.steps.subwords import PIECES, SubwordVocabulary
from heedful.engines.first_pieces import FirstPiecesReader
from heedful.engines.reading import ReadingEngine
from heedful.errors import HeedfulError, for_each, unknown
from heedful.metrics import baselines
from heedful.metrics.classes import SMALLEST_PROBABILITY, count_confusions, score_classes
from heedful.metrics.counts import Kind
from heedful.metrics.entities import are_entity_tags, entities_of, score_types
from heedful.metrics.scores import evaluate as measure
from heedful.results import Answer, Example, Exhibits, Rows, Scores, Series, Span, Track, spread_out
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings
from heedful.tasks.answering import Answering
from heedful.tasks.facts import SourceKind
from heedful.tasks.label.windows import (
    LONGEST,
    Reach,
    best_log_probability,
    disagreement,
    probabilities_by_windows,
)
from heedful.tasks.long import Lengths, limit_of
from heedful.tasks.manifests import describe_text, plan_config
from heedful.tasks.models import OnBad

if TYPE_CHECKING:
    from heedful.engines.engine import Engine
    from heedful.hub import Plan


@dataclass(frozen=True)
class TrainedLabeller:
    """What labels steps, with what it takes to read sequences and to name its labels.

    `window` steps are read at once of what is longer (0: all), as in training.
    """

    engine: ReadingEngine
    settings: NetworkSettings
    form: StepForm
    pixels: Pixels | None
    names: tuple[str, ...]
    window: int
    plan: "Plan | None" = None


class LabelAnswering(Answering[PreparedClips, TrainedLabeller]):
    """The answers of labellers; several give the mean of their probabilities at each step."""

    def answer(
        self, models: Sequence[TrainedLabeller], inputs: Sequence[str], settings: GenerateSettings
    ) -> list[list[Answer]]:
        """The labels of each source, one answer each; its track has the probabilities at each step.

        Punctuation of a text is cut as the training words were; the track has the words that were labelled.
        """
        return self.answer_steps(models, inputs, [open_asked(source, models[0].form) for source in inputs], settings)

    def answer_steps(
        self,
        models: Sequence[TrainedLabeller],
        inputs: Sequence[str],
        sequences: Sequence[Steps],
        settings: GenerateSettings,
    ) -> list[list[Answer]]:
        """As `answer`, for sources that are opened."""
        first, engines, reach = models[0], [model.engine for model in models], answering_reach(models)
        arrays = [first.form.encode(steps) for steps in sequences]
        shares = probabilities_by_windows(engines, arrays, reach, settings.batch_tokens)
        disagreements = [
            disagreement(engines, *pair, reach, settings.batch_tokens) for pair in zip(arrays, shares, strict=True)
        ]
        windows_read = [tuple(reach.windows(array)) for array in arrays]
        rows = zip(inputs, shares, sequences, windows_read, disagreements, strict=True)
        return [[labels_of(first, *parts)] for parts in rows]

    def score(self, models: Sequence[TrainedLabeller], pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (source, labels joined by tabs); steps without a label count nothing."""
        first = models[0]
        numbers = {name: number for number, name in enumerate(first.names)}
        shares = step_probabilities(models, [source for source, _ in pairs], GenerateSettings())
        steps = for_each(lambda text: number_labels(text, numbers), [text for _, text in pairs])
        return [
            float(sum(np.log(max(rows[step], SMALLEST_PROBABILITY)) for step in labels))
            for rows, labels in zip(shares, steps, strict=True)
        ]

    def evaluate(
        self,
        models: Sequence[TrainedLabeller],
        examples: Sequence[Example],
        settings: GenerateSettings,
        *,
        samples: int = 1000,
        data: PreparedClips | None = None,
    ) -> Scores:
        shares = step_probabilities(models, [example.source for example in examples], settings, data)
        return score_steps(self.kind(models[0]), models[0].names, shares, examples, samples)

    def baseline(self, model: TrainedLabeller, data: PreparedClips, examples: Sequence[Example]) -> tuple[str, Scores]:
        """The most frequent label of each word; the most frequent of all at every step of what is no text."""
        sources, references = [case.source for case in examples], [case.references for case in examples]
        if model.form.kind == "tokens":
            tags = baselines.WordTags(tagged_sentences(data))
            name = "most frequent label of each word"
            outputs = [tags.answers(words) for words in words_of(sources, data)]
        else:
            labels = np.asarray(data.train.labels)
            most_frequent = model.names[int(np.bincount(labels[labels >= 0]).argmax())]
            name = "most frequent label"
            outputs = [[most_frequent] * len(example.references[0].split("\t")) for example in examples]
        return name, measure(self.kind(model), sources, ["\t".join(labels) for labels in outputs], references)

    def kind(self, model: TrainedLabeller) -> Kind:
        """Words are scored as such, by their entities where the labels mark any; clips and series by their steps."""
        if model.form.kind != "tokens":
            return "steps"
        return "entities" if are_entity_tags(model.names) else "tags"

    def can_answer_together(self, model: TrainedLabeller, other: TrainedLabeller) -> bool:
        """Whether they read alike and name the same labels."""
        return model.form == other.form and model.names == other.names

    def open_data(self, folder: Path) -> PreparedClips | None:
        return open_run(folder)

    def examples(
        self, model: TrainedLabeller, files: Sequence[str], settings: DataSettings, on_bad: OnBad
    ) -> list[Example]:
        """What to answer in these files, and what is right at each step, joined by tabs."""
        clips = read_clips(files, settings, model.form, on_bad)
        examples = [Example(clip.source, ("\t".join(clip.labels),), clip.where) for clip in clips]
        if not examples:
            raise HeedfulError(f"There are no clips in {', '.join(files)}.")
        return examples

    def contents(self, model: TrainedLabeller, examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
        for example in examples:
            yield example.where, digest_of_steps(example.source, open_steps(example.source, model.form))

    def example_notes(self, model: TrainedLabeller, files: Sequence[str], settings: DataSettings) -> list[str]:
        return example_notes(files, settings)

    def names(self, model: TrainedLabeller) -> tuple[str, ...]:
        return model.names

    def lengths(self, models: Sequence[TrainedLabeller], inputs: Sequence[str]) -> Lengths | None:
        reach = reach_of(models)
        if reach.limit is None:
            return None
        positions = [reach.positions(steps) for steps in read_sources(models[0], inputs, None)]
        return Lengths(np.array(positions, np.int64), reach.limit)

    def source_kind(self, model: TrainedLabeller) -> SourceKind:
        return model.form.kind

    def asked_with(self, model: TrainedLabeller) -> str:
        return '"…"' if model.form.kind == "tokens" else self.facts.asked_with

    def exhibits(self, models: Sequence[TrainedLabeller], scores: Scores, settings: GenerateSettings) -> Exhibits:
        """Times and windows of the clips whose steps a report draws, and what was measured where they are series."""
        form, sources = models[0].form, [case.source for case in spread_out(scores.cases)]
        sequences = [open_steps(each, form) for each in sources]
        answers = self.answer_steps(models, sources, sequences, settings)
        series = {
            source: Series(tuple(map(str, form.channels)), steps.values.tolist())
            for source, steps in zip(sources, sequences, strict=True)
            if steps.kind == "series"
        }
        return Exhibits(
            "steps", tracks={answer.source: answer.track for [answer] in answers if answer.track}, series=series
        )

    def config(self, model: TrainedLabeller) -> dict[str, Any]:
        fields = {"network": asdict(model.settings), "names": list(model.names), "window": model.window}
        pixels = model.pixels and {"size": model.pixels.size, "mean": model.pixels.mean, "std": model.pixels.std}
        return fields | {"form": model.form.plain(), "pixels": pixels} | plan_config(model.plan)

    def save(self, model: TrainedLabeller, folder: Path) -> None:
        """Everything is in the config; the caller writes it and the weights."""

    def export_files(self, model: TrainedLabeller, folder: Path) -> None:
        """Writes the tokenizer of a published vocabulary, which a run keeps in its config."""
        if isinstance(model.form.vocabulary, SubwordVocabulary):
            model.form.vocabulary.tokenizer.save(folder / "tokenizer.json")

    def load(self, config: dict[str, Any], folder: Path, engine: "Engine") -> TrainedLabeller:
        form, settings = StepForm.parse(config["form"]), NetworkSettings(**config["network"])
        names, window = tuple(config["names"]), config["window"]
        return TrainedLabeller(reader_of(form, engine), settings, form, load_pixels(config), names, window)

    def by_engine(self, model: TrainedLabeller, engine: "Engine") -> TrainedLabeller:
        return replace(model, engine=reader_of(model.form, engine))

    def manifest(self, model: TrainedLabeller, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
        if isinstance(model.form.vocabulary, SubwordVocabulary):
            pieces = describe_text(model.form.vocabulary.tokenizer, folder, model.engine.limit) | {"pieces": PIECES}
            return {"source": pieces, "names": list(model.names)}
        return {
            "source": model.form.plain(),
            "names": list(model.names),
            "window": model.window,
            "limit": model.engine.limit,
        }


def load_pixels(config: dict[str, Any]) -> Pixels | None:
    """What a config says of the frames' colours, if there are frames."""
    fields = config["pixels"]
    return Pixels(fields["size"], tuple(fields["mean"]), tuple(fields["std"])) if fields else None


def reader_of(form: StepForm, engine: "Engine") -> ReadingEngine:
    """What reads steps: of words in a published vocabulary, their pieces."""
    if not isinstance(form.vocabulary, SubwordVocabulary):
        return engine.reader()
    special = form.vocabulary.tokenizer.special_tokens
    return FirstPiecesReader(engine.reader(), special.before, special.after)


def step_probabilities(
    models: Sequence[TrainedLabeller],
    sources: Sequence[str],
    settings: GenerateSettings,
    data: PreparedClips | None = None,
) -> list[np.ndarray]:
    """The probability of each label at each step, (T, C) a source; clips of `data` are not read again."""
    arrays, engines = list(read_sources(models[0], sources, data)), [model.engine for model in models]
    return probabilities_by_windows(engines, arrays, answering_reach(models), settings.batch_tokens)


def answering_reach(models: Sequence[TrainedLabeller]) -> Reach:
    """What is answered at once: all that these read, as far as memory holds what they keep of it."""
    return replace(reach_of(models), longest=LONGEST)


def words_of(sources: Iterable[str], data: PreparedClips) -> Iterator[tuple[str, ...]]:
    """The words of texts, in the form that they were learnt in."""
    return (open_steps(source, data.form).words for source in sources)


def tagged_sentences(data: PreparedClips) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The words of each training sentence and their labels, "" where masked."""
    texts = {number: text for text, number in data.steps.numbers.items()}
    names = (*data.names, "")  # which is that of MASKED
    sources = (texts[int(number)] for number in data.train.sequences)
    for row, words in enumerate(words_of(sources, data)):
        yield words, [names[label] for label in data.train[row][1]]


def reach_of(models: Sequence[TrainedLabeller]) -> Reach:
    """What all of these read at once."""
    form, limit = models[0].form, limit_of([model.engine.limit for model in models])
    window = limit_of([model.window for model in models]) or 0
    if isinstance(form.vocabulary, SubwordVocabulary):
        marks = len(form.vocabulary.tokenizer.special_tokens.around([]))
        return Reach(window, limit, by_pieces=True, marks=marks)
    return Reach(window, limit)


def read_sources(model: TrainedLabeller, sources: Sequence[str], data: PreparedClips | None) -> Iterator[np.ndarray]:
    """What a network reads of each source."""
    for source in sources:
        if data and source in data.steps:
            yield data.steps[source]
        else:
            yield model.form.encode(open_steps(source, model.form))


def labels_of(
    model: TrainedLabeller,
    source: str,
    shares: np.ndarray,
    steps: Steps,
    windows_read: tuple[tuple[int, int], ...],
    percent_apart: float | None,
) -> Answer:
    """The labels of one source, by their probabilities (T, C); `percent_apart`: what `disagreement` gave."""
    labels = tuple(model.names[number] for number in shares.argmax(1))
    score = best_log_probability(shares)
    rows = Rows(shares.astype(np.float64, copy=False).tobytes(), shares.shape[1])
    several = windows_read if len(windows_read) > 1 else ()
    spans = spans_of(labels, steps.words) if steps.words and are_entity_tags(model.names) else None
    track = Track(model.names, labels, rows, steps.seconds, several, percent_apart, steps.words, spans)
    source = source.replace("\t", " ") if steps.words else source
    unread = model.form.vocabulary.unknown(steps.words) if model.form.vocabulary else ()
    mean = score / max(1, len(labels))
    return Answer(source, "\t".join(labels), score, mean, labels, unknown=unread, track=track, note=steps.note)


def spans_of(labels: Sequence[str], words: Sequence[str]) -> tuple[Span, ...]:
    """The entities that labels mark, with their words.

    >>> spans_of(("B-PER", "I-PER", "O"), ("Anna", "Berg", "sings"))
    (Span(start=0, end=2, label='PER', text='Anna Berg'),)
    """
    return tuple(Span(start, end, kind, " ".join(words[start:end])) for kind, start, end in entities_of(labels))


def score_steps(
    kind: Kind, names: Sequence[str], shares: Sequence[np.ndarray], examples: Sequence[Example], samples: int
) -> Scores:
    """Scores the likeliest labels of examples, given at each step the probabilities (T, C) of `names`."""
    sources, references = [example.source for example in examples], [example.references for example in examples]
    outputs = ["\t".join(str(names[number]) for number in rows.argmax(1)) for rows in shares]
    logs = [best_log_probability(rows) for rows in shares]
    scores = measure(kind, sources, outputs, references, samples=samples, logs=logs)
    pairs = [
        (truth, label)
        for output, accepted in zip(outputs, references, strict=True)
        for truth, label in zip(accepted[0].split("\t"), output.split("\t"), strict=False)
        if truth
    ]
    every = [*names, *sorted({truth for truth, _ in pairs} - {*names})]
    confusion = count_confusions(every, [truth for truth, _ in pairs], [label for _, label in pairs])
    by_class = score_types(outputs, references) if kind == "entities" else score_classes(confusion)
    return replace(scores, confusion=confusion, by_class=by_class)


def number_labels(text: str, numbers: dict[str, int]) -> list[tuple[int, int]]:
    """Each step that has a label with the label's number; raises HeedfulError for a label that there is not."""
    labels = [(step, name) for step, name in enumerate(text.split("\t")) if name]
    for _, name in labels:
        if name not in numbers:
            raise unknown("label", name, numbers)
    return [(step, numbers[name]) for step, name in labels]
