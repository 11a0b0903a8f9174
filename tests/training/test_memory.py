"""That what training frees is there for its next step."""

import subprocess
import sys

STEPS = """
import resource, torch
from heedful.training import memory

memory.keep_freed()
counts = []
for _ in range(30):
    first = torch.ones(1 << 24)
    second = first * 2
    del first
    third = second + 1
    del second, third
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(counts[-1] - counts[-11])
"""


def test_freed_memory_is_kept() -> None:
    """Three blocks of 64 MiB a step, freed and asked for again: after some steps none is cleared anew, page by page."""
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 49_152  # a tenth of the 491,520 pages of ten steps
