"""What is longer than a network with trained positions reads at once: decided before the first step, and counted.

N sources
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import Long

Way = Literal["windows", "cut", "leave", "error"]
NO_LIMIT = np.iinfo(np.int32).max


class Verb(Protocol):
    """What is known of a task: its name, and whether it answers piece by piece."""

    @property
    def verb(self) -> str: ...

    @property
    def by_windows(self) -> bool: ...


@dataclass(frozen=True)
class Lengths:
    """How many tokens sources have (N,), and the most that all of the networks read at once."""

    counts: np.ndarray
    limit: int

    @property
    def long(self) -> np.ndarray:
        """Which sources have more (N,)."""
        return self.counts > self.limit

    def describe(self, row: int, way: Way) -> str:
        """What is done with a long source."""
        deeds = {
            "cut": f"the first {self.limit:,} were read",
            "windows": f"read in windows of {self.limit:,}",
            "leave": f"left out, since the network reads {self.limit:,} at once",
        }
        return f"{self.counts[row]:,} tokens, {deeds[way]} (data.long)"


@dataclass(frozen=True)
class Room:
    """The tokens that a network can read of a source, and of a target, beside `marks` of each; None: no limit.

    `written`: targets are written by the network, and so are not cut: that would teach it to stop early.
    """

    source: int | None = None
    target: int | None = None
    marks: tuple[int, int] = (0, 0)
    written: bool = True

    @staticmethod
    def within(limit: int | None, marks: int) -> int | None:
        """What a limit leaves to a text between so many special tokens."""
        return None if limit is None else max(0, limit - marks)


def way_of(long: Long, task: Verb) -> Way:
    """How a task treats what is long; raises HeedfulError for windows where a source is read whole."""
    if long == "auto":
        return "windows" if task.by_windows else "cut"
    if long == "windows" and not task.by_windows:
        raise HeedfulError(
            f"data.long=windows is for tasks that answer piece by piece, and {task.verb} reads a source whole.",
            "data.long may be auto, cut, leave or error here.",
        )
    return long


def limit_of(limits: Sequence[int | None]) -> int | None:
    """The smallest of the limits of several networks; None: there is none."""
    return min((limit for limit in limits if limit), default=None)


def windows(length: int, window: int, stride: int = 0) -> list[tuple[int, int]]:
    """The first steps and the ends of windows that cover `length` steps; the last one ends where they end.

    Each begins `stride` steps behind the one before it (0: half of a window).
    """
    if not window or length <= window:
        return [(0, length)]
    firsts = [*range(0, length - window, stride or max(1, window // 2)), length - window]
    return [(first, first + window) for first in firsts]


def long_error(where: str, what: str, tokens: int, limit: int, cures: str = "cut or leave") -> HeedfulError:
    """The error for a row or input with more tokens than a network reads at once."""
    return HeedfulError(
        f"{where}: the {what} has {tokens:,} tokens; the network reads {limit:,} at once.",
        f"Shorten it, or let Heedful do so: data.long={cures}.",
    )


def fit_examples(
    examples: list[Example], lengths: Lengths | None, way: Way, name: str, note: Callable[[str], object]
) -> list[Example]:
    """What of held-out examples is scored; says how many are cut or left out.

    Raises HeedfulError for the first that is long, if the recipe says so, and where none is left.
    """
    if lengths is None or not lengths.long.any():
        return examples
    if way == "windows":  # nothing is lost, and all is answered
        return examples
    rows = np.flatnonzero(lengths.long)
    first, number = examples[rows[0]], len(rows)
    tokens = int(lengths.counts[rows[0]])
    if way == "error":
        raise long_error(first.where or name, "source", tokens, lengths.limit)
    note(describe(name, number, len(examples), "source", way, lengths.limit, f"{first.where}, {tokens:,} tokens"))
    if way != "leave":
        return examples
    kept = [example for example, is_long in zip(examples, lengths.long, strict=True) if not is_long]
    if not kept:
        raise HeedfulError(f"{name}: every source is longer than the network reads.", "Cut them: data.long=cut.")
    return kept


def describe(name: str, number: int, total: int, what: str, way: Way, limit: int, first: str) -> str:
    """How many are long, and what is done with them.

    >>> describe("train", 1, 9, "source", "cut", 16, "a.tsv line 3, 40 tokens")
    'train: 1 of 9 sources is longer than the 16 tokens that the network reads at once: cut to them (data.long; first: a.tsv line 3, 40 tokens)'
    """  # noqa: E501
    deeds = {"cut": "cut to them", "leave": "left out", "windows": "read in windows"}
    is_long = f"{number:,} of {count(total, what)} {'is' if number == 1 else 'are'} longer than the {limit:,} tokens"
    return f"{name}: {is_long} that the network reads at once: {deeds[way]} (data.long; first: {first})"
