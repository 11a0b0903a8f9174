"""Published language models: opened, and written as their family writes them."""

from dataclasses import replace
from typing import Any

from heedful import hub
from heedful.hub import Published
from heedful.schema import Recipe
from heedful.tasks.complete.learnable import GENERATE_DEFAULTS, LearnableLanguageModel, learnable
from heedful.tasks.from_hub import search_settings, tokenizer, window_of
from heedful.tasks.recipes import change
from heedful.tasks.to_hub import SPECIAL_IDS, generation_config, publish_trained, republish
from heedful.tasks.tokenizer_files import export_tokenizer, words_of

FAMILIES = {"touvron2023": "qwen3"}
"""The families whose layouts tell rows that GPT-2's does not."""


def from_hub(published: Published, where: str) -> LearnableLanguageModel:
    """The model of a folder in the Hugging Face format."""
    side = published.plan.sides["decoder"]
    network: Any = hub.network(published)
    words = tokenizer(published, where)
    ends = words.special_tokens.end not in words.special_tokens.suppressed
    return learnable(network, side, words, window_of(published, side), ends, plan=published.plan)


def hub_recipe(recipe: Recipe, published: Published, model: LearnableLanguageModel) -> Recipe:
    """The recipe with how a published model is asked where the request does not say."""
    changes = search_settings(published) | {f"generate.{key}": value for key, value in GENERATE_DEFAULTS.items()}
    changed = change(recipe, changes)
    return replace(changed, network=model.settings, data=replace(changed.data, window=model.window))


def to_hub(model: LearnableLanguageModel, recipe: Recipe) -> Published:
    """The model as GPT-2 or Qwen3 is published; raises HeedfulError where the layout has no place for it."""
    special, words = model.tokenizer.special_tokens, model.tokenizer
    files = generation_config(special, recipe.generate, {}, () if model.ends else (special.end,))
    if model.plan:
        published = republish(model.plan, recipe.task, model.network)
        return replace(published, copied_files=files, words=words_of(words))
    facts = {"vocabulary": words.size, "window": model.window}
    published = publish_trained(FAMILIES.get(model.settings.name, "gpt2"), model.settings, facts, model.network)
    plan = replace(published.plan, config=SPECIAL_IDS)
    before = ["<s>"] if model.ends else []
    tokenizer = export_tokenizer(words, before, [], limit=model.limit)
    return replace(published, plan=plan, copied_files=files, words=tokenizer)
