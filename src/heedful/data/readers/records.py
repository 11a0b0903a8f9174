"""Records of any kind as rows of texts: values as people would write them, nested objects as dotted columns."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

from heedful.data.readers.lines import problem_of
from heedful.data.readers.rows import BadRow, TextRow

EXACT = 2**53  # up to here every whole number is a float, and written without an exponent


def row_of(record: dict[str, Any], file: str, number: int) -> TextRow | BadRow:
    """A record as a row of texts; bad if a text is unusable.

    Nulls are columns without a text. Values that nobody writes as a text (lists, bytes) are left out.
    """
    columns: dict[str, str] = {}
    names: list[str] = []
    for name, value in leaves(record):
        text = text_of(value)
        if text is not None:
            problem = problem_of(text) if isinstance(value, str) else None
            if problem:
                return BadRow(f"{file} line {number}", f"{name}: {problem}", text.replace("\0", ""))
            columns[name] = text
        if text is not None or is_null(value):
            names.append(name)
    return TextRow(columns, file, number, () if len(names) == len(columns) else tuple(dict.fromkeys(names)))


def leaves(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of nested objects, at any depth, with their dotted names.

    >>> dict(leaves({"id": 7, "translation": {"en": "cat", "de": "Katze"}}))
    {'id': 7, 'translation.en': 'cat', 'translation.de': 'Katze'}
    """
    stack = [("", iter(record.items()))]
    while stack:
        prefix, items = stack[-1]
        for key, value in items:
            if isinstance(value, dict):
                stack.append((f"{prefix}{key}.", iter(value.items())))
                break
            yield f"{prefix}{key}", value
        else:
            stack.pop()


def text_of(value: Any) -> str | None:
    """A value as people would write it; None for a null, and for what is no single value.

    >>> [text_of(value) for value in ("one", 1, 1.0, 0.5, True, date(2026, 1, 31), None, [1])]
    ['one', '1', '1', '0.5', 'true', '2026-01-31', None, None]
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if is_null(value):
        return None
    if isinstance(value, float):
        return str(int(value)) if isfinite(value) and value.is_integer() and abs(value) <= EXACT else repr(value)
    if isinstance(value, Decimal):
        return format(value.to_integral_value() if value == value.to_integral_value() else value, "f")
    if isinstance(value, datetime):  # a day in a spreadsheet is its midnight
        return (value.date() if value.time() == time() and value.tzinfo is None else value).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else None


def is_null(value: Any) -> bool:
    """Whether a value says that there is none: a null, NaN, or pandas's word for no time."""
    return value is None or (isinstance(value, (float, Decimal)) and isnan(value)) or type(value).__name__ == "NaTType"
