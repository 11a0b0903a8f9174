"""Tables that hold a series with its labels, and tables that list clips (step_files.py says what they look like)."""

import re
import shlex
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

from heedful.data.pairs.read import columns_by_role
from heedful.data.readers.formats import endings_of
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, TextRow, quote
from heedful.data.steps.delimited import open_table
from heedful.data.steps.forms import TABLES
from heedful.data.steps.labels import LabelledSource, from_rows, label_file, labels_of_text
from heedful.data.steps.ranges import CURE as FAR_CURE
from heedful.data.steps.ranges import Ranges
from heedful.data.steps.series import SECONDS, number, read_table
from heedful.errors import HeedfulError, unknown
from heedful.schema import DataSettings

LISTS = endings_of("jsonl", "parquet")
LABELS = (".txt", *TABLES)
LABEL_NAMES = ("labels", "label")


def is_listing(file: str, data: DataSettings) -> bool:
    """Whether a table names files, rather than being a series itself."""
    first = next((row.columns for row in open_table(file) if isinstance(row, TextRow)), {})
    source_column = roles(data).get("source", "")
    return "file_name" in first or (source_column in first and not isfinite(number(first[source_column])))


def table_clip(file: str, data: DataSettings) -> LabelledSource | BadRow:
    """A series with its labels in a column of its own."""
    name = label_column(data)
    try:
        table = read_table(file)
    except HeedfulError as error:
        return unreadable_clip(file, error)
    if name not in table.columns:
        error = unknown(f"column of labels in {file} called", name, table.columns)
        raise HeedfulError(error.problem, f"{error.cure}\nSay which it is, as data.columns.target=NAME")
    rows = [TextRow({name: text}, file, line) for text, line in zip(table.columns[name], table.lines, strict=True)]
    labels = from_rows(rows, file, name)
    group = table.column(data.group)[0] if data.group else ""
    return labels if isinstance(labels, BadRow) else LabelledSource(file, labels, group, file, table.lines[0])


def label_column(data: DataSettings) -> str:
    """What the recipe calls the labels."""
    return roles(data).get("target", "label")


def channels_of(file: str, data: DataSettings) -> tuple[str, ...]:
    """The channels of a series' table: those that the recipe names, or all that are not said to be something else."""
    table = read_table(file)
    setting = roles(data).get("source", "")
    if setting:
        return tuple(name.strip() for name in setting.split(","))
    channels = tuple(name for name in table.columns if name not in (label_column(data), data.group, SECONDS))
    text_column = next((name for name in channels if not table.is_numeric(name)), None)
    if text_column is not None:
        numeric = ",".join(name for name in channels if name != text_column)
        cure = f"Say which columns are channels, as {shlex.quote(f'data.columns.source={numeric}')}"
        raise HeedfulError(
            f"{file}: column {text_column} has no numbers: {quote(table.columns[text_column][0])}.", cure
        )
    if not channels:
        raise HeedfulError(f"{file} has no column of numbers.", "A series needs one column per channel.")
    return channels


def read_listing(file: str, data: DataSettings) -> Iterator[LabelledSource | BadRow]:
    """The clips that a table names, in the order in which they are first named."""
    columns = roles(data)
    source, clips = columns.get("source", "file_name"), dict[str, list[TextRow]]()
    for row in open_table(file):
        if isinstance(row, BadRow):
            yield row
        elif source not in row.columns or not row.columns[source].strip():
            yield BadRow(row.where, f"no file in column {source}", "\t".join(row.columns.values()))
        else:
            clips.setdefault(row.columns[source].strip(), []).append(row)
    for name, rows in clips.items():
        yield clip_of_rows(name, rows, columns.get("target", ""), data)


def clip_of_rows(name: str, rows: list[TextRow], target: str, data: DataSettings) -> LabelledSource | BadRow:
    """One clip of a listing, from its rows."""
    first, folder = rows[0], Path(rows[0].file).parent
    key = target or next((key for key in LABEL_NAMES if key in first.columns), "labels")
    if key not in first.columns:
        cure = f"The columns are {', '.join(first.columns)}; name it, as data.columns.target=…"
        return BadRow(first.where, f"no labels in column {key} (one text, labels between spaces)", "", cure)
    if data.group and data.group not in first.columns:
        raise unknown(f"column for group in {first.file} called", data.group, first.columns)
    text, paths = first.columns[key].strip(), (name if "://" in name else str(folder / name),)
    if "start" in first.columns or "start_step" in first.columns:
        labels = from_rows(rows, first.file, key)
    elif len(rows) > 1:
        return BadRow(rows[1].where, f"{name} stands in line {first.line} too, and neither row has start and end", "")
    elif ending_of(text) in LABELS and len(text.split()) == 1:
        if not (folder / text).resolve().is_relative_to(folder.resolve()):
            cure = "Put it there, or write the labels into the table."
            return BadRow(
                first.where, "labels are read from files in the folder of the table or below alone", text, cure
            )
        if not (folder / text).is_file():
            return BadRow(first.where, f"there is no file {folder / text}", text)
        labels, paths = label_file(str(folder / text)), (*paths, str(folder / text))
    else:
        labels = labels_of_text(text, first.where)
    if isinstance(labels, BadRow):
        return labels
    return LabelledSource(paths[0], labels, first.columns.get(data.group, ""), first.file, first.line, paths)


def unreadable_clip(where: str, error: HeedfulError) -> BadRow:
    """The bad row for a clip that cannot be opened; where the error names the line, that line."""
    problem = error.problem.rstrip(".")
    line = re.match(r"(.* line \d+): (?=\S)", problem)
    return BadRow(line[1], problem[line.end() :], "", error.cure) if line else BadRow(where, problem, "", error.cure)


def far_clip(where: str, name: str, ranges: Ranges, channel: int, value: float) -> BadRow:
    """The bad row for a clip with a value, of that name, that is far out of its channel's range in training."""
    return unreadable_clip(where, HeedfulError(ranges.problem(channel, name, value), FAR_CURE))


def roles(data: DataSettings) -> dict[str, str]:
    """The columns that the recipe names, by role."""
    return columns_by_role(data, ("source", "target")) if data.columns else {}
