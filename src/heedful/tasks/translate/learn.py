"""translate, many to many: a text in, a text out. Spelling to sounds, one language to another, any pairs.

N sources   S source positions   T target positions
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from heedful.data import batching
from heedful.data.batch import padded
from heedful.data.normal_form import normalize_text
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
from heedful.results import Alignment, Example, Findings, Measure, Scores
from heedful.schema import DataSettings, GenerateSettings, Recipe
from heedful.tasks import inputs as reading
from heedful.tasks import seq2seq as writing
from heedful.tasks.attention_maps import TO_SOURCE, attention_maps
from heedful.tasks.joins import JOINS
from heedful.tasks.plans import begun
from heedful.tasks.plans import build as build_network
from heedful.tasks.pretrained import Given
from heedful.tasks.seq2seq import Author, answer, config, given, load, save, score, together
from heedful.tasks.training_sources import training_sources
from heedful.training import decide as defaults
from heedful.training.loop import Work

__all__ = ["answer", "config", "given", "load", "opened", "save", "score", "together"]


def prepare(recipe: Recipe, folder: Path, say: Callable[[str], None], start: Given | None = None) -> preparing.Prepared:
    """The recipe's data under `folder`; with the tokenizers of `start`, if its weights are the beginning."""
    start = start or Given()
    words, written = start.words, start.written
    if recipe.data.shared_tokenizer:
        words, written = words or written, written or words
    return prepare_data(PairKind(given=(words, written)), recipe, folder, say, defaults)


def inherited(before: Recipe, start: Given) -> dict[str, object]:
    """Data settings that are taken over from where weights come from."""
    return {"shared_tokenizer": before.data.shared_tokenizer} if before.task == "translate" else {}


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with the network's settings decided, and the learning rate that goes with them."""
    return defaults.resolve_recipe(recipe, *JOINS[recipe.task])


def fitted(recipe: Recipe, prepared: preparing.Prepared) -> Recipe:
    """The recipe with what the data decide: nothing here."""
    return recipe


def build(recipe: Recipe, prepared: preparing.Prepared, start: Given | None = None) -> Author:
    """An author with fresh weights, which the recipe's seed decides."""
    torch.manual_seed(recipe.seed)
    read = reading.Reading(prepared.source, normal_form=recipe.data.normalize)
    target, shared = prepared.target, recipe.data.shared_tokenizer
    plan = begun(start, "translate", recipe.network)
    network = build_network(plan, EncoderDecoder) if plan else writing.made(recipe.network, read, target, shared)
    scores, stretch = "symbols" if target.kind == "symbols" else "text", writing.stretch_of(prepared.train.lengths)
    form = recipe.data.normalize
    return Author(network, recipe.network, read, target, shared, scores, stretch, writing.SLACK, form, plan)


def work(model: Author, prepared: preparing.Prepared, recipe: Recipe) -> Work:
    """What the loop needs."""
    valid = batching.sample(prepared.valid, recipe.train.valid_limit, recipe.seed)
    greedy = replace(recipe.generate, beam=1, n_best=1)
    sources = training_sources(recipe, prepared.train, prepared.source, model.reading, ())

    def score() -> dict[str, float]:
        measures = evaluate([model], valid, greedy, samples=0).measures
        return {name: one.value for name, one in measures.items()}

    return Work(
        network=model.network,
        plan=lambda epoch: sources.plan(recipe, epoch),
        collate=writing.Collate(sources, model.target.special_tokens),
        loss=writing.Loss(recipe.train.label_smoothing),
        score=score,
        primary=PRIMARY[kind(model)],
        higher_is_better=kind(model) == "text",
        where=sources.where,
    )


def kind(model: Author) -> Kind:
    """How answers are scored: symbols by error rates, text by chrF and BLEU."""
    return model.scores


def examples(
    model: Author, files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]
) -> list[Example]:
    """What to answer in these files, and everything that counts as right."""
    return preparing.examples(files, data, on_bad)


def evaluate(
    models: Sequence[Author],
    examples: Sequence[Example],
    settings: GenerateSettings,
    *,
    samples: int = 1000,
    prepared: preparing.Prepared | None = None,
) -> Scores:
    """Scores the 1-best answers to examples; the same in training (samples=0, and no TER, which is slow)."""
    sources = [example.source for example in examples]
    best = [found[0] for found in answer(models, sources, replace(settings, n_best=1))]
    lengths = [len(ids) for ids in models[0].reading.tokenizer.encode_batch(sources)]
    references = [example.references for example in examples]
    outputs, logs, ter = [one.output for one in best], [one.score for one in best], samples > 0
    return measure(models[0].scores, sources, outputs, references, samples=samples, lengths=lengths, ter=ter, logs=logs)


def baseline(
    model: Author, prepared: preparing.Prepared, examples: Sequence[Example]
) -> tuple[str, dict[str, Measure]]:
    """What needs no network: the answer of the nearest training source (symbols), the source itself (text)."""
    sources = [example.source for example in examples]
    if model.scores == "text":
        name, outputs = "copy of the source", baselines.copy(sources)
    else:
        pairs = [prepared.train[row] for row in range(len(prepared.train))]
        nearest = baselines.Nearest(
            [model.reading.tokenizer.decode(one) for one, _ in pairs],
            [model.target.decode(other) for _, other in pairs],
        )
        name, outputs = "nearest training source", nearest.answers(sources)
    references = [example.references for example in examples]
    return name, measure(model.scores, sources, outputs, references).measures


def explain(model: Author, text: str, output: str | None, settings: GenerateSettings) -> Alignment:
    """What each token of an answer looked at in `text`, from one teacher-forced call on all of it.

    `output` is what is to be explained in place of the model's own answer.
    """
    [source], target, marks = writing.read_all([model], [text]), model.target, model.target.special_tokens
    if output is None:
        [[best, *_]] = writing.searched([model], [text], settings)
        said = [*best.tokens, *([marks.end] if best.complete else [])]
    else:
        said = [*target.encode(normalize_text(output, model.normal_form)), marks.end]
    (read, lengths), (inputs, _) = padded([source]), padded([np.array([marks.begin, *said[:-1]])])
    looked = attention_maps(model.network, (read, lengths, inputs), TO_SOURCE, range(len(said)))
    return Alignment(tuple(model.reading.tokenizer.tokens(source)), tuple(target.tokens(said)), looked)


def check(recipe: Recipe) -> Findings:
    """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
    return check_pairs(recipe.data)


def manifest(model: Author, folder: Path, settings: GenerateSettings) -> dict[str, Any]:
    """What one must know beside exported graphs."""
    return writing.manifest(model, folder, settings)


def graphs(model: Author, lengths: Sequence[int]) -> list[Graph]:
    """The graphs of the network for ONNX."""
    return writing.graphs(model, lengths)
