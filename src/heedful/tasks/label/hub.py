"""Published labellers of words: opened, and written again."""

from dataclasses import replace
from typing import Any

from heedful import hub
from heedful.data.steps.forms import StepForm
from heedful.data.steps.punctuation import USUAL
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.errors import HeedfulError
from heedful.hub import Published
from heedful.networks.subwords import FirstPieces
from heedful.schema import Recipe
from heedful.tasks.from_hub import distinct_names, tokenizer
from heedful.tasks.label.learnable import LearnableLabeller, with_network
from heedful.tasks.to_hub import republish
from heedful.tasks.tokenizer_files import words_of


def from_hub(published: Published, where: str) -> LearnableLabeller:
    """The model of a folder in the Hugging Face format, which does not say how the words of training were cut."""
    plan, side = published.plan, published.plan.sides["encoder"]
    step_form = StepForm("tokens", vocabulary=SubwordVocabulary(tokenizer(published, where), USUAL))
    network: Any = hub.network(published)
    return with_network(network, side, step_form, None, distinct_names(plan.facts["names"]), 0, plan)


def to_hub(model: LearnableLabeller, recipe: Recipe, notes: list[str]) -> Published:
    """A labeller that was published once; raises HeedfulError for one that was trained here."""
    network, vocabulary = model.network, model.form.vocabulary
    if model.plan is None or not isinstance(network, FirstPieces) or not isinstance(vocabulary, SubwordVocabulary):
        raise HeedfulError("The Hugging Face format has no layout for labellers that were trained here.")
    return replace(republish(model.plan, recipe.task, network.inner), words=words_of(vocabulary.tokenizer))
