"""Trainings and commands in a process of their own, to be killed there.

It is forked from a server that has no threads: a fork of the tests' own process, where engines of all kinds have left
theirs, may wait for ever for a lock that one of them held. The server has imported what they need, once for all.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from heedful.api.compare import compare
from heedful.api.contestants import contestants
from heedful.api.distil import distil
from heedful.cli import main
from heedful.schema import Recipe
from heedful.tasks.task import find_task
from heedful.training.progress import Quiet

CONTEXT = multiprocessing.get_context("forkserver")


@dataclass
class KilledAtNote(Quiet):
    """Killed for good at a note."""

    notes_left: int

    def note(self, text: str) -> None:
        self.notes_left -= 1
        if not self.notes_left:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class KilledAtStep(Quiet):
    """Killed for good at a step."""

    steps_left: int

    def step(self, done: float, text: str) -> None:
        self.steps_left -= 1
        if not self.steps_left:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Teller(Quiet):
    """Says so at each step."""

    pipe: Connection

    def step(self, done: float, text: str) -> None:
        self.pipe.send(text)


def is_killed_at_note(note: int, function: Callable[..., object], *arguments: Any) -> bool:
    """Whether a call came to that note before it ended, and died there. Its last argument is the listener."""
    return exit_code(function, *arguments, KilledAtNote(note)) == -signal.SIGKILL


def exit_code(function: Callable[..., object], *arguments: Any) -> int | None:
    """How the process of a call ended."""
    prepare_server()
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def is_killed_after(steps: int, seconds: float, function: Callable[..., object], *arguments: Any) -> bool:
    """Whether a call was alive, and killed, some seconds after some steps. Its last argument is the listener."""
    prepare_server()
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=function, args=(*arguments, Teller(sender)))
    process.start()
    sender.close()
    with suppress(EOFError):  # it came to its end before
        for _ in range(steps):
            receiver.recv()
    process.join(seconds)
    alive = process.is_alive()
    process.kill()
    process.join()
    receiver.close()
    return alive


def start_command(line: str, folder: Path, output: int) -> BaseProcess:
    """Types a command line in a folder, in a session of its own whose stdout and stderr are this file, which it takes.

    As a shell would start it: signals do what they do by default.
    """
    prepare_server()
    with Connection(output, readable=False) as connection:
        process = CONTEXT.Process(target=run_command, args=(line, folder, connection))
        process.start()
    return process


def run_command(line: str, folder: Path, output: Connection) -> None:
    """What such a process does; it ends with the command's exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    multiprocessing.set_start_method(None, force=True)
    os.setsid()
    os.chdir(folder)
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    output.close()
    sys.argv = ["heedful", *line.split()]
    sys.stdout, sys.stderr = (open(descriptor, "w", closefd=False) for descriptor in (1, 2))  # noqa: SIM115
    main()


def compare_by_weights(recipe: Recipe, folder: Path, listener: Quiet) -> None:
    """Compares two networks of as many weights."""
    compare(recipe, contestants(["gru", "rnn"]), [0], folder, listener, weights=2e4)


def distil_texts(teacher: Path, texts: Path, folder: Path, listener: Quiet) -> None:
    """Teaches the smallest of networks by answers to texts."""
    settings = {"train.threads": 1, "train.precision": "float32", "train.valid_limit": 20}
    distil(
        teacher, texts, network="ssru2019", size="tiny", steps=5, output=folder, settings=settings, listener=listener
    )


def prepare(recipe: Recipe, folder: Path, listener: Quiet) -> None:
    """Prepares a recipe's data in a folder."""
    find_task(recipe.task).learning.prepare(recipe, folder, listener.note)


def prepare_server() -> None:
    """Has the server import what tests have imported of ours and what optimizers import, once, and not each fork."""
    rooms = tuple(f"heedful.{room}" for room in ("api", "cli", "data", "networks", "report", "tasks", "training"))
    ours = sorted(name for name in sys.modules if name.startswith(rooms))
    CONTEXT.set_forkserver_preload(["torch._dynamo", "torch._inductor.utils", *ours])
