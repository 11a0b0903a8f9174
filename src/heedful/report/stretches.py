"""Labels of steps as stretches of equal ones, and where these lie in time."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import median

from heedful.results import Track


def edges(count: int, track: Track | None) -> list[float]:
    """Where each step begins, and where the last one ends: in seconds where they are known, else in steps."""
    if track is None or not has_times(track):
        return [float(step) for step in range(count + 1)]
    starts = [seconds - track.seconds[0] for seconds in track.seconds[:count]]
    durations = [b - a for a, b in pairwise(starts)]
    last = track.seconds[count] - track.seconds[0] if len(track.seconds) > count else None
    return [*starts, last if last is not None else starts[-1] + (median(durations) if durations else 1.0)]


def has_times(track: Track | None) -> bool:
    """Whether it is known when each step begins."""
    return track is not None and len(track.seconds) >= len(track.labels) > 0


def stretches(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """Runs of equal labels: (label, first step, behind the last).

    >>> stretches(("a", "a", "", "b"))
    [('a', 0, 2), ('', 2, 3), ('b', 3, 4)]
    """
    spans, start = [], 0
    for label, group in groupby(labels):
        size = len(list(group))
        spans.append((label, start, start + size))
        start += size
    return spans
