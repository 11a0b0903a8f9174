"""What is known of published weights beside the numbers: enough to build their network again, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from heedful.blocks.pixels import Pixels
from heedful.schema import NetworkSettings, parse_settings


@dataclass(frozen=True)
class Plan:
    """A network of a family. `sides` are its settings, a side each; `facts` the sizes that they do not tell.

    `config` is the config.json as published, which what is written again begins with; of a network of our own, empty.
    """

    family: str
    architecture: str
    sides: Mapping[str, NetworkSettings]
    facts: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it; `parse` gives the same plan back."""
        sides = {name: asdict(side) for name, side in self.sides.items()}
        about = {"family": self.family, "architecture": self.architecture, "sides": sides}
        return about | {"facts": dict(self.facts), "config": dict(self.config)}

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> "Plan":
        """The plan of `plain`."""
        sides = {name: parse_settings(NetworkSettings, side) for name, side in table["sides"].items()}
        return cls(table["family"], table["architecture"], sides, table["facts"], table["config"])

    def pixels(self, size: int) -> Pixels:
        """What its pictures are."""
        return Pixels(size, tuple(self.facts["mean"]), tuple(self.facts["std"]))
