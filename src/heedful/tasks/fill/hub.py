"""Published masked language models: opened, and written as their family writes them."""

from dataclasses import replace
from typing import Any

from heedful import hub
from heedful.errors import HeedfulError
from heedful.hub import Published
from heedful.schema import Recipe
from heedful.tasks.fill.learnable import LearnableMaskedLanguageModel, learnable
from heedful.tasks.fill.masks import SCORED, Masking
from heedful.tasks.from_hub import tokenizer, window_of
from heedful.tasks.to_hub import SPECIAL_IDS, publish_trained, republish
from heedful.tasks.tokenizer_files import export_tokenizer, words_of


def from_hub(published: Published, where: str) -> LearnableMaskedLanguageModel:
    """The model of a folder in the Hugging Face format."""
    side, words = published.plan.sides["encoder"], tokenizer(published, where)
    if words.special_tokens.mask is None:
        raise HeedfulError(f"The tokenizer in {where} has no token that stands for a gap (mask_token).")
    network: Any = hub.network(published)
    masking, ends = Masking(SCORED, False, words.special_tokens), bool(words.special_tokens.before)
    return learnable(network, side, words, window_of(published, side), ends, masking, plan=published.plan)


def hub_recipe(recipe: Recipe, model: LearnableMaskedLanguageModel) -> Recipe:
    """The recipe with how a published model is asked where the request does not say."""
    return replace(recipe, network=model.settings, data=replace(recipe.data, window=model.window))


def to_hub(model: LearnableMaskedLanguageModel, recipe: Recipe) -> Published:
    """The model as BERT is published; raises HeedfulError where the layout has no place for it."""
    words = model.tokenizer
    if model.plan:
        return replace(republish(model.plan, recipe.task, model.network), words=words_of(words))
    published = publish_trained("bert", model.settings, {"vocabulary": words.size + 1}, model.network)
    plan, around = replace(published.plan, config=SPECIAL_IDS), (["<s>"], ["</s>"]) if model.ends else ([], [])
    return replace(published, plan=plan, words=export_tokenizer(words, *around, limit=model.limit, mask=words.mask))
