"""JSON: an object a line."""

import json
from collections.abc import Iterator

from heedful.data.readers.lines import read_lines
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow


def read_jsonl(file: str) -> Iterator[TextRow | BadRow]:
    """An object a line. Nested objects give dotted columns: {"translation": {"en": …}} has translation.en."""
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            yield text
            continue
        if not text.strip():
            continue
        where = f"{file} line {number}"
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            yield BadRow(where, f"not valid JSON (column {error.colno}: {error.msg})", text)
            continue
        except (RecursionError, ValueError) as error:
            too_deep = isinstance(error, RecursionError)
            yield BadRow(where, "JSON nested too deeply" if too_deep else f"not valid JSON ({error})", text)
            continue
        if isinstance(value, dict):
            yield row_of(value, file, number)
        else:
            yield BadRow(where, 'not a JSON object such as {"source": "…", "target": "…"}', text)
