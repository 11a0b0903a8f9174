"""Parquet, through pyarrow."""

from collections.abc import Iterable, Iterator
from typing import Any

from heedful.data.readers.lines import check_readable
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow
from heedful.errors import HeedfulError

ROWS = 10_000  # in memory at once


def read_parquet(file: str, columns: Iterable[str]) -> Iterator[TextRow | BadRow]:
    """Rows of a Parquet file, in chunks; only the `wanted` columns if the file has them all. Lines are row numbers."""
    check_readable(file)
    try:
        import pyarrow.parquet
    except ImportError:
        raise HeedfulError(f"{file} needs pyarrow to be read.", 'pip install "heedful[data]"') from None
    for number, record in enumerate(records(pyarrow.parquet, file, columns), start=1):
        yield row_of(record, file, number)


def records(parquet: Any, file: str, columns: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The rows as pyarrow gives them. For spoilt bytes it raises a dozen kinds, from Python's and of its own."""
    try:
        opened = parquet.ParquetFile(file)
        names = set(opened.schema_arrow.names)
    except Exception as error:
        raise HeedfulError(f"{file} is not a Parquet file: {' '.join(str(error).split()).rstrip(' .')}.") from None
    present_columns = [name for name in columns if name in names] if names.issuperset(columns) else []
    number = 0
    try:
        for batch in opened.iter_batches(ROWS, columns=present_columns or None):
            rows = batch.to_pylist()
            yield from rows
            number += len(rows)
    except Exception as error:
        raise HeedfulError(
            f"{file} cannot be read beyond row {number}: {' '.join(str(error).split()).rstrip(' .')}."
        ) from None
