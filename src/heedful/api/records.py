# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Data in memory as records, one a row: pairs, records, columns, arrays and tables, of whatever library.

Tables of pandas, polars, pyarrow and others are read through Arrow's PyCapsule interface, datasets of the hub as the
dictionaries that they give; none of these libraries is needed for data of the others.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, cast

from heedful.api.inputs import type_name
from heedful.api.pixels import as_array, is_array, is_picture_object
from heedful.data.readers.classes import features_of, list_classes, names_in_list
from heedful.errors import HeedfulError

Record = dict[str, Any]
FORMS = (
    "Known are lists of pairs, lists of dictionaries, dictionaries of columns, (X, y), and tables of pandas, polars,\n"
    "pyarrow and datasets."
)
ARROW = "__arrow_c_stream__"


def records_of(data: Any, columns: Sequence[str]) -> Iterator[Record]:
    """The rows of data as records; those without names of their own are named by `columns`, as source and target.

    Raises HeedfulError for what holds no rows, and for a row that has another number of values, by its number.
    """
    if isinstance(data, Mapping):
        refuse_splits(cast("Mapping[str, Any]", data))
        yield from records_of_columns({str(name): listed(column) for name, column in data.items()})
    elif isinstance(data, tuple) and is_two_columns(data):
        yield from records_of_columns(dict(zip(columns, map(listed, data), strict=True)))
    elif hasattr(data, "features") and hasattr(data, "column_names"):
        yield from records_of_dataset(data)
    elif hasattr(data, ARROW) and hasattr(data, "columns"):
        yield from records_of_table(data)
    elif is_array(data) or (isinstance(data, Iterable) and not isinstance(data, bytes | bytearray)):
        for number, row in enumerate(listed(data), start=1):
            yield record_of(row, number, columns)
    else:
        raise HeedfulError(f"Data cannot be of type {type_name(data)}.", FORMS)


def refuse_splits(data: Mapping[str, Any]) -> None:
    """Raises HeedfulError for a dictionary of splits, such as `datasets.load_dataset` gives."""
    splits = [name for name, part in data.items() if hasattr(part, "columns") or hasattr(part, "column_names")]
    if splits:
        cure = f'Name each of them, as data["{splits[0]}"], valid=data[…], test=data[…].'
        raise HeedfulError(f"These are {len(splits)} data sets, and not one: {', '.join(splits)}.", cure)


def is_two_columns(data: tuple[Any, ...]) -> bool:
    """Whether this is (X, y): two columns, and not two rows."""
    if len(data) != 2 or any(isinstance(column, str | bytes | Mapping | tuple) for column in data):
        return False
    return all(is_array(column) or hasattr(column, "__len__") for column in data)


def listed(column: Any) -> list[Any]:
    """A column as a list of its values."""
    if is_array(column):
        array = as_array(column)
        return list(array) if array.ndim > 1 else array.tolist()
    for method in ("to_list", "to_pylist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    if isinstance(column, str | bytes) or not isinstance(column, Iterable):
        raise HeedfulError(f"A column cannot be of type {type_name(column)}.", FORMS)
    return list(column)


def records_of_columns(columns: Mapping[str, Sequence[Any]]) -> Iterator[Record]:
    """Rows of columns; raises HeedfulError if these are not of one length."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed_lengths = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        raise HeedfulError(f"Columns must be of one length: {listed_lengths}.")
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def records_of_dataset(data: Any) -> Iterator[Record]:
    """Rows of a dataset of the hub, their classes by name; a class below zero is none."""
    features = data.features.to_dict() if data.features else {}
    return with_names(data, features)


def with_names(rows: Iterable[Mapping[str, Any]], features: Mapping[str, Any]) -> Iterator[Record]:
    """Rows whose classes are named as their features say; raises HeedfulError for a number that is no class."""
    classes = {name: names for name, feature in features.items() if (names := names_in_list(feature))}

    def called(value: Any, names: tuple[str, ...], where: str) -> Any:
        if isinstance(value, list):
            return [called(one, names, where) for one in value]
        if not isinstance(value, int):
            return value
        if value >= len(names):
            raise HeedfulError(f"{where}: {value} is no class.", f"{list_classes(names)}.")
        return names[value] if value >= 0 else None

    for number, row in enumerate(rows, start=1):
        named = {name: called(row[name], names, f"{name} of row {number:,}") for name, names in classes.items()}
        yield {**row, **named}


def records_of_table(data: Any) -> Iterator[Record]:
    """Rows of a table through Arrow; raises HeedfulError if pyarrow is missing, or cannot hold a column."""
    try:
        import pyarrow  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise HeedfulError(
            f"Reading a {type_name(data)} needs pyarrow, which is not installed.",
            'Install it: pip install "heedful[data]"   or give a list of dictionaries.',
        ) from None
    try:
        reader: Any = pyarrow.RecordBatchReader.from_stream(data)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        if hasattr(data, "to_dict") and hasattr(data, "iloc"):  # of pandas, with pictures or other objects in it
            yield from data.to_dict("records")
            return
        raise HeedfulError(f"A {type_name(data)} cannot be read: {error}", "Give a list of dictionaries.") from None
    metadata = reader.schema.metadata or {}
    index = index_of(metadata)
    rows = (row for batch in reader for row in batch.to_pylist())
    for row in with_names(rows, features_of(metadata)):
        yield {name: value for name, value in row.items() if name not in index}


def index_of(metadata: Mapping[bytes, bytes]) -> set[str]:
    """The columns that are the index of a table of pandas, and no data."""
    names = json.loads(metadata.get(b"pandas", b"{}")).get("index_columns", [])
    return {name for name in names if isinstance(name, str)}


def record_of(row: Any, number: int, columns: Sequence[str]) -> Record:
    """A row of a list as a record; raises HeedfulError for one that is none."""
    if isinstance(row, Mapping) and not is_picture_object(row):
        return {str(name): value for name, value in cast("Mapping[Any, Any]", row).items()}
    if len(columns) == 1:
        return {columns[0]: row}
    values = list(row) if isinstance(row, list | tuple) or (is_array(row) and as_array(row).ndim == 1) else None
    if values is None:
        raise HeedfulError(f"Row {number:,} is of type {type_name(row)}, and no {' and '.join(columns)}.", FORMS)
    if len(values) != len(columns):
        needed = f"{len(columns)} are needed: {', '.join(columns)}"
        raise HeedfulError(f"Row {number:,} has {len(values)} value{'s' * (len(values) != 1)}, and {needed}.", FORMS)
    return dict(zip(columns, values, strict=True))


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, and those of pandas."""
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def plain(value: Any, name: str) -> Any:
    """A value as JSON has it: whole numbers and dates as texts, what is missing as null.

    Raises HeedfulError, beginning with `name`, for what is neither text nor number.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(one, name) for key, one in cast("Mapping[Any, Any]", value).items()}
    if hasattr(value, "tolist") and hasattr(value, "dtype"):  # arrays, and numbers of numpy
        return plain(value.tolist(), name)
    if isinstance(value, list | tuple):
        return [plain(one, name) for one in value]
    raise HeedfulError(f"{name} is of type {type_name(value)}, and neither a text nor a number.")
