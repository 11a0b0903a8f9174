"""How generators of images learn: first pictures become codes, then sentences become codes.

N sources   H W sides in pixels   C colours   S codes of a picture
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from heedful.blocks.codebook import GrayLevels
from heedful.data import batching
from heedful.data.batching import Rows
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import Prepared
from heedful.data.pictures.png import png
from heedful.data.pictures.read import Form, read_pictures
from heedful.engines.onnx_graphs import Graph, paint_graph, writer_graphs
from heedful.engines.plain_writing import PlainCodec, PlainSeq2Seq
from heedful.errors import HeedfulError
from heedful.explanations import Units
from heedful.metrics.counts import PRIMARY
from heedful.networks.joins import Drawing, EncoderDecoder
from heedful.results import Findings
from heedful.schema import GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks.draw import codes
from heedful.tasks.draw.ask import TrainedImageGenerator
from heedful.tasks.draw.code_ids import BEGIN, FIRST, direct_codes, format_codes, parse_codes, refuse_odd_side
from heedful.tasks.dummy_inputs import dummy_sources
from heedful.tasks.inputs import Preprocessor, load_text_preprocessor
from heedful.tasks.joins import join_of
from heedful.tasks.learning import Learning, Stage
from heedful.tasks.long import Room, way_of
from heedful.tasks.long_rows import fit_rows
from heedful.tasks.plans import build
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.seq2seq_learning import encoder_decoder
from heedful.tasks.trace import Trace, read_source, trace_writing
from heedful.tasks.training_sources import pretrained_of, training_sources
from heedful.tasks.valid_loss import with_loss
from heedful.training import decide
from heedful.training.work import Work

UNGUIDED = "the drawing was made under guidance; what is explained is the network without it"
CODE_SETTINGS = {"codes": "auto"}
GENERATE_DEFAULTS = {"sample": True, "top_k": 64, "guidance": 3.0}
"""What Generate means for drawings where the recipe does not say otherwise."""
TRAIN_DEFAULTS = {"label_smoothing": 0.0}
"""The same of Train: of a thousand codes, a tenth of the mass on wrong ones is much when one is drawn by lot."""


@dataclass(frozen=True)
class LearnableImageGenerator(TrainedImageGenerator):
    """The same with its network at hand, which its engine and its codec ask."""

    network: Drawing = field(kw_only=True)


class DrawLearning(Learning[Prepared, LearnableImageGenerator]):
    """Learns from sentences and pictures of what they say."""

    decisions = decide
    task_settings = CODE_SETTINGS

    def resolve(self, recipe: Recipe) -> Recipe:
        recipe = decide.batches(decide.resolve_recipe(recipe, *join_of(recipe.task), CODE_SETTINGS), decide.DRAWINGS)
        return recipe.with_defaults("generate", GENERATE_DEFAULTS).with_defaults("train", TRAIN_DEFAULTS)

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> PairKind:
        start = start or Pretrained()
        return PairKind(("text", "picture"), (start.words, start.picture(recipe.data)))

    def resolve_for_data(self, recipe: Recipe, data: Prepared) -> Recipe:
        """The recipe with what the data decide: tiny gray pictures need no codebook, unless one is asked for.

        Raises HeedfulError for a side that the codebook cannot halve.
        """
        form = data.target.form
        number = decide.picture_codes(recipe.network, direct_codes(form))
        refuse_odd_side(number, form)
        return replace(recipe, network=replace(recipe.network, codes=number))

    def check(self, recipe: Recipe) -> Findings:
        """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
        return check_pairs(recipe.data)

    def build(self, recipe: Recipe, data: Prepared, start: Pretrained | None = None) -> LearnableImageGenerator:
        torch.manual_seed(recipe.seed)
        preprocessor = Preprocessor(data.source, normal_form=recipe.data.normalize)
        return build_generator(recipe.network, preprocessor, data.target.form)

    def first(self, model: LearnableImageGenerator, data: Prepared, recipe: Recipe) -> Stage | None:
        """What is learnt before the rest: the codebook. None: there is nothing to learn first, or it is frozen."""
        codebook = model.network.codebook
        if isinstance(codebook, GrayLevels) or not any(weight.requires_grad for weight in codebook.parameters()):
            return None
        fraction = decide.codebook_fraction(recipe.train)
        train = replace(decide.portion(recipe.train, fraction), learning_rate=codes.RATE)
        return Stage(codes.codebook_work(codebook, data, recipe), train, decide.portion(recipe.train, 1 - fraction))

    def fit(self, model: LearnableImageGenerator, data: Prepared, recipe: Recipe) -> tuple[Prepared, list[str]]:
        reads = model.preprocessor
        room = Room(reads.room(model.engine.source_limit), marks=(reads.marks, 0))
        return fit_rows(
            data, room, way_of(recipe.data.long, self.facts), partial(self.answering.example_lengths, [model])
        )

    def work(self, model: LearnableImageGenerator, data: Prepared, recipe: Recipe) -> Work:
        """What the loop needs, once the codebook has been learnt."""
        model.network.codebook.requires_grad_(False)
        valid = batching.sample(data.valid, decide.drawings_validated(recipe.train), recipe.seed)
        sources = training_sources(recipe, data.train, data.source, model.preprocessor, ())
        album_codes = codes.encode_album(model.codec, data.target)
        right = model.codec.encode(data.target.of([example.references[0] for example in valid]))
        pairs = [(example.source, format_codes(row + FIRST)) for example, row in zip(valid, right, strict=True)]
        score = self.scorer(model, valid, recipe.generate, data)

        def plan(epoch: int) -> list[Rows]:
            lengths = np.full_like(data.train.lengths, max(album_codes.shape[1], data.train.lengths[:, 0].max()))
            return batching.plan(lengths, int(recipe.train.batch_tokens), recipe.seed, epoch)

        return Work(
            network=model.network,
            plan=plan,
            collate=codes.Collate(sources, album_codes, decide.dropped_sources(recipe.train)),
            loss=codes.Loss(recipe.train.label_smoothing),
            score=with_loss(score, partial(self.answering.score, [model]), pairs, [right.shape[1]] * len(pairs)),
            primary=PRIMARY[self.answering.kind(model)],
            where=sources.where,
            scored=len(valid),
        )

    def remarks(self, model: LearnableImageGenerator, data: Prepared) -> list[str]:
        """How well the codebook does its part, in words."""
        if isinstance(model.network.codebook, GrayLevels):
            return []
        pictures = data.target.of([example.references[0] for example in data.valid])
        measures = codes.measure_codebook(model.network.codebook, pictures)
        return [
            f"the codebook gives the pictures of valid back {measures['reconstruction_error']:.1f} % of full "
            f"brightness off, and uses {measures['codes_used']:.0f} % of its codes"
        ]

    def pretrained(self, model: LearnableImageGenerator) -> Pretrained:
        return replace(pretrained_of(model.preprocessor), form=model.form, codes=int(model.settings.codes))

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        return super().inherited_settings(before, start) | start.picture_settings()

    def load(self, config: dict[str, Any], folder: Path) -> LearnableImageGenerator:
        """The model of a folder, with weights still to be put in."""
        preprocessor = load_text_preprocessor(config, folder / "tokenizer.json")
        return build_generator(
            parse_settings(NetworkSettings, config["network"]), preprocessor, Form.parse(config["picture"])
        )

    def trace(
        self,
        model: LearnableImageGenerator,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> Trace:
        """The codes of the model's own drawing, or of a picture whose file `output` is; the network is not guided."""
        codec, reads, writer = model.codec, model.preprocessor, model.network.writer
        if output is None:
            [[answer, *_]] = self.answering.answer([model], [source], replace(settings, n_best=1))
            numbers = parse_codes([answer.output])
        else:
            numbers = codec.encode(read_pictures([output], model.form))
        [array] = reads.cut(reads.arrays([source]), [writer.encoder.limit])
        names, side = tuple(map(str, numbers[0].tolist())), model.network.codebook.grid
        trace = trace_writing(
            writer,
            read_source(reads, array, writer.sides()[0]),
            reads.stack([array]),
            (BEGIN, (numbers[0] + FIRST).tolist()),
            Units("codes", names, (side, side), picture=png(codec.decode(numbers)[0])),
            source,
            output or format_codes((numbers[0] + FIRST).tolist()),
            partial(find_code, model.network.codebook.size),
            lambda number: str(number - FIRST),
        )
        return replace(trace, notes=(UNGUIDED,) if settings.guidance > 1 else ())

    def graphs(self, model: LearnableImageGenerator, lengths: Sequence[int]) -> list[Graph]:
        """The graphs of the network for ONNX, with made-up sources of these lengths."""
        writer = model.network.writer
        sources = dummy_sources(model.preprocessor, lengths, writer.encoder.limit)
        return [*writer_graphs(writer, *sources), paint_graph(model.network.codebook)]


def find_code(size: int, text: str) -> list[int]:
    """The token of a code by its number; raises HeedfulError for one that there is not."""
    if not text.isdecimal() or int(text) >= size:
        raise HeedfulError(f"{text!r} is no code.", f"Codes are numbers from 0 to {size - 1:,}.")
    return [int(text) + FIRST]


def build_generator(settings: NetworkSettings, preprocessor: Preprocessor, form: Form) -> LearnableImageGenerator:
    """A model of resolved settings with fresh weights."""
    codebook = codes.build_codebook(int(settings.codes), settings.size, form)
    writer = build(encoder_decoder(settings, preprocessor, codebook.size + FIRST), EncoderDecoder)
    network = Drawing(codebook, writer)
    return LearnableImageGenerator(
        PlainSeq2Seq(writer), PlainCodec(codebook), settings, preprocessor, form, network=network
    )
