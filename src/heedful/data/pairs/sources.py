"""What the sources of files are, pictures or texts: decided by all rows to learn from, by how they are written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from heedful.data.notes import ignore
from heedful.data.pairs.coders import Kind
from heedful.data.pairs.read import Pair, read_pairs
from heedful.data.pictures.files import NAME
from heedful.data.pictures.read import is_picture
from heedful.data.pictures.splits import path_of
from heedful.data.readers.files import read_rows
from heedful.data.readers.rows import TextRow, count
from heedful.schema import DataSettings

LOOKED_AT = 1000  # rows by which it is guessed, where reading all of them tells it anyway
COUNTED = 4  # sets of files that are counted but once


@dataclass(frozen=True)
class SourceCount:
    """How many of the rows of files there are, and how many of these have a picture as source."""

    pictures: int
    rows: int

    @property
    def kind(self) -> Kind:
        """What most of them are; texts where there are as many."""
        return "picture" if self.pictures * 2 > self.rows else "text"

    def note(self) -> str:
        """What is said of them."""
        if not 0 < self.pictures < self.rows:
            return f"each source is a {self.kind}, by all {count(self.rows, 'row')}"
        return f"{self.pictures:,} of {self.rows:,} sources are names of pictures: all are read as {self.kind}s"


@dataclass(frozen=True)
class TrainingFiles:
    """Files to learn from as they are now, and how they are read: equal ones hold the same rows."""

    stamps: tuple[tuple[str, int, int], ...]
    settings: str
    data: DataSettings = field(compare=False)


def kind_of_source(data: DataSettings) -> Kind:
    """Whether the sources of the training rows are pictures or texts, by most of all of them."""
    return count_sources(data).kind


def kind_at_first(data: DataSettings) -> Kind:
    """The same by the first rows, unless they say otherwise than all: for files that are expected to be of a kind."""
    return count_pictures(data, LOOKED_AT).kind


def count_sources(data: DataSettings) -> SourceCount:
    """How many of all training rows have a picture as source; files that stay as they are are counted once."""
    paths = [Path(path_of(file)) for file in data.train if "://" not in file]
    if not all(path.is_file() for path in paths):  # a folder's time does not tell what is below it
        return count_pictures(data)
    statuses = [path.stat() for path in paths]
    stamps = [(str(path), stat.st_mtime_ns, stat.st_size) for path, stat in zip(paths, statuses, strict=True)]
    return count_once(TrainingFiles(tuple(stamps), repr(data), data))


@lru_cache(COUNTED)
def count_once(files: TrainingFiles) -> SourceCount:
    """As `count_pictures`, of all rows."""
    return count_pictures(files.data)


def count_pictures(data: DataSettings, limit: int | None = None) -> SourceCount:
    """The count of the training rows, or of the first ones."""
    pairs = islice(read_pairs(data.train, replace(data, bad_rows="skip"), ignore), limit)
    first = next(pairs, None)
    if first is None:
        return SourceCount(0, 0)
    pictures, rows = int(is_picture(first.source)), 1
    for pair in pairs:
        pictures, rows = pictures + is_picture(pair.source), rows + 1
    if not pictures and is_pictured(first, data.train, data):
        pictures = rows
    return SourceCount(pictures, rows)


def is_pictured(first: Pair, files: Sequence[str], data: DataSettings) -> bool:
    """Whether the first pair's source is a picture: written as one, or what its table calls file_name."""
    if is_picture(first.source) or "://" in first.file:
        return is_picture(first.source)
    row = next((row for row in read_rows(files, data) if isinstance(row, TextRow) and row.where == first.where), None)
    return row is not None and row.columns.get(NAME) == first.source


def source_notes(files: Sequence[str], data: DataSettings, either: bool) -> Iterator[str]:
    """What the sources of files are, where only some are pictures, or where the task reads `either`."""
    counted = count_sources(replace(data, train=list(files)))
    if counted.rows and (either or 0 < counted.pictures < counted.rows):
        yield counted.note()
