# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What a graph `step` remembers of the rows of a batch, as arrays by name on the host.

`source.…` is what was read of a source, once for all of its beams; all else has a place for each row: `carried.…` is
replaced by each step, `read.…` grows by it, and into `buffer.…` it writes where it lies.

N sources   K beams   R = N * K rows   C positions that there is room for   H heads   E width of a head   V vocabulary
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle

import numpy as np

from heedful.engines.host_stepper import Rows
from heedful.engines.onnx_session import Arrays, Session
from heedful.generation.stepper import Floats, Ints

NEW, SOURCE, READ, BUFFER = "new.", "source.", "read.", "buffer."
READ_LENGTHS, LENGTHS, LONGEST = "read.lengths", "lengths", "longest"
LOG_PROBS, OUTPUTS = "log_probs", "outputs"
ROOM = 16  # positions that buffers have room for at first
MOVED_AT_ONCE = 1 << 16  # bytes, for which memory is at hand


def rows_of(step: Session, arrays: Mapping[str, np.ndarray], beams: int) -> "OnnxRows":
    """Rows that begin with what was read: `beams` of each source, all with the same behind them.

    `arrays`: those of each source by name, its first row's among them.
    """
    source = {name: arrays[name] for name in step.inputs if name.startswith(SOURCE)}
    of_rows = {name: array for name, array in arrays.items() if name in step.inputs and name not in source}
    if beams > 1:
        of_rows = {name: np.repeat(array, beams, 0) for name, array in of_rows.items()}
    kind = GrowingRows if any(name.startswith(READ) and name != READ_LENGTHS for name in of_rows) else BoundRows
    return kind(step, source, of_rows, beams)


class OnnxRows(Rows, ABC):
    """The arrays of a batch, and how rows are chosen in them.

    Each array is the beginning of one with room for more: rows that stay move up in it, and rows that join take the
    places behind them, as memory for new arrays would cost more than the moving.
    """

    def __init__(self, step: Session, source: Arrays, arrays: Arrays, beams: int) -> None:
        self.session, self.source, self.arrays, self.beams = step, source, arrays, beams
        self.whole = source | arrays
        self.said = LOG_PROBS if LOG_PROBS in step.outputs else OUTPUTS
        self.settle()

    def join(self, other: Rows) -> None:
        assert isinstance(other, OnnxRows)
        for arrays, theirs in ((self.source, other.source), (self.arrays, other.arrays)):
            for name, array in arrays.items():
                used = self.used(name, array), other.used(name, theirs[name])
                self.whole[name], arrays[name] = append(self.whole[name], len(array), *used)
        self.settle()

    def keep(self, sources: Ints) -> None:
        rows = (sources[:, None] * self.beams + np.arange(self.beams)).reshape(-1)
        for arrays, numbers in ((self.source, sources), (self.arrays, rows)):
            for name, array in arrays.items():
                move(self.used(name, array), numbers, 1)
                arrays[name] = array[: len(numbers)]
        self.settle()

    def used(self, name: str, array: np.ndarray) -> np.ndarray:
        """The part of an array that there is something in."""
        return array

    @abstractmethod
    def settle(self) -> None:
        """Looks at the arrays, which are others now."""

    def by_source(self, array: np.ndarray) -> np.ndarray:
        """(R, ...) -> (N, K, ...)."""
        return array.reshape(len(array) // self.beams, self.beams, *array.shape[1:])


class GrowingRows(OnnxRows):
    """A state whose arrays `read.…` have a position for each token that was read, those of the longest row."""

    def step(self, tokens: Ints) -> Floats:
        inputs = {name: self.by_source(array) for name, array in self.arrays.items()}
        outputs = self.session(self.source | inputs | {"tokens": self.by_source(tokens)})
        self.arrays = {name: outputs[NEW + name] for name in self.arrays}
        self.whole.update(self.arrays)
        return outputs[self.said]

    def reorder(self, rows: Ints) -> None:
        for array in self.arrays.values():
            move(array, rows, self.beams)

    def settle(self) -> None:
        longest = int(self.arrays[READ_LENGTHS].max())
        for name, array in self.arrays.items():
            if name.startswith(READ) and name != READ_LENGTHS and array.shape[1] > longest:
                self.whole[name] = self.arrays[name] = np.ascontiguousarray(array[:, :longest])


class BoundRows(OnnxRows):
    """A state whose arrays keep their places from step to step, so that a graph reads and writes them without copies.

    What a step replaces has two places, which take turns. What it says is good until the next step.
    """

    calls: "Iterator[tuple[Callable[[], None], Arrays]] | None" = None
    """What each step calls in turn, and the arrays that are in place of others behind it."""

    def step(self, tokens: Ints) -> Floats:
        if self.longest >= self.room:
            self.widen()
        if self.calls is None:
            self.bind(len(tokens))
        assert self.calls is not None
        self.tokens[:] = tokens
        self.total[0] = self.longest + 1
        call, replaced = next(self.calls)
        call()
        self.arrays.update(replaced)
        self.whole.update(replaced)
        if LENGTHS in self.arrays:
            self.arrays[LENGTHS] += 1
            self.longest += 1
        return self.answers

    def reorder(self, rows: Ints) -> None:
        for name, array in self.arrays.items():
            move(self.used(name, array), rows, self.beams)

    def used(self, name: str, array: np.ndarray) -> np.ndarray:
        return array[:, :, : self.longest] if name.startswith(BUFFER) else array

    def settle(self) -> None:
        self.calls = None
        self.longest = int(self.arrays[LENGTHS].max()) if LENGTHS in self.arrays else 0
        self.room = min((array.shape[2] for name, array in self.arrays.items() if name.startswith(BUFFER)), default=1)

    def widen(self) -> None:
        """Gives buffers room for more positions."""
        for name, array in self.arrays.items():
            if name.startswith(BUFFER):
                sizes = (len(self.whole[name]), array.shape[1], self.room + max(ROOM, self.room // 4), array.shape[3])
                self.whole[name] = np.zeros(sizes, array.dtype)
                self.arrays[name] = self.whole[name][: len(array)]
                self.arrays[name][:, :, : self.longest] = array[:, :, : self.longest]
        self.settle()

    def bind(self, rows: int) -> None:
        """Tells the graph where everything lies."""
        graph = self.session
        self.tokens, self.total = np.zeros(rows, np.int64), np.zeros(1, np.int32)
        self.answers = np.empty((rows, int(graph.outputs[self.said][-1])), np.float32)
        places = {name: array for name, array in self.arrays.items() if NEW + name in graph.outputs}
        kept = {name: array for name, array in places.items() if name.startswith(BUFFER)}
        first = {name: array for name, array in places.items() if name not in kept}
        second = {name: np.empty_like(array) for name, array in first.items()}
        calls: list[tuple[Callable[[], None], Arrays]] = []
        for old, new in ((first, second), (second, first)) if first else ((first, first),):
            arrays = self.source | self.arrays | old | {"tokens": self.tokens, LONGEST: self.total}
            inputs = {name: self.shaped(name, array) for name, array in arrays.items() if name in graph.inputs}
            outputs = {NEW + name: array for name, array in (kept | new).items()} | {self.said: self.answers}
            calls.append((graph.bound(inputs, outputs), new))
        self.calls = cycle(calls)

    def shaped(self, name: str, array: np.ndarray) -> np.ndarray:
        """An array as the graph takes it: with an axis of beams, or without."""
        return array if array.ndim == len(self.session.inputs[name]) else self.by_source(array)


def empty_cache(step: Session, rows: int, room: int = ROOM) -> Arrays:
    """Buffers with room for so many positions of each row, of which none has been read, if a graph has buffers."""
    sizes = {"rows": rows, "room": room}
    cache: Arrays = {
        name: np.zeros([int(sizes.get(str(size), size)) for size in shape], np.float32)
        for name, shape in step.inputs.items()
        if name.startswith(BUFFER)
    }
    return cache | {LENGTHS: np.zeros(rows, np.int32)} if cache else {}


def append(whole: np.ndarray, count: int, ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Theirs (R', ...) behind ours (R, ...), which are the used part of the first rows of an array.

    The array, another where it has no room for them, and its first R + R' rows. Where other sizes differ the smaller
    are filled up behind with zeros.
    """
    total, sizes = count + len(theirs), tuple(map(max, whole.shape[1:], theirs.shape[1:]))
    if total > len(whole) or sizes != whole.shape[1:]:
        whole = np.zeros((total, *sizes), ours.dtype)
        whole[tuple(map(slice, ours.shape))] = ours
    else:
        whole[count:total] = 0
    whole[count:total][tuple(map(slice, theirs.shape))] = theirs
    return whole, whole[:total]


def move(array: np.ndarray, rows: Ints, beams: int) -> None:
    """Puts the rows of these numbers first. Each comes from its own group of so many rows, or from further behind.

    Few at once, in what a processor's cache holds.
    """
    at_once = max(1, MOVED_AT_ONCE // max(1, array[0].nbytes * beams)) * beams if len(array) else 1
    stays = rows == np.arange(len(rows))
    for low in range(0, len(rows), at_once):
        part = slice(low, low + at_once)
        if not stays[part].all():
            array[part.start : min(part.stop, len(rows))] = array[rows[part]]
