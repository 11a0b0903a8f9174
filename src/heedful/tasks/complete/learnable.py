"""The network of a language model, with what it takes to ask it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.plain_language import PlainLanguageModel
from heedful.networks.joins import LanguageModel
from heedful.schema import NetworkSettings, NormalForm
from heedful.tasks.complete.ask import TrainedLanguageModel

if TYPE_CHECKING:
    from heedful.hub import Plan

GENERATE_DEFAULTS = {"sample": True, "temperature": 0.8, "beam": 1}
"""What Generate means for continuations where the recipe does not say otherwise."""


@dataclass(frozen=True)
class LearnableLanguageModel(TrainedLanguageModel):
    """A language model with its network at hand."""

    network: LanguageModel = field(kw_only=True)


def learnable(
    network: LanguageModel,
    settings: NetworkSettings,
    tokenizer: Tokenizer,
    window: int,
    ends: bool,
    normal_form: NormalForm = "none",
    plan: "Plan | None" = None,
) -> LearnableLanguageModel:
    """A network with what it takes to read a text, asked through the plain engine."""
    engine = PlainLanguageModel(network)
    return LearnableLanguageModel(engine, settings, tokenizer, window, ends, normal_form, plan, network=network)
