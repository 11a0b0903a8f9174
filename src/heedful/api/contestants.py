"""What a comparison compares: networks, the values of one key of the recipe, or both."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from heedful.api.model import Changes
from heedful.errors import HeedfulError
from heedful.networks.settings import require_row
from heedful.recipe import annotation

NETWORK = "network.name"
WHAT_IS_SCORED = (
    *("task", "seed", "data.valid", "data.test", "data.seed", "data.folds", "data.fold"),
    *("data.valid_rows", "data.columns", "data.group"),
)
"""Keys that say on which examples all are scored, so that they are the same for all."""


@dataclass(frozen=True)
class Contestants:
    """Changes to the recipe by the name of what they make; `noun`: what these are, "network" or "setting"."""

    changes: Mapping[str, Changes]
    noun: str

    def folders(self, below: Path, seeds: Sequence[int]) -> dict[tuple[str, int], Path]:
        """A folder for each of them and each seed."""
        names = {name: re.sub(r"[^\w.=+-]+", "-", name) for name in self.changes}
        if len({*names.values()}) < len(names):  # values that differ in signs that no folder should have
            names = {name: f"{number}-{plain}" for number, (name, plain) in enumerate(names.items(), 1)}
        return {
            (name, seed): below / (f"{plain}-{seed}" if len(seeds) > 1 else plain)
            for name, plain in names.items()
            for seed in seeds
        }


def contestants(networks: Sequence[str], vary: Mapping[str, Sequence[object]] | None = None) -> Contestants:
    """Each network with each value of the key of `vary`; without networks, each value with the recipe's own.

    A setting is called by the last part of its key. Raises HeedfulError for what cannot be compared: a network or value
    twice, an unknown network, a key that says what is scored.

    >>> list(contestants(["gru", "lstm"]).changes), list(contestants([], {"network.depth": [1, 2]}).changes)
    (['gru', 'lstm'], ['depth=1', 'depth=2'])
    >>> contestants(["gru"], {"train.average": [0.0]}).changes
    {'gru average=0.0': {'network.name': 'gru', 'train.average': 0.0}}
    """
    by_network: dict[str, Changes] = {name: {NETWORK: name} for name in refuse_twice(networks, "network")}
    for name in networks:
        require_row(name)  # resolve would take "auto"
    if not vary:
        if not networks:
            raise HeedfulError(
                "There is nothing to compare.", "Name networks (--networks gru,lstm) or settings (--vary KEY=A,B)."
            )
        return Contestants(by_network, "network")
    [(key, values)] = vary.items()
    refuse_key(key)
    refuse_twice([in_words(value) for value in values], f"value of {key}")
    short_name = key.rpartition(".")[2]
    return Contestants(
        {
            f"{network} {short_name}={in_words(value)}".strip(): {**changes, key: value}
            for network, changes in (by_network or {"": {}}).items()
            for value in values
        },
        "setting",
    )


def refuse_key(key: str) -> None:
    """Raises HeedfulError for a key whose values cannot be compared, or that there is not."""
    annotation(key)
    if key == NETWORK:
        raise HeedfulError(f"{NETWORK} cannot be varied.", "--networks A,B compares networks.")
    if key in WHAT_IS_SCORED:
        cure = "--seeds 0,1,2 trains each several times." if key == "seed" else "Vary another key."
        raise HeedfulError(f"{key} cannot be varied: all are scored on the same examples.", cure)


def refuse_twice(names: Sequence[str], kind: str) -> Sequence[str]:
    """The names; raises HeedfulError if one of them stands there twice."""
    for name in names:
        if names.count(name) > 1:
            raise HeedfulError(f"The {kind} {name} is listed twice in the comparison.", "Name each of them once.")
    return names


def in_words(value: object) -> str:
    """A value as a recipe has it.

    >>> in_words(True), in_words(["a.tsv", "b.tsv"]), in_words(0.001)
    ('true', 'a.tsv+b.tsv', '0.001')
    """
    if isinstance(value, list):
        return "+".join(in_words(part) for part in cast(list[object], value))
    return str(value).lower() if isinstance(value, bool) else str(value)
