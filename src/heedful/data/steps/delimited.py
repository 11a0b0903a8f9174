"""Tables of steps with the separator that they have, whatever the ending says: commas, semicolons, tabs, pipes, blanks.

The first line decides: what parts it into the most columns, and of equals what the ending promises. Blanks part columns
where nothing else does and the line below has a number.
"""

import csv
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from heedful.data.readers.formats import endings_of, open_rows
from heedful.data.readers.lines import read_lines
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, TextRow, check_header, count, too_wide, unreadable_header

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes", " ": "blanks"}
TABS, COMMAS = endings_of("tsv"), endings_of("csv")


def open_table(file: str) -> Iterator[TextRow | BadRow]:
    """The rows of a table, as `open_rows`, which reads all others; a quoted number is one."""
    separator = separator_of(file)
    return open_rows(file) if separator is None else read_rows(file, separator)


def separator_of(file: str) -> str | None:
    """What parts the columns, where the ending promises something else; None if it is as promised."""
    ending = ending_of(file)
    if ending not in (*TABS, *COMMAS):
        return None
    promised = "\t" if ending in TABS else ","
    lines = [text for _, text in islice(read_lines(file), 100) if isinstance(text, str) and text.strip()]
    if not lines:
        return None
    parts = {separator: len(split(lines[0], separator)) for separator in NAMES if separator != " "}
    most = max(parts.values())
    if most > 1:
        best = promised if parts[promised] == most else next(name for name, number in parts.items() if number == most)
        is_quoted = best == "\t" and '"' in lines[0]  # a .tsv has no quotes of its own
        return best if best != promised or is_quoted else None
    with_number = len(lines) > 1 and any(map(is_number, lines[1].split()))
    return " " if with_number and len(lines[0].split()) == len(lines[1].split()) > 1 else None


def read_rows(file: str, separator: str) -> Iterator[TextRow | BadRow]:
    """The rows below the header, a row a line."""
    names: list[str] = []
    for line, text in read_lines(file):
        if isinstance(text, BadRow):
            if not names:
                raise unreadable_header(text)
            yield text
            continue
        if not text.strip():
            continue
        fields = split(text, separator)
        if wide := too_wide(fields, f"{file} line {line}", text):
            if not names:
                raise unreadable_header(wide)
            yield wide
        elif not names:
            names = check_header(fields, file)
        elif len(fields) != len(names):
            yield BadRow(
                f"{file} line {line}", f"{count(len(fields), 'column')} where the header has {len(names)}", text
            )
        else:
            yield TextRow(dict(zip(names, fields, strict=True)), file, line)


def split(text: str, separator: str) -> list[str]:
    """The fields of a line, without quotes around them."""
    if separator == " ":
        return [field.strip('"') for field in text.split()]
    with suppress(csv.Error):  # a field that is too long for it
        return [field.strip() for field in next(csv.reader([text], delimiter=separator))]
    return text.split(separator)


def is_number(text: str) -> bool:
    """Whether a text is a number, perhaps with a decimal comma."""
    try:
        float(text.replace(",", ".").strip('"'))
    except ValueError:
        return False
    return True
