"""Standard output and standard error that show a person's texts and steer no terminal."""

from typing import Any, TextIO

from heedful.data.readers.rows import one_line

KEPT = "\n\t"


class SafeStream:
    """A stream that writes control characters as JSON writes them, but for line ends and tabs.

    `unguarded` is the stream below, for the bars and colours of our own.
    """

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    def write(self, text: str) -> int:
        """Writes a text, and returns its length."""
        self.unguarded.write(one_line(text, KEPT))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Writes several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)
