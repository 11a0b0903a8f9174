"""How captioners learn.

N sources   T target positions
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import Prepared
from heedful.hub import Published
from heedful.networks.settings import fit_pictures
from heedful.schema import Recipe
from heedful.tasks.inputs import PICTURE_SETTINGS
from heedful.tasks.joins import join_of
from heedful.tasks.plans import derive_plan
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.seq2seq_learning import SLACK, LearnableSeq2Seq, Seq2SeqLearning, build_seq2seq
from heedful.tasks.training_sources import picture_advice, preprocessor_of
from heedful.tasks.usual import OF_CAPTIONS, UsualRow
from heedful.training import decide


class CaptionLearning(Seq2SeqLearning):
    """Learns from pictures and what is said of them."""

    task_settings = PICTURE_SETTINGS
    augment = decide.AUGMENT_WORDED
    batches_by_length = False  # a batch of like names teaches little else

    def resolve(self, recipe: Recipe) -> Recipe:
        return decide.batches(decide.resolve_recipe(recipe, *join_of(recipe.task), PICTURE_SETTINGS), decide.PICTURES)

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> PairKind:
        start = start or Pretrained()
        return PairKind(("picture", "text"), (start.picture(recipe.data), start.written))

    def usual_row(self, data: Prepared) -> UsualRow:
        return OF_CAPTIONS

    def resolve_for_data(self, recipe: Recipe, data: Prepared) -> Recipe:
        """The recipe with what the data decide: how pictures are cut."""
        return replace(recipe, network=fit_pictures(recipe.network, data.source.form.size))

    def build(self, recipe: Recipe, data: Prepared, start: Pretrained | None = None) -> LearnableSeq2Seq:
        torch.manual_seed(recipe.seed)
        preprocessor = preprocessor_of(data.source, data.train, recipe, start)
        longest = int(np.asarray(data.train.lengths)[:, 1].max())
        return build_seq2seq(
            recipe.network,
            preprocessor,
            data.target,
            shared=False,
            scores="captions",
            stretch=0.0,
            slack=longest + SLACK,
            normal_form=recipe.data.normalize,
            plan=derive_plan(start, "caption", recipe.network, pixels=preprocessor.pixels),
        )

    def advice(self, recipe: Recipe, data: Prepared) -> str:
        """What would do better than to begin from nothing with few pictures."""
        return picture_advice(recipe, data, "google/vit-base-patch16-224")

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        return super().inherited_settings(before, start) | start.picture_settings()

    def from_hub(self, published: Published, where: str) -> LearnableSeq2Seq:
        from heedful.tasks.caption import hub

        return hub.from_hub(published, where)

    def hub_recipe(self, recipe: Recipe, published: Published, model: LearnableSeq2Seq) -> Recipe:
        from heedful.tasks.caption import hub

        return hub.hub_recipe(recipe, published, model)

    def to_hub(self, model: LearnableSeq2Seq, recipe: Recipe, notes: list[str]) -> Published:
        from heedful.tasks.caption import hub

        return hub.to_hub(model, recipe, notes)
