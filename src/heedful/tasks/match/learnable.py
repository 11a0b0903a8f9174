"""The network of a matcher, with what it takes to ask it."""

from dataclasses import dataclass

from heedful.engines.plain_towers import PlainTowers
from heedful.hub import Plan
from heedful.networks.joins import TwoTowers
from heedful.schema import NetworkSettings
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.match.matcher import TrainedMatcher


@dataclass(frozen=True, kw_only=True)
class LearnableMatcher(TrainedMatcher):
    """A matcher whose network is at hand."""

    network: TwoTowers


def matcher_of(
    network: TwoTowers,
    settings: NetworkSettings,
    pictures: Preprocessor,
    words: Preprocessor,
    texts: tuple[str, ...],
    plan: Plan | None,
) -> LearnableMatcher:
    """A matcher of this network, which answers by it as its weights stand."""
    return LearnableMatcher(PlainTowers(network), settings, pictures, words, texts, plan, network=network)
