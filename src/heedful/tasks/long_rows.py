"""Training rows that are longer than a network with trained positions reads at once: cut, left out, or refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.pairs.check_reach import Reach
from heedful.data.pairs.prepared import Prepared
from heedful.data.shortened import ShortenedStore
from heedful.data.steps.store import ClipStore, PreparedClips
from heedful.errors import HeedfulError
from heedful.networks.settings import CONTEXT
from heedful.results import Example
from heedful.schema import Recipe
from heedful.tasks.long import Lengths, Room, Verb, Way, describe, fit_examples, long_error, way_of

Rows = TypeVar("Rows", Prepared, PreparedDocuments)
Fitted = TypeVar("Fitted", Prepared, PreparedDocuments, PreparedClips)
DEEDS = {
    "cut": "Training cuts them to their beginning (data.long).",
    "leave": "Training leaves them out (data.long).",
    "windows": "Training reads them in windows (data.long).",
    "error": "Training stops at the first of them (data.long=error).",
}
NO_LIMIT = np.iinfo(np.int32).max


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
