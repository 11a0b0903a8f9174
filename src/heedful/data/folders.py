"""Folders of prepared data: written aside, then there at once and whole; known by their fingerprint."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def same(ready: Path, fingerprint: dict) -> bool:
    """Whether finished data of this fingerprint stands there."""
    try:
        return json.loads((ready / "prepared.json").read_text(encoding="utf-8"))["fingerprint"] == fingerprint
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return False


@contextmanager
def written_aside(ready: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `ready` when all is on disk, and leaves no trace of a failure."""
    partial = ready.with_name(f"{ready.name}.partial")
    lonely = not ready.parent.exists()
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(ready.parent if lonely else partial)
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
