# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Data that somebody has in Python, as files that everything else reads.

What is in memory is written below `inputs`, in a folder that is called by its content: the same data are the same file,
whatever form they had, so a run of theirs is recognised, resumed and scored as one of files.

texts, records   <task>.jsonl, a row a line; pictures of it as PNG files beside it
pictures (N, …)  <task>.npz, with their labels or texts
series, videos   <task>.jsonl names .npy files, and a .txt of labels for each
words            <task>.conll
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from os import PathLike, fspath
from pathlib import Path
from typing import Any, cast

import numpy as np

from heedful.api.inputs import join_words, type_name
from heedful.api.pixels import as_array, is_array, is_picture_object, write_array, write_picture
from heedful.api.records import Record, is_missing, is_two_columns, listed, plain, records_of
from heedful.data.pictures.arrays import as_bytes, as_pictures
from heedful.data.pictures.read import is_picture
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.tasks import keys
from heedful.tasks.facts import TaskFacts

INPUTS = Path("runs") / "inputs"
"""Where what is in memory is kept, unless a run has its folder elsewhere."""
DIGITS = 16  # of a folder's name
SOURCES = ("source", "tokens", "words", "text", "series", "x", "X", "file_name")
TARGETS = ("target", "labels", "tags", "ner_tags", "pos_tags", "label", "y")
"""Columns of records with an answer in step, by their usual names."""


def files_of(data: Any, facts: TaskFacts, folder: Path) -> list[str]:
    """The files that somebody named, or the one below `folder` that holds what is in memory.

    Raises HeedfulError for what holds no rows.
    """
    entries: list[Any] = list(data) if isinstance(data, list | tuple) else [data]
    names = [str(fspath(entry)) for entry in entries if isinstance(entry, str | PathLike)]
    if names and len(names) == len(entries) and not are_texts(data, names, facts):
        return names
    partial = folder / f".{uuid.uuid4().hex}.part"
    partial.mkdir(parents=True)
    try:
        file = write_given(data, facts, partial)
        return [str(keep(partial, folder) / file)]
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def are_texts(data: Any, names: Sequence[str], facts: TaskFacts) -> bool:
    """Whether a list of strings holds texts, and no names of files: where a row is one text, and none is a file."""
    if isinstance(data, str | PathLike) or len(facts.columns) > 1 or not all(isinstance(entry, str) for entry in data):
        return False
    return any(any(letter.isspace() for letter in name) for name in names) and not any(
        "://" in name or is_file(name) for name in names
    )


def is_file(name: str) -> bool:
    """Whether there is a file or folder of that name."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def keep(partial: Path, folder: Path) -> Path:
    """The folder called by the content of `partial`, which takes its place unless it is there and whole."""
    place = folder / digest(partial)
    if not place.is_dir() or digest(place) != place.name:
        shutil.rmtree(place, ignore_errors=True)
        partial.rename(place)
    return place


def digest(folder: Path) -> str:
    """A folder's content in a few letters."""
    content = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            content.update(f"{path.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return content.hexdigest()[:DIGITS]


def write_given(data: Any, facts: TaskFacts, folder: Path) -> str:
    """Writes data into a folder; the name of the file that a recipe names."""
    in_steps = facts.view == "steps"
    if not in_steps and isinstance(data, tuple) and is_two_columns(data) and is_array(data[0]):
        stack = as_array(data[0])
        if stack.ndim > 2:
            pictures = as_bytes(as_pictures(stack, "X"), "X")
            labels = [plain(value, f"y of row {row:,}") for row, value in enumerate(listed(data[1]), start=1)]
            if len(labels) == len(pictures) and all(isinstance(label, str) for label in labels):
                np.savez(folder / f"{facts.verb}.npz", images=pictures, labels=np.array(labels, dtype=str))
                return f"{facts.verb}.npz"
            data = (list(pictures), labels)
    whole, rows = whole_row(records_of(data, facts.columns))
    if in_steps:
        return write_steps(rows, whole, facts.verb, folder)
    pictured = {name for name, value in whole.items() if is_located(value)} if facts.keys >= keys.PICTURES else None
    with (folder / f"{facts.verb}.jsonl").open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as sink:
        for number, row in enumerate(rows, start=1):
            row = located(row, number, folder, pictured) if pictured is not None else row
            refuse_lists(row, number, facts)
            sink.write(json_line(row, number))
    return f"{facts.verb}.jsonl"


def whole_row(rows: Iterator[Record]) -> tuple[Record, Iterator[Record]]:
    """The first row without a missing value, by which it is judged what columns hold, and all rows.

    The first row of all where none is whole. Raises HeedfulError if there is no row.
    """
    ahead: list[Record] = []
    for row in rows:
        ahead.append(row)
        if not any(map(is_missing, row.values())):
            break
    if not ahead:
        raise HeedfulError("There is no row in these data.", "At least one is needed.")
    is_whole = not any(map(is_missing, ahead[-1].values()))
    return ahead[-1 if is_whole else 0], chain(ahead, rows)


def refuse_lists(row: Mapping[str, Any], number: int, facts: TaskFacts) -> None:
    """Raises HeedfulError for a list where a text or picture belongs, as a row of measurements."""
    for name in facts.columns:
        if isinstance(row.get(name), list | tuple) or is_array(row.get(name)):
            problem = f"{name} of row {number:,} is a {type_name(row[name])}, and no text"
            hint = "Measurements in steps are for label; several texts of one source are a row each."
            raise HeedfulError(f"{problem}{' or picture' * (facts.keys >= keys.PICTURES)}.", hint)


def json_line(row: Mapping[str, Any], number: int) -> str:
    """A row as JSON."""
    record = {name: plain(value, f"{name} of row {number:,}") for name, value in row.items()}
    return json.dumps(record, ensure_ascii=True) + "\n"


def is_located(value: Any) -> bool:
    """Whether a value is a picture in memory, or a path: its column is file_name in the file."""
    return is_picture_object(value) or (is_array(value) and as_array(value).ndim > 1) or isinstance(value, PathLike)


def located(row: Record, number: int, folder: Path, pictured: set[str]) -> Record:
    """A row whose pictures are files: those in memory are written, and paths are seen from everywhere.

    `pictured` are the columns that hold pictures in other rows, where this one may have none.
    """
    record: Record = {}
    for name, value in row.items():
        if isinstance(value, PathLike):
            record["file_name"] = str(Path(fspath(cast("PathLike[str]", value))).absolute())
        elif is_located(value):
            write_picture(value, folder / f"{number:07}.png", f"{name} of row {number:,}")
            record["file_name"] = f"{number:07}.png"
        elif name in pictured and is_missing(value):
            record["file_name"] = None
        elif isinstance(value, str) and "://" not in value and is_picture(value) and is_file(value):
            record[name] = str(Path(value).absolute())
        else:
            record[name] = value
    if "file_name" in record and "source" in record and "target" not in record:  # a text and the picture of it
        record["target"] = record.pop("source")
    return record


def write_steps(rows: Iterator[Record], whole: Record, verb: str, folder: Path) -> str:
    """Writes sequences with a label a step: words as CoNLL, arrays as .npy beside their labels."""
    source, target = column_of(whole, SOURCES, "source"), column_of(whole, TARGETS, "labels")
    in_words = isinstance(whole[source], str | list | tuple) and not is_series(whole[source])
    name = f"{verb}.conll" if in_words else f"{verb}.jsonl"
    with (folder / name).open("w", encoding="utf-8", newline="\n") as sink:
        for number, row in enumerate(rows, start=1):
            where = f"row {number:,}"
            labels = None if is_missing(row.get(target)) else label_texts(row[target], where)
            if in_words:
                sink.write(sentence(row.get(source), labels, where))
            else:
                rest = {key: value for key, value in row.items() if key not in (source, target)}
                sink.write(json_line(write_clip(row.get(source), labels, number, folder) | rest, number))
    return name


def is_series(value: Any) -> bool:
    """Whether this is a list of numbers, or of lists of them."""
    inner = value[0] if isinstance(value, list | tuple) and value else value
    inner = inner[0] if isinstance(inner, list | tuple) and inner else inner
    return isinstance(inner, int | float)


def column_of(row: Record, names: Sequence[str], role: str) -> str:
    """The column that plays a role; raises HeedfulError if none has one of its names."""
    found = next((name for name in names if name in row), None)
    if found is None:
        raise HeedfulError(f"No column is the {role}: {', '.join(row)}.", f"Call it one of {', '.join(names)}.")
    return found


def label_texts(labels: Any, where: str) -> list[str]:
    """The labels of a sequence, one a step, as files have them."""
    values = plain(labels.split() if isinstance(labels, str) else labels, f"the labels of {where}")
    if not isinstance(values, list):
        raise HeedfulError(f"The labels of {where} are no list.", "A list of labels, one a step.")
    for label in values:
        if (isinstance(label, str) and len(label.splitlines()) > 1) or "\t" in str(label):
            raise HeedfulError(f"A label of {where} holds a tab or an end of line: {label!r}.")
    return ["_" if label is None else str(label) for label in values]


def sentence(words: Any, labels: Sequence[str] | None, where: str) -> str:
    """A sentence in CoNLL columns, of which one is left out where all words or all labels are missing: a bad row.

    Raises HeedfulError unless it has a label a word.
    """
    if is_missing(words):
        return "".join(f"\t{label}\n" for label in labels or "_") + "\n"
    if isinstance(words, str):
        split = words.split(" ") if words else []
    else:
        split = join_words(listed(words), where).split("\t") if words else []
    if labels is None:
        return "".join(f"{word}\n" for word in split) + "\n"
    if len(split) != len(labels):
        raise HeedfulError(f"{where.capitalize()} has {count(len(split), 'word')} and {count(len(labels), 'label')}.")
    return "".join(f"{word}\t{label}\n" for word, label in zip(split, labels, strict=True)) + "\n"


def write_clip(values: Any, labels: Sequence[str] | None, number: int, folder: Path) -> Record:
    """Writes a series or video with its labels; the row of the listing that names it, null where there is none."""
    record: Record = {"file_name": None, "labels": None}
    if labels is not None:
        record["labels"] = f"{number:07}.txt"
        (folder / record["labels"]).write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    if isinstance(values, PathLike):
        record["file_name"] = str(Path(fspath(cast("PathLike[str]", values))).absolute())
    elif not is_missing(values):
        record["file_name"] = f"{number:07}.npy"
        values = np.asarray(values) if isinstance(values, list | tuple) else values
        write_array(values, folder / record["file_name"], f"row {number:,}")
    return record
