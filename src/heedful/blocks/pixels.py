"""What a network is told of the pictures that it reads; no torch here, as whoever prepares pictures needs it too."""

import math
from dataclasses import dataclass

from heedful.errors import HeedfulError


@dataclass(frozen=True)
class Pixels:
    """What pictures are: bytes (N, size, size, C); mean and standard deviation of each colour in training, of 255.

    Raises HeedfulError for a deviation by which nothing can be divided: all that is computed would be no number; and
    where there are not as many means as deviations.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(isinstance(value, int | float) and 0 < value < math.inf for value in self.std):
            raise HeedfulError(f"The standard deviations of a picture's colours have to be above 0, not {self.std}.")
        if len(self.mean) != len(self.std) or not self.std:
            raise HeedfulError(f"A picture's colours have means {self.mean} and standard deviations {self.std}.")
