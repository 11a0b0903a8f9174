"""Pictures with their classes or captions, as people keep them: source is a reference to the picture.

a folder   metadata.jsonl, metadata.csv or captions of Flickr inside: as below · pictures with a .txt of the same stem:
           a caption a line · else a folder a class: photos/cat/1.jpg is a cat
a table    CSV or JSON lines with file_name, seen from the table's folder, and label, text or caption
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from heedful.data.folders import files_below, hidden_notes, is_hidden
from heedful.data.pictures import beside
from heedful.data.pictures.flickr import flickr_notes, is_flickr
from heedful.data.pictures.karpathy import seen_from
from heedful.data.pictures.roles import with_roles
from heedful.data.pictures.splits import ENDINGS as FLICKR
from heedful.data.readers.formats import open_rows
from heedful.data.readers.lines import read_lines
from heedful.data.readers.names import FILE_NAME, PICTURES, named, partly_named
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, TextRow, count
from heedful.data.samples import pictures as picture_samples
from heedful.errors import HeedfulError

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
UNSUPPORTED = (
    *(".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".svg", ".svgz", ".psd", ".xcf", ".tga", ".ico"),
    *(".icns", ".exr", ".dds", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
)
"""Endings of pictures too, which nothing here can read: they are refused as pictures, and never taken for texts."""
HEIF = (".heic", ".heif", ".hif", ".avif")
"""Those of them that can be read where pillow-heif is installed."""
TABLES = ("metadata.jsonl", "metadata.csv")
NAME = "file_name"
LOOKED_AT = 1000  # rows that may lack a picture before a table is said to have none
FEW = 20  # files of text in a folder, which may be tables of its pictures
SPLITS = ("train", "training", "valid", "validation", "val", "dev", "test", "testing")


def read_folder(folder: str) -> Iterator[TextRow | BadRow]:
    """The rows of a folder, in the order of its sorted paths, or of its table.

    A folder in which all else lies in one folder more, as archives are unpacked, is read as that one. Raises
    HeedfulError if it holds no pictures, or splits rather than classes.
    """
    pictures, other_files, _ = files_in(folder)
    inner = inner_folder(folder, pictures)
    table = table_in(inner)
    if table:
        return locate_pictures(open_rows(str(table)))
    if not pictures:
        raise no_picture_error(folder, other_files)
    parts = sorted({path.relative_to(inner).parts[0] for path in pictures})
    if all(part.lower() in SPLITS for part in parts):
        raise HeedfulError(
            f"{folder} holds {' and '.join(parts)}, which look like splits and not like classes.",
            f"Name them one by one, as {shlex.quote(f'data.train={Path(inner, parts[-1])}')}",
        )
    if any(path.suffix.lower() == ".txt" and path.with_suffix("") in stems(pictures) for path in other_files):
        return rows_by_caption(folder, pictures)
    return rows_by_class(folder, inner, pictures)


def inner_folder(folder: str | Path, pictures: Sequence[Path]) -> str:
    """The folder that the classes or the table stand in: one further in while all pictures lie below it in folders.

    That is `zip/data` of zip/data/cat/1.jpg and zip/data/dog/2.jpg, and `photos` of photos/cat/1.jpg alone.
    """
    inner = Path(folder)
    while pictures and not table_in(inner):
        parts = {path.relative_to(inner).parts[0] for path in pictures}
        next_folder = inner / parts.pop()
        if parts or next_folder in pictures:
            break
        if any(path.parent == next_folder for path in pictures) and not table_in(next_folder):
            break
        inner = next_folder
    return str(inner) if inner != Path(folder) else str(folder)


def folder_notes(folder: str) -> list[str]:
    """What of a folder is passed over, and where in it the pictures stand."""
    pictures, other_files, hidden = files_in(folder)
    inner = inner_folder(folder, pictures)
    table = table_in(inner)
    picture_stems = stems(pictures)
    notes = [] if inner == folder else [f"{folder}: all pictures lie in {inner}, and that folder is read"]
    if table:
        notes += table_notes(open_rows(str(table)), "", str(table))
        notes += flickr_notes(str(table)) if is_flickr(str(table)) else []
        rows = (row for row in locate_pictures(open_rows(str(table))) if isinstance(row, TextRow))
        in_table = {Path(row.columns.get(column_of_pictures(row, ""), "")) for row in rows}
        unlisted = [path for path in pictures if path not in in_table]
        other_files = [path for path in other_files if path not in {table, *in_table}]
        description = f"{count(len(unlisted), 'picture')} that {table.name} does not name"
        notes += [f"{folder}: passed over {description} (first: {unlisted[0]})"] if unlisted else []
    else:
        other_files = [
            path
            for path in other_files
            if not (path.suffix.lower() == ".txt" and path.with_suffix("") in picture_stems)
        ]
    return [*notes, *passed_over_notes(folder, other_files, hidden)]


def passed_over_notes(folder: str, other_files: Sequence[Path], hidden: Sequence[Path]) -> Iterator[str]:
    """What is said of files in a folder of pictures that are none, or that cannot be read."""
    unsupported = [path for path in other_files if is_unsupported(path)]
    other_files = [path for path in other_files if not is_unsupported(path)]
    if unsupported:
        description = f"{count(len(unsupported), 'picture')} in a format that cannot be read"
        yield f"{folder}: passed over {description} (first: {unsupported[0]}); {conversion(unsupported[0])}"
    if other_files:
        description = f"{count(len(other_files), 'file')} without a picture's ending"
        yield f"{folder}: passed over {description} (first: {other_files[0]})"
    yield from hidden_notes(folder, hidden)


def table_in(folder: str | Path) -> Path | None:
    """The table that describes a folder's pictures, if there is one: metadata, or captions as Flickr has them.

    Raises HeedfulError for several files of captions.
    """
    metadata = next((path for name in TABLES if (path := Path(folder) / name).is_file()), None)
    if metadata:
        return metadata
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if ending_of(entry.name) in FLICKR and not is_hidden(entry.name)]
    # more are captions of a picture each
    tables = [path for name in sorted(names) if is_flickr(str(path := Path(folder, name)))] if len(names) < FEW else []
    if len(tables) > 1:
        listing = " and ".join(path.name for path in tables)
        cure = f"Name the one that is meant, as {shlex.quote(f'data.train={tables[0]}')}"
        raise HeedfulError(f"{folder} holds several files of captions: {listing}.", cure)
    return tables[0] if tables else None


def files_in(folder: str) -> tuple[list[Path], list[Path], list[Path]]:
    """The pictures below a folder, its other files, and what is hidden there, each sorted."""
    files, hidden = files_below(folder)
    endings = (*ENDINGS, *HEIF) if has_heif() else ENDINGS
    pictures = [path for path in files if path.suffix.lower() in endings]
    return pictures, [path for path in files if path.suffix.lower() not in endings], hidden


def pictures_in(source: str) -> list[str] | None:
    """All pictures below a folder, or of a sample (sample://name/split); None for what is no place of several.

    Raises HeedfulError for a folder without any.
    """
    if source.startswith("sample://") and "#" not in source:
        return [row.columns["source"] for row in picture_samples.read(source)]
    return [str(path) for path in pictures_and_notes(source)[0]] if is_folder(source) else None


def is_folder(source: str) -> bool:
    """Whether a place is a folder on the disk."""
    return "://" not in source and Path(source).is_dir()


def pictures_and_notes(folder: str) -> tuple[list[Path], list[str]]:
    """The pictures below a folder, and what of it is passed over; raises HeedfulError for a folder without any."""
    pictures, other_files, hidden = files_in(folder)
    if not pictures:
        raise no_picture_error(folder, other_files)
    return pictures, list(passed_over_notes(folder, other_files, hidden))


def no_picture_error(folder: str, other_files: Sequence[Path]) -> HeedfulError:
    """The error for a folder of other files, pictures that cannot be read among them."""
    unsupported = next((path for path in other_files if is_unsupported(path)), None)
    detail = f" that can be read (first: {unsupported})" if unsupported else ""
    cure = f"Endings of pictures: {', '.join(ENDINGS)}" + (f"; {conversion(unsupported)}." if unsupported else ".")
    return HeedfulError(f"The folder {folder} has {count(len(other_files), 'file')} and no picture{detail}.", cure)


def is_unsupported(path: Path | str) -> bool:
    """Whether a file ends as pictures do that cannot be read."""
    return Path(path).suffix.lower() in UNSUPPORTED


def has_heif() -> bool:
    """Whether HEIC and AVIF can be read."""
    return find_spec("pillow_heif") is not None


def conversion(path: Path | str) -> str:
    """What to do with a picture that cannot be read."""
    ending = Path(path).suffix
    extra = ', or read with pip install "heedful[heic]"' if ending.lower() in HEIF and not has_heif() else ""
    return f"pictures that end in {ending} must be converted first, as to JPEG or PNG{extra}"


def stems(paths: Iterable[Path]) -> set[Path]:
    """The paths without their endings."""
    return {path.with_suffix("") for path in paths}


def rows_by_class(folder: str, inner: str, pictures: list[Path]) -> Iterator[TextRow | BadRow]:
    """A row a picture, whose class is the first folder on its way from `inner`, which is `folder` or lies in it."""
    for number, path in enumerate(pictures, start=1):
        name = path.relative_to(inner).parts[0]
        if Path(name) == path.relative_to(inner):
            yield BadRow(str(path), "it stands in no class's folder, and no .txt of its name beside it", "")
        else:
            yield TextRow({"source": str(path), "target": name}, folder, number)


def rows_by_caption(folder: str, pictures: list[Path]) -> Iterator[TextRow | BadRow]:
    """A row for each line of the .txt beside a picture."""
    for number, path in enumerate(pictures, start=1):
        captions = next((path.with_suffix(end) for end in (".txt", ".TXT") if path.with_suffix(end).is_file()), None)
        if captions is None:
            yield BadRow(str(path), f"no caption: there is no {path.with_suffix('.txt').name} beside it", "")
        elif not captions.stat().st_size:
            yield BadRow(str(path), f"no caption: {captions.name} is empty", "")
        else:
            for _, text in read_lines(str(captions)):
                if isinstance(text, BadRow):
                    yield text
                elif text.strip():
                    yield TextRow({"source": str(path), "target": text.strip()}, folder, number)


def locate_pictures(rows: Iterable[TextRow | BadRow], column: str = "") -> Iterator[TextRow | BadRow]:
    """Rows of a table whose pictures, named as seen from its folder or one near it, are named as seen from here.

    `column` is what the recipe calls the source ("": not said). A table without file_name, or without pictures in
    that column, stays as it is.
    """
    name, folder, rows = look_for_pictures(iter(rows), column)
    if name == NAME:
        return (name_columns(row, folder) for row in rows)
    return (locate_picture(row, name, folder) for row in rows) if name else rows


def table_notes(rows: Iterator[TextRow | BadRow], column: str, file: str) -> list[str]:
    """Where the pictures stand that a table names, if not beside it."""
    name, folder, _ = look_for_pictures(rows, column)
    return beside.folder_notes(file, folder) if name else []


def look_for_pictures(rows: Iterator[TextRow | BadRow], column: str) -> tuple[str, Path, Iterator[TextRow | BadRow]]:
    """The column that names pictures ("": none), judged by the first rows that have a text in it; and all rows.

    In between stands the folder that the first of those pictures is seen from that is found at all. Some rows may name
    none: a header in a language that is not known here is read as a row.
    """
    ahead: list[TextRow | BadRow] = []
    name, folder, tried, others = "", Path(), 0, 0
    for row in rows:
        ahead.append(row)
        if isinstance(row, BadRow):
            continue
        column_of_row = column_of_pictures(row, column)
        text = row.columns.get(column_of_row, "")
        if column_of_row == NAME or is_named_as_picture(text):
            near = beside.folder_of_picture(row.file, text) if text else None
            name, folder, tried = column_of_row, near or Path(row.file).parent, tried + 1
            if near or tried == beside.TRIED:
                break
        else:
            others += bool(text)
            if others == beside.TRIED or not column_of_row or len(ahead) == LOOKED_AT:
                break
    return name, folder, chain(ahead, rows)


def column_of_pictures(row: TextRow, column: str) -> str:
    """The column of a row's table that could name pictures; "" if none could."""
    names = row.names or tuple(row.columns)
    if NAME in names:
        return NAME
    if column.isdigit() and column not in names and 0 < int(column) <= len(names):
        return names[int(column) - 1]
    if not column and all(map(str.isdigit, names)):  # no header: the first column in which there is a picture
        return next((name for name in names if is_named_as_picture(row.columns.get(name, ""))), names[0])
    by_words = (name for name in partly_named(names, PICTURES) if FILE_NAME.search(row.columns.get(name, "")))
    return column or next(iter(named(names, PICTURES)), "") or next(by_words, "")


def is_named_as_picture(text: str) -> bool:
    """Whether a text ends as the name of a picture does."""
    return Path(text).suffix.lower() in (*ENDINGS, *UNSUPPORTED)


def name_columns(row: TextRow | BadRow, folder: Path) -> TextRow | BadRow:
    """A row with file_name as one with source and target."""
    if isinstance(row, BadRow):
        return row
    if not row.columns.get(NAME):
        return BadRow(row.where, f'no text in column "{NAME}"', "\t".join(row.columns.values()))
    path = seen_from(folder, row.columns[NAME])
    return with_roles(replace(row, columns=row.columns | {NAME: path}), path)


def locate_picture(row: TextRow | BadRow, column: str, folder: Path) -> TextRow | BadRow:
    """A row with this column's path as seen from here, if the folder has such a file."""
    if isinstance(row, BadRow) or column not in row.columns:
        return row
    path = seen_from(folder, row.columns[column])
    return replace(row, columns=row.columns | {column: path}) if os.path.isfile(path) else row
