"""Ways to compute a scan, and what its units cost beside a GRU: the tables of docs/log.md.

python benchmarks/scan.py

N rows   T positions   D width
"""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from heedful.blocks import scan as scans
from heedful.blocks.scan import SSRU, MinGRU, Scan, by_doubling, in_turn, scan_readably

N, D, TIMES = 32, 256, 7
Way = Callable[[Tensor, Tensor, Tensor], Tensor]


def in_chunks(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """Chunks of √T side by side, then from one to the next."""
    steps = new.size(1)
    chunk = max(1, int(steps**0.5))
    padding = (0, 0, 0, -steps % chunk)
    products = F.pad(keep, padding, value=1.0).unflatten(1, (-1, chunk)).clone()
    states, gates = F.pad(new, padding).unflatten(1, (-1, chunk)).clone(), products.clone()
    for t in range(1, chunk):
        states[:, :, t].addcmul_(gates[:, :, t], states[:, :, t - 1])
        products[:, :, t].mul_(products[:, :, t - 1])
    starts: list[Tensor] = []
    for number in range(states.size(1)):
        starts.append(start)
        start = torch.addcmul(states[:, number, -1], products[:, number, -1], start)
    return states.addcmul_(products, torch.stack(starts, 1).unsqueeze(2)).flatten(1, 2)[:, :steps]


def by_logarithms(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """Feng et al. 2024, appendix B; for what is positive alone."""
    sums = F.pad(keep.log().cumsum(1), (0, 0, 1, 0))
    values = torch.cat([start.unsqueeze(1), new], 1).log()
    return (sums + torch.logcumsumexp(values - sums, 1)).exp()[:, 1:]


def with_own_gradient(way: Way) -> Way:
    """The same through `Scan`."""

    def run(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
        scans.way = lambda x: way
        return Scan.apply(keep, new, start)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    return run


WAYS: dict[str, Way] = {
    "loop, recorded": scan_readably,
    "loop in place": with_own_gradient(in_turn),
    "chunks": with_own_gradient(in_chunks),
    "doubling": with_own_gradient(by_doubling),
    "doubling, recorded": by_doubling,
    "logarithms": by_logarithms,
}


def milliseconds(run: Callable[[], object], times: int = TIMES) -> float:
    """CPU time of this thread; the second best of so many."""
    seconds: list[float] = []
    for _ in range(times):
        begin = time.thread_time()
        run()
        seconds.append(time.thread_time() - begin)
    return sorted(seconds)[min(1, times - 1)] * 1e3


def time_ways(steps: int) -> None:
    """Each way forward, and forward and backward, with its error against float64."""
    keep, start = torch.rand(N, steps, D), torch.rand(N, D)
    new = torch.rand(N, steps, D) * (1 - keep)
    exact = scan_readably(keep.double(), new.double(), start.double())
    parts = [part.requires_grad_() for part in (keep, new, start)]
    for name, way in WAYS.items():
        with torch.no_grad():
            forward = milliseconds(lambda way=way: way(*parts))
        both = milliseconds(lambda way=way: way(*parts).sum().backward())  # pyright: ignore[reportUnknownMemberType]
        error = float((way(*parts).detach() - exact.detach()).abs().max())
        print(f"T = {steps:3d}  {name:20s} {forward:8.1f} / {both:8.1f} ms  error {error:.0e}", flush=True)


def time_units(steps: int) -> None:
    """A layer each, forward and backward."""
    x, gru = torch.randn(N, steps, D, requires_grad=True), nn.GRU(D, D, batch_first=True)
    ssru, mingru = SSRU(D), MinGRU(D)
    units: dict[str, Callable[[], Tensor]] = {
        "nn.GRU": lambda: gru(x)[0],
        "SSRU": lambda: ssru(x, None, None)[0],
        "minGRU": lambda: mingru(x, None, None)[0],
    }
    for name, unit in units.items():
        both = milliseconds(lambda unit=unit: unit().sum().backward())  # pyright: ignore[reportUnknownMemberType]
        print(f"T = {steps:3d}  {name:20s} {both:8.1f} ms", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for length in (32, 128, 512):  # before the ways, which exchange the one that the units take
        time_units(length)
    for length in (32, 128, 512):
        time_ways(length)
