"""What puts pictures and texts in one space, as its askers see it: two networks that read, and a learned scale.

D width
"""

from collections.abc import Iterator
from typing import Protocol

from heedful.engines.reading import ReadingEngine


class MatchingEngine(Protocol):
    """Two networks that read into one space: what they read of a picture and of its text points the same way."""

    @property
    def pictures(self) -> ReadingEngine: ...

    @property
    def texts(self) -> ReadingEngine: ...

    @property
    def width(self) -> int:
        """D, of the vectors of both."""
        ...

    @property
    def scale(self) -> float:
        """What cosines are multiplied by before a softmax: the inverse of a learned temperature."""
        ...

    def picture_weights(self) -> Iterator[bytes | memoryview]:
        """All that the vectors of pictures hang on, piece by piece: other bytes, other vectors."""
        ...
