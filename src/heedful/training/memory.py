"""The memory of a run: kept from step to step, and how much it was at the most."""

import ctypes
import resource
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed() -> None:
    """Has glibc keep what is freed for what is asked next; other systems' allocators are left as they are.

    By itself it gives every block of 32 MiB and more back at once, and the system clears each page of the next one:
    nearly half of a training step on frames (docs/log.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def reset_peak(device: torch.device) -> None:
    """Begins to count anew, where the system can (a GPU, Linux); elsewhere the peak is that of the whole process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif (counter := Path("/proc/self/clear_refs")).exists():
        counter.write_text("5")


def peak(device: torch.device) -> float:
    """Megabytes at the most since `reset_peak`, of the GPU or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    status = Path("/proc/self/status")
    if status.exists():
        sizes = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if sizes:
            return int(sizes[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
