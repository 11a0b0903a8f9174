"""What is longer than a network with trained positions reads at once: decided before the first step, and counted.

N sources
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

import numpy as np

from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.pairs.check_reach import Reach
from heedful.data.pairs.prepared import Prepared
from heedful.data.readers.rows import count
from heedful.data.shortened import ShortenedStore
from heedful.data.steps.store import ClipStore, PreparedClips
from heedful.errors import HeedfulError
from heedful.networks.settings import CONTEXT
from heedful.results import Example
from heedful.schema import Long, Recipe

Way = Literal["windows", "cut", "leave", "error"]
Rows = TypeVar("Rows", Prepared, PreparedDocuments)
Fitted = TypeVar("Fitted", Prepared, PreparedDocuments, PreparedClips)
DEEDS = {
    "cut": "Training cuts them to their beginning (data.long).",
    "leave": "Training leaves them out (data.long).",
    "windows": "Training reads them in windows (data.long).",
    "error": "Training stops at the first of them (data.long=error).",
}
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


def reach_of(recipe: Recipe, resolve: Callable[[Recipe], Recipe], task: Verb, written: bool = True) -> Reach | None:
    """What a network reads of a text, for a look at the data before training; None: there is no limit.

    Where it begins with other weights, the recipe has their settings already; a published vocabulary may have tokens of
    many characters, and none of several words.
    """
    network, way = resolve(recipe).network, way_of(recipe.data.long, task)
    if network.positions not in ("learned", "line"):
        return None
    limit = CONTEXT if network.context == "auto" else int(network.context)
    deeds = DEEDS[way], DEEDS["leave" if written and way == "cut" else way]
    if recipe.start:
        return Reach(limit, deeds, written, recipe.start, ("words", "symbols"))
    return Reach(limit, deeds, written)


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


def fit_rows(
    data: Rows, room: Room, way: Way, held_out: Callable[[list[Example]], Lengths | None]
) -> tuple[Rows, list[str]]:
    """Prepared rows as the network can read them, and what is to be said of it; the same data where all fits.

    Raises HeedfulError for the first long row, if the recipe says so, and where no row is left to learn from.
    """
    notes: list[str] = []
    data = fit_held_out(shorten_rows(data, room, way, notes), way, held_out, notes)
    return data, notes


def fit_held_out(
    data: Fitted, way: Way, held_out: Callable[[list[Example]], Lengths | None], notes: list[str]
) -> Fitted:
    """The data with what of its held-out examples is scored, and all notes."""
    sides = {
        name: fit_examples(examples, held_out(examples), way, name, notes.append)
        for name, examples in (("valid", data.valid), ("test", data.test))
        if examples
    }
    return replace(data, **sides, notes=[*data.notes, *notes]) if notes else data


def note_long_rows(train: ClipStore, positions: np.ndarray, limit: int, way: Way, notes: list[str]) -> None:
    """Says how many clips are longer than a network reads; raises HeedfulError as `fit_rows` does."""
    long = positions > limit
    if not long.any():
        return
    first = int(long.argmax())
    if way == "error":
        raise long_error(train.where(first), "sequence", int(positions[first]), limit, "windows, cut or leave")
    words = f"{train.where(first)}, {positions[first]:,} tokens"
    notes.append(describe("train", int(long.sum()), len(long), "sequence", way, limit, words))
    if way == "leave" and long.all():
        raise nothing_left(notes[-1])


def shorten_rows(data: Rows, room: Room, way: Way, notes: list[str]) -> Rows:
    """The training rows as the network can read them."""
    lengths, kept = data.train.lengths, np.ones(len(data.train), bool)
    most = np.full(2, NO_LIMIT)
    for side, (name, limit) in enumerate((("source", room.source), ("target", room.target))):
        long = lengths[:, side] > limit if limit is not None else np.zeros(len(lengths), bool)
        if limit is None or not long.any():
            continue
        first, marks = int(long.argmax()), room.marks[side]
        tokens, where = int(lengths[first, side]) + marks, data.train.where(first)
        if way == "error":
            cures = "leave" if side and room.written else "cut or leave"
            raise long_error(where, name, tokens, limit + marks, cures)
        deed: Way = "leave" if side and room.written else way
        if deed == "leave":
            kept &= ~long
        else:
            most[side] = limit
        first_words = f"{where}, {tokens:,} tokens"
        notes.append(describe("train", int(long.sum()), len(lengths), name, deed, limit + marks, first_words))
    if not kept.any():
        raise nothing_left(notes[-1])
    if not notes:
        return data
    return replace(data, train=ShortenedStore(data.train.folder, np.flatnonzero(kept), most))


def nothing_left(note: str) -> HeedfulError:
    """The error where all rows are left out."""
    return HeedfulError(
        f"{note}; no row is left to learn from.", "Shorten them, or take a network that reads more at once."
    )


def describe(name: str, number: int, total: int, what: str, way: Way, limit: int, first: str) -> str:
    """How many are long, and what is done with them.

    >>> describe("train", 1, 9, "source", "cut", 16, "a.tsv line 3, 40 tokens")
    'train: 1 of 9 sources is longer than the 16 tokens that the network reads at once: cut to them (data.long; first: a.tsv line 3, 40 tokens)'
    """  # noqa: E501
    deeds = {"cut": "cut to them", "leave": "left out", "windows": "read in windows"}
    is_long = f"{number:,} of {count(total, what)} {'is' if number == 1 else 'are'} longer than the {limit:,} tokens"
    return f"{name}: {is_long} that the network reads at once: {deeds[way]} (data.long; first: {first})"
