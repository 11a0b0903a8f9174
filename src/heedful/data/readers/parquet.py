"""Parquet, through pyarrow."""

from collections.abc import Iterable, Iterator

from heedful.data.pictures.parquet import name_pictures, picture_columns
from heedful.data.readers.lines import check_readable
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.readers.tables import row_of
from heedful.errors import HeedfulError

ROWS = 10_000  # in memory at once


def read_parquet(file: str, columns: Iterable[str]) -> Iterator[TextRow | BadRow]:
    """Rows of a Parquet file, in chunks; only the `wanted` columns if the file has them all. Lines are row numbers.

    Columns of pictures are not read: they hold references to them.
    """
    check_readable(file)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise HeedfulError(f"{file} needs pyarrow to be read.", 'pip install "heedful[data]"') from None
    try:
        parquet = pyarrow.parquet.ParquetFile(file)
    except pyarrow.ArrowInvalid as error:
        raise HeedfulError(f"{file} is not a Parquet file: {error}.") from None
    pictures = picture_columns(parquet.schema_arrow)
    names = set(parquet.schema_arrow.names)
    present_columns = [name for name in columns if name in names] if names.issuperset(columns) else []
    if pictures:
        present_columns = [name for name in present_columns or parquet.schema_arrow.names if name not in pictures]
    number = 0
    try:
        for batch in parquet.iter_batches(ROWS, columns=present_columns if pictures else present_columns or None):
            for record in batch.to_pylist():
                number += 1
                row = row_of(record, file, number)
                yield name_pictures(row, pictures) if pictures and isinstance(row, TextRow) else row
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        raise HeedfulError(f"{file} cannot be read beyond row {number}: {error}.") from None
