"""What a task trains, and what it learns from, as all rooms above see them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from heedful.results import Example
from heedful.schema import NetworkSettings

if TYPE_CHECKING:
    from torch import nn

    from heedful.data.readers.rows import BadRow
    from heedful.hub import Plan


class TrainedModel(Protocol):
    """What answers: how it reads and writes, and plain settings."""

    @property
    def settings(self) -> NetworkSettings: ...

    @property
    def plan(self) -> "Plan | None":
        """The plan of a network that was published; None for one of the lineage."""
        ...


class LearnableModel(TrainedModel, Protocol):
    """A trained model whose network is at hand, to be trained on, written, or looked into."""

    @property
    def network(self) -> "nn.Module": ...


class PreparedData(Protocol):
    """Data ready to learn from."""

    @property
    def valid(self) -> list[Example]: ...

    @property
    def test(self) -> list[Example]: ...

    @property
    def notes(self) -> list[str]: ...

    @property
    def fingerprint(self) -> dict[str, Any]: ...


Data = TypeVar("Data", bound=PreparedData)
Model = TypeVar("Model", bound=TrainedModel, contravariant=True)
Learnable = TypeVar("Learnable", bound=LearnableModel)
OnBad = Callable[["BadRow"], None]
