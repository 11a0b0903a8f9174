"""Which rows were learnt from: eight bytes of each source, kept beside the data of a run, so that it can name the rows
that it knows when it is scored on a file.

They are of contents: a text in its normal form, the pixels of a picture, the values of a sequence, a line of a
document.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from heedful.data.readers.rows import count
from heedful.errors import HeedfulError

ROW_HASHES = "row_hashes.safetensors"
LIMIT = 10_000_000  # hashes that are kept
LAST = 2**64 - 1
SHORTEST = 20  # letters of a line that tells texts apart


class RowHashWriter:
    """Takes in the rows one by one; of more than `limit` different ones those of the smallest hashes stay, a sample."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.rows, self.last = limit, 0, LAST
        self.hashes = array("Q")

    def add(self, content: bytes) -> None:
        """Takes in a row that is learnt from."""
        self.rows += 1
        value = hash_content(content)
        if value <= self.last:
            self.hashes.append(value)
            if len(self.hashes) > 2 * self.limit:
                self.compact()

    def compact(self) -> None:
        """Keeps each hash once, and the smallest of too many."""
        distinct = np.unique(np.frombuffer(self.hashes, np.uint64)) if self.hashes else np.zeros(0, np.uint64)
        if len(distinct) > self.limit:
            distinct = distinct[: self.limit]
            self.last = int(distinct[-1])
        self.hashes = array("Q", distinct.tobytes())

    def write(self, folder: Path) -> str:
        """Writes the file; a note if it holds but a sample, else ""."""
        self.compact()
        tensors = {"hashes": np.array(self.hashes, np.uint64)}
        about = {"rows_and_last": f"{self.rows} {self.last}"}  # one entry: of several the order is any
        (folder / ROW_HASHES).write_bytes(save(tensors, about))
        if self.last == LAST:
            return ""
        return (
            f"{len(self.hashes):,} hashes are kept of {count(self.rows, 'training row')}, a sample by which evaluate "
            "tells what was learnt from"
        )


@dataclass(frozen=True)
class RowHashes:
    """The hashes of a run, sorted: of all sources whose hash is at most `last`, of `rows` rows."""

    hashes: np.ndarray
    last: int
    rows: int

    @property
    def is_sample(self) -> bool:
        """Whether they are not those of all rows."""
        return self.last < LAST

    def told(self, values: np.ndarray) -> np.ndarray:
        """Of which of these hashes it can be told whether they were learnt from."""
        return values <= np.uint64(self.last)

    def known(self, values: np.ndarray) -> np.ndarray:
        """Which of these hashes were learnt from."""
        return np.isin(values, self.hashes)


def read_row_hashes(path: Path) -> RowHashes:
    """What a writer wrote; raises HeedfulError if it is not that."""
    try:
        with safe_open(path, "numpy") as file:
            rows, last = map(int, (file.metadata() or {})["rows_and_last"].split())
            hashes = file.get_tensor("hashes")
        if hashes.dtype != np.uint64 or hashes.ndim != 1:
            raise ValueError("hashes of another kind")
        return RowHashes(hashes, last, rows)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise HeedfulError(
            f"{path} cannot be read: {error}.", "Without that file, evaluate does not tell which rows were learnt from."
        ) from None


def find_row_hashes(folder: Path) -> Path | None:
    """The file in a run, or in a folder that was exported with it."""
    return next((path for path in (folder / "data" / ROW_HASHES, folder / ROW_HASHES) if path.is_file()), None)


def hash_content(content: bytes) -> int:
    """Eight bytes of what a row holds."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def lines_of_document(text: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a document that are long enough to tell texts apart, by number; a document of one line whatever its
    length.

    >>> list(lines_of_document("}\\nA line that is long enough.\\n")), list(lines_of_document("short"))
    ([(2, b'A line that is long enough.')], [(1, b'short')])
    """
    lines = text.strip("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if len(line.strip()) >= SHORTEST or len(lines) == 1:
            yield number, line.strip().encode()
