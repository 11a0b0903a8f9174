"""How classifiers are made of data, kept and given away: pictures or texts in, probabilities over classes out.

N sources   C classes
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from heedful.blocks.host import send
from heedful.data import batching
from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.coders import ClassNames
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import Prepared
from heedful.data.pairs.soft_labels import read_soft_labels
from heedful.data.pairs.sources import kind_of_source
from heedful.data.pictures.album import Album
from heedful.data.pictures.augment import mix
from heedful.engines.onnx_graphs import Graph, answer_graph
from heedful.errors import HeedfulError
from heedful.metrics.classes import evaluate_classes
from heedful.metrics.counts import PRIMARY
from heedful.networks.build import Spec
from heedful.networks.joins import EncoderHead
from heedful.networks.settings import fit_pictures
from heedful.results import Example, Findings
from heedful.schema import GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import inputs
from heedful.tasks.class_weights import class_weights, weights_of_targets
from heedful.tasks.classify.ask import probabilities
from heedful.tasks.classify.counting import TEXTS, CountedScore
from heedful.tasks.classify.explained import trace_class
from heedful.tasks.classify.learnable import LearnableClassifier, with_network
from heedful.tasks.dummy_inputs import dummy_sources
from heedful.tasks.inputs import Preprocessor, load_preprocessor
from heedful.tasks.joins import join_of
from heedful.tasks.learning import Learning
from heedful.tasks.long import Room, way_of
from heedful.tasks.long_rows import fit_rows, reach_of
from heedful.tasks.plans import build, derive_plan, plan_from_config
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.trace import Trace
from heedful.tasks.training_sources import (
    FEW_PICTURES,
    TrainingSources,
    network_source,
    picture_advice,
    preprocessor_of,
    pretrained_of,
    refuse_augmentation,
    training_sources,
)
from heedful.tasks.usual import OF_FEW_PICTURES, OF_NAMES, OF_STEPS, OF_TINY_PICTURES, UsualRow
from heedful.tasks.valid_loss import log_loss, values_of
from heedful.training import decide
from heedful.training.work import Score, Work

if TYPE_CHECKING:
    from heedful.hub import Plan, Published
TINY_SIDE = 16  # pixels: smaller pictures are read row by row


class ClassifyLearning(Learning[Prepared, LearnableClassifier]):
    """Classes are those of the data."""

    decisions = decide
    task_settings: ClassVar = {"pool": decide.POOL, "counts": decide.COUNTS} | inputs.PICTURE_SETTINGS

    def resolve(self, recipe: Recipe) -> Recipe:
        if kind_of_source(recipe.data) == "picture":
            if recipe.data.lowercase:
                raise HeedfulError("data.lowercase is of texts; these sources are pictures.", "Leave it out.")
            recipe = decide.batches(recipe, decide.PICTURES)
        return decide.resolve_recipe(recipe, *join_of(recipe.task), self.task_settings)

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> PairKind:
        start, kind = start or Pretrained(), kind_of_source(recipe.data)
        source = start.picture(recipe.data) if kind == "picture" else start.words
        return PairKind((kind, "name"), (source, None))

    def usual_row(self, data: Prepared) -> UsualRow:
        if isinstance(data.source, Album):
            if len(data.train) >= FEW_PICTURES:
                return super().usual_row(data)
            return OF_TINY_PICTURES if data.source.form.size < TINY_SIDE else OF_FEW_PICTURES
        return OF_STEPS if data.source.kind in ("symbols", "characters") else OF_NAMES

    def resolve_for_data(self, recipe: Recipe, data: Prepared) -> Recipe:
        """The recipe with how pictures are cut, or with places for no more pairs than there is room for; raises
        HeedfulError for texts to be varied and for pictures to be counted.
        """
        if isinstance(data.source, Album):
            if recipe.network.counts not in ("auto", 0):
                raise HeedfulError(
                    "network.counts counts pieces of texts; these sources are pictures.", "Leave it out."
                )
            return replace(recipe, network=fit_pictures(recipe.network, data.source.form.size))
        refuse_augmentation(recipe)
        pairs = decide.counted_pairs(recipe.network, data.source.size, data.target.size)
        return replace(recipe, network=replace(recipe.network, counts=pairs))

    def check(self, recipe: Recipe) -> Findings:
        """Looks at the data before training: bad rows, leaks, classes of few examples."""
        return check_pairs(recipe.data, classes=True, reach=reach_of(recipe, self.resolve, self.facts))

    def build(self, recipe: Recipe, data: Prepared, start: Pretrained | None = None) -> LearnableClassifier:
        torch.manual_seed(recipe.seed)
        preprocessor = preprocessor_of(data.source, data.train, recipe, start)
        plan = derive_plan(start, recipe.task, recipe.network, data.target.names, preprocessor.pixels)
        return build_classifier(recipe.network, preprocessor, data.target.names, plan)

    def fit(self, model: LearnableClassifier, data: Prepared, recipe: Recipe) -> tuple[Prepared, list[str]]:
        reads = model.preprocessor
        room = Room(reads.room(model.engine.limit), marks=(reads.marks, 0))
        return fit_rows(
            data, room, way_of(recipe.data.long, self.facts), partial(self.answering.example_lengths, [model])
        )

    def work(self, model: LearnableClassifier, data: Prepared, recipe: Recipe) -> Work:
        valid = batching.sample(data.valid, recipe.train.valid_limit, recipe.seed)
        sources = training_sources(recipe, data.train, data.source, model.preprocessor, decide.AUGMENT_NAMED)
        classes = np.array([data.train[row][1][0] for row in range(len(data.train))])
        collate = Collate(sources, decide.mixed_batches(recipe.train), read_soft_labels(data.train))
        score = self.scorer(model, valid, recipe.generate, data)
        if model.network.counts is not None:
            texts = partial(batches_of, collate, len(data.train))
            score = CountedScore(model.network, model.network.counts, score, texts, partial(texts_of, model, valid))
        return Work(
            network=model.network,
            plan=lambda epoch: sources.plan(recipe, epoch),
            collate=collate,
            loss=Loss(recipe.train.label_smoothing, class_weights(classes, data.target.size, recipe.train)),
            score=score,
            primary=PRIMARY[self.answering.kind(model)],
            where=sources.where,
            scored=len(valid),
        )

    def scorer(
        self,
        model: LearnableClassifier,
        examples: Sequence[Example],
        settings: GenerateSettings,
        data: Prepared,
        trial: GenerateSettings | None = None,
    ) -> Score:
        def score(few: int | None = None) -> dict[str, float]:
            sources = [example.source for example in examples[:few]]
            references = [example.references for example in examples[:few]]
            rows = probabilities([model], sources, settings, data)
            scores = evaluate_classes(sources, model.names, rows, references, samples=0)
            return values_of(scores, log_loss(list(rows[:, None]), references, model.names))

        return score

    def remarks(self, model: LearnableClassifier, data: Prepared) -> list[str]:
        """What the network counts beside counted pieces, or they beside it."""
        if model.network.counts is None:
            return []
        network, counted = model.network.counts.shares.tolist()
        return [f"the network counts {network:.2f}, pieces and pairs of pieces that are counted {counted:.2f}"]

    def advice(self, recipe: Recipe, data: Prepared) -> str:
        """What would do better than to begin from nothing with few pictures."""
        return picture_advice(recipe, data, "google/vit-base-patch16-224")

    def pretrained(self, model: LearnableClassifier) -> Pretrained:
        return replace(pretrained_of(model.preprocessor), names=model.names, plan=model.plan)

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        return super().inherited_settings(before, start) | start.picture_settings()

    def load(self, config: dict[str, Any], folder: Path) -> LearnableClassifier:
        settings, preprocessor = (
            parse_settings(NetworkSettings, config["network"]),
            load_preprocessor(config, folder / "tokenizer.json"),
        )
        return build_classifier(settings, preprocessor, tuple(config["names"]), plan_from_config(config))

    def from_hub(self, published: "Published", where: str) -> LearnableClassifier:
        from heedful.tasks.classify import hub

        return hub.from_hub(published, where)

    def to_hub(self, model: LearnableClassifier, recipe: Recipe, notes: list[str]) -> "Published":
        from heedful.tasks.classify import hub

        return hub.to_hub(model, recipe, notes)

    def trace(
        self,
        model: LearnableClassifier,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> Trace:
        """The likeliest class, or `output`; what is counted beside the network is a part of it."""
        return trace_class(model, source, output)

    def graphs(self, model: LearnableClassifier, lengths: Sequence[int]) -> list[Graph]:
        return [answer_graph(model.network, *dummy_sources(model.preprocessor, lengths, model.network.encoder.limit))]


def build_classifier(
    settings: NetworkSettings, preprocessor: Preprocessor, names: tuple[str, ...], plan: "Plan | None" = None
) -> LearnableClassifier:
    """A classifier of resolved settings, or of the plan of a published network, with fresh weights."""
    spec = Spec("encoder_pooled", settings, (network_source(preprocessor),), len(names))
    return with_network(build(plan or spec, EncoderHead), settings, preprocessor, names, plan)


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: sources, their lengths and labels, in some batches mixed. `soft_labels` (rows, C), if there are
    any, are what is learnt from.
    """

    sources: TrainingSources
    mix_fraction: float
    soft_labels: np.ndarray | None = None

    def __call__(self, rows: Rows) -> Batch:
        labels = torch.tensor([int(label[0]) for _, label in self.sources.pairs(rows)])
        batch = self.sources(rows) | {"labels": labels}
        if self.soft_labels is not None:
            labels = torch.from_numpy(self.soft_labels[rows.rows].astype(np.float32))
            batch |= {"soft": labels}
        if not self.mix_fraction or self.sources.preprocessor.pixels is None:
            return batch
        return batch | mix(batch["source"], labels, self.mix_fraction, self.sources.seeds(rows[:1])[0])


def batches_of(collate: Collate, rows: int) -> Iterator[Batch]:
    """Training texts in an order of their own, the same each time."""
    order = np.random.default_rng(0).permutation(rows)
    for first in range(0, rows, TEXTS):
        yield collate(Rows(0, order[first : first + TEXTS]))


def texts_of(model: LearnableClassifier, examples: Sequence[Example]) -> Iterator[Batch]:
    """Validation texts whose class is known, as the network reads them."""
    names = ClassNames(model.names)
    known = [example for example in examples if example.references[0] in names.numbers]
    labels = torch.tensor([names.numbers[example.references[0]] for example in known])
    sources = [example.source for example in known]
    for rows, (source, lengths) in model.preprocessor.stacks(sources, TEXTS * 64, [model.engine.limit]):
        tensors = {"source": torch.from_numpy(source), "lengths": torch.from_numpy(lengths)}
        yield Batch(tensors | {"labels": labels[torch.as_tensor(rows)]})


@dataclass(frozen=True)
class Loss:
    """Label-smoothed cross entropy with classes or, of soft labels, with all their probabilities, summed over examples;
    a mixed example counts for both of its classes.
    """

    smoothing: float
    weights: Tensor | None

    def __call__(self, network: EncoderHead, batch: Batch) -> tuple[Tensor, int]:
        labels = batch["soft" if "soft" in batch else "labels"]
        logits = network(batch["source"], batch["lengths"]).float()

        def losses(classes: Tensor) -> Tensor:
            entropies = F.cross_entropy(logits, classes, reduction="none", label_smoothing=self.smoothing)
            if self.weights is None:
                return entropies
            return entropies * weights_of_targets(send(self.weights, classes.device), classes)

        loss = losses(labels)
        if "others" in batch:
            first_weight = batch["shares"]
            loss = first_weight * loss + (1 - first_weight) * losses(batch["others"])
        return loss.sum(), len(labels)
