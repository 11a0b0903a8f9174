"""Pairs of source and target from any file: which column plays which role, and what happens to bad rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from heedful.data.normal_form import normalize_text
from heedful.data.readers.files import read_rows
from heedful.data.readers.rows import BadRow, TextRow, count
from heedful.errors import HeedfulError, unknown
from heedful.schema import DataSettings

ROLES = ("source", "target")


@dataclass(frozen=True, slots=True)
class Pair:
    """One source with one target. Rows with an equal `group` ("": the source) never stand on two sides of a split."""

    source: str
    target: str
    group: str
    file: str
    line: int

    @property
    def where(self) -> str:
        """As people write it: "pairs.tsv line 7"."""
        return f"{self.file} line {self.line}"


def read_pairs(files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]) -> Iterator[Pair]:
    """The pairs of `files`, in order, streamed, in the Unicode form that the recipe asks for.

    A bad row raises HeedfulError where `data.bad_rows` is "error"; else it goes to `on_bad` and reading goes on.
    Several references of a source are several rows.
    """
    file = ""
    keys: dict[str, str] = {}
    for row in read_rows(files, data):
        if isinstance(row, BadRow):
            pair: Pair | BadRow = row
        else:
            if row.file != file:
                file, keys = row.file, assign_columns(row, data, ROLES)
            pair = pair_of(row, keys, data)
        if isinstance(pair, Pair):
            yield pair
        elif data.bad_rows == "error":
            raise pair.error()
        else:
            on_bad(pair)


def assign_columns(first: TextRow, data: DataSettings, roles: Sequence[str]) -> dict[str, str]:
    """Which column of a file plays which role, judged by its first row; "group" is a role if the recipe has one.

    Raises HeedfulError for a column that the file does not have, with the nearest that it has.
    """
    names = list(first.columns)
    columns = columns_by_role(data, roles)
    is_numbered = names == [str(i) for i in range(1, len(names) + 1)]
    keys = {}
    for number, role in enumerate(roles, start=1):
        keys[role] = columns.get(role) or (str(number) if is_numbered else role)
    if data.group:
        keys["group"] = data.group
    return {role: find_column(name, role, names, is_numbered, first.file) for role, name in keys.items()}


def columns_by_role(data: DataSettings, roles: Sequence[str]) -> dict[str, str]:
    """The columns that the recipe gives to roles, by name or in order."""
    if isinstance(data.columns, dict):
        unknown_role = next((role for role in data.columns if role not in roles), None)
        if unknown_role is not None:
            raise unknown("role", unknown_role, roles)
        return dict(data.columns)
    if len(data.columns) != len(roles):
        raise HeedfulError(
            f"data.columns has {count(len(data.columns), 'column')}, and {len(roles)} are needed: {', '.join(roles)}.",
            "As data.columns=1,2 or data.columns.source=NAME data.columns.target=NAME.",
        )
    return dict(zip(roles, data.columns, strict=True))


def find_column(name: str, role: str, names: list[str], is_numbered: bool, file: str) -> str:
    """The file's column of that name, or else at that place; columns without names are looked for row by row."""
    if name in names or (is_numbered and name.isdigit()):
        return name
    if name.isdigit() and 1 <= int(name) <= len(names):
        return names[int(name) - 1]
    error = unknown(f"column for {role} in {file} called", name, names)
    setting = f"data.group={names[0]}" if role == "group" else f"data.columns.{role}={names[0]}"
    raise HeedfulError(error.problem, f"{error.cure}\nName one of them, as {setting}.")


def pair_of(row: TextRow, keys: dict[str, str], data: DataSettings) -> Pair | BadRow:
    """The pair in a row, or why there is none."""
    columns = row.columns
    try:
        source, target = columns[keys["source"]], columns[keys["target"]]
        group = columns[keys["group"]] if "group" in keys else ""
    except KeyError as error:
        return missing_column(row, str(error.args[0]))
    if not data.columns and "3" in columns and "1" in columns and "group" not in keys:
        cure = "Say which two to use: data.columns=1,2"
        return BadRow(
            row.where, f"{len(columns)} columns where 2 are needed (source<TAB>target)", text_of_row(row), cure
        )
    source, target = normalize_text(source, data.normalize), normalize_text(target, data.normalize)
    return Pair(source, target, group, row.file, row.line)


def missing_column(row: TextRow, name: str) -> BadRow:
    """The bad row for a column that is not there."""
    is_numbered = name.isdigit()
    problem = f'no text in column "{name}"'
    if is_numbered:
        requirement = "2 are needed (source<TAB>target)" if int(name) <= 2 else f"column {name} is needed"
        problem = f"{count(len(row.columns), 'column')} where {requirement}"
    return BadRow(row.where, problem, text_of_row(row))


def text_of_row(row: TextRow) -> str:
    """A row as text."""
    return "\t".join(row.columns.values())
