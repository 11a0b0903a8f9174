"""The rows of a recipe's files, of whatever format; which column plays which role is decided elsewhere.

a file               by its format (formats.py)
data.format=parallel two files, line by line: columns source and target
a folder             pictures with classes or captions (pictures/files.py)
sample://name/split  what packages carry
hf://owner/name[@revision][/config]/split
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from heedful.data.pictures import files as picture_files
from heedful.data.pictures.flickr import flickr_notes
from heedful.data.pictures.karpathy import karpathy_notes
from heedful.data.pictures.splits import path_of
from heedful.data.readers.formats import ColumnSelection, endings_of, format_of
from heedful.data.readers.hub import read_hub
from heedful.data.readers.json_files import holds_pictures
from heedful.data.readers.lexicon import lexicon_notes
from heedful.data.readers.lines import encoding_notes
from heedful.data.readers.opening import ending_of
from heedful.data.readers.parallel import read_parallel
from heedful.data.readers.parquet import class_notes
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.readers.sheets import sheet_notes
from heedful.data.readers.tables import delimiter_notes
from heedful.data.samples import pictures as picture_samples
from heedful.data.samples import read as samples
from heedful.schema import DataSettings

USUAL_DELIMITERS = {"tsv": "\t", "csv": ","}


def read_rows(files: Sequence[str], data: DataSettings) -> Iterator[TextRow | BadRow]:
    """The rows of `files`, in order, never more than one chunk in memory. Blank lines hold no row.

    Raises HeedfulError for a file that is missing, empty, of unknown format, or broken as a whole.
    """
    if data.format == "parallel":
        yield from read_parallel(files)
        return
    for file in files:
        if file.startswith("sample://"):
            yield from samples.read(file)
        elif file.startswith("hf://"):
            yield from read_hub(file)
        elif is_folder(file, data):
            yield from picture_files.read_folder(file)
        else:
            yield from read_file(file, data)


def valid_files(data: DataSettings) -> list[str]:
    """The files to choose by, if the recipe names any."""
    return [] if data.valid == "auto" else data.valid


def all_files(data: DataSettings) -> list[str]:
    """All files of a recipe."""
    return [*data.train, *valid_files(data), *data.test]


def named_columns(data: DataSettings) -> list[str]:
    """The columns that the recipe names, the group's too."""
    names = data.columns if isinstance(data.columns, list) else list(data.columns.values())
    return [*names, data.group] if data.group else list(names)


def file_notes(files: Sequence[str], data: DataSettings) -> list[str]:
    """What is unusual about how files are written, and what was decided about them; some of folders and samples."""
    notes: list[str] = []
    for file in files:
        if file.startswith("sample://"):
            notes += picture_samples.notes(file)
        elif "://" in file:
            continue
        elif is_folder(file, data):
            notes += picture_files.folder_notes(file)
        elif data.format == "parallel":
            notes += encoding_notes(file)
        else:
            notes += [*format_notes(file, data), *content_notes(file, data)]
    return list(dict.fromkeys(notes))


def format_notes(file: str, data: DataSettings) -> list[str]:
    """How a table is written where that is not what its format says; which of its sheets is read."""
    row_format = format_of(file, data.format)
    notes = encoding_notes(path_of(file)) if row_format.is_text else []
    if row_format.name in USUAL_DELIMITERS:
        notes += delimiter_notes(file, USUAL_DELIMITERS[row_format.name])
    elif row_format.name == "lexicon":
        notes += lexicon_notes(file)
    elif row_format.name == "xlsx":
        notes += sheet_notes(file)
    return notes


def content_notes(file: str, data: DataSettings) -> list[str]:
    """Which columns have names for numbers, and where pictures stand that a file names."""
    row_format = format_of(file, data.format)
    if row_format.name == "karpathy" or (row_format.name == "json" and holds_pictures(file)):
        return karpathy_notes(file)
    notes = class_notes(file) if row_format.name == "parquet" else []
    notes += flickr_notes(file) if row_format.name == "flickr" else []
    if row_format.names_files:
        notes += picture_files.table_notes(row_format.read(file, selection_of(data)), source_column(data), file)
    return notes


def read_file(file: str, data: DataSettings) -> Iterator[TextRow | BadRow]:
    """The rows of one file, by the recipe's format or else by the file's ending."""
    row_format = format_of(file, data.format)
    rows = row_format.read(file, selection_of(data))
    return picture_files.locate_pictures(rows, source_column(data)) if row_format.names_files else rows


def selection_of(data: DataSettings) -> ColumnSelection:
    """What a recipe wants of a file."""
    columns = named_columns(data)
    header = any(not name.isdigit() for name in columns) if columns else None
    # a role without a column of its own is looked for among all
    all_named = not isinstance(data.columns, dict) or "text" in data.columns or len(data.columns) > 1
    return ColumnSelection(tuple(columns) if all_named else (), header)


def is_folder(file: str, data: DataSettings) -> bool:
    """Whether rows are what a folder holds."""
    return data.format == "auto" and ending_of(file) not in endings_of() and Path(file).is_dir()


def source_column(data: DataSettings) -> str:
    """The column that the recipe calls the source; "" if it does not say."""
    return next(iter(data.columns), "") if isinstance(data.columns, list) else data.columns.get("source", "")
