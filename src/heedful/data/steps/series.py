"""A series in a table: a row a step, a column a channel; perhaps a column of labels, one of a group, one of seconds.

T steps   C channels
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from heedful.data.readers.formats import open_rows
from heedful.data.readers.lines import check_readable
from heedful.data.readers.rows import BadRow, TextRow, quote
from heedful.data.steps.ranges import as_float32, why_no_number
from heedful.errors import HeedfulError, unknown

SECONDS = "seconds"
"""The column of this name tells when each step begins; it is no channel."""
CACHED_TABLES = 2  # tables in memory: labels and numbers of one are asked for one after the other


@dataclass(frozen=True)
class SeriesTable:
    """The texts of a table by column, and the line of the file that each row stands in."""

    file: str
    columns: dict[str, list[str]]
    lines: list[int]

    @property
    def has_times(self) -> bool:
        """Whether it tells the time of each step."""
        return SECONDS in self.columns

    def column(self, name: str) -> list[str]:
        """A column; raises HeedfulError with the nearest name if there is none."""
        if name not in self.columns:
            raise unknown(f"column in {self.file} called", name, self.columns)
        return self.columns[name]

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Columns as (T, C) float64; raises HeedfulError, with its line, for what is no number."""
        return np.stack([self.parse_column(name) for name in names], axis=1)

    def parse_column(self, name: str) -> np.ndarray:
        """One column as (T,)."""
        texts = self.column(name)
        try:
            values = np.array(texts, np.float64)
        except ValueError:
            values = np.array([number(text) for text in texts])
        not_finite = np.flatnonzero(~np.isfinite(as_float32(values)))
        if len(not_finite):
            step = not_finite[0]
            cure = "Mend it, or say which columns are channels, as data.columns.source=x,y,z"
            value, text = float(values[step]), quote(texts[step])
            problem = f"{text} {why_no_number(value)}" if np.isfinite(value) else f"has no number: {text}"
            raise HeedfulError(f"{self.where(step)}: column {name} {problem}.", cure)
        return values

    def where(self, step: int) -> str:
        """The file and line of a step."""
        return f"{self.file} line {self.lines[step]}"

    def is_numeric(self, name: str) -> bool:
        """Whether a column begins with a number."""
        return bool(self.lines) and bool(np.isfinite(number(self.columns[name][0])))


def number(text: str) -> float:
    """The number that a text is, or NaN."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def read_table(file: str) -> SeriesTable:
    """The table of a file, kept in memory while the file stays as it is.

    Raises HeedfulError for a row that cannot be read: a series with a hole is none.
    """
    check_readable(file)
    status = Path(file).stat()
    return load(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=CACHED_TABLES)
def load(file: str, mtime: int, size: int) -> SeriesTable:
    """As `read_table`, for a file of that time and size."""
    columns: dict[str, list[str]] = {}
    lines: list[int] = []
    for row in open_rows(file):
        if isinstance(row, BadRow):
            raise HeedfulError(
                f"{row.where}: {row.problem}.", "A series with missing values cannot be read: fix the line."
            )
        add(row, columns)
        lines.append(row.line)
    if not lines:
        raise HeedfulError(f"{file} has no row below its header.", "It needs one row per step.")
    return SeriesTable(file, columns, lines)


def add(row: TextRow, columns: dict[str, list[str]]) -> None:
    """Takes in the next row."""
    for name, text in row.columns.items():
        columns.setdefault(name, []).append(text)
