"""Spreadsheets (.xlsx), through openpyxl: the first sheet, whose first row that holds anything names the columns."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from heedful.data.readers.lines import check_readable, problem_of
from heedful.data.readers.records import text_of
from heedful.data.readers.rows import BadRow, TextRow, check_header, count
from heedful.data.readers.unpacking import content_path
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit

NO_WORKBOOK = "Save it as .xlsx (Excel workbook) again, or as .csv."


def read_sheet(file: str) -> Iterator[TextRow | BadRow]:
    """The rows of the first sheet, as their cells are worth, not as they are calculated. Empty rows are none.

    Raises HeedfulError for what is no workbook, and without openpyxl.
    """
    names: list[str] = []
    with workbook(file) as book:
        rows = cells_of(file, book)
        for number, values in enumerate(rows, start=1):
            texts = [text_of(value) or None for value in values]
            if not any(texts):
                continue
            if not names:
                width = max(place for place, text in enumerate(texts, start=1) if text)
                header = [text or str(place) for place, text in enumerate(texts[:width], start=1)]
                names = check_header(header, file)
                continue
            yield row_of_cells(texts, names, file, number)


def row_of_cells(texts: list[str | None], names: list[str], file: str, number: int) -> TextRow | BadRow:
    """One row; bad if it has a cell under no name, or a text that no tokenizer takes."""
    where = f"{file} line {number}"
    whole = "\t".join(text or "" for text in texts)
    if any(texts[len(names) :]):
        return BadRow(where, f"a cell to the right of the header, which has {count(len(names), 'column')}", whole)
    columns = {name: text for name, text in zip(names, texts, strict=False) if text}
    for name, text in columns.items():
        problem = problem_of(text)
        if problem:
            return BadRow(where, f"{name}: {problem}", text.replace("\0", ""))
    return TextRow(columns, file, number, tuple(names) if len(columns) < len(names) else ())


def sheet_notes(file: str) -> list[str]:
    """Which sheet is read, if there are several."""
    with workbook(file) as book:
        names = [sheet.title for sheet in book.worksheets]
    others = ", ".join(names[1:])
    return [f"{file}: the first sheet, {names[0]}, is read, and not {others}"] if others else []


@contextmanager
def workbook(file: str) -> Iterator[Any]:
    """An open workbook, whose sheets are streamed."""
    check_readable(file)
    try:
        import openpyxl
    except ImportError:
        raise HeedfulError(f"{file} needs openpyxl to be read.", 'pip install "heedful[tables]"') from None
    with content_path(file) as path, open(path, "rb") as stream:
        check_size(file, stream)
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            empty = not book.worksheets
        except Exception as error:  # the library raises a dozen kinds, from those of zip and XML to its own
            raise no_workbook(file, error) from None
        if empty:
            raise HeedfulError(f"{file} has no sheet of cells.", NO_WORKBOOK)
        try:
            yield book
        finally:
            book.close()


def check_size(file: str, stream: BinaryIO) -> None:
    """Raises HeedfulError for what is no zip archive, or whose texts would fill the memory."""
    try:
        with zipfile.ZipFile(stream) as archive:
            sizes = {part.filename: part.file_size for part in archive.infolist() if "worksheets/" not in part.filename}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise no_workbook(file, error) from None
    large = next((name for name, size in sizes.items() if size > limit("sheet_bytes") and "media/" not in name), None)
    if large:
        problem = f"{file}: {large} has more than {limit('sheet_bytes'):,} bytes unpacked."
        raise beyond("sheet_bytes", problem, "Save it as .csv.")


def cells_of(file: str, book: Any) -> Iterator[list[Any]]:
    """The values of each row of the first sheet; an error such as #N/A is none."""
    rows = iter(book.worksheets[0].iter_rows())
    number = 0
    while True:
        try:
            row = next(rows, None)
            if row is None:
                return
            values = [None if cell.data_type == "e" else cell.value for cell in row]
        except Exception as error:  # as above: rows are parsed only now
            raise HeedfulError(f"{file} cannot be read beyond line {number}: {one_line(error)}.", NO_WORKBOOK) from None
        number += 1
        yield values


def no_workbook(file: str, error: Exception) -> HeedfulError:
    """The error for what openpyxl cannot open."""
    return HeedfulError(f"{file} is not an Excel workbook: {one_line(error)}.", NO_WORKBOOK)


def one_line(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()).rstrip(" .") or type(error).__name__
