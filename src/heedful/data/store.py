"""Tokenised pairs on disk, read by index through memory maps, so that a file may be larger than memory."""

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

INDEX = "store.json"
TEXTS = "texts.jsonl"
"""A text a row, where texts are shown again as they were written."""


class Store:
    """Pairs of id arrays, without <s> and </s>, by row number.

    `lengths` is (rows, 2) int32: tokens of source and target.
    """

    def __init__(self, folder: Path) -> None:
        def mapped(name: str) -> np.ndarray:
            return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

        self.folder = folder
        self.ids = mapped("source"), mapped("target")
        self.lengths = np.asarray(mapped("lengths")).reshape(-1, 2)
        self.files: list[str] = json.loads((folder / INDEX).read_text(encoding="utf-8"))["files"]
        self.origins = mapped("places").reshape(-1, 2)
        self.ends = np.cumsum(self.lengths, axis=0, dtype=np.int64)

    def __reduce__(self) -> tuple[type["Store"], tuple[Any, ...]]:
        """Another process opens the maps itself, instead of being sent what they map."""
        return Store, (self.folder,)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= row < len(self):
            raise IndexError(row)
        ends, lengths = self.ends[row], self.lengths[row]
        source, target = (self.ids[side][ends[side] - lengths[side] : ends[side]] for side in (0, 1))
        return source, target

    def where(self, row: int) -> str:
        """The file and line that a row came from: "pairs.tsv line 7"."""
        file, line = self.origins[row]
        return f"{self.files[file]} line {line}"


class Writer:
    """Appends to a new store; only `close` makes it one that can be opened."""

    def __init__(self, folder: Path, sizes: tuple[int, int]) -> None:
        folder.mkdir(parents=True)
        self.folder, self.files, self.rows = folder, {}, 0
        kinds = [np.dtype(np.uint16 if size <= 1 << 16 else np.uint32) for size in sizes]
        self.ids = Column(folder / "source.npy", kinds[0]), Column(folder / "target.npy", kinds[1])
        self.lengths = Column(folder / "lengths.npy", np.dtype(np.int32))
        self.origins = Column(folder / "places.npy", np.dtype(np.int64))

    def extend(
        self, sources: Sequence[list[int]], targets: Sequence[list[int]], origins: Iterable[tuple[str, int]]
    ) -> None:
        """Appends pairs of ids, each with the file and line it came from."""
        for column, side in zip(self.ids, (sources, targets), strict=True):
            column.append(chain.from_iterable(side))
        self.lengths.append(chain.from_iterable((len(s), len(t)) for s, t in zip(sources, targets, strict=True)))
        self.origins.append(
            chain.from_iterable((self.files.setdefault(f, len(self.files)), line) for f, line in origins)
        )
        self.rows += len(sources)

    def close(self) -> None:
        """Finishes the files."""
        for column in (*self.ids, self.lengths, self.origins):
            column.close()
        (self.folder / INDEX).write_text(json.dumps({"files": list(self.files)}), encoding="utf-8")


class TextWriter:
    """Appends the texts of rows, as JSON: a line a row."""

    def __init__(self, folder: Path) -> None:
        self.stream = (folder / TEXTS).open("w", encoding="utf-8")

    def extend(self, texts: Iterable[str]) -> None:
        """Appends texts."""
        self.stream.writelines(f"{json.dumps(text)}\n" for text in texts)

    def close(self) -> None:
        """Finishes the file."""
        self.stream.close()


def read_texts(folder: Path) -> list[str] | None:
    """The texts of a store's rows; None where none were kept."""
    path = folder / TEXTS
    if not path.exists():
        return None
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


class Column:
    """A flat .npy file that grows: its header is written again, at the same length, when the end is known."""

    def __init__(self, path: Path, kind: np.dtype) -> None:
        self.kind, self.count = kind, 0
        self.stream = path.open("wb")
        self.header()

    def append(self, values: Iterable[int]) -> None:
        """Adds numbers at the end."""
        array = np.fromiter(values, self.kind)
        array.tofile(self.stream)
        self.count += len(array)

    def close(self) -> None:
        """Writes the final header."""
        self.stream.seek(0)
        self.header()
        self.stream.close()

    def header(self) -> None:
        """numpy leaves room in its header for a first axis of any length."""
        description = {"descr": npy.dtype_to_descr(self.kind), "fortran_order": False, "shape": (self.count,)}
        npy.write_array_header_1_0(self.stream, description)
