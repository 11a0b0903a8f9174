"""Published classifiers: opened, and written as their family writes them."""

from dataclasses import replace
from typing import Any

from heedful import hub
from heedful.errors import HeedfulError
from heedful.hub import Published
from heedful.schema import Recipe
from heedful.tasks.classify.learnable import LearnableClassifier, with_network
from heedful.tasks.from_hub import distinct_names, picture_preprocessor, tokenizer
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.to_hub import RESIZING_NOTE, picture_facts, publish_trained, republish
from heedful.tasks.tokenizer_files import words_of


def from_hub(published: Published, where: str) -> LearnableClassifier:
    """The model of a folder in the Hugging Face format."""
    plan, side = published.plan, published.plan.sides["encoder"]
    preprocessor = (
        picture_preprocessor(published, side) if published.pictures else Preprocessor(tokenizer(published, where))
    )
    network: Any = hub.network(published)
    return with_network(network, side, preprocessor, distinct_names(plan.facts["names"]), plan)


def to_hub(model: LearnableClassifier, recipe: Recipe, notes: list[str]) -> Published:
    """The model as a ViT is published, or again as it was; raises HeedfulError where no layout has a place for it."""
    if model.network.counts is not None:
        raise HeedfulError(
            "The Hugging Face format has no place for pieces that are counted beside a network.",
            "Train with network.counts=0.",
        )
    form = model.preprocessor.form if model.preprocessor.positions else None
    if model.plan:
        published = republish(model.plan, recipe.task, model.network, form)
        return published if form else replace(published, words=words_of(model.preprocessor.tokenizer))
    if form is None:
        raise HeedfulError("The Hugging Face format has no layout for what was trained here to classify texts.")
    notes.append(RESIZING_NOTE)
    facts = picture_facts(model.preprocessor.pixels) | {"names": list(model.names)}
    return publish_trained("vit", model.settings, facts, model.network, form)
