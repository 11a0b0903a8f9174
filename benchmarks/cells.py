"""What resumable benchmarks share: cells that one process at a time takes, and lines of results that are appended."""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


@contextmanager
def claimed(lock: Path) -> Iterator[bool]:
    """Whether this process has a cell, by a lock that ends with it; false: another process works on it."""
    with open(lock, "w") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def add_line(results: Path, line: dict[str, Any]) -> None:
    """Appends a line of JSON, one process at a time."""
    with open(results, "a", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_lines(results: Path) -> list[dict[str, Any]]:
    """The lines of results; none where there is no file."""
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()] if results.exists() else []


def measured_scale() -> float:
    """Minutes here for each minute of the yardstick (machine.py)."""
    import torch
    from machine import gflops, scale

    return scale(gflops(torch.float32))


def commit() -> str:
    """The state of the tree."""
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
