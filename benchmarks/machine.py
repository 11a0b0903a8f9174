"""What this machine is: one core's speed in float32, in five seconds, so that minutes on it can be compared.

    python benchmarks/machine.py

Bars of benchmarks are for a core of 59 GFLOP/s in float32 (AVX2, without bfloat16): `scale` is what a minute there is
here. It goes by products of matrices alone; a small network, whose steps are short of arithmetic, gains less.
"""

import os
import platform
import statistics
import time
from pathlib import Path

import torch

YARDSTICK = 59.0  # GFLOP/s
SIDE = 512


def main() -> None:
    plain, reduced = gflops(torch.float32), gflops(torch.bfloat16)
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    print(f"one core: {plain:.0f} GFLOP/s in float32, {reduced:.0f} in bfloat16")
    print(f"a minute of the yardstick ({YARDSTICK:.0f} GFLOP/s) is {60 * scale(plain):.0f} seconds here")


def gflops(precision: torch.dtype, seconds: float = 2.0) -> float:
    """What one core multiplies, in 10⁹ operations a second: as the quickest tenth of products of square matrices does,
    so that other work on the machine says little.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    first, second = (torch.randn(SIDE, SIDE).to(precision) for _ in range(2))
    times, end = list[float](), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(first, second)
        times.append(time.perf_counter() - start)
    torch.set_num_threads(threads)
    return 2 * SIDE**3 / statistics.quantiles(times, n=10)[0] / 1e9


def scale(speed: float) -> float:
    """Minutes here for each minute of the yardstick."""
    return YARDSTICK / speed


def processor() -> str:
    """Its name, and the widest instructions that torch uses."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{(names or [platform.processor()])[0]} ({torch.backends.cpu.get_cpu_capability()})"


if __name__ == "__main__":
    main()
