"""Parquet, through pyarrow."""

from collections.abc import Iterable, Iterator
from typing import Any

from heedful.data.pictures.parquet import check_group, name_pictures, picture_columns
from heedful.data.readers.classes import classes_of, features_of, list_classes, name_classes
from heedful.data.readers.lines import check_readable
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.readers.unpacking import content_path
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit

ROWS = 10_000  # in memory at once
AT_ONCE = 2**24  # bytes, about


def read_parquet(file: str, columns: Iterable[str]) -> Iterator[TextRow | BadRow]:
    """Rows of a Parquet file, in chunks; only the `wanted` columns if the file has them all. Lines are row numbers.

    Columns of pictures are not read: they hold references to them. Classes whose names the file tells have these.
    """
    pictures: list[str] = []
    classes = classes_of(features_in(file))
    for number, record in enumerate(records(file, columns, pictures), start=1):
        row = row_of(record, file, number)
        if classes and isinstance(row, TextRow):
            row = name_classes(row, classes)
        yield name_pictures(row, pictures) if pictures and isinstance(row, TextRow) else row


def features_in(file: str) -> dict[str, Any]:
    """What datasets wrote about the columns of a file; {} if it did not."""
    return features_of(opened(file).schema_arrow.metadata)


def class_notes(file: str) -> list[str]:
    """Which columns of a file hold classes by number, and so are read by their names."""
    classes = classes_of(features_in(file))
    return [
        f"{file}: {column} is read by the names of its classes ({list_classes(classes[column])})" for column in classes
    ]


def opened(file: str) -> Any:
    """An open Parquet file; raises HeedfulError for what is none, and without pyarrow."""
    check_readable(file)
    try:
        import pyarrow.parquet
    except ImportError:
        raise HeedfulError(f"{file} needs pyarrow to be read.", 'pip install "heedful[data]"') from None
    try:
        with content_path(file) as path:
            parquet: Any = pyarrow.parquet.ParquetFile(path)
        list(parquet.schema_arrow.names)
        return parquet
    except HeedfulError:
        raise
    except Exception as error:  # for spoilt bytes pyarrow raises a dozen kinds, from Python's and of its own
        raise HeedfulError(f"{file} is not a Parquet file: {one_line(error)}.") from None


def records(file: str, columns: Iterable[str], pictures: list[str]) -> Iterator[dict[str, Any]]:
    """The rows as pyarrow gives them; the columns of pictures are listed instead."""
    parquet = opened(file)
    schema = parquet.schema_arrow
    names = set(schema.names)
    pictures += picture_columns(schema)
    present_columns = [name for name in columns if name in names] if names.issuperset(columns) else []
    read_columns: list[str] | None = present_columns or None
    if pictures:
        read_columns = [name for name in present_columns or schema.names if name not in pictures]
    number = 0
    try:
        for batch in batches(file, read_columns):
            for rows in parts(file, batch):
                yield from rows
                number += len(rows)
    except HeedfulError:
        raise
    except Exception as error:  # as above
        raise HeedfulError(f"{file} cannot be read beyond row {number}: {one_line(error)}.") from None


def batches(file: str, columns: list[str] | None) -> Iterator[Any]:
    """Batches of few enough rows to be held. A text that stands in many rows is held once, by its number."""
    import pyarrow.parquet

    whole = opened(file)
    metadata: Any = whole.metadata
    chunks = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if (
        chunks
    ):  # what pyarrow says of a spoilt column raises where rows are read, and ends the process where it is asked
        check_group(file, metadata, 0)
        next(whole.iter_batches(1, row_groups=[0]), None)
    texts = {
        chunk.column(place).path_in_schema
        for chunk in chunks[:1]
        for place in range(metadata.num_columns)
        if metadata.schema.column(place).logical_type.type == "STRING" and chunk.column(place).has_dictionary_page
    }
    with content_path(file) as path:
        dictionaries = sorted(name for name in texts if "." not in name)
        parquet: Any = pyarrow.parquet.ParquetFile(path, read_dictionary=dictionaries)
    for number, chunk in enumerate(chunks):
        check_group(file, metadata, number)
        rows = AT_ONCE * chunk.num_rows // max(1, chunk.total_byte_size)
        yield from parquet.iter_batches(min(max(1, rows), ROWS), row_groups=[number], columns=columns)


def parts(file: str, batch: Any) -> Iterator[list[dict[str, Any]]]:
    """The rows of a batch, as many at once as there is room for; raises HeedfulError for a text that is too long."""
    import pyarrow.compute
    import pyarrow.types

    compute: Any = pyarrow.compute
    longest, most = 0, limit("line_bytes")
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pyarrow.types.is_dictionary(column.type) and len(column.dictionary):
            length: int = compute.max(compute.binary_length(column.dictionary)).as_py() or 0
            longest = max(longest, length)
            if length > most:
                problem = f"{file}: {name} has a text of {length:,} bytes, and at most {most:,} are read."
                raise beyond("line_bytes", problem, found=length)
    step = max(1, AT_ONCE // longest) if longest else len(batch)
    for first in range(0, len(batch), step or 1):
        yield batch.slice(first, step).to_pylist()


def one_line(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()).rstrip(" .") or type(error).__name__
