"""What every reader gives: rows of named columns, and rows that cannot be used, each with its file and line."""

import re
from dataclasses import dataclass

from heedful.errors import HeedfulError
from heedful.errors import count as count  # what is below data writes numbers, too
from heedful.limits import limit, way_out

SKIP = (
    "Mend the line, or go on without such lines: data.bad_rows=skip  "
    "(they are counted, and listed in bad_rows.jsonl of the run)"
)
MAX_QUOTED = 80
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal, end a line, or turn the order of a line round; and halves of characters."""
SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a file: its texts by column name. A file without a header has the columns "1", "2", …"""

    columns: dict[str, str]
    file: str
    line: int
    names: tuple[str, ...] = ()
    """The columns that it could have, in order, where some hold no text."""

    @property
    def where(self) -> str:
        """As people write it: "pairs.tsv line 7"."""
        return f"{self.file} line {self.line}"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used: where, why, how it begins, and a cure beside mending or skipping it."""

    where: str
    problem: str
    text: str
    cure: str = ""

    def error(self) -> HeedfulError:
        """The same as an error to stop at."""
        quotation = f": {quote(self.text)}" if self.text else ""
        cure = f"{self.cure}\n{SKIP}" if self.cure else SKIP
        return HeedfulError(f"{self.where}: {self.problem}{quotation}", cure)


def check_header(names: list[str], file: str) -> list[str]:
    """The names of a file's columns; raises HeedfulError if two are the same."""
    seen: set[str] = set()
    duplicate = next((name for name in names if name in seen or seen.add(name)), None)
    if duplicate is not None:
        raise HeedfulError(f'{file} line 1: two columns are called "{duplicate}".', "Give them different names.")
    return names


def too_wide(fields: list[str], where: str, text: str) -> BadRow | None:
    """The bad row for a line of more columns than any table has; None if it has fewer."""
    most = limit("row_cells")
    if len(fields) <= most:
        return None
    problem = f"{count(len(fields), 'column')}, and at most {most:,} are read"
    return BadRow(where, problem, text[:MAX_QUOTED], f"To read it: {way_out('row_cells', len(fields))}")


def unreadable_header(bad: BadRow) -> HeedfulError:
    """The error for a header that cannot be read, without which no row can be."""
    return HeedfulError(f"{bad.where}: {bad.problem}", "This line holds the names of the columns, and must be fixed.")


def quote(text: str) -> str:
    """The beginning of a text in quotes, on one line, safe to print.

    >>> print(quote("one\\ntwo"))
    "one\\ntwo"
    """
    beginning = text[:MAX_QUOTED] + ("…" if len(text) > MAX_QUOTED else "")
    return '"' + "".join(c if c.isprintable() else repr(c)[1:-1] for c in beginning) + '"'


def one_line(text: str, keep: str = "") -> str:
    """A text with line ends, tabs and other control characters as JSON writes them, but for those to `keep`.

    All that is printed of a person's texts is safe to show on a terminal. A backslash stays one.

    >>> print(one_line("one\\ntwo\\x1b[31m"), one_line("one\\ttwo", keep="\\t") == "one\\ttwo")
    one\\ntwo\\u001b[31m True
    """
    return CONTROL.sub(
        lambda match: match[0] if match[0] in keep else SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}", text
    )
