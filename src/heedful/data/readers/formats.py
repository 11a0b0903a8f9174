"""The formats of files that hold rows, as one table: a new format is a file with its reader, and a line here.

tsv       columns by tabs, nothing quoted; a header if one is wanted, or if it names a source and a target
csv       by commas, semicolons, tabs or vertical bars, quoted as Excel does, header needed
jsonl     an object a line
json      a list of objects; pictures with several captions, as karpathy
parquet   needs pyarrow
xlsx      needs openpyxl; the first sheet, header needed
tmx       needs defusedxml; columns by language
lexicon   `word phone phone …`: columns source and target
npz       pictures and labels in arrays
flickr    lines of `1.jpg#0<TAB>caption`, or of `image,caption` below that header
karpathy  dataset.json[#split]: pictures, several captions; also captions_*.json as COCO has them
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from heedful.data.pictures.arrays import read_npz
from heedful.data.pictures.flickr import is_flickr, read_flickr
from heedful.data.pictures.karpathy import read_karpathy
from heedful.data.pictures.splits import path_of
from heedful.data.readers.json_files import read_json, read_jsonl
from heedful.data.readers.lexicon import read_lexicon
from heedful.data.readers.lines import check_exists
from heedful.data.readers.opening import ending_of
from heedful.data.readers.parquet import read_parquet
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.readers.sheets import read_sheet
from heedful.data.readers.tables import read_csv, read_tsv
from heedful.data.readers.tmx import read_tmx
from heedful.errors import HeedfulError, nearest


@dataclass(frozen=True)
class ColumnSelection:
    """What is wanted of a file: columns by name (all, if it lacks one of them), and whether its first line names them.

    None: where the first line says so itself.
    """

    columns: tuple[str, ...] = ()
    header: bool | None = True


ALL = ColumnSelection()


@dataclass(frozen=True)
class Format:
    """A format: its name in recipes, how its files end, and what reads them."""

    name: str
    endings: tuple[str, ...]
    read: Callable[[str, ColumnSelection], Iterator[TextRow | BadRow]]
    is_text: bool = False
    """Lines of text, with their line ends and byte order marks."""
    is_table: bool = False
    """Columns have the names that a person gave them, and any of them may hold a text."""
    names_files: bool = False
    """A column may name files that are seen from the table's folder."""


FORMATS = (
    Format("tsv", (".tsv",), lambda file, selection: read_tsv(file, selection.header), True, True, True),
    Format("csv", (".csv",), lambda file, _: read_csv(file), True, True, True),
    Format("jsonl", (".jsonl", ".ndjson"), lambda file, _: read_jsonl(file), True, True, True),
    Format("json", (".json",), lambda file, _: read_json(file), False, True, True),
    Format(
        "parquet",
        (".parquet",),
        lambda file, selection: read_parquet(file, selection.columns),
        is_table=True,
        names_files=True,
    ),
    Format("xlsx", (".xlsx", ".xlsm"), lambda file, _: read_sheet(file), is_table=True, names_files=True),
    Format("tmx", (".tmx",), lambda file, selection: read_tmx(file, selection.columns)),
    Format("lexicon", (".dict", ".dic", ".lex", ".lexicon"), lambda file, _: read_lexicon(file), is_text=True),
    Format("npz", (".npz",), lambda file, _: read_npz(file)),
    Format("flickr", (), lambda file, _: read_flickr(file), True, True, True),
    Format("karpathy", (), lambda file, _: read_karpathy(file)),
)
ROWLESS_FORMATS = {
    "lines": "Documents are for: complete, fill.",
    "text": "Documents are for: complete, fill.",
    "conll": "Words with labels are for: label.",
}
"""Formats that hold no rows, and what they are for."""


def open_rows(file: str, name: str = "auto", selection: ColumnSelection = ALL) -> Iterator[TextRow | BadRow]:
    """The rows of a file, in the format of that name or else by how the file ends, never more than a chunk in memory.

    Raises HeedfulError for a file that is missing, empty, of unknown format, or broken as a whole.
    """
    return format_of(file, name).read(file, selection)


def format_of(file: str, name: str = "auto") -> Format:
    """The format of that name, or else the file's by its ending; raises HeedfulError if neither tells it."""
    if name in ROWLESS_FORMATS:
        purpose = "for documents" if name != "conll" else "for words with labels"
        raise HeedfulError(f"data.format={name} is {purpose}, and rows are needed here.", ROWLESS_FORMATS[name])
    path = Path(path_of(file))
    ending = ending_of(str(path))
    name = "flickr" if name == "auto" and is_flickr(file) else name
    row_format = next(
        (entry for entry in FORMATS if (ending in entry.endings if name == "auto" else entry.name == name)), None
    )
    if row_format:
        return row_format
    check_exists(path)
    match = nearest(ending, endings_of())
    hint = f" Did you mean {match}?" if match else ""
    raise HeedfulError(
        f'What kind of file is {file}? Its ending "{ending}" is not known.{hint}',
        "Say it: data.format=tsv, csv, jsonl, json, parquet, xlsx, tmx, lexicon, flickr or parallel (two files).\n"
        f"Known endings: {', '.join(endings_of())}.",
    )


def endings_of(*names: str) -> tuple[str, ...]:
    """How files of these formats end, or of all.

    >>> endings_of("csv", "jsonl")
    ('.csv', '.jsonl', '.ndjson')
    """
    return tuple(ending for entry in FORMATS if not names or entry.name in names for ending in entry.endings)


def is_table(file: str, name: str = "auto") -> bool:
    """Whether a file is in a format whose columns have names, by the name of its format or else by its ending."""
    ending = ending_of(path_of(file))
    return any(
        entry.is_table and (ending in entry.endings if name == "auto" else entry.name == name) for entry in FORMATS
    )
