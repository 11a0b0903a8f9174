"""The network of a masked language model, with what it takes to ask it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.plain_language import PlainMaskedLanguageModel
from heedful.networks.joins import MaskedLanguageModel
from heedful.schema import NetworkSettings, NormalForm
from heedful.tasks.fill.ask import (
    TrainedMaskedLanguageModel,
)
from heedful.tasks.fill.masks import Masking

if TYPE_CHECKING:
    from heedful.hub import Plan


@dataclass(frozen=True)
class LearnableMaskedLanguageModel(TrainedMaskedLanguageModel):
    """A masked language model with its network at hand."""

    network: MaskedLanguageModel = field(kw_only=True)


def learnable(
    network: MaskedLanguageModel,
    settings: NetworkSettings,
    tokenizer: Tokenizer,
    window: int,
    ends: bool,
    masking: Masking,
    normal_form: NormalForm = "none",
    plan: "Plan | None" = None,
) -> LearnableMaskedLanguageModel:
    """A network with what it takes to read texts with masks, asked through the plain engine."""
    engine = PlainMaskedLanguageModel(network)
    return LearnableMaskedLanguageModel(
        engine, settings, tokenizer, window, ends, masking, normal_form, plan, network=network
    )
