"""How translators learn."""

from typing import Any

import torch

from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import Prepared
from heedful.data.tokenizers.choose import unit_of
from heedful.hub import Published
from heedful.metrics.counts import Kind
from heedful.schema import Recipe
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.joins import join_of
from heedful.tasks.plans import derive_plan
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.seq2seq_learning import (
    SLACK,
    LearnableSeq2Seq,
    Seq2SeqLearning,
    build_seq2seq,
    quantile_stretch,
)
from heedful.tasks.usual import OF_SENTENCES, OF_WORDS, UsualRow
from heedful.training import decide


class TranslateLearning(Seq2SeqLearning):
    """Learns from pairs of texts."""

    def resolve(self, recipe: Recipe) -> Recipe:
        """The recipe with the network's settings decided, and the learning rate that goes with them."""
        return decide.resolve_recipe(recipe, *join_of(recipe.task))

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> PairKind:
        start = start or Pretrained()
        words, written = start.words, start.written
        if recipe.data.shared_tokenizer:
            words, written = words or written, written or words
        return PairKind(pretrained=(words, written))

    def usual_row(self, data: Prepared) -> UsualRow:
        return OF_WORDS if data.target.kind in ("symbols", "characters") else OF_SENTENCES

    def build(self, recipe: Recipe, data: Prepared, start: Pretrained | None = None) -> LearnableSeq2Seq:
        torch.manual_seed(recipe.seed)
        return build_seq2seq(
            recipe.network,
            Preprocessor(data.source, normal_form=recipe.data.normalize),
            data.target,
            shared=recipe.data.shared_tokenizer,
            scores=kind_of_targets(data),
            stretch=quantile_stretch(data.train.lengths),
            slack=SLACK,
            normal_form=recipe.data.normalize,
            plan=derive_plan(start, "translate", recipe.network),
        )

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        shared = {"shared_tokenizer": before.data.shared_tokenizer} if before.task == "translate" else {}
        return super().inherited_settings(before, start) | shared

    def from_hub(self, published: Published, where: str) -> LearnableSeq2Seq:
        from heedful.tasks.translate import hub

        return hub.from_hub(published, where)

    def hub_recipe(self, recipe: Recipe, published: Published, model: LearnableSeq2Seq) -> Recipe:
        from heedful.tasks.translate import hub

        return hub.hub_recipe(recipe, published, model)

    def to_hub(self, model: LearnableSeq2Seq, recipe: Recipe, notes: list[str]) -> Published:
        from heedful.tasks.translate import hub

        return hub.to_hub(model, recipe, notes)


def kind_of_targets(data: Prepared) -> Kind:
    """How answers are scored: as symbols, as single words, or as text, as the targets that are chosen by are."""
    unit = unit_of([reference for example in data.valid for reference in example.references])
    if data.target.kind == "symbols" or (unit == "symbols" and data.target.kind == "characters"):
        return "symbols"
    return "words" if unit == "words" else "text"
