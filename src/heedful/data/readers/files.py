"""Rows of named columns from files of every text format; which column plays which role is decided elsewhere.

tsv       columns by tabs, nothing quoted; a header only if the recipe names columns
csv       quoted as Excel does, header needed                    (tables.py)
jsonl     an object a line                                       (tables.py)
parquet   needs pyarrow                                          (tables.py)
parallel  two files, line by line: columns source and target
lexicon   `word phone phone …`: columns source and target
folder    pictures with classes or captions             (picture_files.py; tables whose file_name is a picture, too)
npz       pictures and labels in arrays                 (picture_arrays.py)
karpathy  dataset.json[#split]: pictures, several captions  (picture_files.py)
sample://name/split and hf://owner/dataset[/config]/split need no format
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from heedful.data.pictures import arrays as picture_arrays
from heedful.data.pictures import files as picture_files
from heedful.data.readers import tables
from heedful.data.readers.lines import encoding_notes, missing, read_lines
from heedful.data.readers.rows import BadRow, Row, count, header_of, no_header
from heedful.data.samples import pictures as picture_samples
from heedful.data.samples import read as samples
from heedful.errors import HeedfulError, nearest
from heedful.schema import DataSettings

ENDINGS = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".dict": "lexicon",
    ".dic": "lexicon",
    ".lex": "lexicon",
    ".lexicon": "lexicon",
    ".npz": "npz",
    ".json": "karpathy",
}
TEXT = ("tsv", "csv", "jsonl", "parallel", "lexicon")
DOCUMENTS = "Documents are for: complete, fill."
PROBABILITY = re.compile(r"\d*\.\d+(e-?\d+)?", re.IGNORECASE)
VARIANT = re.compile(r"(?<=.)\(\d+\)$")


def read_rows(files: Sequence[str], data: DataSettings) -> Iterator[Row | BadRow]:
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
            yield from tables.read_hub(file)
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
    said = data.columns if isinstance(data.columns, list) else list(data.columns.values())
    return [*said, data.group] if data.group else list(said)


def file_notes(files: Sequence[str], data: DataSettings) -> list[str]:
    """What is unusual about how text files are written; what of folders and samples is passed over."""
    notes: list[str] = []
    for file in files:
        if file.startswith("sample://"):
            notes += picture_samples.notes(file)
        elif "://" not in file and (kind := format_of(file, data)) in TEXT:
            notes += encoding_notes(file)
        elif "://" not in file and kind == "folder":
            notes += picture_files.folder_notes(file)
    return list(dict.fromkeys(notes))


def read_file(file: str, data: DataSettings) -> Iterator[Row | BadRow]:
    """The rows of one file, by the recipe's format or else by the file's ending."""
    match format_of(file, data):
        case "tsv":
            rows = read_tsv(file, header=any(not name.isdigit() for name in named_columns(data)))
            return picture_files.located(rows, source_column(data))
        case "csv":
            return picture_files.located(tables.read_csv(file), source_column(data))
        case "jsonl":
            return picture_files.located(tables.read_jsonl(file), source_column(data))
        case "parquet":
            return tables.read_parquet(file, named_columns(data))
        case "folder":
            return picture_files.read_folder(file)
        case "npz":
            return picture_arrays.read_npz(file)
        case "karpathy":
            return picture_files.read_karpathy(file)
        case _:
            return read_lexicon(file)


def source_column(data: DataSettings) -> str:
    """The column that the recipe calls the source; "" if it does not say."""
    return next(iter(data.columns), "") if isinstance(data.columns, list) else data.columns.get("source", "")


def format_of(file: str, data: DataSettings) -> str:
    """The format of a file or folder; raises HeedfulError if neither recipe nor ending tells it."""
    if data.format in ("lines", "text"):
        raise HeedfulError(f"data.format={data.format} is for documents, and rows are needed here.", DOCUMENTS)
    if data.format != "auto":
        return data.format
    path = Path(picture_files.path_of(file))
    ending = path.suffix.lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    if path.is_dir():
        return "folder"
    if not path.exists():
        raise missing(path)
    match = nearest(ending, ENDINGS)
    hint = f" Did you mean {match}?" if match else ""
    raise HeedfulError(
        f'What kind of file is {file}? Its ending "{ending}" does not tell.{hint}',
        "Say it: data.format=tsv, csv, jsonl, parquet, parallel (two files, line by line) or lexicon.\n"
        f"Known endings: {', '.join(ENDINGS)}.",
    )


def read_tsv(file: str, header: bool) -> Iterator[Row | BadRow]:
    """Columns between tabs. Without a header they are named "1", "2", …"""
    names: list[str] = []
    numbers: list[str] = []
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            if header and not names:
                raise no_header(text)
            yield text
            continue
        if not text:
            continue
        fields = text.split("\t")
        if header and not names:
            names = header_of(fields, file)
        elif not header:
            if len(numbers) < len(fields):
                numbers = [str(i) for i in range(1, len(fields) + 1)]
            yield Row(dict(zip(numbers, fields, strict=False)), file, number)
        elif len(fields) != len(names):
            problem = f"{count(len(fields), 'column')} where the header has {len(names)}"
            yield BadRow(f"{file} line {number}", problem, text)
        else:
            yield Row(dict(zip(names, fields, strict=True)), file, number)


def read_lexicon(file: str) -> Iterator[Row | BadRow]:
    r"""Words and their symbols, as columns source and target; a row for each pronunciation.

    The word ends at the first tab, or else at the first white space. Symbols are separated by white space. `word(2)`
    is a further variant of `word`. Numbers with a decimal point between word and symbols are probabilities or
    scores, and are left out. A line that begins with `;;;`, and everything from a `#` that stands alone (white space
    or the line's edge on both sides), is a comment.
    """
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            yield text
            continue
        if text.startswith(";;;"):
            continue
        said = re.split(r"(?:^|(?<=\s))#(?=\s|$)", text, maxsplit=1)[0].strip()
        if not said:
            continue
        word, _, rest = said.partition("\t") if "\t" in said else said.partition(" ")
        symbols = rest.split()
        while symbols and PROBABILITY.fullmatch(symbols[0]):
            symbols.pop(0)
        if not symbols:
            yield BadRow(f"{file} line {number}", "a word without symbols (word phone phone …)", text)
        else:
            yield Row({"source": VARIANT.sub("", word.strip()), "target": " ".join(symbols)}, file, number)


def read_parallel(files: Sequence[str]) -> Iterator[Row | BadRow]:
    """Line n of one file belongs to line n of the next; several such twins may follow one another."""
    if len(files) % 2:
        raise HeedfulError(
            f"data.format=parallel needs a source file and a target file, and {count(len(files), 'file')} came: "
            f"{', '.join(files)}.",
            "Write both, source first: data.train=train.en,train.de",
        )
    for source, target in zip(files[::2], files[1::2], strict=True):
        yield from read_twins(source, target)


def read_twins(source: str, target: str) -> Iterator[Row | BadRow]:
    """Two files side by side; raises HeedfulError at the end of the shorter, naming both counts."""
    for one, other in zip_longest(left := read_lines(source), right := read_lines(target)):
        if one is None or other is None:
            longest = (one or other or (0, ""))[0] + sum(1 for _ in left) + sum(1 for _ in right)
            shortest = (one or other or (0, ""))[0] - 1
            counts = (longest, shortest) if other is None else (shortest, longest)
            raise HeedfulError(
                f"{source} has {count(counts[0], 'line')} and {target} has {counts[1]:,}: they are not parallel.",
                "Line n of one must be the translation of line n of the other.",
            )
        (number, here), (_, there) = one, other
        if isinstance(here, BadRow):
            yield here
        elif isinstance(there, BadRow):
            yield there
        else:
            yield Row({"source": here, "target": there}, source, number)
