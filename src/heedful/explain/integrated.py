"""Integrated gradients (Sundararajan et al. 2017, equation 1): the target's gradient along the straight way from the
baseline to the input, times how far it is.

What all units get sums to the target's difference between both ends (completeness); the integral is taken by
Gauss-Legendre with as many points as that needs, and the gap that is left is said.

P points   S units   D width   K answers that are explained
"""

import numpy as np
import torch
from torch import Tensor, nn

from heedful.explain.found import Found, make_map, numbered, rows_at_once, rows_name
from heedful.explain.reach import gradients_of
from heedful.explain.target import Target
from heedful.tasks.trace import Trace

POINTS = (16, 48, 144, 432)
"""Points of the integral: the next number where completeness is not met."""
GAP = 0.01


def lacks(network: nn.Module) -> str:
    """Every network has gradients."""
    return ""


def integrated_gradients(trace: Trace, target: Target) -> Found:
    """A map of each source: what each unit adds to the target; both ends of the way in a note."""
    vectors = trace.vectors()
    difference = ends(trace, target, vectors)
    attributions = {number: vector.new_zeros(len(target.steps), len(vector)) for number, vector in enumerate(vectors)}
    gaps, points = torch.ones(len(target.steps)), 0
    for points in POINTS:
        left = (gaps > GAP).nonzero()[:, 0].tolist()  # more points are taken for those answers that need them
        for number, values in integrate(trace, target.only(left), vectors, points).items():
            attributions[number][left] = values
        gaps = gaps_of(attributions, difference)
        if (gaps <= GAP).all():
            break
    maps = [
        make_map(numbered("integrated_gradients", trace, number), rows_name(trace, target.steps),
                 trace.reading_name(number), "amounts", values, range(len(values)))
        for number, values in attributions.items()
    ]  # fmt: skip
    taken = f"{POINTS[0]} to {points}" if points > POINTS[0] else f"{points}"
    note = f"completeness: the sum is off by {100 * float(gaps.max()):.2f} % at the most, with {taken} points"
    return Found(tuple(maps), {number: values.cpu().numpy() for number, values in attributions.items()}, (note,))


@torch.no_grad()
def ends(trace: Trace, target: Target, vectors: list[Tensor]) -> Tensor:
    """The target at the input less that at the baseline, (K,)."""
    both = {number: torch.stack([vector, trace.readings[number].baseline]) for number, vector in enumerate(vectors)}
    values = target.of(trace.outputs(both))
    return values[0] - values[1]


def integrate(trace: Trace, target: Target, vectors: list[Tensor], points: int) -> dict[int, Tensor]:
    """What each unit of each source gets, (K, S), by so many points."""
    where, weights = np.polynomial.legendre.leggauss(points)
    device = vectors[0].device
    ways = torch.tensor((where + 1) / 2, dtype=torch.float32, device=device)
    shares = torch.tensor(weights / 2, dtype=torch.float32, device=device)
    sums = {number: torch.zeros(len(target.steps), len(vector), device=device) for number, vector in enumerate(vectors)}
    at_once = rows_at_once(trace, 1, gradients=True)
    for part, share in zip(ways.split(at_once), shares.split(at_once), strict=True):
        along = {
            number: torch.lerp(trace.readings[number].baseline, vector, part.view(-1, 1, 1))
            for number, vector in enumerate(vectors)
        }
        for number, gradients in gradients_of(trace, target, along).items():
            far = vectors[number] - trace.readings[number].baseline
            for row, gradient in enumerate(gradients):
                sums[number][row] += torch.einsum("p,psd,sd->s", share, gradient.float(), far.float())
    return sums


def gaps_of(attributions: dict[int, Tensor], difference: Tensor) -> Tensor:
    """How far sums are from the differences (K,), as a share of these (K,); of what was given out in all, where both
    ends are nearly alike.
    """
    total = torch.stack([values.sum(-1) for values in attributions.values()]).sum(0)
    given = torch.stack([values.abs().sum(-1) for values in attributions.values()]).sum(0)
    scale = torch.maximum(difference.abs(), given / 10).clamp(min=1e-6)
    return ((total - difference).abs() / scale).cpu()
