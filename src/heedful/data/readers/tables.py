"""Tables as text, a row a line or so: TSV, CSV."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from heedful.data.readers.lines import read_lines
from heedful.data.readers.names import is_header
from heedful.data.readers.rows import BadRow, TextRow, check_header, count, too_wide, unreadable_header
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
LOOKED_AT = 50  # lines by which it is judged what separates columns
MOST = 0.8  # share of rows that have as many columns as the header
RETURN = "\udc0d"
"""Stands for a carriage return inside a line, which csv takes for the end of one; no text has half a character."""


def read_tsv(file: str, header: bool | None) -> Iterator[TextRow | BadRow]:
    """Columns between tabs, nothing quoted. Without a header they are named "1", "2", …

    Not said (None), a first line that names a source and a target is one. A file without any tab whose columns are
    separated by something else is read as CSV.
    """
    if delimiter_of(file, "\t") != "\t":
        yield from read_csv(file, "\t")
        return
    names: list[str] = []
    numbers: list[str] = []
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            if header and not names:
                raise unreadable_header(text)
            yield text
            continue
        if not text:
            continue
        fields = text.split("\t")
        if wide := too_wide(fields, f"{file} line {number}", text):
            if header and not names:
                raise unreadable_header(wide)
            yield wide
            continue
        if header is None:
            header = is_header(fields)
        if header and not names:
            names = check_header(fields, file)
        elif not header:
            if len(numbers) < len(fields):
                numbers = [str(i) for i in range(1, len(fields) + 1)]
            yield TextRow(dict(zip(numbers, fields, strict=False)), file, number)
        elif len(fields) != len(names):
            problem = f"{count(len(fields), 'column')} where the header has {len(names)}"
            yield BadRow(f"{file} line {number}", problem, text)
        else:
            yield TextRow(dict(zip(names, fields, strict=True)), file, number)


def read_csv(file: str, usual: str = ",") -> Iterator[TextRow | BadRow]:
    """Rows of a CSV file with a header, whatever separates its columns.

    A quoted text may span lines, and its row is named by its first line. Raises HeedfulError where a quote is never
    closed, since all that follows is lost.
    """
    bad_lines: dict[int, BadRow] = {}
    delimiter = delimiter_of(file, usual)
    reader = csv.reader(texts(file, bad_lines), delimiter=delimiter, strict=True)
    names: list[str] = []
    while True:
        first = reader.line_num + 1
        where = f"{file} line {first}"
        csv.field_size_limit(limit("line_bytes"))  # of the whole process, and other packages set it too
        try:
            fields = [field.replace(RETURN, "\r") for field in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            if "expected after" in str(error):
                yield BadRow(where, f"not valid CSV: {error}", "")
                continue
            if "field larger" in str(error):
                problem = f"{where}: a cell of more than {limit('line_bytes'):,} characters begins here"
                raise beyond(
                    "line_bytes", f"{problem}, or a quotation that is not closed.", "Close the quote."
                ) from None
            raise HeedfulError(f"{where}: the quotation that starts here is not closed.", "Close the quote.") from None
        bad_line = next((bad_lines.pop(n) for n in range(first, reader.line_num + 1) if n in bad_lines), None)
        if bad_line and not names:
            raise unreadable_header(bad_line)
        if bad_line:
            yield bad_line
        elif wide := too_wide(fields, where, delimiter.join(fields[:10])):
            if not names:
                raise unreadable_header(wide)
            yield wide
        elif not names:
            names = check_header(fields, file)
        elif fields and len(fields) != len(names):
            problem = f"{count(len(fields), 'column')} where the header has {len(names)}"
            yield BadRow(where, problem, delimiter.join(fields))
        elif fields:
            yield TextRow(dict(zip(names, fields, strict=True)), file, first)


def texts(file: str, bad_lines: dict[int, BadRow]) -> Iterator[str]:
    """Lines as the csv module wants them; unusable ones are noted in `bad_lines` and passed on empty of meaning."""
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            bad_lines[number] = text
            yield "?\n"
        else:
            yield text.replace("\r", RETURN) + "\n"


def delimiter_of(file: str, usual: str) -> str:
    """What separates the columns of a table: what is usual for its format, if it divides the rows; else what does.

    Tabs are usual where there is any, since TSV needs no header; without one, a line of usual names tells.
    """
    bad_lines: dict[int, BadRow] = {}
    lines = list(islice(texts(file, bad_lines), LOOKED_AT))
    lines = [line for number, line in enumerate(lines, start=1) if number not in bad_lines]
    header = next((line.rstrip("\n") for line in lines if line != "\n"), "")
    candidates = list(DELIMITERS)
    if usual == "\t":
        if any(usual in line for line in lines):
            return usual
        candidates = [sign for sign in DELIMITERS if is_header([name.strip('"') for name in header.split(sign)])]
    fitting = [sign for sign in candidates if divides(sign, lines)]
    return usual if usual in fitting or not fitting else max(fitting, key=header.count)


def divides(delimiter: str, lines: list[str]) -> bool:
    """Whether a sign divides the header into columns, and nearly all rows below into as many."""
    widths: list[int] = []
    with suppress(csv.Error):  # a spoilt row, or the last one, which may be cut off where we stopped looking
        widths.extend(len(fields) for fields in csv.reader(lines, delimiter=delimiter, strict=True) if fields)
    return bool(widths) and widths[0] > 1 and widths.count(widths[0]) >= MOST * len(widths)


def delimiter_notes(file: str, usual: str) -> list[str]:
    """What separates the columns, where it is not what the file's ending says."""
    delimiter = delimiter_of(file, usual)
    return [] if delimiter == usual else [f"{file}: its columns are separated by {DELIMITERS[delimiter]}"]
