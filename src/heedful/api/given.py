# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Data that somebody has in Python, as files that everything else reads."""

from os import PathLike, fspath
from pathlib import Path
from typing import Any

from heedful.api.inputs import type_name
from heedful.errors import HeedfulError
from heedful.tasks.task import TaskFacts


def files_of(data: object, facts: TaskFacts, folder: Path) -> list[str]:
    """The files that somebody named."""
    entries: list[Any] = list(data) if isinstance(data, list | tuple) else [data]
    files = [str(fspath(entry)) for entry in entries if isinstance(entry, str | PathLike)]
    if files and len(files) == len(entries):
        return files
    raise HeedfulError(f"Data cannot be of type {type_name(data)}.", f'Name a file, as "{facts.data}".')
