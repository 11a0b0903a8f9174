"""Documents: texts that stand by themselves, whole files, or rows of a table, or lines.

txt, md and whatever no other reader knows   the whole file is one document, its blank lines and all
folder                                       every .txt below it is one
csv, jsonl, parquet, tsv, hf://, sample://   a row each: the column "text", or as data.columns.text says
data.format=lines                            a line each; blank lines hold none
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from heedful.data.folders import files_below, hidden_notes
from heedful.data.normal_form import normalize_text
from heedful.data.pairs.read import Pair, column_notes, look_for_columns, missing_column, text_of_row
from heedful.data.readers.files import format_notes, read_rows
from heedful.data.readers.formats import is_table
from heedful.data.readers.lines import check_exists, check_readable, encoding_notes, ends_with_newline, read_lines
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, TextRow, count
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

ROLE = "text"


def read_documents(files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]) -> Iterator[Pair]:
    """The documents of `files`, in order, as pairs of which both sides are the text.

    A bad row raises HeedfulError where `data.bad_rows` is "error"; else it goes to `on_bad` and reading goes on (of a
    whole file only the bad line is left out). Raises HeedfulError for a file that is missing or empty.
    """
    for file in files:
        for row in texts(file, data, on_bad):
            if isinstance(row, Pair):
                yield row
            else:
                refuse(row, data, on_bad)


def texts(file: str, data: DataSettings, on_bad: Callable[[BadRow], None]) -> Iterator[Pair | BadRow]:
    """The documents of one file or folder, and rows that hold none."""
    if "://" in file or is_table(file, data.format):
        yield from documents_of_rows(read_rows([file], data), data)
    elif data.format == "lines":
        for number, line in read_lines(file):
            if isinstance(line, BadRow):
                yield line
            elif line.strip():
                yield document(line, "", file, number, data)
    elif Path(file).is_dir():
        for path in text_files(file):
            yield read_whole(str(path), data, on_bad)
    else:
        yield read_whole(file, data, on_bad)


def documents_of_rows(rows: Iterator[TextRow | BadRow], data: DataSettings) -> Iterator[Pair | BadRow]:
    """Each row's text as a document."""
    file, keys = "", {}
    while (row := next(rows, None)) is not None:
        if isinstance(row, BadRow):
            yield row
            continue
        if row.file != file:
            file = row.file
            keys, rows = look_for_columns(row, rows, data, (ROLE,))
        missing_key = next((key for key in keys.values() if key not in row.columns), None)
        if missing_key is not None:
            yield missing_column(row, missing_key)
        elif not data.columns and "2" in row.columns and keys[ROLE] == "1" and "group" not in keys:
            cure = "Say which one holds the text: data.columns.text=1"
            yield BadRow(row.where, f"{len(row.columns)} columns where 1 is needed (a text)", text_of_row(row), cure)
        else:
            group = row.columns[keys["group"]] if "group" in keys else ""
            yield document(row.columns[keys[ROLE]], group, row.file, row.line, data)


def read_whole(file: str, data: DataSettings, on_bad: Callable[[BadRow], None]) -> Pair:
    """A file as one document: its lines as they stand, the last one ended if it is so in the file."""
    check_exists(Path(file))
    if Path(file).stat().st_size == 0:
        raise HeedfulError(f"{file} is empty.", "It needs some text to learn from.")
    check_readable(file)
    lines: list[str] = []
    for _, line in read_lines(file, "document_bytes"):
        if isinstance(line, BadRow):
            refuse(line, data, on_bad)
        else:
            lines.append(line)
    return document("\n".join(lines) + "\n" * ends_with_newline(file), "", file, 1, data)


def document(text: str, group: str, file: str, line: int, data: DataSettings) -> Pair:
    """A text, in the Unicode form that the recipe asks for."""
    text = normalize_text(text, data.normalize)
    return Pair(text, text, group, file, line)


def refuse(bad: BadRow, data: DataSettings, on_bad: Callable[[BadRow], None]) -> None:
    """Counts a bad row, or stops at it."""
    if data.bad_rows == "error":
        raise bad.error()
    on_bad(bad)


def text_files(folder: str) -> list[Path]:
    """The texts in a folder, by path; raises HeedfulError if there is none."""
    files, _ = files_below(folder)
    paths = [path for path in files if ending_of(path.name) == ".txt"]
    if not paths:
        raise HeedfulError(
            f"The folder {folder} has {count(len(files), 'file')} and no .txt.", "A document is a .txt file in it."
        )
    return paths


def document_notes(files: Sequence[str], data: DataSettings) -> list[str]:
    """What is unusual, but accepted, about how texts are written and stored."""
    notes: list[str] = []
    for file in files:
        if "://" in file:
            continue
        if Path(file).is_dir():
            paths, hidden = files_below(file)
            ignored_count = sum(ending_of(path.name) != ".txt" for path in paths)
            if ignored_count:
                notes.append(f"{file}: {count(ignored_count, 'file')} that are no .txt passed over")
            notes += hidden_notes(file, hidden)
        elif is_table(file, data.format):
            notes += format_notes(file, data)
        else:
            check_readable(file)
            notes += encoding_notes(file)
    notes += column_notes([file for file in files if "://" in file or is_table(file, data.format)], data, (ROLE,))
    return list(dict.fromkeys(notes))
