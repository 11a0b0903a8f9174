"""match: how two towers learn one space from pairs of pictures and texts.

N pairs   D width
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from heedful.data import batching
from heedful.data.batch import Batch, pad_rows
from heedful.data.batching import Rows
from heedful.data.pairs.check import check_pairs
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import Prepared
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.engines.onnx_graphs import Graph, tower_graph
from heedful.engines.plain_towers import PICTURES, TEXTS
from heedful.errors import HeedfulError
from heedful.hub import Plan, Published
from heedful.metrics.counts import PRIMARY
from heedful.networks.build import Spec
from heedful.networks.joins import TwoTowers
from heedful.networks.settings import fit_pictures
from heedful.results import Example, Findings
from heedful.schema import GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import plans
from heedful.tasks.dummy_inputs import dummy_sources
from heedful.tasks.inputs import PICTURE_SETTINGS, Preprocessor
from heedful.tasks.joins import join_of
from heedful.tasks.learning import Learning
from heedful.tasks.long import Room, way_of
from heedful.tasks.long_rows import fit_rows, reach_of
from heedful.tasks.match.ask import load_sides
from heedful.tasks.match.explained import trace_match
from heedful.tasks.match.learnable import LearnableMatcher, matcher_of
from heedful.tasks.match.matcher import similarity
from heedful.tasks.match.rank import list_gallery, rank_both_ways
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.trace import Trace
from heedful.tasks.training_sources import (
    TrainingSources,
    network_source,
    picture_advice,
    preprocessor_of,
    pretrained_of,
    training_sources,
)
from heedful.tasks.usual import OF_PICTURES, UsualRow
from heedful.tasks.valid_loss import contrastive_loss, values_of
from heedful.training import decide
from heedful.training.work import Score, Work


class MatchLearning(Learning[Prepared, LearnableMatcher]):
    """Each picture learns to find its words among a batch's, and each words their picture."""

    decisions = decide
    task_settings = PICTURE_SETTINGS

    def resolve(self, recipe: Recipe) -> Recipe:
        """The recipe with what can be decided before the data are seen."""
        resolved = decide.resolve_recipe(recipe, *join_of(recipe.task), PICTURE_SETTINGS)
        return decide.batches(resolved, decide.MATCHED_PICTURES)

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> PairKind:
        start = start or Pretrained()
        return PairKind(("picture", "text"), (start.picture(recipe.data), start.words))

    def usual_row(self, data: Prepared) -> UsualRow:
        return OF_PICTURES

    def resolve_for_data(self, recipe: Recipe, data: Prepared) -> Recipe:
        """The recipe with what the data decide: how pictures are cut."""
        return replace(recipe, network=fit_pictures(recipe.network, data.source.form.size))

    def check(self, recipe: Recipe) -> Findings:
        """Looks at the data before training: bad rows, leaks, odd lengths and characters."""
        return check_pairs(recipe.data, reach=reach_of(recipe, self.resolve, self.facts, written=False))

    def build(self, recipe: Recipe, data: Prepared, start: Pretrained | None = None) -> LearnableMatcher:
        """A matcher with fresh weights, which the recipe's seed decides."""
        torch.manual_seed(recipe.seed)
        pictures = preprocessor_of(data.source, data.train, recipe, start)
        words = Preprocessor(data.target, normal_form=recipe.data.normalize)
        texts = tuple(dict.fromkeys(data.texts(1)))
        plan = plans.derive_plan(start, "match", recipe.network, pixels=pictures.pixels)
        return build_matcher(recipe.network, pictures, words, texts, plan)

    def fit(self, model: LearnableMatcher, data: Prepared, recipe: Recipe) -> tuple[Prepared, list[str]]:
        """The pairs with what is too long of their texts cut: here a target is read, too."""
        limit, words = model.engine.texts.limit, model.words
        room = Room(target=words.room(limit), marks=(0, words.marks), written=False)
        return fit_rows(
            data, room, way_of(recipe.data.long, self.facts), partial(self.answering.example_lengths, [model])
        )

    def work(self, model: LearnableMatcher, data: Prepared, recipe: Recipe) -> Work:
        """What the loop needs."""
        valid = batching.sample(data.valid, recipe.train.valid_limit, recipe.seed)
        sources = training_sources(recipe, data.train, data.source, model.pictures, decide.AUGMENT_WORDED)
        plan = partial(sources.plan, recipe, by_length=False)
        batches = plan(0)
        return Work(
            network=model.network,
            plan=plan,
            collate=Collate(sources, model.words.tokenizer.special_tokens),
            loss=contrast,
            score=self.score_among(len(data.train) / len(batches), model, valid, recipe.generate, data),
            primary=PRIMARY[self.answering.kind(model)],
            where=sources.where,
            scored=len(valid),
        )

    def score_among(
        self,
        pairs: float,
        model: LearnableMatcher,
        examples: Sequence[Example],
        settings: GenerateSettings,
        data: Prepared,
    ) -> Score:
        """Where what is right stands among all examples, and what is lost where it has to be found among so many pairs,
        as in a training batch.
        """

        def score(few: int | None = None) -> dict[str, float]:
            pictures, texts, right = list_gallery(examples[:few])
            cosines = similarity([model], pictures, texts, settings, data.source)
            scale = model.network.scale.detach().exp().clamp(max=100).item()
            return values_of(
                rank_both_ways(cosines, examples[:few], samples=0), contrastive_loss(scale * cosines, right, pairs)
            )

        return score

    def advice(self, recipe: Recipe, data: Prepared) -> str:
        """What would do better than to begin from nothing with few pictures."""
        return picture_advice(recipe, data, "openai/clip-vit-large-patch14")

    def pretrained(self, model: LearnableMatcher) -> Pretrained:
        """What goes with a matcher's weights."""
        return replace(pretrained_of(model.pictures), words=model.words.tokenizer, plan=model.plan)

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        """Data settings that are taken over from where weights come from."""
        return super().inherited_settings(before, start) | start.picture_settings()

    def load(self, config: dict[str, Any], folder: Path) -> LearnableMatcher:
        """The matcher of a folder, with weights still to be put in."""
        settings = parse_settings(NetworkSettings, config["network"])
        return build_matcher(settings, *load_sides(config, folder), plans.plan_from_config(config))

    def without_data(self, model: LearnableMatcher) -> LearnableMatcher:
        """The model without the texts of training."""
        return replace(model, texts=())

    def from_hub(self, published: Published, where: str) -> LearnableMatcher:
        """The model of a folder in the Hugging Face format."""
        from heedful.tasks.match.hub import from_hub  # which makes models of this module

        return from_hub(published, where)

    def to_hub(self, model: LearnableMatcher, recipe: Recipe, notes: list[str]) -> Published:
        """The model as CLIP is published; raises HeedfulError where the layout has no place for it."""
        from heedful.tasks.match.hub import to_hub

        return to_hub(model, recipe, notes)

    def trace(
        self,
        model: LearnableMatcher,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> Trace:
        """A picture (or a text) and the text that is nearest to it, or `output`."""
        return trace_match(model, source, output, settings, instead)

    def graphs(self, model: LearnableMatcher, lengths: Sequence[int]) -> list[Graph]:
        """The graphs of the network for ONNX, with made-up sources of these lengths."""
        if model.of_texts:
            raise HeedfulError("Vectors of texts cannot be exported as graphs yet.")
        towers, sides = model.network, ((PICTURES, "pictures", model.pictures), (TEXTS, "texts", model.words))
        return [
            tower_graph(towers, side, name, *dummy_sources(preprocessor, lengths, towers.encoder(side).limit))
            for side, name, preprocessor in sides
        ]


def build_matcher(
    settings: NetworkSettings, pictures: Preprocessor, words: Preprocessor, texts: tuple[str, ...], plan: Plan | None
) -> LearnableMatcher:
    """A matcher with fresh weights, which torch's seed decides: by the plan of a published one, or else by settings."""
    spec = Spec("two_encoders", settings, (network_source(pictures), network_source(words)))
    return matcher_of(plans.build(plan or spec, TwoTowers), settings, pictures, words, texts, plan)


@dataclass(frozen=True)
class Collate:
    """Rows -> a batch: pictures, words, and which pairs say the same as another of the batch."""

    sources: TrainingSources
    special: SpecialTokens

    def __call__(self, rows: Rows) -> Batch:
        pairs = self.sources.pairs(rows)
        words, steps = pad_rows([np.array(self.special.around(text)) for _, text in pairs])
        pictures = torch.tensor([int(picture[0]) for picture, _ in pairs])
        same = (pictures == pictures.unsqueeze(1)) | (words == words.unsqueeze(1)).all(-1)
        batch = self.sources(rows) | {"words": words, "steps": steps, "same": same.fill_diagonal_(False)}
        return replace(batch, pairwise=frozenset({"same"}))


def contrast(network: TwoTowers, batch: Batch) -> tuple[Tensor, int]:
    """Each picture must find its words among the batch's, and each words their picture (Radford et al. 2021, figure 3).

    Twins, which are right as well, are not counted against each other. In parts, where memory is short, the loss and
    its gradients are the same: what a part is embedded through is computed again in the backward pass.
    """
    pictures, words = (batch["source"], batch["lengths"]), (batch["words"], batch["steps"])
    if batch.parts == 1:
        logits = network(pictures, words)
    else:
        logits = network.compare(*(embed_in_parts(network, side, batch.parts) for side in enumerate((pictures, words))))
    logits = logits.masked_fill(batch["same"], torch.finfo(logits.dtype).min)
    right = torch.arange(len(logits), device=logits.device)
    losses = [F.cross_entropy(side, right, reduction="sum") for side in (logits, logits.T)]
    return (losses[0] + losses[1]) / 2, len(logits)


def embed_in_parts(network: TwoTowers, side: tuple[int, tuple[Tensor, Tensor]], parts: int) -> Tensor:
    """Unit vectors (N, D) of one side, in parts of which only one is ever held with its activations."""
    number, (sources, lengths) = side
    rows = -(-len(sources) // parts)
    pieces = zip(sources.split(rows), lengths.split(rows), strict=True)
    return torch.cat([checkpoint(network.embed, number, *piece, use_reentrant=False) for piece in pieces])
