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
from heedful.tasks.task import TaskFacts

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
    rows = records_of(data, facts.columns)
    first = next(rows, None)
    if first is None:
        raise HeedfulError("There is no row in these data.", "At least one is needed.")
    rows = chain([first], rows)
    missing = next((name for name in facts.columns if name in first and is_missing(first[name])), None)
    if missing:  # readers judge by the first row which columns there are
        raise HeedfulError(f"Row 1 has no {missing}.", "The first row tells which columns there are: leave it out.")
    if in_steps:
        return write_steps(rows, first, facts.verb, folder)
    has_pictures = facts.keys >= keys.PICTURES
    with (folder / f"{facts.verb}.jsonl").open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as sink:
        for number, row in enumerate(rows, start=1):
            row = located(row, number, folder) if has_pictures else row
            refuse_lists(row, number, facts)
            sink.write(json_line(row, number))
    return f"{facts.verb}.jsonl"


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


def located(row: Record, number: int, folder: Path) -> Record:
    """A row whose pictures are files: those in memory are written, and paths are seen from everywhere."""
    record: Record = {}
    for name, value in row.items():
        if is_picture_object(value) or (is_array(value) and as_array(value).ndim > 1):
            write_picture(value, folder / f"{number:07}.png", f"{name} of row {number:,}")
            record["file_name"] = f"{number:07}.png"
        elif isinstance(value, PathLike):
            record["file_name"] = str(Path(fspath(cast("PathLike[str]", value))).absolute())
        elif isinstance(value, str) and "://" not in value and is_picture(value) and is_file(value):
            record[name] = str(Path(value).absolute())
        else:
            record[name] = value
    if "file_name" in record and "source" in record and "target" not in record:  # a text and the picture of it
        record["target"] = record.pop("source")
    return record


def write_steps(rows: Iterator[Record], first: Record, verb: str, folder: Path) -> str:
    """Writes sequences with a label a step: words as CoNLL, arrays as .npy beside their labels."""
    source, target = column_of(first, SOURCES, "source"), column_of(first, TARGETS, "labels")
    in_words = isinstance(first[source], str | list | tuple) and not is_series(first[source])
    name = f"{verb}.conll" if in_words else f"{verb}.jsonl"
    with (folder / name).open("w", encoding="utf-8", newline="\n") as sink:
        for number, row in enumerate(rows, start=1):
            where = f"row {number:,}"
            labels = ["_" if label is None else str(label) for label in listed_labels(row.get(target), where)]
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


def listed_labels(labels: Any, where: str) -> list[Any]:
    """The labels of a sequence, one a step."""
    values = plain(labels.split() if isinstance(labels, str) else labels, f"the labels of {where}")
    if not isinstance(values, list):
        raise HeedfulError(f"The labels of {where} are no list.", "A list of labels, one a step.")
    for label in values:
        if (isinstance(label, str) and len(label.splitlines()) > 1) or "\t" in str(label):
            raise HeedfulError(f"A label of {where} holds a tab or an end of line: {label!r}.")
    return values


def sentence(words: Any, labels: Sequence[str], where: str) -> str:
    """A sentence in CoNLL columns; raises HeedfulError unless it has a label a word."""
    if isinstance(words, str):
        split = words.split(" ") if words else []
    else:
        split = join_words(listed(words), where).split("\t") if words else []
    if len(split) != len(labels):
        raise HeedfulError(f"{where.capitalize()} has {count(len(split), 'word')} and {count(len(labels), 'label')}.")
    return "".join(f"{word}\t{label}\n" for word, label in zip(split, labels, strict=True)) + "\n"


def write_clip(values: Any, labels: Sequence[str], number: int, folder: Path) -> Record:
    """Writes a series or video with its labels; the row of the listing that names it."""
    (folder / f"{number:07}.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    record = {"file_name": f"{number:07}.npy", "labels": f"{number:07}.txt"}
    if isinstance(values, PathLike):
        return record | {"file_name": str(Path(fspath(cast("PathLike[str]", values))).absolute())}
    write_array(
        np.asarray(values) if isinstance(values, list | tuple) else values,
        folder / record["file_name"],
        f"row {number:,}",
    )
    return record
