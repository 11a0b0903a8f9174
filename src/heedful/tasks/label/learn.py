"""label, many to many, in step: a label for each frame of a video, each step of a series, each word of a text.

N sources   T steps   C labels
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.pixels import Pixels
from heedful.data import batching
from heedful.data.prepare import prepare as prepare_data
from heedful.data.readers.rows import BadRow
from heedful.data.steps import check as step_check
from heedful.data.steps import store as step_store
from heedful.data.steps.forms import StepForm, Steps, open_steps
from heedful.data.steps.kind import StepKind
from heedful.data.steps.read import read_clips
from heedful.data.steps.subwords import PIECES, SubwordVocabulary
from heedful.data.steps.words import WordVocabulary
from heedful.engines.onnx_graphs import Graph, answer_graph
from heedful.errors import HeedfulError, unknown
from heedful.hub import Plan
from heedful.metrics.classes import by_class, confused
from heedful.metrics.counts import PRIMARY, Kind
from heedful.metrics.scores import evaluate as measure
from heedful.networks.build import Spec
from heedful.networks.joins import EncoderHead
from heedful.networks.settings import fit_frames
from heedful.networks.sources import FrameSource, SeriesSource, Source, WordSource
from heedful.networks.subwords import FirstPieces
from heedful.results import Answer, Example, Exhibits, Findings, Measure, Scores, Track, spread_out
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import inputs as reading
from heedful.tasks.joins import JOINS
from heedful.tasks.label import clips
from heedful.tasks.label.windows import LEAST, apart, by_windows, cut, sureness, windows
from heedful.tasks.made_up import made_up_sources
from heedful.tasks.manifests import describe_text
from heedful.tasks.plans import begun, kept, planned
from heedful.tasks.plans import build as build_network
from heedful.tasks.pretrained import Given
from heedful.tasks.task import SourceKind
from heedful.tasks.training_sources import refuse_varied
from heedful.training import decide as defaults
from heedful.training.loop import Work

OWN = {"causal": False, "patch": "auto", "stem": "auto"}
LOOKED_AT = 100  # clips by which colours are judged


@dataclass(frozen=True)
class Labeller:
    """A network with what it takes to read sequences and to name its labels.

    `window` steps are read at once of what is longer (0: all), as in training.
    """

    network: EncoderHead | FirstPieces
    settings: NetworkSettings
    form: StepForm
    pixels: Pixels | None
    names: tuple[str, ...]
    window: int
    plan: Plan | None = None


def given(model: Labeller) -> Given:
    """What goes with a labeller's weights."""
    lexicon = model.form.vocabulary
    words = lexicon.tokenizer if isinstance(lexicon, SubwordVocabulary) else None
    form = model.form.picture
    return Given(words, form=form, pixels=model.pixels, steps=model.form, names=model.names, plan=model.plan)


def prepare(
    recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None
) -> step_store.PreparedClips:
    """The recipe's data under `folder`, read as `start` has it; labels are those of the data."""
    form = start.steps if start else None
    if start and start.plan and start.words and not form:  # a published network that reads pieces of words
        form = StepForm("tokens", vocabulary=SubwordVocabulary(start.words), normalize=recipe.data.normalize)
    return prepare_data(StepKind(form), recipe, folder, say, defaults)


def opened(folder: Path) -> step_store.PreparedClips | None:
    """The data that was prepared in a run's folder, if it is still there."""
    return step_store.open_run(folder)


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    taken = start.picture_settings() | ({"frame_rate": start.steps.rate} if start.steps else {})
    return taken | ({"window": before.data.window} if before.task == "label" else {})


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen."""
    return defaults.resolve_recipe(recipe, *JOINS[recipe.task], OWN)


def fitted(recipe: Recipe, prepared: step_store.PreparedClips) -> Recipe:
    """The recipe with what the data decide: how frames are read. Raises HeedfulError for other steps to be varied."""
    picture = prepared.form.picture
    if picture is None:
        refuse_varied(recipe)
    network = fit_frames(recipe.network, picture.size) if picture else recipe.network
    return replace(recipe, network=network)


def build(recipe: Recipe, prepared: step_store.PreparedClips, start: Given | None = None) -> Labeller:
    """A labeller with fresh weights, which the recipe's seed decides.

    Raises HeedfulError where a published vocabulary is to be read by a network of another make.
    """
    torch.manual_seed(recipe.seed)
    if isinstance(prepared.form.vocabulary, SubwordVocabulary):
        plan = begun(start, "label", recipe.network, prepared.names)
        if plan is None:
            raise HeedfulError(
                f"The published weights of {recipe.start} cannot label as a network of other sizes.",
                "Leave the settings of the network out, or --from.",
            )
        network = build_network(plan, EncoderHead)
        return of_words(network, recipe.network, prepared.form, prepared.names, recipe.data.window, plan)
    picture = prepared.form.picture
    pixels = start.colours(picture) if start and picture else None
    if picture and not pixels:
        pixels = Pixels(picture.size, *colours(prepared.train))
    return made(recipe.network, prepared.form, pixels, prepared.names, recipe.data.window)


def colours(train: step_store.ClipStore) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and spread of each colour over the frames of the first training clips, as shares of 255."""
    frames = np.concatenate([train[row][0] for row in range(min(len(train), LOOKED_AT))]) / 255.0
    mean, spread = frames.mean((0, 1, 2)), np.maximum(frames.std((0, 1, 2)), 1 / 255)
    return tuple(map(float, mean)), tuple(map(float, spread))


def made(
    settings: NetworkSettings, form: StepForm, pixels: Pixels | None, names: tuple[str, ...], window: int
) -> Labeller:
    """A labeller of resolved settings. Recurrent networks read both ways, unless each step may know no later one."""
    network = build_network(Spec("encoder_steps", settings, (source_of(form, pixels),), len(names)), EncoderHead)
    return Labeller(network, settings, form, pixels, names, window)


def of_words(
    inner: EncoderHead, settings: NetworkSettings, form: StepForm, names: tuple[str, ...], window: int, plan: Plan
) -> Labeller:
    """A labeller of words by a published network, which reads pieces of them."""
    assert isinstance(form.vocabulary, SubwordVocabulary)
    marks = form.vocabulary.tokenizer.special_tokens
    network = FirstPieces(inner, marks.before, marks.after)
    return Labeller(network, settings, form, None, names, window, plan)


def source_of(form: StepForm, pixels: Pixels | None) -> Source:
    """What a network is told of steps."""
    if pixels is not None:
        return FrameSource(pixels)
    words = form.vocabulary
    return WordSource(*words.sizes) if isinstance(words, WordVocabulary) else SeriesSource(len(form.mean))


def work(model: Labeller, prepared: step_store.PreparedClips, recipe: Recipe) -> Work:
    """What the loop needs."""
    valid = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    pieces = cut(prepared.train.lengths[:, 0], recipe.data.window)
    lengths = np.repeat((pieces[:, 2] - pieces[:, 1])[:, None], 2, axis=1)
    chosen = () if recipe.train.augment == "auto" or model.pixels is None else recipe.train.augment  # docs/log.md
    collate = clips.Collate(prepared.train, pieces, tuple(chosen), recipe.seed)

    def values() -> dict[str, float]:
        measures = evaluate([model], valid, recipe.generate, samples=0, prepared=prepared).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: batching.plan(lengths, int(recipe.train.batch_tokens), recipe.seed, epoch),
        collate=collate,
        loss=clips.Loss(recipe.train.label_smoothing, recipe.train.smooth_steps),
        score=values,
        primary=PRIMARY[kind(model)],
        higher_is_better=True,
        where=collate.where,
    )


def kind(model: Labeller) -> Kind:
    """How answers are scored."""
    return "steps"


def answer(models: Sequence[Labeller], sources: Sequence[str], settings: GenerateSettings) -> list[list[Answer]]:
    """The labels of each source, one answer each; its track has the probabilities at each step.

    Raises HeedfulError for a source that cannot be read.
    """
    first = models[0]
    opened_steps = [open_steps(source, first.form) for source in sources]
    arrays = [first.form.ready(steps) for steps in opened_steps]
    found = by_windows(models, arrays, settings.batch_tokens)
    return [
        [shown(first, source, shares, steps, apart(models, array, shares, settings))]
        for source, steps, array, shares in zip(sources, opened_steps, arrays, found, strict=True)
    ]


def shown(model: Labeller, source: str, shares: np.ndarray, steps: Steps, disagreement: float | None) -> Answer:
    """The labels of one source."""
    best = shares.argmax(1)
    labels = tuple(model.names[number] for number in best)
    score = sureness(shares)
    rows = tuple(tuple(float(value) for value in row) for row in shares)
    read = tuple(windows(len(shares), model.window)) if disagreement is not None else ()
    track = Track(model.names, labels, rows, steps.seconds, read, disagreement)
    unknown = model.form.vocabulary.unknown(steps.words) if model.form.vocabulary else ()
    mean = score / max(1, len(labels))
    return Answer(source, "\t".join(labels), score, mean, labels, unknown=unknown, track=track, note=steps.note)


def score(models: Sequence[Labeller], pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The log probability of each (source, labels joined by tabs)."""
    first = models[0]
    numbers = {name: number for number, name in enumerate(first.names)}
    arrays = [first.form.ready(open_steps(source, first.form)) for source, _ in pairs]
    found = []
    for shares, (_, text) in zip(by_windows(models, arrays, GenerateSettings().batch_tokens), pairs, strict=True):
        for name in text.split("\t"):
            if name and name not in numbers:
                raise unknown("label", name, numbers)
        named = [(step, numbers[name]) for step, name in enumerate(text.split("\t")) if name]
        found.append(float(sum(np.log(max(shares[step, number], LEAST)) for step, number in named)))
    return found


def together(one: Labeller, other: Labeller) -> bool:
    """Whether two labellers can answer together: they read alike and name the same labels."""
    return one.form == other.form and one.names == other.names


def examples(
    model: Labeller, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """What to answer in these files, and what is right at each step, joined by tabs."""
    clips = read_clips(files, data, model.form, on_bad)
    found = [Example(clip.source, ("\t".join(clip.labels),), clip.where) for clip in clips]
    if not found:
        raise HeedfulError(f"There are no clips in {', '.join(files)}.")
    return found


def evaluate(
    models: Sequence[Labeller],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: step_store.PreparedClips | None = None,
) -> Scores:
    """Scores the labels of examples; with `prepared`, clips that were read before are not read again."""
    first, sources = models[0], [example.source for example in examples]
    arrays = list(read_again(first, sources, prepared))
    shares = by_windows(models, arrays, settings.batch_tokens)
    outputs = ["\t".join(first.names[number] for number in one.argmax(1)) for one in shares]
    references = [example.references for example in examples]
    scores = measure("steps", sources, outputs, references, samples=samples, logs=[*map(sureness, shares)])
    pairs = [
        (truth, said)
        for output, accepted in zip(outputs, references, strict=True)
        for truth, said in zip(accepted[0].split("\t"), output.split("\t"), strict=False)
        if truth
    ]
    names = [*first.names, *sorted({truth for truth, _ in pairs} - {*first.names})]
    confusion = confused(names, [truth for truth, _ in pairs], [said for _, said in pairs])
    return replace(scores, confusion=confusion, by_class=by_class(confusion))


def read_again(
    model: Labeller, sources: Sequence[str], prepared: step_store.PreparedClips | None
) -> Iterator[np.ndarray]:
    """What the network reads of each source."""
    for source in sources:
        if prepared and source in prepared.steps:
            yield prepared.steps[source]
        else:
            yield model.form.ready(open_steps(source, model.form))


def baseline(
    model: Labeller, prepared: step_store.PreparedClips, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What needs no network: the most frequent label at every step."""
    labels = np.asarray(prepared.train.labels)
    usual = model.names[int(np.bincount(labels[labels >= 0]).argmax())]
    outputs = ["\t".join([usual] * len(example.references[0].split("\t"))) for example in examples]
    sources = [example.source for example in examples]
    return "most frequent label", measure("steps", sources, outputs, [one.references for one in examples]).measures


def check(recipe: Recipe) -> Findings:
    """Looks at the data before training: bad rows, leaks, lengths and labels."""
    return step_check.check_clips(recipe.data, defaults)


def config(model: Labeller) -> dict[str, Any]:
    """What `load` must know beside the weights."""
    about = {"network": asdict(model.settings), "names": list(model.names), "window": model.window}
    pixels = model.pixels and {"size": model.pixels.size, "mean": model.pixels.mean, "std": model.pixels.std}
    return about | {"form": model.form.plain(), "pixels": pixels} | kept(model.plan)


def save(model: Labeller, folder: Path) -> None:
    """Everything is in the config; the caller writes it and the weights."""


def load(config: dict[str, Any], folder: Path) -> Labeller:
    """The labeller of a folder, with weights still to be put in."""
    about = config["pixels"]
    pixels = Pixels(about["size"], tuple(about["mean"]), tuple(about["std"])) if about else None
    settings, form, plan = (
        parse_settings(NetworkSettings, config["network"]),
        StepForm.parse(config["form"]),
        planned(config),
    )
    if plan:
        network = build_network(plan, EncoderHead)
        return of_words(network, settings, form, tuple(config["names"]), config["window"], plan)
    return made(settings, form, pixels, tuple(config["names"]), config["window"])


def source_kind(model: Labeller) -> SourceKind:
    """What the model is asked with."""
    return model.form.kind


def exhibits(models: Sequence[Labeller], scores: Scores, settings: GenerateSettings) -> Exhibits:
    """What a report shows beside the numbers: times and windows of the clips whose steps it draws."""
    shown_cases = spread_out(scores.cases)
    answers = [found[0] for found in answer(models, [case.source for case in shown_cases], settings)]
    return Exhibits("steps", tracks={one.source: one.track for one in answers if one.track})


def export_files(model: Labeller, folder: Path) -> None:
    """Writes the tokenizer of a published vocabulary, which a run keeps in its config."""
    if isinstance(model.form.vocabulary, SubwordVocabulary):
        model.form.vocabulary.tokenizer.save(folder / "tokenizer.json")


def manifest(model: Labeller, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs."""
    if isinstance(model.form.vocabulary, SubwordVocabulary):
        pieces = describe_text(model.form.vocabulary.tokenizer, folder) | {"pieces": PIECES}
        return {"source": pieces, "names": list(model.names)}
    return {"source": model.form.plain(), "names": list(model.names), "window": model.window}


def graphs(model: Labeller, lengths: Sequence[int]) -> list[Graph]:
    """The graph of the network for ONNX, with made-up sources of these lengths."""
    network = model.network
    if isinstance(network, FirstPieces):
        assert isinstance(model.form.vocabulary, SubwordVocabulary)
        read = reading.Reading(model.form.vocabulary.tokenizer)
        return [answer_graph(network.inner, *made_up_sources(read, lengths, network.inner.encoder.limit))]
    return [answer_graph(network, made_up_steps(model.form, lengths), 0)]


def made_up_steps(form: StepForm, lengths: Sequence[int]) -> dict[str, Tensor]:
    """Sequences that nobody made, of these lengths: source (N, T, ...) and lengths (N,)."""
    random, shape = torch.Generator().manual_seed(len(lengths)), (len(lengths), max(lengths))
    if isinstance(form.vocabulary, WordVocabulary):
        words, letters = form.vocabulary.sizes
        first = torch.randint(0, words, (*shape, 1), generator=random)
        width = form.vocabulary.encode(("",)).shape[1] - 1
        source = torch.cat([first, torch.randint(0, letters, (*shape, width), generator=random)], dim=-1)
    elif form.picture is not None:
        pixels = form.picture.size, form.picture.size, form.picture.channels
        source = torch.randint(0, 256, (*shape, *pixels), dtype=torch.uint8, generator=random)
    else:
        source = torch.randn((*shape, len(form.mean)), generator=random)
    return {"source": source, "lengths": torch.tensor(lengths)}
