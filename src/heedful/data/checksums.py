"""Sizes and hashes of files that Heedful wrote, in `checksums.json` beside them, and whether they still hold.

All sizes are looked at first, which tells at once what was not copied to its end, then the contents.
"""

import hashlib
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, cast

from heedful.errors import HeedfulError
from heedful.small_files import read_json_table

CHECKSUMS = "checksums.json"
TICK = 10**9  # nanoseconds: within a tick of the clock a file may change without a trace in its times
REMEMBERED = 2**16  # files
SHOWN = 12  # digits of a hash


def hash_file(path: Path) -> str:
    """The sha256 of a file, which is read but once in a command while its status stays, beyond a tick of the clock."""
    status = path.stat()
    if time.time_ns() - max(status.st_ctime_ns, status.st_mtime_ns) < TICK:
        return read_hash(path)
    return remembered_hash(path.absolute(), (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


@lru_cache(REMEMBERED)
def remembered_hash(path: Path, status: tuple[int, ...]) -> str:
    """The hash of a file while its status is this."""
    return read_hash(path)


def read_hash(path: Path) -> str:
    """The hash of a file as it is now."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksums_of(folder: Path, paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Size and sha256 of files in a folder, by their names in it."""
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": hash_file(path)}
        for path in sorted(paths)
    }


def has_checksums(folder: Path) -> bool:
    """Whether sizes and hashes were written beside the files of a folder; 0.1.0 wrote none."""
    return (folder / CHECKSUMS).is_file()


def read_checksums(folder: Path) -> dict[str, dict[str, Any]]:
    """What was written of a folder's files; empty where that is not as it was written."""
    try:
        table = read_json_table(folder / CHECKSUMS)
    except (OSError, HeedfulError):
        return {}
    return table if all(is_entry(name, value) for name, value in table.items()) else {}


def is_entry(name: str, value: object) -> bool:
    """Whether this can be the size and the hash of a file below a folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not isinstance(value, dict):
        return False
    entry = cast("dict[str, object]", value)
    return type(entry.get("bytes")) is int and isinstance(entry.get("sha256"), str)


def find_damage(folder: Path) -> str:
    """Which file is not as it was written, and how, for the start of a sentence; "" if all are, or none was noted."""
    if not has_checksums(folder):
        return ""
    checksums = read_checksums(folder)
    if not checksums:
        return f"{folder / CHECKSUMS} is not as it was written"
    for name, entry in checksums.items():
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        if (size := path.stat().st_size) != entry["bytes"]:
            return f"{path} has {size:,} bytes, and {entry['bytes']:,} were written"
    for name, entry in checksums.items():
        if (digest := hash_file(folder / name)) != entry["sha256"]:
            expected = entry["sha256"][:SHOWN]
            return f"{folder / name} is not what was written: its sha256 is {digest[:SHOWN]}…, not {expected}…"
    return ""
