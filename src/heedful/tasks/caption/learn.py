"""caption, one to many: a picture in, a sentence out.

N sources   T target positions
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from heedful.data import batching
from heedful.data.pairs import prepared as preparing
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import open_run as opened
from heedful.data.prepare import prepare as prepare_data
from heedful.data.readers.rows import BadRow
from heedful.engines.onnx_graphs import Graph
from heedful.metrics import baselines
from heedful.metrics.counts import PRIMARY, Kind
from heedful.metrics.scores import evaluate as measure
from heedful.networks.joins import EncoderDecoder
from heedful.networks.settings import fit_pictures
from heedful.results import Example, Exhibits, Findings, Measure, Scores
from heedful.schema import DataSettings, GenerateSettings, Recipe
from heedful.tasks import inputs as reading
from heedful.tasks import seq2seq as writing
from heedful.tasks.joins import JOINS
from heedful.tasks.plans import begun
from heedful.tasks.plans import build as build_network
from heedful.tasks.pretrained import Given
from heedful.tasks.seq2seq import Author, answer, config, given, load, save, score, together
from heedful.tasks.task import SourceKind
from heedful.tasks.training_sources import picture_advice, reading_of, training_sources
from heedful.training import decide as defaults
from heedful.training.loop import Work

__all__ = ["answer", "config", "given", "load", "opened", "save", "score", "together"]

OWN = reading.OWN
AUGMENT = ("shift",)  # what leaves the words right: not flips (left, right), not colours (tones of skin)


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None) -> preparing.Prepared:
    """The recipe's data under `folder`, read and written as `start` has it if its weights are the beginning."""
    start = start or Given()
    return prepare_data(
        PairKind(("picture", "text"), (start.picture(recipe.data), start.written)), recipe, folder, say, defaults
    )


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    return start.picture_settings()


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with what can be decided before the data are seen."""
    return defaults.batches(defaults.resolve_recipe(recipe, *JOINS[recipe.task], OWN), defaults.PICTURES)


def fitted(recipe: Recipe, prepared: preparing.Prepared) -> Recipe:
    """The recipe with what the data decide: how pictures are cut."""
    network = fit_pictures(recipe.network, prepared.source.form.size)
    return replace(recipe, network=network)


def advice(recipe: Recipe, prepared: preparing.Prepared) -> str:
    """What would do better than to begin from nothing with few pictures."""
    return picture_advice(recipe, prepared, "google/vit-base-patch16-224")


def build(recipe: Recipe, prepared: preparing.Prepared, start: Given | None = None) -> Author:
    """An author with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    read, target = reading_of(prepared.source, prepared.train, recipe, start), prepared.target
    plan = begun(start, "caption", recipe.network, pixels=read.pixels)
    network = build_network(plan, EncoderDecoder) if plan else writing.made(recipe.network, read, target, shared=False)
    longest = int(np.asarray(prepared.train.lengths)[:, 1].max())
    slack = longest + writing.SLACK
    return Author(network, recipe.network, read, target, False, "captions", 0.0, slack, recipe.data.normalize, plan)


def work(model: Author, prepared: preparing.Prepared, recipe: Recipe) -> Work:
    """What the loop needs."""
    valid = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    greedy = replace(recipe.generate, beam=1, n_best=1)
    sources = training_sources(recipe, prepared.train, prepared.source, model.reading, AUGMENT)

    def values() -> dict[str, float]:
        measures = evaluate([model], valid, greedy, samples=0, prepared=prepared).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: sources.plan(recipe, epoch, together=False),  # a batch of like names teaches little else
        collate=writing.Collate(sources, model.target.special_tokens),
        loss=writing.Loss(recipe.train.label_smoothing),
        score=values,
        primary=PRIMARY[kind(model)],
        higher_is_better=True,
        where=sources.where,
    )


def kind(model: Author) -> Kind:
    """How answers are scored."""
    return "captions"


def examples(
    model: Author, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """What to answer in these files, and everything that counts as right."""
    return preparing.examples(files, data, on_bad, pictures=True)


def evaluate(
    models: Sequence[Author],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: preparing.Prepared | None = None,
) -> Scores:
    """Scores the 1-best answers to examples; with `prepared`, pictures that were read before are not read again."""
    sources, references = [one.source for one in examples], [one.references for one in examples]
    album = prepared.source if prepared else None
    best = [found[0] for found in answer(models, sources, replace(settings, n_best=1), album)]
    outputs, logs = [one.output for one in best], [one.score for one in best]
    return measure("captions", sources, outputs, references, samples=samples, logs=logs)


def baseline(
    model: Author, prepared: preparing.Prepared, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What needs no network: the words of the training picture whose pixels are nearest."""
    train = prepared.train
    pairs = [train[row] for row in range(len(train))]
    texts = [model.target.decode(words) for _, words in pairs]
    numbers = np.concatenate([one for one, _ in pairs]).astype(np.int64)
    nearest = baselines.NearestPicture(prepared.source.pixels(numbers), texts)
    outputs = nearest.answers(prepared.source.of([one.source for one in examples]))
    scores = measure("captions", [one.source for one in examples], outputs, [one.references for one in examples])
    return "nearest training picture", scores.measures


def prints(model: Author, scores: Scores) -> Mapping[str, bytes]:
    """The pictures of scored examples, as people are shown them."""
    return model.reading.prints(case.source for case in scores.cases)


def check(recipe: Recipe) -> Findings:
    """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
    return check_pairs(recipe.data)


def source_kind(model: Author) -> SourceKind:
    """What the model is asked with."""
    return "picture"


def exhibits(models: Sequence[Author], scores: Scores, settings: GenerateSettings) -> Exhibits:
    """What a report shows beside the numbers: the pictures of scored examples."""
    return Exhibits("captions", pictures=prints(models[0], scores))


def manifest(model: Author, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs."""
    return writing.manifest(model, folder, settings)


def graphs(model: Author, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of the network for ONNX."""
    return writing.graphs(model, lengths)
