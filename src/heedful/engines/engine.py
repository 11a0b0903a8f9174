"""What makes a trained network answer: each engine hands out the part that a task asks."""

from typing import Protocol

from heedful.engines.matching import MatchingEngine
from heedful.engines.reading import MaskedTokenEngine, ReadingEngine
from heedful.engines.writing import LanguageEngine, PictureCodec, WritingEngine


class Engine(Protocol):
    """A network that is ready to answer; a task asks for the part that its networks are."""

    def writer(self) -> WritingEngine: ...

    def language(self) -> LanguageEngine: ...

    def reader(self) -> ReadingEngine: ...

    def masked(self) -> MaskedTokenEngine: ...

    def matcher(self) -> MatchingEngine: ...

    def codec(self) -> PictureCodec: ...

    def in_int8(self) -> "Engine":
        """The same in 8 bits; raises HeedfulError where it has only float32."""
        ...
