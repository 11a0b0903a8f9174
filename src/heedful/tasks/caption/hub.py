"""Published captioners: opened, and written again."""

from dataclasses import replace
from typing import Any

from heedful import hub
from heedful.errors import HeedfulError
from heedful.hub import Published
from heedful.schema import Recipe
from heedful.tasks.from_hub import LONGEST, close_settings, picture_preprocessor, search_settings, tokenizer
from heedful.tasks.recipes import change
from heedful.tasks.seq2seq_learning import LearnableSeq2Seq, with_network, writing_limits
from heedful.tasks.to_hub import generation_config, republish
from heedful.tasks.tokenizer_files import words_of


def from_hub(published: Published, where: str) -> LearnableSeq2Seq:
    """The model of a folder in the Hugging Face format."""
    plan, words = published.plan, tokenizer(published, where)
    network: Any = hub.network(published)
    longest = int(published.generation_config.get("max_length") or LONGEST + 1) - 1
    preprocessor = picture_preprocessor(published, plan.sides["encoder"])
    return with_network(network, plan.sides["decoder"], preprocessor, words, False, "captions", 0.0, longest, plan=plan)


def hub_recipe(recipe: Recipe, published: Published, model: LearnableSeq2Seq) -> Recipe:
    """The recipe with how a published captioner is asked where the request does not say."""
    changed = change(recipe, search_settings(published) | close_settings(published))
    return replace(changed, network=model.settings)


def to_hub(model: LearnableSeq2Seq, recipe: Recipe, notes: list[str]) -> Published:
    """A captioner that was published once; raises HeedfulError for one that was trained here."""
    if model.plan is None:
        raise HeedfulError("The Hugging Face format has no layout for captioners that were trained here.")
    limits = writing_limits(model, recipe.generate)
    published = republish(model.plan, recipe.task, model.network, model.preprocessor.form)
    files = generation_config(model.target.special_tokens, recipe.generate, limits)
    return replace(published, copied_files=files, words=words_of(model.target))
