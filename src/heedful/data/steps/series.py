"""A series in a table: a row a step, a column a channel; perhaps a column of labels, one of a group, one of seconds.

T steps   C channels
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from heedful.data.readers.lines import check_readable
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, TextRow, quote
from heedful.data.steps.delimited import NAMES, open_table, separator_of
from heedful.data.steps.ranges import as_float32, why_no_number
from heedful.errors import HeedfulError, unknown

DECIMAL = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
SECONDS = "seconds"
"""The column of this name tells when each step begins; it is no channel."""
CACHED_TABLES = 2  # tables in memory: labels and numbers of one are asked for one after the other


@dataclass(frozen=True)
class SeriesTable:
    """The texts of a table by column, and the line of the file that each row stands in."""

    file: str
    columns: dict[str, list[str]]
    lines: list[int]
    separator: str = ","

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
            values = np.array([number(text) for text in self.with_points(name)])
        not_finite = np.flatnonzero(~np.isfinite(as_float32(values)))
        if len(not_finite):
            step = not_finite[0]
            cure = "Mend it, or say which columns are channels, as data.columns.source=x,y,z"
            value, text = float(values[step]), quote(texts[step])
            problem = f"{text} {why_no_number(value)}" if np.isfinite(value) else f"has no number: {text}"
            raise HeedfulError(f"{self.where(step)}: column {name} {problem}.", cure)
        return values

    def with_points(self, name: str) -> list[str]:
        """A column's numbers with points where they have decimal commas; raises HeedfulError if it is not clear.

        In a table of commas, numbers whose commas all stand before three digits may be thousands.
        """
        texts = [text.strip() for text in self.columns[name]]
        with_commas = [step for step, text in enumerate(texts) if DECIMAL.fullmatch(text)]
        if not with_commas:
            return texts
        unclear = self.separator == "," and all(THOUSANDS.fullmatch(texts[step]) for step in with_commas)
        mixed = next((step for step, text in enumerate(texts) if "." in text and "," not in text), None)
        if unclear or mixed is not None:
            step = with_commas[0] if unclear else mixed or 0
            problem = f"column {name} is {quote(texts[step])}: it is not clear what is a decimal comma"
            raise HeedfulError(
                f"{self.where(step)}: {problem}.", "Write all numbers with points, and without thousands."
            )
        return [text.replace(".", "").replace(",", ".") if "," in text else text for text in texts]

    @property
    def note(self) -> str:
        """What is unusual, but accepted, about how the table is written."""
        separator = "" if self.separator in ",\t" else f"columns are separated by {NAMES[self.separator]}"
        decimal = any(DECIMAL.fullmatch(texts[0].strip()) for texts in self.columns.values())
        return "; ".join(filter(None, (separator, "numbers have decimal commas" if decimal else "")))

    def where(self, step: int) -> str:
        """The file and line of a step."""
        return f"{self.file} line {self.lines[step]}"

    def is_numeric(self, name: str) -> bool:
        """Whether a column begins with a number."""
        return bool(self.lines) and bool(np.isfinite(number(self.columns[name][0])))


def number(text: str) -> float:
    """The number that a text is, or NaN.

    >>> number("0.5"), number(" 0,5"), number("half")
    (0.5, 0.5, nan)
    """
    try:
        return float(text.strip().replace(",", ".") if DECIMAL.fullmatch(text.strip()) else text)
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
    for row in open_table(file):
        if isinstance(row, BadRow):
            raise HeedfulError(
                f"{row.where}: {row.problem}.", "A series with missing values cannot be read: fix the line."
            )
        add(row, columns)
        lines.append(row.line)
    if not lines:
        raise HeedfulError(f"{file} has no row below its header.", "It needs one row per step.")
    promised = "\t" if ending_of(file) == ".tsv" else ","
    return SeriesTable(file, columns, lines, separator_of(file) or promised)


def add(row: TextRow, columns: dict[str, list[str]]) -> None:
    """Takes in the next row."""
    for name, text in row.columns.items():
        columns.setdefault(name, []).append(text)
