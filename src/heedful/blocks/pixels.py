"""What a network is told of the pictures that it reads; no torch here, as whoever prepares pictures needs it too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pixels:
    """What pictures are: bytes (N, size, size, C); mean and standard deviation of each colour in training, of 255."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
