"""Folders of prepared data: written aside, then there at once and whole; known by their fingerprint."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from heedful.errors import HeedfulError
from heedful.results import Example

ABOUT = "prepared.json"


def has_fingerprint(ready: Path, fingerprint: dict) -> bool:
    """Whether finished data of this fingerprint stands there."""
    return kept_fingerprint(ready) == fingerprint


def is_prepared(ready: Path) -> bool:
    """Whether finished data of any fingerprint stands there."""
    return kept_fingerprint(ready) is not None


def kept_fingerprint(ready: Path) -> dict | None:
    """The fingerprint of the data that stands there; None if it is not ours."""
    try:
        return json.loads((ready / ABOUT).read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def write_aside(ready: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `ready` when all is on disk, and leaves no trace of a failure.

    Raises HeedfulError if something stands there that is not prepared data.
    """
    if not is_prepared(ready) and (ready.is_file() or (ready.is_dir() and any(ready.iterdir()))):
        raise HeedfulError(f"{ready} holds what is not Heedful's to replace.", "Take another folder: -o runs/NAME")
    partial = ready.with_name(f"{ready.name}.partial")
    lonely = not ready.parent.exists()
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        with suppress(OSError):
            if lonely:
                ready.parent.rmdir()
        raise
    for path in (*partial.rglob("*"), partial):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    shutil.rmtree(ready, ignore_errors=True)
    os.rename(partial, ready)


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
