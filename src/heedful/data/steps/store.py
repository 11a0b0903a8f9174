"""Clips ready to learn from: every sequence opened once, as a network takes it, on disk, read through memory maps.

T steps   L letters of a word
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np

from heedful.data import folders
from heedful.data.folders import read_examples, read_json, write_json
from heedful.data.readers.rows import count
from heedful.data.steps.buffer import blocks
from heedful.data.steps.forms import StepForm, Steps
from heedful.data.steps.parts import name_part
from heedful.data.steps.words import LETTERS
from heedful.data.store import Column
from heedful.errors import size_of
from heedful.results import Example

VALUES, INDEX, ABOUT = "steps.npy", "clips.json", "about.json"
CHUNK = 1 << 20  # steps of a series that are standardised at once
MASKED = -1


class StepStore:
    """The sequences of a run by reference: what a network takes, and when each step begins."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self.folder = folder
        self.numbers: dict[str, int] = index["references"]
        self.shape, self.ends = tuple(index["shape"]), np.array([0, *np.cumsum(index["lengths"], dtype=np.int64)])
        self.times: dict[str, list[float]] = index["seconds"]

    def __reduce__(self) -> tuple[type["StepStore"], tuple[Path]]:
        """Another process opens the maps itself, instead of being sent what they map."""
        return StepStore, (self.folder,)

    @cached_property
    def values(self) -> np.ndarray:
        """All steps of all sequences, one behind the other."""
        return np.load(self.folder / VALUES, mmap_mode="r", allow_pickle=False).reshape(-1, *self.shape)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __contains__(self, reference: object) -> bool:
        return reference in self.numbers

    def __getitem__(self, reference: str) -> np.ndarray:
        """(T, H, W, C) bytes, (T, C) float32 or (T, 1 + L) int32; KeyError for a reference that is not here."""
        return self.at(self.numbers[reference])

    def at(self, number: int) -> np.ndarray:
        """The same, by the number of a sequence."""
        return self.values[self.ends[number] : self.ends[number + 1]]

    def seconds(self, reference: str) -> tuple[float, ...]:
        """When each step begins; () where that is not known."""
        return tuple(self.times.get(str(self.numbers[reference]), ()))


class StepWriter:
    """Writes a new store; only `close` makes it one that can be opened.

    Sequences of equal values are one sequence, and have one reference: that of the first of them. Words are kept
    until the vocabulary is known, which `close` is given in its form.
    """

    def __init__(self, folder: Path, form: StepForm) -> None:
        folder.mkdir(parents=True)
        self.folder, self.form = folder, form
        self.numbers: dict[str, int] = {}
        self.digests: dict[bytes, int] = {}
        self.contents: list[bytes] = []
        self.names: list[str] = []
        self.lengths: list[int] = []
        self.times: dict[str, list[float]] = {}
        self.words: list[tuple[str, ...]] = []
        self.shape: tuple[int, ...] = (1 + LETTERS,)
        kind = {"frames": np.uint8, "series": np.float32, "tokens": np.int32}[form.kind]
        self.column = ArrayColumn(folder / VALUES, np.dtype(kind))

    def add(self, reference: str, steps: Steps) -> str:
        """Takes in a sequence, if it is new, and gives the reference of the first one with these values."""
        number = self.digests.setdefault(digest_of_steps(reference, steps), len(self.names))
        self.numbers[reference] = number
        if number == len(self.names):
            self.names.append(reference)
            self.lengths.append(len(steps))
            if steps.seconds:
                self.times[str(number)] = [round(time, 6) for time in steps.seconds]
            if steps.kind == "tokens":
                self.words.append(steps.words)
            else:
                self.shape = steps.values.shape[1:]
                for part in blocks(steps.values):
                    self.column.extend(np.ascontiguousarray(part))
        return self.names[number]

    def content(self, reference: str) -> bytes:
        """By what a sequence that was added is told apart."""
        if len(self.contents) < len(self.digests):
            self.contents = list(self.digests)
        return self.contents[self.numbers[reference]]

    def cut(self, reference: str, edges: Sequence[int]) -> list[str]:
        """Parts a sequence at these steps, once all are added; the references of the parts, in order."""
        number, contents = self.numbers[reference], list(self.digests)
        parts = list(pairwise([0, *edges, self.lengths[number]]))
        if self.form.kind == "tokens":
            whole = self.words[number]
            self.words[number : number + 1] = [whole[first:end] for first, end in parts]
            names = [" ".join(whole[first:end]) for first, end in parts]
            sequences = [Steps("tokens", np.zeros(0), whole[first:end]) for first, end in parts]
        else:
            [values] = self.sequences([reference])
            names = [name_part(reference, first, end) for first, end in parts]
            sequences = [Steps(self.form.kind, values[first:end]) for first, end in parts]
        further = len(parts) - 1
        del self.numbers[reference]
        self.numbers = {name: other + further * (other > number) for name, other in self.numbers.items()}
        self.numbers |= {name: number + part for part, name in enumerate(names)}
        self.times = {str(int(key) + further * (int(key) > number)): times for key, times in self.times.items()}
        if seconds := self.times.pop(str(number), None):
            self.times |= {str(number + part): seconds[first:end] for part, (first, end) in enumerate(parts)}
        self.names[number : number + 1] = names
        self.lengths[number : number + 1] = [end - first for first, end in parts]
        contents[number : number + 1] = map(digest_of_steps, names, sequences)
        self.contents = contents
        return names

    @property
    def ends(self) -> np.ndarray:
        """Where the sequences begin and end in the file."""
        return np.array([0, *np.cumsum(self.lengths, dtype=np.int64)])

    def sequences(self, names: Iterable[str]) -> Iterator[np.ndarray]:
        """The values (T, …) of series or frames as they were read, by reference."""
        self.column.stream.flush()
        kind, begin = self.column.kind, self.column.begin
        values = np.memmap(self.folder / VALUES, kind, "r", offset=begin).reshape(-1, *self.shape)
        ends = self.ends
        return (values[ends[number] : ends[number + 1]] for number in (self.numbers[name] for name in names))

    def moments(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (C,) of channels over these sequences, each counted as often as it is named."""
        total, square, steps = np.zeros(self.shape), np.zeros(self.shape), 0
        [first] = self.sequences(self.names[:1])
        shift = first[0].astype(np.float64)  # squares of large numbers would drown what differs
        for sequence in (values - shift for values in self.sequences(names)):
            total, square, steps = (
                total + sequence.sum(axis=0),
                square + np.square(sequence).sum(axis=0),
                steps + len(sequence),
            )
        mean = total / steps
        return mean + shift, np.sqrt(np.maximum(square / steps - mean**2, 0))

    def close(self, form: StepForm) -> str:
        """Finishes the files: series standardised, words as numbers, by that form; a note about what is in them."""
        for words in self.words:
            numbers = form.encode(Steps("tokens", np.zeros(0), words))
            self.shape = numbers.shape[1:]
            self.column.extend(numbers)
        self.column.close()
        if form.kind == "series":
            values = np.load(self.folder / VALUES, mmap_mode="r+", allow_pickle=False).reshape(-1, *self.shape)
            for first in range(0, len(values), CHUNK):
                values[first : first + CHUNK] = form.encode(Steps("series", values[first : first + CHUNK]))
            del values  # which writes what is still in memory
        index = {"references": self.numbers, "shape": self.shape, "lengths": self.lengths, "seconds": self.times}
        write_json(self.folder / INDEX, index)
        size = size_of((self.folder / VALUES).stat().st_size)
        noun = {"frames": "frame", "series": "step", "tokens": "word"}[form.kind]
        note = f"{count(len(self.names), 'sequence')} of {count(sum(self.lengths), noun)}, {size} on disk"
        duplicates = len(self.numbers) - len(self.names)
        phrase = "one is" if duplicates == 1 else f"{duplicates:,} are"
        return note + (f"; {phrase} identical to another, and taken for it" if duplicates else "")


def digest_of_steps(reference: str, steps: Steps) -> bytes:
    """By what sequences are told apart: their values, or their words."""
    digest = blake2b(reference.encode() if steps.kind == "tokens" else b"", digest_size=16)
    for part in blocks(steps.values) if steps.kind != "tokens" else ():
        digest.update(np.ascontiguousarray(part).data.cast("B"))
    return digest.digest()


class ArrayColumn(Column):
    """A column that grows by arrays."""

    def __init__(self, path: Path, kind: np.dtype) -> None:
        super().__init__(path, kind)
        self.begin = self.stream.tell()

    def extend(self, values: np.ndarray) -> None:
        """Adds all numbers of an array at the end."""
        values.astype(self.kind, copy=False).tofile(self.stream)
        self.count += values.size


class ClipStore:
    """The training clips by row number: what a network takes, and the number of each step's label (-1: masked).

    `lengths` (rows, 2) are steps and labels, which are as many.
    """

    def __init__(self, folder: Path) -> None:
        def mapped(name: str) -> np.ndarray:
            return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

        self.folder, self.steps = folder, StepStore(folder / "steps")
        self.labels, self.sequences, self.origins = mapped("labels"), mapped("sequences"), mapped("places")
        self.files: list[str] = json.loads((folder / "files.json").read_text(encoding="utf-8"))
        steps = np.diff(self.steps.ends)[self.sequences]
        self.lengths = np.stack([steps, steps], axis=1)
        self.ends = np.array([0, *np.cumsum(steps)])

    def __reduce__(self) -> tuple[type["ClipStore"], tuple[Path]]:
        """As `StepStore`."""
        return ClipStore, (self.folder,)

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Steps (T, …) and label numbers (T,)."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self.steps.at(self.sequences[row]), self.labels[self.ends[row] : self.ends[row + 1]]

    def where(self, row: int) -> str:
        """The file and line that a row came from: "clips.csv line 7"."""
        file, line = self.origins[row]
        return f"{self.files[file]} line {line}"


@dataclass(frozen=True)
class PreparedClips:
    """Data ready to learn from. `names` are the labels by number; `form` is what a model keeps to read other clips.

    `steps` holds the sequences of `valid` and `test` too, by the source of each example; references of examples are
    labels joined by tabs, "" where masked.
    """

    form: StepForm
    names: tuple[str, ...]
    steps: StepStore
    train: ClipStore
    valid: list[Example]
    test: list[Example]
    notes: list[str]
    fingerprint: dict


def open_clips(folder: Path) -> PreparedClips:
    """The clips that were prepared in a folder."""
    prepared, metadata = (read_json(folder / name) for name in (folders.ABOUT, ABOUT))
    train = ClipStore(folder)
    valid, test = (read_examples(folder / f"{name}.json") for name in ("valid", "test"))
    form, names = StepForm.parse(metadata["form"]), tuple(metadata["names"])
    return PreparedClips(form, names, train.steps, train, valid, test, prepared["notes"], prepared["fingerprint"])


def open_run(folder: Path) -> PreparedClips | None:
    """The clips that were prepared in a run's folder, if they are still there."""
    return open_clips(folder / "data") if (folder / "data" / folders.ABOUT).exists() else None
