"""Pairs of source and target from any file: which column plays which role, and what happens to bad rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from shlex import quote

from heedful.data.normal_form import normalize_text
from heedful.data.readers.files import read_rows
from heedful.data.readers.names import usual_columns
from heedful.data.readers.rows import BadRow, TextRow, count
from heedful.errors import HeedfulError, unknown
from heedful.schema import DataSettings

ROLES = ("source", "target")
LOOKED_AT = 1000  # rows that may lack a column before the file is said to lack it


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
    rows = read_rows(files, data)
    while (row := next(rows, None)) is not None:
        if isinstance(row, BadRow):
            pair: Pair | BadRow = row
        else:
            if row.file != file:
                file = row.file
                keys, rows = look_for_columns(row, rows, data, ROLES)
            pair = pair_of(row, keys, data)
        if isinstance(pair, Pair):
            yield pair
        elif data.bad_rows == "error":
            raise pair.error()
        else:
            on_bad(pair)


def look_for_columns(
    first: TextRow, rows: Iterator[TextRow | BadRow], data: DataSettings, roles: Sequence[str]
) -> tuple[dict[str, str], Iterator[TextRow | BadRow]]:
    """As `assign_columns`, by the next rows too if the first one lacks a column; and all rows that follow the first.

    Only where no row looked at has a column of a usual name, one will do that has such a name among its words.
    """
    try:
        return assign_columns(first, data, roles), rows
    except HeedfulError:
        ahead = list(islice(rows, LOOKED_AT))
        columns, names = {}, dict.fromkeys(names_of(first))
        for row in (first, *ahead):
            if isinstance(row, TextRow) and row.file == first.file:
                columns, names = row.columns | columns, names | dict.fromkeys(names_of(row))
        all_columns = TextRow(columns, first.file, first.line, tuple(names))
        return assign_columns(all_columns, data, roles, partly=True), chain(ahead, rows)


def assign_columns(first: TextRow, data: DataSettings, roles: Sequence[str], partly: bool = False) -> dict[str, str]:
    """Which column of a file plays which role, judged by its first row; "group" is a role if the recipe has one.

    A role that the recipe gives no column to has that of its own name, or one with a usual name (`partly`: or with such
    a name among its words). Raises HeedfulError
    for a column that the file does not have, with the nearest that it has, and where several could be meant.
    """
    names = names_of(first)
    requested = columns_by_role(data, roles)
    is_numbered = names == [str(i) for i in range(1, len(names) + 1)]
    candidates = usual_columns(names, roles, first.columns, partly)
    keys: dict[str, str] = {}
    for number, role in enumerate(roles, start=1):
        name = requested.get(role) or (str(number) if is_numbered else role)
        if role not in requested and not is_numbered and len(candidates[role]) == 1:
            name = candidates[role][0]
        if name in names or name.isdigit() or role in requested:
            keys[role] = find_column(name, role, names, is_numbered, first.file)
        else:
            raise undecided_column(role, candidates[role], keys, first)
    if data.group:
        keys["group"] = find_column(data.group, "group", names, is_numbered, first.file)
    return keys


def names_of(row: TextRow) -> list[str]:
    """The columns that a row has, or could have."""
    return list(row.names or row.columns)


def undecided_column(role: str, candidates: list[str], keys: dict[str, str], first: TextRow) -> HeedfulError:
    """The error for a role that no column, or more than one, could play by its name."""
    used = {first.columns.get(name) for name in keys.values()}
    free = [name for name in names_of(first) if name not in keys.values() and first.columns.get(name) not in used]
    listing = f"Its columns: {', '.join(names_of(first))}."
    if len(candidates) > 1:
        problem = f"{first.file}: {' and '.join(candidates)} could all be the {role}."
        return HeedfulError(problem, f"{listing}\nSay which, as {setting_of(role, candidates[0])}")
    problem = f'There is no column for {role} in {first.file} called "{role}", nor by another usual name.'
    if not free:
        return HeedfulError(problem, f"{listing}\nIt needs one more, with the {role}.")
    return HeedfulError(problem, f"{listing}\nName one of them, as {setting_of(role, free[0])}")


def setting_of(role: str, name: str) -> str:
    """How a column is named on a command line."""
    return quote(f"data.group={name}" if role == "group" else f"data.columns.{role}={name}")


def column_notes(files: Sequence[str], data: DataSettings, roles: Sequence[str]) -> list[str]:
    """Which columns of the files play roles by their usual names, where the recipe does not say it."""
    notes: list[str] = []
    for file in files if data.format != "parallel" else ():
        rows = iter(()) if file.startswith("sample://") else read_rows([file], data)
        first = next((row for row in rows if isinstance(row, TextRow)), None)
        if first is None:
            continue
        keys, _ = look_for_columns(first, rows, data, roles)
        requested = columns_by_role(data, roles)
        found = [f"{role} is the column {quote(keys[role])}" for role in roles if role not in requested]
        if any(keys[role] != role and not keys[role].isdigit() for role in roles if role not in requested):
            notes.append(f"{file}: {', '.join(found)}")
    return notes


def columns_by_role(data: DataSettings, roles: Sequence[str]) -> dict[str, str]:
    """The columns that the recipe gives to roles, by name or in order."""
    if not data.columns:
        return {}
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
    raise HeedfulError(error.problem, f"{error.cure}\nName one of them, as {setting_of(role, names[0])}")


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
            row.where, f"{count(len(columns), 'column')} where 2 are needed (source<TAB>target)", text_of_row(row), cure
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
