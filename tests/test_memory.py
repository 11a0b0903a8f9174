"""That what training frees is there for its next step."""

import subprocess
import sys

FREED = """
import resource, torch
from heedful.training import memory

memory.keep()
counts = []
for _ in range(2):
    torch.ones(1 << 24)
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(counts[1] - counts[0])
"""


def test_freed_memory_is_kept() -> None:
    """A block of 64 MiB, freed and asked for again, is not mapped and cleared anew, page by page."""
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000  # of 16,384 pages
