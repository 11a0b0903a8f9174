"""How much memory a run took at the most."""

import resource
from pathlib import Path

import torch


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
        found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if found:
            return int(found[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
