"""What a family of published weights is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from heedful.hub import words
from heedful.hub.config import Config
from heedful.hub.layout import Table, Tensors
from heedful.hub.marian import Pieces
from heedful.hub.pictures import Preprocessing
from heedful.hub.plan import Plan
from heedful.hub.words import Words
from heedful.networks.joins import Network
from heedful.schema import NetworkSettings


def nothing(*_: Any) -> dict[str, str]:
    """No second names, nothing to look at."""
    return {}


def none(*_: Any) -> None:
    """No tokenizer."""


def as_they_are(plan: Plan, weights: Tensors) -> tuple[Plan, Tensors]:
    """Nothing has to be settled before weights are given away."""
    return plan, weights


def plain_words(special: Mapping[str, str]) -> Callable[[Path], Words | Pieces | None]:
    """The reader of a tokenizer with these special tokens."""
    return lambda folder: words.read(folder, special)


@dataclass(frozen=True)
class Family:
    """One file of this room. `tasks`: what each architecture can do. Names of tensors are theirs.

    `prefix` stands before the names of all but the layers on top where there are any. `computed` tensors are made
    anew by whoever needs them, `unused_names` are kept though no network of ours uses them: patterns. `twins` are
    second names of a tensor. `prepare_weights` may move numbers so that they can be given away, `check_weights` may
    refuse some. `words` reads the tokenizer, `target_words` that of what is written.
    """

    tasks: Mapping[str, tuple[str, ...]]
    plan: Callable[[Config, str, set[str], Preprocessing | None], Plan]
    config: Callable[[Plan], dict[str, Any]]
    build: Callable[[Plan], Network]
    table: Callable[[Plan], Table]
    plan_of: Callable[[NetworkSettings, Mapping[str, Any]], Plan] | None = None
    prefix: str = ""
    computed: tuple[str, ...] = ()
    unused_names: tuple[str, ...] = ()
    twins: Callable[[Plan], dict[str, str]] = nothing
    check_tensors: Callable[[Mapping[str, Tensor], str], Any] = nothing
    check_weights: Callable[[Plan, Tensors], Any] = nothing
    prepare_weights: Callable[[Plan, Tensors], tuple[Plan, Tensors]] = as_they_are
    words: Callable[[Path], Words | Pieces | None] = none
    target_words: Callable[[Path], Words | None] = none
    tokenizer: str = ""
    pictures: str = ""
