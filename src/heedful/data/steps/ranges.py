"""Numbers of a channel that cannot be used: more than float32 holds, or so far from all others that these look equal.

Far is what lies more than a million quartile ranges from the median of the channel in training (FAR). Where half of
the steps are equal, the median distance of those that differ stands for the quartile range.

T steps   C channels
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

FAR = 1e6
SAMPLE = 1_000_000  # steps by which medians are judged
LARGEST = float(np.finfo(np.float32).max)
CURE = "Mend it, or leave it out; where such numbers are meant, take their logarithm as the channel."


@dataclass(frozen=True)
class Ranges:
    """Where the values of each channel (C,) usually lie; `scale` is infinite for a channel that never changes."""

    median: np.ndarray
    scale: np.ndarray

    def first_far(self, values: np.ndarray) -> tuple[int, int] | None:
        """Step and channel of the first value in (T, C) that is far from the others; None if there is none."""
        far = np.argwhere(np.abs(values - self.median) > FAR * self.scale)
        return (int(far[0, 0]), int(far[0, 1])) if len(far) else None

    def problem(self, channel: int, name: str, value: float) -> str:
        """What is wrong with a value of that channel."""
        usual = f"the median is {self.median[channel]:g}, the spread around it {self.scale[channel]:g}"
        return f"{name} is {value:g}, far out of its range in training ({usual})"


def usual_ranges(sequences: Iterable[np.ndarray], steps: int) -> Ranges:
    """The ranges of sequences (T, C) that have so many steps together; of many, evenly chosen steps."""
    stride = max(1, steps // SAMPLE)
    values = np.concatenate([sequence[::stride].copy() for sequence in sequences]).astype(np.float64)
    low, median, high = np.percentile(values, (25, 50, 75), axis=0)
    scale = high - low
    for channel in np.flatnonzero(scale == 0):
        distances = np.abs(values[:, channel] - median[channel])
        scale[channel] = np.median(distances[distances > 0]) if distances.any() else np.inf
    return Ranges(median, scale)


def far_from_training(values: np.ndarray, mean: np.ndarray, std: np.ndarray) -> tuple[int, int] | None:
    """The first step and channel in (T, C) that is over a million standard deviations from the mean of training.

    A channel that never changed in training (its `std` counts as 1) says nothing, and may have any value.
    """
    return Ranges(mean, np.where(std == 1, np.inf, std)).first_far(values)


def as_float32(values: np.ndarray) -> np.ndarray:
    """Numbers as float32, infinite where they are too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values).astype(np.float32)


def why_no_number(value: float) -> str:
    """What is wrong with a number that is not finite as float32."""
    return f"is more than float32 holds (±{LARGEST:.2g})" if np.isfinite(value) else "is no number"
