"""The network of a labeller, with what it takes to ask it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heedful.blocks.pixels import Pixels
from heedful.data.steps.forms import StepForm
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.engines.plain_reading import PlainReader
from heedful.networks.joins import EncoderHead
from heedful.networks.subwords import FirstPieces
from heedful.schema import NetworkSettings
from heedful.tasks.label.ask import TrainedLabeller

if TYPE_CHECKING:
    from heedful.hub import Plan


@dataclass(frozen=True)
class LearnableLabeller(TrainedLabeller):
    """A labeller whose network is at hand."""

    network: EncoderHead | FirstPieces = field(kw_only=True)


def with_network(
    network: EncoderHead,
    settings: NetworkSettings,
    form: StepForm,
    pixels: Pixels | None,
    names: tuple[str, ...],
    window: int,
    plan: "Plan | None",
) -> LearnableLabeller:
    """A labeller that answers by this network; of a published vocabulary it reads pieces of words."""
    outer: EncoderHead | FirstPieces = network
    if isinstance(form.vocabulary, SubwordVocabulary):
        special = form.vocabulary.tokenizer.special_tokens
        outer = FirstPieces(network, special.before, special.after)
    return LearnableLabeller(PlainReader(outer), settings, form, pixels, names, window, plan, network=outer)
