"""Parquet, through pyarrow."""

from collections.abc import Iterable, Iterator
from typing import Any

from heedful.data.pictures.parquet import name_pictures, picture_columns
from heedful.data.readers.lines import check_readable
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow
from heedful.errors import HeedfulError

ROWS = 10_000  # in memory at once


def read_parquet(file: str, columns: Iterable[str]) -> Iterator[TextRow | BadRow]:
    """Rows of a Parquet file, in chunks; only the `wanted` columns if the file has them all. Lines are row numbers.

    Columns of pictures are not read: they hold references to them.
    """
    check_readable(file)
    try:
        import pyarrow.parquet
    except ImportError:
        raise HeedfulError(f"{file} needs pyarrow to be read.", 'pip install "heedful[data]"') from None
    pictures: list[str] = []
    for number, record in enumerate(records(pyarrow.parquet, file, columns, pictures), start=1):
        row = row_of(record, file, number)
        yield name_pictures(row, pictures) if pictures and isinstance(row, TextRow) else row


def records(parquet: Any, file: str, columns: Iterable[str], pictures: list[str]) -> Iterator[dict[str, Any]]:
    """The rows as pyarrow gives them; the columns of pictures are listed instead.

    For spoilt bytes pyarrow raises a dozen kinds, from Python's and of its own.
    """
    try:
        opened = parquet.ParquetFile(file)
        names = set(opened.schema_arrow.names)
        pictures += picture_columns(opened.schema_arrow)
    except Exception as error:
        raise HeedfulError(f"{file} is not a Parquet file: {' '.join(str(error).split()).rstrip(' .')}.") from None
    present_columns = [name for name in columns if name in names] if names.issuperset(columns) else []
    read_columns: list[str] | None = present_columns or None
    if pictures:
        read_columns = [name for name in present_columns or opened.schema_arrow.names if name not in pictures]
    number = 0
    try:
        for batch in opened.iter_batches(ROWS, columns=read_columns):
            rows = batch.to_pylist()
            yield from rows
            number += len(rows)
    except Exception as error:
        raise HeedfulError(
            f"{file} cannot be read beyond row {number}: {' '.join(str(error).split()).rstrip(' .')}."
        ) from None
