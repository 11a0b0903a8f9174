"""Pictures as sequences: convolutions before they are read, patches, and 2-D position embeddings.

N pictures   H W sides in pixels   C colours   S positions   D width
"""

import math
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from heedful.blocks.embedding import sinusoid_angles
from heedful.blocks.pixels import Pixels

Patch = int | Literal["rows", "whole"]
NARROWEST = 8  # channels of a stem


class Stem(nn.Module):
    """Convolutions that each halve both sides (Hassani et al. 2021, section 3.3): what is near belongs together.

    They tell a network that reads patches what it would need many pictures to find out. Channels double with each
    halving, up to a quarter of `width`: most of the work is in the first ones, where pictures are still large.
    """

    def __init__(self, channels: int, width: int, times: int) -> None:
        super().__init__()
        inner = [max(NARROWEST, width // 4 >> (times - 1 - time)) for time in range(times)]
        widths = [channels, *inner]
        self.channels = widths[-1]
        self.layers = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, channels, H / 2 ** times, W / 2 ** times), odd sides rounded up."""
        for layer in self.layers:
            x = F.max_pool2d(layer(x), 3, stride=2, padding=1).relu()  # as before it, for a quarter of the numbers
        return x


class Patches(nn.Module):
    """Squares of `patch` pixels (of the stem's map, if there is one), rows, or the whole: each becomes one vector.

    Dosovitskiy et al. 2021, equation 1. A recurrent network reads rows as lines of a text.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, pixels: Pixels, width: int, patch: Patch, stem: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(pixels.mean) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(pixels.std) * 255, persistent=False)
        self.stem = Stem(len(pixels.mean), width, stem)
        side = map_side(pixels.size, stem)
        high, wide = patch_size(patch, side)
        assert side % high == 0 and side % wide == 0, f"patches of {high} x {wide} do not fill {side} x {side}"
        self.patch_size = high, wide
        self.grid = side // high, side // wide
        self.linear = nn.Linear(self.stem.channels * high * wide, width)

    def forward(self, pictures: Tensor) -> Tensor:
        """Bytes (N, H, W, C) -> (N, S, D), S = rows x columns of the grid."""
        x = self.standardise(pictures).permute(0, 3, 1, 2)  # the memory stays colours last, as kernels like it
        x = self.stem(x)
        high, wide = self.patch_size
        pieces = x.unflatten(3, (-1, wide)).unflatten(2, (-1, high))  # (N, C, rows, high, columns, wide)
        return self.linear(pieces.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))

    def standardise(self, pictures: Tensor) -> Tensor:
        """(N, H, W, C) with mean 0 and standard deviation 1 in training.

        Loops over three colours are slow: a picture is one line, but in exported graphs, which would hold it.
        """
        if torch.compiler.is_compiling():
            return (pictures - self.mean) / self.std
        number = pictures.size(1) * pictures.size(2)
        lines = (pictures.flatten(1) - self.mean.repeat(number)) / self.std.repeat(number)
        return lines.view_as(pictures)


def map_side(size: int, stem: int) -> int:
    """The side that the stem leaves of a picture's.

    >>> map_side(28, 2), map_side(45, 1)
    (7, 23)
    """
    return math.ceil(size / 2**stem)


def patch_size(patch: Patch, side: int) -> tuple[int, int]:
    """Height and width of a patch on a map of this side."""
    if patch == "whole":
        return side, side
    return (1, side) if patch == "rows" else (int(patch), int(patch))


class PatchPositions(nn.Module):
    """2-D position embeddings: sinusoids of the row beside those of the column, or a trained vector for each patch.

    A trained table is resampled for a grid of another shape (Dosovitskiy et al. 2021, section 3.2); sinusoids need not
    be.
    """

    def __init__(self, kind: Literal["grid", "learned"], grid: tuple[int, int], width: int) -> None:
        super().__init__()
        self.width = width
        self.table = nn.Parameter(torch.empty(*grid, width)) if kind == "learned" else None
        if self.table is not None:
            nn.init.normal_(self.table, std=0.02)

    def forward(self, grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
        """(S, D) for a grid of rows x columns; sinusoids are computed on the device."""
        if self.table is None:
            return sinusoidal_2d(grid, self.width, device)
        return resample(self.table, grid).flatten(0, 1)


def resample(table: Tensor, grid: tuple[int, int]) -> Tensor:
    """A table of 2-D positions (rows, columns, D) for a grid of another shape, by bicubic interpolation."""
    if table.shape[:2] == grid:
        return table
    resampled = F.interpolate(table.permute(2, 0, 1)[None], grid, mode="bicubic", align_corners=False)
    return resampled[0].permute(1, 2, 0)


def sinusoidal_2d(grid: tuple[int, int], width: int, device: torch.device | None = None) -> Tensor:
    """Half of each vector encodes the row and half the column, by Vaswani's sinusoids: (rows * columns, width)."""
    rows, columns = (
        sinusoid_angles(torch.arange(side, device=device), width // 2) for side in grid
    )  # each (side, width / 4)
    tall = rows.unsqueeze(1).expand(-1, grid[1], -1)
    broad = columns.unsqueeze(0).expand(grid[0], -1, -1)
    return torch.cat([tall.sin(), tall.cos(), broad.sin(), broad.cos()], dim=-1).flatten(0, 1)
