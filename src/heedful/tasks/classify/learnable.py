"""The network of a classifier, with what it takes to ask it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heedful.engines.plain_reading import PlainReader
from heedful.networks.joins import EncoderHead
from heedful.schema import NetworkSettings
from heedful.tasks.classify.ask import TrainedClassifier
from heedful.tasks.inputs import Preprocessor

if TYPE_CHECKING:
    from heedful.hub import Plan


@dataclass(frozen=True)
class LearnableClassifier(TrainedClassifier):
    """A classifier whose network is at hand."""

    network: EncoderHead = field(kw_only=True)


def with_network(
    network: EncoderHead,
    settings: NetworkSettings,
    preprocessor: Preprocessor,
    names: tuple[str, ...],
    plan: "Plan | None",
) -> LearnableClassifier:
    """A classifier that answers by this network."""
    return LearnableClassifier(PlainReader(network), settings, preprocessor, names, plan, network=network)
