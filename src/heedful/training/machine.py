"""The machine under a training: cores that other processes keep busy are left to them, a GPU counts the same each time.

Threads work in step: each waits for the one that shares its core with other work (docs/log.md, "Two threads on a busy
machine" and "Spinning threads").
"""

import os
import time
from contextlib import suppress
from pathlib import Path

import torch

from heedful.errors import HeedfulError

STATISTICS = Path("/proc/stat")  # Linux; elsewhere all cores count as free
THREADS = Path("/proc/self/task")  # Linux again
LOOK = 0.25  # seconds
IDLE = slice(3, 5)  # the fields of a core that is idle, or waits for a disk


def set_up_gpu() -> None:
    """Has a GPU give the same seed the same weights, float32 its digits, and each length of a batch its time."""
    torch.backends.cudnn.deterministic = True  # else its convolutions sum in any order
    torch.backends.cudnn.allow_tf32 = False  # float32 where train.precision says so
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans each new shape of attention for a tenth of a second


def require_device(device: str, key: str) -> None:
    """Raises HeedfulError for a device that is not here; `key` is what names it."""
    try:
        torch.zeros(1, device=device).cpu()  # not from "meta", which holds no numbers
    except (RuntimeError, AssertionError):
        raise HeedfulError(f"There is no device {device} here.", f"{key} may be auto, cpu, cuda or mps.") from None


def multiplies_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 faster than float32."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    if device != "cpu" or torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):
        return False
    processor = Path("/proc/cpuinfo")  # torch has no public question for the rest; where there is no such file: no
    flags = processor.read_text().split() if processor.exists() else []
    return "amx_bf16" in flags or "avx512_bf16" in flags


def free_cores(look: float = LOOK) -> int:
    """How many of the cores are free now, at least one; looks for so many seconds."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1 or not STATISTICS.exists():
        return cores
    before = read_ticks()
    time.sleep(look)
    return max(1, min(cores, idle_cores(before, read_ticks(), os.cpu_count() or cores)))


def idle_cores(before: tuple[int, int], now: tuple[int, int], cores: int) -> int:
    """How many of a machine's cores were idle between two looks at its ticks.

    >>> idle_cores((100, 1000), (125, 1050), 2), idle_cores((100, 1000), (101, 1100), 4)
    (1, 0)
    """
    idle, total = (after - earlier for after, earlier in zip(now, before, strict=True))
    return round(cores * idle / total) if total else cores


class WaitingForCores:
    """How many threads of this process waited for a core that others worked on, on average since it was asked last;
    None where the system does not say.
    """

    def __init__(self) -> None:
        self.before = self.look()

    def __call__(self) -> float | None:
        earlier, self.before = self.before, self.look()
        seconds = self.before[1] - earlier[1]
        return max(0.0, (self.before[0] - earlier[0]) / seconds) if self.before[0] and seconds else None

    def look(self) -> tuple[float, float]:
        """The seconds that its threads have waited, together, and the time."""
        waited = 0
        for path in THREADS.glob("*/schedstat"):
            with suppress(OSError, ValueError):  # a thread may have ended
                waited += int(path.read_text().split()[1])
        return waited / 1e9, time.monotonic()


def read_ticks() -> tuple[int, int]:
    """What all cores have been idle for since the machine began, and all together, in ticks of a clock."""
    fields = [int(field) for field in STATISTICS.read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields[IDLE]), sum(fields)
