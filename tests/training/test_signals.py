"""Signals to a run with loader workers: whoever stops a whole group loses no step, and no worker outlives its run."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from support.command_line import HEEDFUL

LINE = "train translate pairs.tsv --network gru --size tiny --minutes 1 -o run train.threads=1 train.workers=2"


def terminate_group(pid: int) -> None:
    os.killpg(pid, signal.SIGTERM)


def interrupt_group_twice(pid: int) -> None:
    for _ in range(2):
        os.killpg(pid, signal.SIGINT)


def kill_parent(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def ended(folder: Path, begin: str, strike: Callable[[int], None]) -> tuple[int, str]:
    """Strikes a run, on a terminal of its own, when it shows `begin` and then a loss; its exit code and all it showed.

    The terminal ends when the last process that writes to it has: workers hold it as the run does.
    """
    master, terminal = pty.openpty()
    output, struck = "", False
    with subprocess.Popen(
        [*HEEDFUL, *LINE.split()], cwd=folder, stdout=terminal, stderr=terminal, start_new_session=True
    ) as process:
        os.close(terminal)
        with suppress(OSError):  # Linux says so that nobody has the terminal open any more
            while text := os.read(master, 1 << 16):
                output += text.decode(errors="replace")
                if not struck and "loss" in output.partition(begin)[2]:
                    struck = True
                    strike(process.pid)
        os.close(master)
    return process.returncode, output


def test_a_signal_to_the_whole_group_stops_at_a_safe_point(tmp_path: Path) -> None:
    """The run saves and says so, goes on from there, ends at a second signal, and takes its workers with it."""
    rows = [f"{a}{b}{c}\t{c} {b} {a}" for a in "abcdef" for b in "abc" for c in "def"]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows * 20), encoding="utf-8")
    code, output = ended(tmp_path, "gru", terminate_group)
    assert (code, "saved at step" in output, "Traceback" in output) == (130, True, False), output
    step = output.partition("saved at step ")[2].partition(".")[0]
    code, output = ended(tmp_path, f"goes on from step {step}", interrupt_group_twice)
    assert (code, "Traceback" in output) == (130, False), output
    code, output = ended(tmp_path, "goes on from step", kill_parent)
    assert (code, "Traceback" in output) == (-signal.SIGKILL, False), output


def test_a_parent_that_ends_in_the_middle_ends_its_workers() -> None:
    """As by an error whose traceback still holds the loader."""
    program = (
        "from torch.utils.data import DataLoader; from heedful.training.signals import held_signals, leave_signals\n"
        "with held_signals(): batches = iter(DataLoader(range(99), num_workers=2, worker_init_fn=leave_signals))\n"
        "print(next(batches)); raise SystemExit(3)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=100)
    assert run.returncode == 3, run.stderr.decode()
