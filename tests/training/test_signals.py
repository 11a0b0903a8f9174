"""Signals to a run with loader workers: whoever stops a whole group loses no step, and no worker outlives its run."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from support.command_line import HEEDFUL
from support.own_process import start_command
from support.sampling import sample

LINE = "train translate pairs.tsv --network gru --size tiny --minutes 1 -o run train.threads=1 train.workers={}"
WITH, WITHOUT = f"{LINE.format(2)} train.batch_tokens=300", LINE.format(0)  # workers begin anew with each epoch


def strike(number: int, group: bool, times: int = 1) -> Callable[[int], None]:
    def send(pid: int) -> None:
        for _ in range(times):
            (os.killpg if group else os.kill)(pid, number)

    return send


def ended(folder: Path, line: str, sign: str, strike: Callable[[int], None], before: str = "") -> tuple[int, str]:
    """Strikes a run on a terminal of its own, when it shows `before` and then `sign`; its exit code, all it showed."""
    master, terminal = pty.openpty()
    running = start_command(line, folder, terminal)
    assert running.pid
    output = shown(master, running.pid, sign, strike, before)
    running.join()
    assert running.exitcode is not None
    return running.exitcode, output


def shown(master: int, pid: int, sign: str, strike: Callable[[int], None], before: str) -> str:
    """All that stands on the terminal when the last process that writes to it has ended: workers hold it as the run."""
    output, struck = "", False
    with suppress(OSError):  # Linux says so that nobody has the terminal open any more
        while text := os.read(master, 1 << 16):
            output += text.decode(errors="replace")
            if not struck and before in output and sign in output[output.index(before) :]:
                struck = True
                strike(pid)
    os.close(master)
    assert "Traceback" not in output, output
    return output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [f"{a}{b}{c}\t{c} {b} {a}" for a in "abcdef" for b in "abc" for c in "def"]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows * 20), encoding="utf-8")
    return tmp_path


def test_a_signal_to_the_whole_group_stops_at_a_safe_point(folder: Path) -> None:
    """The run saves and says so, goes on from there, ends at a second signal, and takes its workers with it."""
    code, output = ended(folder, WITH, "loss", strike(signal.SIGTERM, group=True), "gru")
    assert (code, "saved at step" in output) == (143, True), output
    step = output.partition("saved at step ")[2].partition(".")[0]
    code, output = ended(folder, WITH, "loss", strike(signal.SIGINT, True, 2), f"goes on from step {step}")
    assert code in (-signal.SIGINT, 130), output  # both came at once: a step was over between them, or none
    code, output = ended(folder, WITH, "loss", strike(signal.SIGKILL, group=False), "goes on from step")
    assert code == -signal.SIGKILL, output


CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), sample(CODES, 1))
def test_a_run_stopped_by_a_signal_says_so_in_every_phase(number: int, code: int, folder: Path) -> None:
    """While data are prepared, while it learns and while it is scored; the same command then comes to its end."""
    line = WITHOUT.replace("--minutes 1", "--steps 40")
    for sign, message in (("held out", "stopped by"), ("loss", "saved at step"), ("scoring", "stopped by")):
        exit_code, output = ended(folder, line, sign, strike(number, group=False))
        assert (exit_code, message in output and "The same command goes on from" in output) == (code, True), output
    exit_code, output = ended(folder, line, "never", strike(number, group=False))
    assert exit_code == 0 and (folder / "run" / "scores.json").exists(), output


def test_usr1_saves_and_goes_on_and_nohup_keeps_a_run_from_hanging_up(folder: Path) -> None:
    """A command as a shell starts it, in which nothing was imported before."""
    seen: list[int] = []

    def save_and_hang_up(pid: int) -> None:
        seen.append(pid)
        for number in (signal.SIGUSR1, signal.SIGHUP):
            os.killpg(pid, number)

    command = [*HEEDFUL, *WITH.replace("--minutes 1", "--steps 150").split()]
    master, terminal = pty.openpty()
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does: it is inherited
    try:
        running = subprocess.Popen(command, cwd=folder, stdout=terminal, stderr=terminal, start_new_session=True)
    finally:
        signal.signal(signal.SIGHUP, previous)
        os.close(terminal)
    output = shown(master, running.pid, "loss", save_and_hang_up, "gru")
    assert seen and (running.wait(), "saved at step" in output) == (0, True), output


def test_a_parent_that_ends_in_the_middle_ends_its_workers() -> None:
    """As by an error whose traceback still holds the loader."""
    program = (
        "from torch.utils.data import DataLoader; from heedful.training.signals import block_signals, leave_signals\n"
        "with block_signals(): batches = iter(DataLoader(range(99), num_workers=2, worker_init_fn=leave_signals))\n"
        "print(next(batches)); raise SystemExit(3)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=100)
    assert run.returncode == 3, run.stderr.decode()


def test_a_worker_whose_parent_was_gone_before_it_looked_ends() -> None:
    """As by a signal that came while its workers began: its output ends only when they have."""
    program = (
        "import multiprocessing, os; from multiprocessing.connection import wait\n"
        "from torch.utils.data import DataLoader; from heedful.training.signals import leave_signals\n"
        "def begin_late(worker): wait([multiprocessing.parent_process().sentinel]); leave_signals(worker)\n"
        "batches = iter(DataLoader(range(99), num_workers=2, worker_init_fn=begin_late)); os.kill(os.getpid(), 9)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=100)
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
