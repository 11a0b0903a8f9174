"""Trainings that are killed before one of their changes to the disk, in processes of their own.

Python's audit events tell of every file that is opened for writing, renamed or removed. What stood in a buffer is lost
with the process, so that the file before is often half written.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from heedful.api.train import run
from heedful.schema import Recipe
from heedful.training.progress import Quiet
from support.own_process import exit_code

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR


def is_killed_before_change(asked: Recipe, folder: Path, kill_at: int, log: Path) -> bool:
    """Trains, and says whether it was killed, before change number `kill_at`; else its changes stand in `log`."""
    code = exit_code(train, asked, folder, kill_at, log)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def train(asked: Recipe, folder: Path, kill_at: int, log: Path) -> None:
    watch(folder, kill_at, log)
    run(asked, folder, Quiet())
    log.open("a").close()  # which has the changes listed


def watch(folder: Path, kill_at: int, log: Path) -> None:
    """From here on kills this process before its change number `kill_at` in a folder, and lists those before it."""
    done: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and not int(args[2] or 0) & WRITING:
            return
        if event in (*CHANGES, "open") and isinstance(args[0], str | bytes | os.PathLike):
            path = os.fsdecode(args[0])
            if path.startswith(str(folder)):
                done.append(os.path.relpath(path, folder))
                if len(done) == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            elif path == str(log):
                os.write(descriptor, "\n".join(done).encode())

    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.addaudithook(hook)
