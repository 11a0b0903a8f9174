"""Tables as text, a row a line or so: TSV, CSV, JSON lines."""

import csv
import json
from collections.abc import Iterator

from heedful.data.readers.lines import read_lines
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow, check_header, count, unreadable_header
from heedful.errors import HeedfulError


def read_tsv(file: str, header: bool) -> Iterator[TextRow | BadRow]:
    """Columns between tabs. Without a header they are named "1", "2", …"""
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


def read_csv(file: str) -> Iterator[TextRow | BadRow]:
    """Rows of a CSV file with a header; a quoted text may span lines, and its row is named by its first line.

    Raises HeedfulError where a quote is never closed, since all that follows is lost.
    """
    bad_lines: dict[int, BadRow] = {}
    reader = csv.reader(texts(file, bad_lines), strict=True)
    names: list[str] = []
    while True:
        first = reader.line_num + 1
        where = f"{file} line {first}"
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "expected after" in str(error):
                yield BadRow(where, f"not valid CSV: {error}", "")
                continue
            raise HeedfulError(f"{where}: the quotation that starts here is not closed.", "Close the quote.") from None
        bad_line = next((bad_lines.pop(n) for n in range(first, reader.line_num + 1) if n in bad_lines), None)
        if bad_line and not names:
            raise unreadable_header(bad_line)
        if bad_line:
            yield bad_line
        elif not names:
            names = check_header(fields, file)
        elif fields and len(fields) != len(names):
            problem = f"{count(len(fields), 'column')} where the header has {len(names)}"
            yield BadRow(where, problem, ",".join(fields))
        elif fields:
            yield TextRow(dict(zip(names, fields, strict=True)), file, first)


def texts(file: str, bad_lines: dict[int, BadRow]) -> Iterator[str]:
    """Lines as the csv module wants them; unusable ones are noted in `bad_lines` and passed on empty of meaning."""
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            bad_lines[number] = text
            yield "?\n"
        else:
            yield text + "\n"


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
