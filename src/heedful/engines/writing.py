"""What writes token by token, as its askers see it: a stepper for the search, and the likelihood of given answers.

N sources   S positions   T tokens   H W sides in pixels   C colours
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, Protocol, Self

import numpy as np

from heedful.errors import HeedfulError
from heedful.generation.batch import Hypothesis
from heedful.generation.greedy import GreedyWriter
from heedful.generation.stepper import Request, Source, SpecialIds, Stepper
from heedful.schema import GenerateSettings

Sources = tuple[np.ndarray, np.ndarray]
"""Sources (N, S, ...) and how many positions of each are real (N,)."""
Stack = Callable[[Sequence[np.ndarray]], Sources]
"""Makes one array of sources, padded behind."""
Tell = Callable[[Sequence[int]], object]
"""Is given the tokens of an answer that grows."""


@dataclass(frozen=True)
class Guidance:
    """Away from what would be written for the source `blank`, by classifier-free guidance (Ho & Salimans 2021,
    equation 6): 0 writes for `blank`, 1 as without guidance.
    """

    scale: float
    blank: np.ndarray


class WritingEngine(Protocol):
    """A network that reads a source and writes."""

    @property
    def vocabulary(self) -> int: ...

    @property
    def source_limit(self) -> int | None:
        """Positions of a source that it can read; None: no limit."""
        ...

    @property
    def limit(self) -> int | None:
        """Tokens that it can write; None: no limit."""
        ...

    def stepper(
        self, engines: Sequence[Self], stack: Stack, special: SpecialIds, guidance: Guidance | None = None
    ) -> Stepper[np.ndarray]:
        """What a search steps through: by all `engines` together (itself among them), the mean of their probabilities.

        The sources of requests are arrays (S, ...).
        """
        ...

    def log_probabilities(
        self, engines: Sequence[Self], source: Sources, answers: Sequence[Sequence[int]], special: SpecialIds
    ) -> list[np.ndarray]:
        """The log probability of each token of each answer, teacher-forced, by all `engines` together.

        `answers` hold their end tokens where these count; the token that begins is `special.begin`.
        """
        ...


class SearchingEngine(ABC, Generic[Source]):
    """What writes by a search of its own: it answers whole requests, and offers no steps.

    Implements `WritingEngine` or `LanguageEngine` with the rest of what these have.
    """

    @abstractmethod
    def answers(
        self,
        engines: Sequence[object],
        requests: Sequence[Request[Source]],
        settings: GenerateSettings,
        special: SpecialIds,
        tell: Tell | None = None,
    ) -> list[list[Hypothesis]]:
        """The n best answers to each request, as the search of ours (generation/search.py) has them.

        `tell` is given the tokens of the first answer as it grows, where one is asked for by greedy search. Raises
        HeedfulError for what it searches for otherwise, or not at all.
        """

    def stepper(self, *_: Any, **__: Any) -> NoReturn:
        raise HeedfulError("This engine searches by itself, and offers no steps.", "engine=torch offers them.")


class GreedyEngine(ABC):
    """What may have a way to write greedy answers in one call, beside its steps. Implements `WritingEngine` too."""

    @abstractmethod
    def greedy(self, stack: Stack) -> GreedyWriter[np.ndarray] | None:
        """What writes answers behind sources (S, ...); None where this network has only steps."""


class LanguageEngine(Protocol):
    """A network that writes behind nothing but what it reads itself: it goes on with tokens."""

    def stepper(self, engines: Sequence[Self], special: SpecialIds) -> Stepper[tuple[int, ...]]:
        """What a search steps through: by all `engines` together (itself among them), the mean of their probabilities.

        A request's source is its prompt, of which all but the last token are read when it joins.
        """
        ...

    def log_probabilities(self, engines: Sequence[Self], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The log probability (float64) of each token of each row but the first, by all `engines` together."""
        ...


class PictureCodec(Protocol):
    """Pictures as codes, and codes as pictures."""

    @property
    def positions(self) -> int:
        """Codes of a picture: S."""
        ...

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures (N, H, W, C) as bytes -> codes (N, S)."""
        ...

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes (N, S) -> pictures (N, H, W, C) as bytes."""
        ...
