"""Folders: what of a person's folder is data; and those of prepared data, written aside, known by their fingerprint."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from heedful.data.checksums import read_checksums
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.results import Example

ABOUT = "prepared.json"
RUN = "fingerprint.json"  # in the folder of a run
CACHE_VARIABLE = "HEEDFUL_CACHE"
"""The variable of the environment that says where to keep what can be made again."""
WEIGHTS = "model.safetensors"  # of a run, the best so far
SHORTLIST = "shortlist.safetensors"  # of a run, learnt when it is asked for
SYSTEM_NAMES = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir", "icon\r")
"""What systems and storage put beside a person's files without being asked, in lower case; the rest begins with "."."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is a system's, or hidden, and so no data: `._a.txt`, `.ipynb_checkpoints`, `Thumbs.db`.

    >>> is_hidden("._a.txt"), is_hidden("Thumbs.db"), is_hidden("a.txt")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def children(folder: Path) -> list[Path]:
    """What stands in a folder, sorted by path, but for what is hidden."""
    return sorted(path for path in folder.iterdir() if not is_hidden(path.name))


def files_below(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """The files below a folder, sorted by path; and what is hidden there, files and whole folders, sorted too."""
    visible, hidden = [], []
    for directory, folders, files in os.walk(folder):
        hidden += [Path(directory, name) for name in (*folders, *files) if is_hidden(name)]
        visible += [Path(directory, name) for name in files if not is_hidden(name)]
        folders[:] = [name for name in folders if not is_hidden(name)]
    return sorted(visible), sorted(hidden)


def hidden_notes(folder: str | Path, hidden: Sequence[Path]) -> list[str]:
    """What is said of hidden files that are passed over, if there are any."""
    if not hidden:
        return []
    return [f"{folder}: passed over {count(len(hidden), 'hidden or system file')} (first: {hidden[0]})"]


def is_prepared(folder: Path) -> bool:
    """Whether finished data of any fingerprint stands there, whole or spoilt."""
    return stored_fingerprint(folder) is not None or ABOUT in read_checksums(folder)


def stored_fingerprint(folder: Path) -> dict | None:
    """The fingerprint of the data that stands there; None if it is not ours."""
    try:
        return json.loads((folder / ABOUT).read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def run_fingerprint(folder: Path) -> dict | None:
    """The fingerprint of the data that the run in a folder began with; None if there is none."""
    try:
        return json.loads((folder / RUN).read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def limits_of(folder: Path, side: str) -> list[str]:
    """What limits the score on a side of the data that stand in a folder: "valid" or "test"."""
    try:
        limits = json.loads((folder / ABOUT).read_text(encoding="utf-8")).get("limits", [])
    except (OSError, ValueError):
        return []
    return [limit for limit in limits if limit.startswith(f"{side}: ")]


@contextmanager
def write_atomically(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `folder` when all is on disk, and leaves no trace of a failure.

    Raises HeedfulError if something stands there that is not prepared data.
    """
    if not is_prepared(folder) and (folder.is_file() or (folder.is_dir() and any(folder.iterdir()))):
        raise HeedfulError(f"{folder} holds what is not Heedful's to replace.", "Take another folder: -o runs/NAME")
    partial_folder = folder.with_name(f"{folder.name}.partial")
    parent_missing = not folder.parent.exists()
    shutil.rmtree(partial_folder, ignore_errors=True)
    partial_folder.mkdir(parents=True)
    try:
        yield partial_folder
    except BaseException:
        shutil.rmtree(partial_folder)
        with suppress(OSError):
            if parent_missing:
                folder.parent.rmdir()
        raise
    for path in (*partial_folder.rglob("*"), partial_folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    replaced_folder = folder.with_name(f"{folder.name}.replaced")
    shutil.rmtree(replaced_folder, ignore_errors=True)
    with suppress(FileNotFoundError):
        os.rename(folder, replaced_folder)  # what is half removed when a process is killed is nobody's any more
    os.rename(partial_folder, folder)
    shutil.rmtree(replaced_folder, ignore_errors=True)


def write_json(path: Path, value: object) -> None:
    """Writes JSON, in UTF-8."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def read_json(path: Path) -> Any:
    """What `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Writes what is held out."""
    write_json(path, [asdict(example) for example in examples])


def read_examples(path: Path) -> list[Example]:
    """What `write_examples` wrote."""
    return [Example(row["source"], tuple(row["references"]), row["where"]) for row in read_json(path)]


def write_file(target: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a file aside, then puts it in the place of `target` at once."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        write(temporary)
        flush(temporary)
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flush(target.parent)


def flush(path: Path) -> None:
    """Waits until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cache_folder() -> Path:
    """The folder for what can be made again: HEEDFUL_CACHE, or where the system has such things."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "heedful" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "heedful"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heedful"
