"""Files that are read whole: settings, vocabularies, recipes. Told by their size before they are read."""

import json
import stat
from pathlib import Path
from typing import Any

from heedful.errors import HeedfulError
from heedful.limits import beyond, limit


def read_small(path: Path, name: str = "settings_bytes", streams: bool = False, called: str = "") -> bytes:
    """A file's content; errors call it as it is `called`, or by its path.

    Raises HeedfulError if it has more bytes than the limit of that name, or is a pipe or device where `streams` are
    none; OSError if it cannot be read.
    """
    kind, most, file = path.stat().st_mode, limit(name), called or str(path)
    if not streams and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):  # a folder's own error says it better
        raise HeedfulError(f"{file} is a pipe or a device, and a file is needed.", "Save what comes out of it first.")
    with path.open("rb") as stream:
        size = path.stat().st_size
        content = stream.read(most + 1) if size <= most else b""
    if max(size, len(content)) > most:
        found = f"has {size:,} bytes" if size > most else "has more bytes"
        cure = "It is spoilt, or another kind of file: fetch or write it again."
        raise beyond(name, f"{file} {found}, and at most {most:,} are read.", cure, size)
    return content


def parse_json(content: bytes | str, name: str) -> Any:
    """What JSON holds, which errors call by its name; raises HeedfulError if it is none."""
    try:
        return json.loads(content)
    except RecursionError:
        raise HeedfulError(f"{name} cannot be read: its values are nested too deeply.") from None
    except ValueError as error:
        raise HeedfulError(f"{name} cannot be read: it is not JSON: {error}.") from None


def read_json_table(path: Path) -> dict[str, Any]:
    """A table in a JSON file of settings; raises HeedfulError if it is none, OSError if it cannot be read."""
    return json_table(read_small(path), str(path))


def json_table(content: bytes | str, name: str) -> dict[str, Any]:
    """A table in the content of a JSON file; raises HeedfulError if it is none."""
    table = parse_json(content, name)
    if not isinstance(table, dict):
        raise HeedfulError(f"{name} holds no table of settings.")
    return table
