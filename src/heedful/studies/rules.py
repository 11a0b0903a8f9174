"""What claims are held by: how far a curve reaches, how it grows, how much it loses."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from heedful.report.curves import Curve, number

LEARNT = 60  # percent right, from which on a network is said to have learnt a task
NOTABLE = 2  # points between two means, below which neither is said to be ahead


def find(curves: Mapping[str, Curve], *names: str) -> list[Curve]:
    """Curves by name; raises KeyError for one that was not measured."""
    return [curves[name] for name in names]


def reach(curve: Curve, least: float) -> float:
    """The largest x up to which all of a curve is at least so high; 0 if its first point is not.

    >>> from heedful.report.curves import Point
    >>> reach(Curve("a", tuple(Point(x, y, y, y, 1) for x, y in ((1, 99), (2, 80), (4, 40), (8, 90)))), 50)
    2
    """
    reached = 0.0
    for point in curve.points:
        if point.y < least:
            break
        reached = point.x
    return reached


def learnt(curve: Curve, x: float, least: float = LEARNT) -> bool:
    """Whether a curve of percents is so high at a place that it can tell something."""
    return curve.at(x).y >= least


def loss(curve: Curve) -> float:
    """How much lower a curve ends than it begins: the mean of its first third less that of its last."""
    values = [point.y for point in curve.points]
    third = max(1, len(values) // 3)
    return float(np.mean(values[:third]) - np.mean(values[-third:]))


def exponent(curve: Curve) -> float:
    """The power of x by which the upper half of a curve grows: the slope of its logarithms, by least squares.

    >>> from heedful.report.curves import Point
    >>> round(exponent(Curve("a", tuple(Point(x, 3 * x**2, 0, 0, 1) for x in (1, 2, 4, 8)))), 6)
    2.0
    """
    points = curve.points[len(curve.points) // 2 - (len(curve.points) < 4) :]
    logs = np.log([[point.x, max(point.y, 1e-300)] for point in points])
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]) if len(points) > 1 else math.nan


def ratio(curve: Curve, x: float, to: float) -> float:
    """What a curve is at one place, as a multiple of what it is at another."""
    return curve.at(x).y / max(curve.at(to).y, 1e-300)


def each(curves: Sequence[Curve], value: Callable[[Curve], float]) -> str:
    """A number for each curve, by name, in words."""
    return ", ".join(f"{curve.name} {number(value(curve))}" for curve in curves)
