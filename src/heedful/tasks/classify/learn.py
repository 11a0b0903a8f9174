"""classify, one to one: a picture in, probabilities over classes out. Many to one, with a text in, by the same file.

N sources   C classes
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from heedful.data import batching
from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.data.pairs import prepared as preparing
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import open_run as opened
from heedful.data.pictures.album import Album
from heedful.data.pictures.augment import mix
from heedful.data.prepare import prepare as prepare_data
from heedful.data.readers.rows import BadRow
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.onnx_graphs import Graph, answer_graph
from heedful.errors import unknown
from heedful.hub import Plan
from heedful.metrics import baselines
from heedful.metrics.classes import evaluate_classes
from heedful.metrics.counts import PRIMARY, Kind
from heedful.metrics.scores import evaluate as measure
from heedful.networks.build import Spec
from heedful.networks.joins import EncoderHead
from heedful.networks.settings import fit_pictures
from heedful.results import Answer, Example, Exhibits, Findings, Measure, Scores, Track
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import inputs as reading
from heedful.tasks.joins import JOINS
from heedful.tasks.made_up import made_up_sources
from heedful.tasks.manifests import describe_source
from heedful.tasks.plans import begun, kept, planned
from heedful.tasks.plans import build as build_network
from heedful.tasks.pretrained import Given
from heedful.tasks.task import SourceKind
from heedful.tasks.training_sources import TrainingSources, picture_advice, reading_of, refuse_varied, training_sources
from heedful.training import decide as defaults
from heedful.training.loop import Work

__all__ = ["opened"]

OWN = {"pool": "summary"} | reading.OWN
LEAST = 1e-30  # of a probability whose logarithm is taken


@dataclass(frozen=True)
class Classifier:
    """A network with what it takes to read its sources and to name its answers."""

    network: EncoderHead
    settings: NetworkSettings
    reading: reading.Reading
    names: tuple[str, ...]
    plan: Plan | None = None


def given(model: Classifier) -> Given:
    """What goes with a classifier's weights."""
    return replace(model.reading.given(), names=model.names, plan=model.plan)


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None) -> preparing.Prepared:
    """The recipe's data under `folder`, read as `start` has it; classes are those of the data."""
    start, kind = start or Given(), preparing.kind_of_source(recipe.data)
    source = start.picture(recipe.data) if kind == "picture" else start.words
    return prepare_data(PairKind((kind, "name"), (source, None)), recipe, folder, say, defaults)


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    return start.picture_settings()


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen."""
    if preparing.kind_of_source(recipe.data) == "picture":
        recipe = defaults.batches(recipe, defaults.PICTURES)
    return defaults.resolve_recipe(recipe, *JOINS[recipe.task], OWN)


def fitted(recipe: Recipe, prepared: preparing.Prepared) -> Recipe:
    """The recipe with what the data decide: how pictures are cut. Raises HeedfulError for texts to be varied."""
    pictured = isinstance(prepared.source, Album)
    if not pictured:
        refuse_varied(recipe)
    network = fit_pictures(recipe.network, prepared.source.form.size) if pictured else recipe.network
    return replace(recipe, network=network)


def advice(recipe: Recipe, prepared: preparing.Prepared) -> str:
    """What would do better than to begin from nothing with few pictures."""
    return picture_advice(recipe, prepared, "google/vit-base-patch16-224")


def build(recipe: Recipe, prepared: preparing.Prepared, start: Given | None = None) -> Classifier:
    """A classifier with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    read = reading_of(prepared.source, prepared.train, recipe, start)
    names = prepared.target.names
    plan = begun(start, "classify", recipe.network, names, read.pixels)
    if plan:
        return Classifier(build_network(plan, EncoderHead), recipe.network, read, names, plan)
    return made(recipe.network, read, names)


def made(settings: NetworkSettings, read: reading.Reading, names: tuple[str, ...]) -> Classifier:
    """A classifier of resolved settings."""
    network = build_network(Spec("encoder_pooled", settings, (read.source,), len(names)), EncoderHead)
    return Classifier(network, settings, read, names)


def work(model: Classifier, prepared: preparing.Prepared, recipe: Recipe) -> Work:
    """What the loop needs."""
    valid = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    sources = training_sources(recipe, prepared.train, prepared.source, model.reading, reading.AUGMENT)

    def score() -> dict[str, float]:
        measures = evaluate([model], valid, recipe.generate, samples=0, prepared=prepared).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: sources.plan(recipe, epoch),
        collate=Collate(sources, 0.0 if recipe.train.mix == "auto" else recipe.train.mix),
        loss=Loss(recipe.train.label_smoothing, class_weights(prepared, recipe)),
        score=score,
        primary=PRIMARY[kind(model)],
        higher_is_better=True,
        where=sources.where,
    )


def kind(model: Classifier) -> Kind:
    """How answers are scored."""
    return "classes"


def together(one: Classifier, other: Classifier) -> bool:
    """Whether two classifiers can answer together: they read the same and name the same classes."""
    return one.reading.same_as(other.reading) and one.names == other.names


def class_weights(prepared: preparing.Prepared, recipe: Recipe) -> Tensor:
    """What an example of each class counts; rows count 1 on average."""
    classes = np.array([prepared.train[row][1][0] for row in range(len(prepared.train))])
    counts = np.bincount(classes, minlength=prepared.target.size)
    if recipe.train.class_weights == "none":
        return torch.ones(len(counts))
    return torch.from_numpy(len(classes) / (len(counts) * np.maximum(counts, 1))).float()


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: sources, their lengths and labels, in some batches mixed."""

    sources: TrainingSources
    mixed: float

    def __call__(self, rows: Rows) -> Batch:
        labels = torch.tensor([int(label[0]) for _, label in self.sources.pairs(rows)])
        batch = self.sources(rows) | {"labels": labels}
        if not self.mixed or self.sources.reading.pixels is None:
            return batch
        return batch | mix(batch["source"], labels, self.mixed, self.sources.seeds(rows[:1])[0])


@dataclass(frozen=True)
class Loss:
    """Label-smoothed cross entropy, summed over examples; a mixed example counts for both of its classes."""

    smoothing: float
    weights: Tensor

    def __call__(self, network: EncoderHead, batch: Batch) -> tuple[Tensor, int]:
        labels = batch["labels"]
        logits = network(batch["source"], batch["lengths"]).float()

        def of(right: Tensor) -> Tensor:
            told = F.cross_entropy(logits, right, reduction="none", label_smoothing=self.smoothing)
            return told * self.weights.to(right.device)[right]

        loss = of(labels)
        if "others" in batch:
            share = batch["shares"]
            loss = share * loss + (1 - share) * of(batch["others"])
        return loss.sum(), len(labels)


@torch.inference_mode()
def probabilities(
    models: Sequence[Classifier], sources: Sequence[str], settings: GenerateSettings, album: Album | None = None
) -> np.ndarray:
    """What each class gets, (N, C); several models give the mean of theirs."""
    first, found = models[0], np.zeros((len(sources), len(models[0].names)))
    for model in models:
        model.network.eval()
    device = next(first.network.parameters()).device
    limits = [model.network.encoder.limit for model in models]
    for rows, batch in first.reading.batches(sources, settings.batch_tokens, limits, album):
        source, lengths = batch["source"].to(device), batch["lengths"].to(device)
        for model in models:
            found[rows] += model.network(source, lengths).float().softmax(-1).cpu().numpy() / len(models)
    return found


def answer(models: Sequence[Classifier], sources: Sequence[str], settings: GenerateSettings) -> list[list[Answer]]:
    """The n best classes for each source; each answer's track has the probabilities of all."""
    found = zip(sources, probabilities(models, sources, settings), strict=True)
    return [shown(models[0], source, row, settings.n_best) for source, row in found]


def shown(model: Classifier, source: str, row: np.ndarray, best: int) -> list[Answer]:
    """The likeliest classes of one source."""
    names, unknown = model.names, model.reading.unknown(source)
    order = np.argsort(-row, kind="stable")[:best]
    everything = tuple(float(value) for value in row)
    scores = [float(np.log(max(row[number], LEAST))) for number in order]
    return [
        Answer(
            source, names[number], score, score, unknown=unknown, track=Track(names, (names[number],), (everything,))
        )
        for number, score in zip(order, scores, strict=True)
    ]


def score(models: Sequence[Classifier], pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The log probability of each (source, class)."""
    names = {name: number for number, name in enumerate(models[0].names)}
    for _, name in pairs:
        if name not in names:
            raise unknown("class", name, names)
    found = probabilities(models, [source for source, _ in pairs], GenerateSettings())
    return [float(np.log(max(row[names[name]], LEAST))) for row, (_, name) in zip(found, pairs, strict=True)]


def examples(
    model: Classifier, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """What to answer in these files, and everything that counts as right."""
    return preparing.examples(files, data, on_bad, pictures=model.reading.pixels is not None)


def evaluate(
    models: Sequence[Classifier],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: preparing.Prepared | None = None,
) -> Scores:
    """Scores the answers to examples; with `prepared`, pictures that were read before are not read again."""
    sources = [example.source for example in examples]
    album = prepared.source if prepared and isinstance(prepared.source, Album) else None
    found = probabilities(models, sources, settings, album)
    references = [example.references for example in examples]
    return evaluate_classes(sources, models[0].names, found, references, samples=samples)


def baseline(
    model: Classifier, prepared: preparing.Prepared, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What needs no network: the class of the nearest training picture by its pixels; for texts, the largest class."""
    train, names = prepared.train, model.names
    targets = [names[int(train[row][1][0])] for row in range(len(train))]
    sources, references = [one.source for one in examples], [one.references for one in examples]
    if isinstance(prepared.source, Album):
        numbers = np.array([int(train[row][0][0]) for row in range(len(train))])
        nearest = baselines.NearestPicture(prepared.source.pixels(numbers), targets)
        name, outputs = "nearest training picture", nearest.answers(prepared.source.of(sources))
    else:
        name, outputs = "largest class", [baselines.majority(targets)] * len(sources)
    return name, measure("classes", sources, outputs, references).measures


def prints(model: Classifier, scores: Scores) -> Mapping[str, bytes]:
    """The pictures of scored examples, as people are shown them."""
    return model.reading.prints(case.source for case in scores.cases)


def check(recipe: Recipe) -> Findings:
    """Looks at the data before training: bad rows, leaks, classes of few examples."""
    return check_pairs(recipe.data)


def config(model: Classifier) -> dict[str, Any]:
    """What `load` must know beside the weights and the tokenizer."""
    about = {"network": asdict(model.settings), "names": list(model.names)}
    return about | model.reading.config() | kept(model.plan)


def save(model: Classifier, folder: Path) -> None:
    """Writes the tokenizer, if there is one; the caller writes config and weights."""
    if isinstance(model.reading.coder, Tokenizer):
        model.reading.coder.save(folder / "tokenizer.json")


def load(config: dict[str, Any], folder: Path) -> Classifier:
    """The classifier of a folder, with weights still to be put in."""
    settings = parse_settings(NetworkSettings, config["network"])
    read, names, plan = reading.load_reading(config, folder / "tokenizer.json"), tuple(config["names"]), planned(config)
    if plan:
        return Classifier(build_network(plan, EncoderHead), settings, read, names, plan)
    return made(settings, read, names)


def source_kind(model: Classifier) -> SourceKind:
    """What the model is asked with."""
    return "picture" if model.reading.positions else "text"


def asked_with(model: Classifier) -> str:
    """What stands behind the model's folder where it is asked."""
    return "PICTURE" if model.reading.positions else '"…"'


def exhibits(models: Sequence[Classifier], scores: Scores, settings: GenerateSettings) -> Exhibits:
    """What a report shows beside the numbers: the pictures of scored examples."""
    return Exhibits("classes", pictures=prints(models[0], scores))


def manifest(model: Classifier, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs."""
    return {"source": describe_source(model.reading, folder), "names": list(model.names)}


def graphs(model: Classifier, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of the network for ONNX, with made-up sources of these lengths."""
    return [answer_graph(model.network, *made_up_sources(model.reading, lengths, model.network.encoder.limit))]
