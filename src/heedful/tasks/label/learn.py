"""How labellers are made of data, kept and given away: frames, series or words in, a label at each step out.

N sources   T steps   C labels
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.pixels import Pixels
from heedful.data import batching
from heedful.data.steps.check import check_clips
from heedful.data.steps.forms import StepForm
from heedful.data.steps.kind import StepKind
from heedful.data.steps.soft_labels import read_step_labels
from heedful.data.steps.store import ClipStore, PreparedClips
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.steps.words import WordVocabulary
from heedful.engines.onnx_graphs import Graph, answer_graph
from heedful.errors import HeedfulError, count, quote
from heedful.metrics.counts import PRIMARY
from heedful.metrics.entities import match_tag, odd_labels, scheme_of
from heedful.networks.build import Spec
from heedful.networks.joins import EncoderHead
from heedful.networks.settings import fit_frames
from heedful.networks.sources import FrameSource, SeriesSource, Source, WordSource
from heedful.networks.subwords import FirstPieces
from heedful.results import Example, Findings
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks.class_weights import class_weights
from heedful.tasks.dummy_inputs import dummy_sources
from heedful.tasks.inputs import PICTURE_SETTINGS, Preprocessor
from heedful.tasks.joins import join_of
from heedful.tasks.label import clips
from heedful.tasks.label.ask import load_pixels, reach_of, score_steps, step_probabilities
from heedful.tasks.label.explained import trace_steps
from heedful.tasks.label.learnable import LearnableLabeller, with_network
from heedful.tasks.label.windows import Reach, cut_windows
from heedful.tasks.learning import Learning
from heedful.tasks.long import Way, way_of
from heedful.tasks.long_rows import fit_held_out, note_long_rows
from heedful.tasks.plans import build, derive_plan, plan_from_config
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.trace import Trace
from heedful.tasks.training_sources import refuse_augmentation
from heedful.tasks.usual import OF_STEPS, UsualRow
from heedful.tasks.valid_loss import log_loss, values_of
from heedful.training import decide
from heedful.training.work import Score, Work

if TYPE_CHECKING:
    from heedful.hub import Plan, Published

COLOUR_CLIPS = 100  # clips by which colours are judged
COLOUR_BYTES = 2**25  # of their frames
SCHEME_TEXTS = 1000  # by which a scheme of entity tags is told
TYPES = 10  # of entities in a note


class LabelLearning(Learning[PreparedClips, LearnableLabeller]):
    """Labels are those of the data."""

    decisions = decide
    task_settings: ClassVar = {"causal": decide.CAUSAL} | PICTURE_SETTINGS

    def resolve(self, recipe: Recipe) -> Recipe:
        return decide.resolve_recipe(recipe, *join_of(recipe.task), self.task_settings)

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> StepKind:
        form = start.steps if start else None
        if start and start.plan and start.words and not form:  # a published network that reads pieces of words
            form = StepForm("tokens", vocabulary=SubwordVocabulary(start.words), normalize=recipe.data.normalize)
        return StepKind(form)

    def usual_row(self, data: PreparedClips) -> UsualRow:
        is_long = data.form.kind == "series" and longest(data.train) > decide.CLIP_WINDOW
        return replace(OF_STEPS, batch_tokens=decide.CLIP_TOKENS) if is_long else OF_STEPS

    def resolve_for_data(self, recipe: Recipe, data: PreparedClips) -> Recipe:
        """The recipe with how frames are read, and how many steps at once; raises HeedfulError for other steps to be
        varied.
        """
        # a published network reads as many words as it has positions for
        steps = 0 if isinstance(data.form.vocabulary, SubwordVocabulary) else longest(data.train)
        windows = decide.clip_windows(recipe.data, data.form.kind, steps, recipe.network.name)
        recipe = replace(recipe, data=windows)
        picture = data.form.picture
        if picture is not None:
            return replace(recipe, network=fit_frames(recipe.network, picture.size))
        refuse_augmentation(recipe)
        return recipe

    def check(self, recipe: Recipe) -> Findings:
        """Looks at the data before training: bad rows, leaks, lengths and labels."""
        return check_clips(recipe.data, decide)

    def build(self, recipe: Recipe, data: PreparedClips, start: Pretrained | None = None) -> LearnableLabeller:
        """A labeller with fresh weights, which the recipe's seed decides.

        Raises HeedfulError where a published vocabulary is to be read by a network of another make.
        """
        torch.manual_seed(recipe.seed)
        plan = None
        if isinstance(data.form.vocabulary, SubwordVocabulary):
            plan = derive_plan(start, recipe.task, recipe.network, data.names)
            if plan is None:
                raise HeedfulError(
                    f"The published weights of {recipe.start} cannot label as a network of other sizes.",
                    "Leave the settings of the network out, or --from.",
                )
        picture = data.form.picture
        pixels = start.colours(picture) if start and picture else None
        if picture and not pixels:
            pixels = Pixels(picture.size, *colours(data.train))
        return build_labeller(recipe.network, data.form, pixels, data.names, int(recipe.data.answer_window), plan)

    def fit(self, model: LearnableLabeller, data: PreparedClips, recipe: Recipe) -> tuple[PreparedClips, list[str]]:
        """The clips that are scored, and what is to be said of those to learn from, which `work` cuts."""
        reach, way, notes = reach_of([model]), way_of(recipe.data.long, self.facts), list[str]()
        if self.answering.kind(model) == "entities":
            notes.append(describe_entities(data))
        if 0 < int(recipe.data.window) < longest(data.train):
            notes.append(describe_windows(recipe.data, longest(data.train)))
        if reach.limit is None:
            return data, notes
        positions = [reach.positions(data.train[row][0]) for row in range(len(data.train))]
        note_long_rows(data.train, np.array(positions), reach.limit, way, notes)
        lengths = partial(self.answering.example_lengths, [model])
        return fit_held_out(data, way, lengths, notes), notes

    def work(self, model: LearnableLabeller, data: PreparedClips, recipe: Recipe) -> Work:
        valid = batching.sample(data.valid, recipe.train.valid_limit, recipe.seed)
        reach = replace(reach_of([model]), window=int(recipe.data.window))
        pieces = training_pieces(data.train, reach, way_of(recipe.data.long, self.facts))
        lengths = np.repeat((pieces[:, 2] - pieces[:, 1])[:, None], 2, axis=1)
        kinds = decide.augmentations(recipe.train, decide.AUGMENT_FRAMES) if model.pixels else ()
        collate = clips.Collate(data.train, pieces, kinds, recipe.seed, read_step_labels(data.train))
        labels = np.asarray(data.train.labels)
        weights = class_weights(labels[labels != clips.IGNORE_INDEX], len(data.names), recipe.train)
        return Work(
            network=model.network,
            plan=lambda epoch: batching.plan(lengths, int(recipe.train.batch_tokens), recipe.seed, epoch),
            collate=collate,
            loss=clips.Loss(recipe.train.label_smoothing, recipe.train.smooth_steps, weights),
            score=self.scorer(model, valid, recipe.generate, data),
            primary=PRIMARY[self.answering.kind(model)],
            where=collate.where,
            scored=len(valid),
        )

    def scorer(
        self,
        model: LearnableLabeller,
        examples: Sequence[Example],
        settings: GenerateSettings,
        data: PreparedClips,
        trial: GenerateSettings | None = None,
    ) -> Score:
        def score(few: int | None = None) -> dict[str, float]:
            chosen, kind = examples[:few], self.answering.kind(model)
            shares = step_probabilities([model], [example.source for example in chosen], settings, data)
            truths = [example.references[0].split("\t") for example in chosen]
            loss = log_loss(shares, truths, model.names)
            return values_of(score_steps(kind, model.names, shares, chosen, samples=0), loss)

        return score

    def pretrained(self, model: LearnableLabeller) -> Pretrained:
        vocabulary, form = model.form.vocabulary, model.form.picture
        words = vocabulary.tokenizer if isinstance(vocabulary, SubwordVocabulary) else None
        return Pretrained(words, form=form, pixels=model.pixels, steps=model.form, names=model.names, plan=model.plan)

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        keys = super().inherited_settings(before, start) | start.picture_settings()
        keys |= {"frame_rate": start.steps.rate} if start.steps else {}
        windows = {"window": before.data.window, "answer_window": before.data.answer_window}
        return keys | (windows if before.task == self.facts.verb else {})

    def load(self, config: dict[str, Any], folder: Path) -> LearnableLabeller:
        settings, form = parse_settings(NetworkSettings, config["network"]), StepForm.parse(config["form"])
        names, window, plan = tuple(config["names"]), config["window"], plan_from_config(config)
        return build_labeller(settings, form, load_pixels(config), names, window, plan)

    def from_hub(self, published: "Published", where: str) -> LearnableLabeller:
        from heedful.tasks.label import hub

        return hub.from_hub(published, where)

    def to_hub(self, model: LearnableLabeller, recipe: Recipe, notes: list[str]) -> "Published":
        from heedful.tasks.label import hub

        return hub.to_hub(model, recipe, notes)

    def trace(
        self,
        model: LearnableLabeller,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> Trace:
        """The steps that the network reads at once, each with its likeliest label, or those of `output`."""
        return trace_steps(model, source, output)

    def graphs(self, model: LearnableLabeller, lengths: Sequence[int]) -> list[Graph]:
        network = model.network
        if isinstance(network, FirstPieces):
            assert isinstance(model.form.vocabulary, SubwordVocabulary)
            preprocessor = Preprocessor(model.form.vocabulary.tokenizer)
            return [answer_graph(network.inner, *dummy_sources(preprocessor, lengths, network.inner.encoder.limit))]
        return [answer_graph(network, dummy_steps(model.form, lengths), 0)]


def describe_entities(data: PreparedClips) -> str:
    """Which scheme the labels of the first training texts mark entities by, and of which types these are."""
    numbers = [data.train[row][1] for row in range(min(len(data.train), SCHEME_TEXTS))]
    scheme = scheme_of([[data.names[number] if number >= 0 else "" for number in row] for row in numbers])
    types = sorted({tag[1] for tag in map(match_tag, data.names) if tag})
    shown = f"{', '.join(types[:TYPES])}{', …' if len(types) > TYPES else ''}"
    odd = ", ".join(map(quote, odd_labels(data.names)))
    remark = f" (outside of them, for they are no such tags: {odd})" if odd else ""
    return f"labels are {scheme} tags of {count(len(types), 'type')} of entities: {shown}; scored by entity F1{remark}"


def describe_windows(data: DataSettings, steps: int) -> str:
    """How clips of up to so many steps are learnt from, and read in answering."""
    answers = f"in windows of {data.answer_window:,}" if data.answer_window else "as a whole"
    return (
        f"clips of up to {steps:,} steps are learnt from in windows of {data.window:,} that overlap (data.window), as "
        f"whole ones make few and slow steps of training; in answering they are read {answers}"
    )


def longest(train: ClipStore) -> int:
    """The steps of the longest clip."""
    return int(train.lengths[:, 0].max())


def build_labeller(
    settings: NetworkSettings,
    form: StepForm,
    pixels: Pixels | None,
    names: tuple[str, ...],
    window: int,
    plan: "Plan | None" = None,
) -> LearnableLabeller:
    """A labeller of resolved settings, or of the plan of a published network, with fresh weights.

    Recurrent networks are bidirectional, unless no step may know a later one.
    """
    spec = plan or Spec("encoder_steps", settings, (network_source(form, pixels),), len(names))
    return with_network(build(spec, EncoderHead), settings, form, pixels, names, window, plan)


def network_source(form: StepForm, pixels: Pixels | None) -> Source:
    """What a network is told of steps."""
    if pixels is not None:
        return FrameSource(pixels)
    words = form.vocabulary
    return WordSource(*words.sizes) if isinstance(words, WordVocabulary) else SeriesSource(len(form.mean))


def training_pieces(train: ClipStore, reach: Reach, way: Way) -> np.ndarray:
    """The pieces of clips that are learnt from: (pieces, 3) clip, first step, behind the last; all in windows, or of a
    clip that a network cannot read whole the first (`cut`) or none (`leave`).
    """
    pieces = cut_windows((train[row][0] for row in range(len(train))), reach)
    if way == "windows" or reach.limit is None:
        return pieces
    long = np.array([reach.positions(train[row][0]) > reach.limit for row in range(len(train))])
    return pieces[~long[pieces[:, 0]] | ((pieces[:, 1] == 0) & (way == "cut"))]


def colours(train: ClipStore) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and spread of each colour over the frames of the first training clips, as shares of 255.

    Of more than `COLOUR_BYTES` only every second, third, … frame counts: as fractions all are eight times as large.
    """
    clips = [train[row][0] for row in range(min(len(train), COLOUR_CLIPS))]
    stride = math.ceil(sum(clip.nbytes for clip in clips) / COLOUR_BYTES)
    frames = np.concatenate([clip[::stride] for clip in clips]) / 255.0
    mean, std = frames.mean((0, 1, 2)), np.maximum(frames.std((0, 1, 2)), 1 / 255)
    return tuple(map(float, mean)), tuple(map(float, std))


def dummy_steps(form: StepForm, lengths: Sequence[int]) -> dict[str, Tensor]:
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
