"""What tasks share in learning to write behind a source: batches, the loss, one network for all of them.

N sources   T target positions
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from heedful.blocks.attention.masks import up_to
from heedful.blocks.host import on_host, pick
from heedful.blocks.loss import cross_entropy
from heedful.data import batching
from heedful.data.batch import Batch, pad_rows
from heedful.data.batching import Rows
from heedful.data.normal_form import normalize_text
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.prepared import Prepared
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.onnx_graphs import Graph, writer_graphs
from heedful.engines.plain_writing import PlainSeq2Seq
from heedful.hub import Plan
from heedful.metrics.counts import PRIMARY, Kind
from heedful.networks.build import Spec
from heedful.networks.joins import EncoderDecoder
from heedful.results import Example, Findings
from heedful.schema import GenerateSettings, NetworkSettings, NormalForm, Recipe, parse_settings
from heedful.tasks.dummy_inputs import dummy_sources
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.learning import Learning
from heedful.tasks.long import Room, way_of
from heedful.tasks.long_rows import fit_rows, reach_of
from heedful.tasks.plans import build, plan_from_config
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.seq2seq import TrainedSeq2Seq, load_coders, read_sources, search_answers
from heedful.tasks.shortlist import ShortlistFile
from heedful.tasks.trace import Trace, find_tokens, read_source, text_units, trace_writing
from heedful.tasks.training_sources import TrainingSources, network_source, pretrained_of, training_sources
from heedful.tasks.valid_loss import with_loss
from heedful.training import decide
from heedful.training.work import Score, Work

POSITIONS = 512  # of a translator, in formats that have a table for them where we have a formula
SLACK = 10  # tokens that an answer may have beyond what the training pairs' lengths suggest


@dataclass(frozen=True)
class LearnableSeq2Seq(TrainedSeq2Seq):
    """The same with its network at hand, which its engine asks."""

    network: EncoderDecoder = field(kw_only=True)


class Seq2SeqLearning(Learning[Prepared, LearnableSeq2Seq]):
    """How networks learn that read a source and write a text.

    `augment`: how pictures are varied where the recipe does not say. `batches_by_length`: examples of like lengths
    stand in one batch.
    """

    decisions = decide
    augment: ClassVar[tuple[str, ...]] = ()
    batches_by_length: ClassVar[bool] = True

    def check(self, recipe: Recipe) -> Findings:
        """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
        return check_pairs(recipe.data, reach=reach_of(recipe, self.resolve, self.facts))

    def fit(self, model: LearnableSeq2Seq, data: Prepared, recipe: Recipe) -> tuple[Prepared, list[str]]:
        reads, engine = model.preprocessor, model.engine
        room = Room(reads.room(engine.source_limit), Room.within(engine.limit, 1), (reads.marks, 1))
        return fit_rows(
            data, room, way_of(recipe.data.long, self.facts), partial(self.answering.example_lengths, [model])
        )

    def work(self, model: LearnableSeq2Seq, data: Prepared, recipe: Recipe) -> Work:
        """What the loop needs."""
        valid = batching.sample(data.valid, recipe.train.valid_limit, recipe.seed)
        greedy = replace(recipe.generate, beam=1, n_best=1, shortlist=0)
        # before it learns to end an answer a network writes the longest: a trial is to take as long as later ones
        trial = replace(greedy, max_length=1 + math.ceil(data.train.lengths[:, 1].mean()))
        sources = training_sources(recipe, data.train, data.source, model.preprocessor, self.augment)
        kind = self.answering.kind(model)
        return Work(
            network=model.network,
            plan=lambda epoch: sources.plan(recipe, epoch, by_length=self.batches_by_length),
            collate=Collate(sources, model.target.special_tokens),
            loss=Loss(recipe.train.label_smoothing),
            score=self.with_loss(model, valid, self.scorer(model, valid, greedy, data, trial)),
            primary=PRIMARY[kind],
            where=sources.where,
            scored=len(valid),
        )

    def with_loss(self, model: LearnableSeq2Seq, valid: Sequence[Example], score: Score) -> Score:
        """The scores of answers, and the loss of what would have been right, its end too; what is longer than the
        network writes is left out.
        """
        pairs, longest = [(example.source, example.references[0]) for example in valid], model.engine.limit or math.inf
        texts = model.target.encode_batch([normalize_text(target, model.normal_form) for _, target in pairs])
        sizes = [len(ids) + 1 if len(ids) < longest else 0 for ids in texts]
        return with_loss(score, partial(self.answering.score, [model]), pairs, sizes)

    def pretrained(self, model: LearnableSeq2Seq) -> Pretrained:
        return replace(pretrained_of(model.preprocessor), written=model.target, plan=model.plan)

    def load(self, config: dict[str, Any], folder: Path) -> LearnableSeq2Seq:
        """The model of a folder, with weights still to be put in."""
        settings = parse_settings(NetworkSettings, config["network"])
        model = build_seq2seq(settings, **load_coders(config, folder), plan=plan_from_config(config))
        return replace(model, shortlist=ShortlistFile(folder))

    def trace(
        self,
        model: LearnableSeq2Seq,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> Trace:
        [array], target, special = read_sources([model], [source]), model.target, model.target.special_tokens
        network, reads = model.network, model.preprocessor
        if output is None:
            [[best, *_]] = search_answers([model], [source], settings)
            written, output = [*best.tokens, *([special.end] if best.complete else [])], target.decode(best.tokens)
        else:
            written = [*target.encode(normalize_text(output, model.normal_form)), special.end]
        return trace_writing(
            network,
            read_source(reads, array, network.sides()[0]),
            reads.stack([array]),
            (special.begin, written),
            text_units(target, written),
            source,
            output,
            partial(find_tokens, target),
            target.display,
        )

    def graphs(self, model: LearnableSeq2Seq, lengths: Sequence[int]) -> list[Graph]:
        """The graphs of the network for ONNX, with made-up sources of these lengths."""
        return writer_graphs(model.network, *dummy_sources(model.preprocessor, lengths, model.network.encoder.limit))


def build_seq2seq(
    settings: NetworkSettings,
    preprocessor: Preprocessor,
    target: Tokenizer,
    *,
    shared: bool,
    scores: Kind,
    stretch: float,
    slack: int,
    normal_form: NormalForm,
    plan: Plan | None,
) -> LearnableSeq2Seq:
    """A model with fresh weights, of the lineage or, with a `plan`, as published.

    `shared`: both sides have one tokenizer, so one table.
    """
    network = build(plan or encoder_decoder(settings, preprocessor, target.size, shared), EncoderDecoder)
    return with_network(network, settings, preprocessor, target, shared, scores, stretch, slack, normal_form, plan)


def encoder_decoder(
    settings: NetworkSettings, preprocessor: Preprocessor, vocabulary: int, shared: bool = False
) -> Spec:
    """The description of a network of the lineage, for answers of so many different tokens."""
    return Spec("encoder_decoder", settings, (network_source(preprocessor),), vocabulary, shared)


def with_network(
    network: EncoderDecoder,
    settings: NetworkSettings,
    preprocessor: Preprocessor,
    target: Tokenizer,
    shared: bool,
    scores: Kind,
    stretch: float,
    slack: int,
    normal_form: NormalForm = "none",
    plan: Plan | None = None,
) -> LearnableSeq2Seq:
    """The model of a network that exists: asked through the plain engine."""
    arguments = (settings, preprocessor, target, shared, scores, stretch, slack, normal_form, plan)
    return LearnableSeq2Seq(PlainSeq2Seq(network), *arguments, network=network)


def quantile_stretch(lengths: np.ndarray) -> float:
    """How much longer than sources targets are at the most, end tokens counted; one pair in a thousand is beyond it."""
    with_end = np.asarray(lengths) + 1
    return round(float(np.quantile(with_end[:, 1] / with_end[:, 0], 0.999)), 3)


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: the source, the target behind <s>, and the target with </s>."""

    sources: TrainingSources
    special: SpecialTokens

    def __call__(self, rows: Rows) -> Batch:
        written = [target for _, target in self.sources.pairs(rows)]
        inputs, steps = pad_rows([np.concatenate(([self.special.begin], target)) for target in written])
        targets, _ = pad_rows([np.append(target, self.special.end) for target in written])
        return self.sources(rows) | {"inputs": inputs, "targets": targets, "steps": steps}


@dataclass(frozen=True)
class Loss:
    """Label-smoothed cross entropy, summed over real target tokens."""

    smoothing: float

    def __call__(self, network: EncoderDecoder, batch: Batch) -> tuple[Tensor, int]:
        outputs = network(batch["source"], batch["lengths"], batch["inputs"])
        outputs, targets = pick(up_to(on_host(batch["steps"]), outputs.size(1)), outputs, batch["targets"])
        decoder = network.decoder
        return cross_entropy(outputs, decoder.logits, targets, decoder.vocabulary, self.smoothing), len(targets)


def writing_limits(model: TrainedSeq2Seq, search: GenerateSettings) -> dict[str, Any]:
    """Keys of generation_config.json that say how an answer begins, and how long it may be."""
    length = model.slack + 1 if model.stretch == 0 else POSITIONS
    return {"decoder_start_token_id": model.target.special_tokens.begin, "num_beams": search.beam, "max_length": length}
