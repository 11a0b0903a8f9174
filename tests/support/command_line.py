"""The command line in this process: the code of the installed script without a second import of torch."""

import sys
from contextlib import chdir
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from heedful.cli import main

HEEDFUL = [sys.executable, "-m", "heedful.cli"]


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said on stdout and stderr."""

    code: int
    out: str
    err: str


def heedful(line: str, folder: Path, stdin: str = "") -> Outcome:
    """Types a command line in a folder, with `stdin` as standard input; its words are split at blanks."""
    streams = {
        "stdin": TextIOWrapper(BytesIO(stdin.encode())),
        "stdout": TextIOWrapper(BytesIO()),
        "stderr": TextIOWrapper(BytesIO()),
    }
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.setattr(sys, "argv", ["heedful", *line.split()])
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as stop:
            main()
    out, err = (read_stream(streams[name]) for name in ("stdout", "stderr"))
    return Outcome(int(stop.value.code or 0), out, err)


def read_stream(stream: TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, BytesIO)
    return buffer.getvalue().decode("utf-8")
