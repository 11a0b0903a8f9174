"""Pictures that stand as bytes in Parquet, as data sets of Hugging Face have them: {"bytes": …, "path": …}, or bytes.

A reference names file, column and row (from 0): `train.parquet#image#17`. Bytes are read when a picture is, a few rows
at a time.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from heedful.data.pictures.roles import with_roles
from heedful.data.readers.lines import check_readable
from heedful.data.readers.opening import ENDING
from heedful.data.readers.rows import TextRow, count
from heedful.data.readers.unpacking import content_path
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit_of_file

REFERENCE = re.compile(rf"(.*\.parquet{ENDING})#(.+)#(\d+)", re.IGNORECASE | re.DOTALL)
AT_ONCE = 8  # pictures in memory
PACKED = 20  # bytes that a byte of a file may hold, whatever the limit
OPEN_FILES = 4  # files that are read on from where the last picture stood
BUFFER = 1 << 20  # bytes of the file in memory
BYTES, PATH = "bytes", "path"


def in_parquet(reference: str) -> tuple[str, str, int] | None:
    """File, column and row of a reference such as `train.parquet#image#17`.

    >>> in_parquet("train.parquet#image#17"), in_parquet("train.parquet")
    (('train.parquet', 'image', 17), None)
    """
    match = REFERENCE.fullmatch(reference)
    return (match[1], match[2], int(match[3])) if match else None


def picture_columns(schema: Any) -> list[str]:
    """The columns of an Arrow schema that hold bytes, and so pictures."""
    import pyarrow.types as types

    def is_binary(kind: Any) -> bool:
        return types.is_binary(kind) or types.is_large_binary(kind)

    def is_inside(kind: Any) -> bool:
        return types.is_struct(kind) and any(field.name == BYTES and is_binary(field.type) for field in kind)

    return [field.name for field in schema if is_binary(field.type) or is_inside(field.type)]


def name_pictures(row: TextRow, columns: list[str]) -> TextRow:
    """A row with a reference in each column of pictures; the first of them is the source, if no column is called so."""
    references = {name: f"{row.file}#{name}#{row.line - 1}" for name in columns}
    inner = tuple(f"{name}." for name in columns)
    texts = {name: text for name, text in row.columns.items() if not name.startswith(inner)}
    roles = with_roles(replace(row, columns=texts), references[columns[0]])
    names = tuple(dict.fromkeys((*roles.names, *columns))) if roles.names else ()
    return replace(roles, columns=roles.columns | references, names=names)


def stored_bytes(file: str, column: str, row: int) -> bytes | str:
    """The bytes of a picture, or the path of its file where the row has only that.

    Raises HeedfulError if there is no such row, or no picture in it.
    """
    check_readable(file)
    status = Path(file).stat()
    value = open_column(file, column, status.st_mtime_ns, status.st_size).value(row)
    content, path = (value.get(BYTES), value.get(PATH)) if isinstance(value, dict) else (value, None)
    if content:
        return content
    if path:
        return str(Path(file).parent / path)
    raise HeedfulError(f"{file} row {row + 1}: there is no picture in the column {column}.")


def check_group(file: str, metadata: Any, number: int) -> None:
    """Raises HeedfulError for a row group that is far larger unpacked than its file, which memory may not hold."""
    most, size = limit_of_file("group_bytes", file, PACKED), metadata.row_group(number).total_byte_size
    if size > most:
        problem = f"{file}: row group {number + 1} has {size:,} bytes unpacked, and at most {most:,} are read."
        raise beyond("group_bytes", problem, "Write it with smaller ones: row_group_size=10_000", size)


@lru_cache(OPEN_FILES)
def open_column(file: str, column: str, mtime: int, size: int) -> "Column":
    """A column of a file that was last changed then and has that size."""
    return Column(file, column)


class Column:
    """The values of one column by their rows, read on from the row before, or from the start of a row group."""

    def __init__(self, file: str, column: str) -> None:
        import pyarrow.parquet

        self.file, self.column = file, column
        with content_path(file) as path:
            self.parquet: Any = pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER)
        metadata = self.parquet.metadata
        counts = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        self.starts = [sum(counts[:number]) for number in range(len(counts))]
        self.rows = sum(counts)
        self.values: Iterator[Any] = iter(())
        self.next_row = self.rows
        self.last: tuple[int, Any] = (-1, None)

    def value(self, row: int) -> Any:
        """The value in a row; raises HeedfulError if there is none, or the file is spoilt there."""
        if row >= self.rows:
            raise HeedfulError(
                f"{self.file}#{self.column}#{row}: the file has {count(self.rows, 'row')}, the first of them #0."
            )
        if row == self.last[0]:
            return self.last[1]
        group = max(number for number, start in enumerate(self.starts) if start <= row)
        if not self.starts[group] <= self.next_row <= row:
            self.values, self.next_row = self.read_from(group), self.starts[group]
        try:
            while self.next_row <= row:
                value = next(self.values)
                self.next_row += 1
        except HeedfulError:
            raise
        except Exception as error:
            # Arrow raises its own kinds and Python's on spoilt pages, and each says in words what it met.
            self.next_row = self.rows
            raise HeedfulError(f"{self.file} row {row + 1} cannot be read: {error}.") from None
        self.last = row, value
        return value

    def read_from(self, group: int) -> Iterator[Any]:
        """The values from the start of a row group to the file's end."""
        for number in range(group, len(self.starts)):
            check_group(self.file, self.parquet.metadata, number)
            # one group at a time: a reader of several keeps all of them
            batches = self.parquet.iter_batches(AT_ONCE, row_groups=[number], columns=[self.column], use_threads=False)
            for batch in batches:
                for value in batch.column(0):
                    yield value.as_py()
