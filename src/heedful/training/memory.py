"""The memory of a run: kept from step to step, and how much it was at the most."""

import ctypes
import os
import resource
from pathlib import Path

import torch

from heedful.errors import HeedfulError

BYTES = 16  # of a weight in training: itself, its gradient, two of the optimizer
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


def refuse_too_large(weights: int, device: torch.device) -> None:
    """Raises HeedfulError for a network whose weights alone cannot be trained in the memory that there is."""
    need, memory = weights * BYTES, total(device)
    if need > memory:
        raise HeedfulError(
            f"The network has {weights:,} weights: to train them takes {need / 1e9:,.1f} GB of memory, "
            f"and there are {memory / 1e9:,.1f} GB.",
            "Choose a smaller network.size, or smaller numbers for network.width, network.depth, … and data.vocabulary",
        )


def total(device: torch.device) -> int:
    """Bytes of memory that a process can have: of the GPU, or of the machine or the container that it runs in."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else ""
    return min(memory, int(text)) if text.isdigit() else memory
