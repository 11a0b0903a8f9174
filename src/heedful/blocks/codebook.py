"""Pictures as tokens: a picture becomes a grid of codes, and codes become a picture again.

N pictures   H W sides in pixels   C colours   h w sides of the grid of codes   S = h * w codes   D width
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

LEVELS = {256: (8, 6, 5), 1024: (8, 5, 5, 5), 4096: (7, 5, 5, 5, 5), 16384: (8, 8, 8, 6, 5)}
"""Mentzer et al. 2023, table 1 (beginning of section 4.1): steps of each channel for a codebook of about this size."""
GROUPS = 8  # of channels that are normed together (Wu & He 2018)


class FiniteScalarQuantizer(nn.Module):
    """Finite scalar quantisation (Mentzer et al. 2023, section 3.1): each channel is rounded to one of a few steps.

    There is no codebook to learn and none to collapse: codes are the steps of all channels, read as one number.
    """

    steps: Tensor
    places: Tensor

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.size = math.prod(levels)
        self.register_buffer("steps", torch.tensor(levels), persistent=False)
        self.register_buffer("places", torch.tensor([1, *levels[:-1]]).cumprod(0), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        """(..., channels) -> the same, rounded; gradients pass as if it were not."""
        bounded = self.bound(z)
        return (bounded + (bounded.round() - bounded).detach()) / (self.steps // 2)

    def bound(self, z: Tensor) -> Tensor:
        """Numbers that round to `steps` different ones, from -(steps // 2) upwards."""
        half = (self.steps - 1) * (1 - 1e-3) / 2
        offset = torch.where(self.steps % 2 == 0, 0.5, 0.0)
        return (z + (offset / half).atanh()).tanh() * half - offset

    def codes(self, rounded: Tensor) -> Tensor:
        """(..., channels) of `forward` -> (...) codes below `size`."""
        digits = (rounded * (self.steps // 2)).round().long() + self.steps // 2
        return (digits * self.places).sum(-1)

    def dequantize(self, codes: Tensor) -> Tensor:
        """(...) codes -> (..., channels), as `forward` gave them."""
        digits = codes.unsqueeze(-1) // self.places % self.steps
        return (digits - self.steps // 2) / (self.steps // 2)


class Residual(nn.Module):
    """Two convolutions beside the way past them, of normed colours.

    Without the norm white pictures drive what is rounded so far that all of them get one code and no gradient comes
    back: docs/log.md has the trial.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(self.norm(x).relu()).relu())


class Codebook(nn.Module):
    """Convolutions down to a grid of codes and up again; `halvings` times each side is halved.

    Pictures are bytes (N, H, W, C) at both ends.
    """

    def __init__(self, size: int, colours: int, width: int, halvings: int, codes: int) -> None:
        super().__init__()
        self.grid = size // 2**halvings
        self.positions = self.grid**2
        # The names of this module and of its buffers are written into exported graphs, whose bytes are kept.
        self.scalars = FiniteScalarQuantizer(levels(codes))
        self.size = self.scalars.size
        channels = len(self.scalars.steps)
        widths = [max(16, width >> (halvings - time)) for time in range(halvings + 1)]
        down: list[nn.Module] = [nn.Conv2d(colours, widths[0], 3, padding=1)]
        up: list[nn.Module] = [nn.Conv2d(channels, widths[-1], 3, padding=1), Residual(widths[-1])]
        for before, after in pairwise(widths):
            down += [nn.Conv2d(before, after, 4, stride=2, padding=1), Residual(after)]
        for before, after in pairwise(widths[::-1]):
            up += [Residual(before), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
        norm = nn.GroupNorm(GROUPS, widths[-1])
        self.down = nn.Sequential(*down, Residual(widths[-1]), norm, nn.Conv2d(widths[-1], channels, 1))
        self.up = nn.Sequential(*up, nn.ReLU(), nn.Conv2d(widths[0], colours, 3, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Bytes (N, H, W, C) -> what comes back of them, 0 to 1, (N, H, W, C)."""
        return self.paint(self.quantize(pictures))

    def quantize(self, pictures: Tensor) -> Tensor:
        """(N, H, W, C) -> (N, S, channels)."""
        x = pictures.permute(0, 3, 1, 2) / 127.5 - 1
        return self.scalars(self.down(x).flatten(2).transpose(1, 2).float())

    def paint(self, rounded: Tensor) -> Tensor:
        """(N, S, channels) -> (N, H, W, C), 0 to 1 but for what overshoots."""
        x = rounded.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        return self.up(x).permute(0, 2, 3, 1)

    @torch.inference_mode()
    def encode(self, pictures: Tensor) -> Tensor:
        """Bytes (N, H, W, C) -> codes (N, S), row by row."""
        return self.scalars.codes(self.quantize(pictures))

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, S) -> bytes (N, H, W, C)."""
        return (self.paint(self.scalars.dequantize(codes)).clamp(0, 1) * 255).round().to(torch.uint8)


class GrayLevels(nn.Module):
    """The direct way for tiny pictures: each pixel's gray level is a code, and there is nothing to learn."""

    def __init__(self, size: int, levels: int) -> None:
        super().__init__()
        self.grid, self.positions, self.size = size, size**2, levels

    def encode(self, pictures: Tensor) -> Tensor:
        """Bytes (N, H, W, 1) -> codes (N, S)."""
        return (pictures.flatten(1).long() * (self.size - 1) + 127) // 255

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, S) -> bytes (N, H, W, 1)."""
        pixels = (codes * 255 + (self.size - 1) // 2) // (self.size - 1)
        return pixels.to(torch.uint8).view(-1, self.grid, self.grid, 1)


def levels(codes: int) -> tuple[int, ...]:
    """The steps for a codebook of about so many codes.

    >>> levels(1000)
    (8, 5, 5, 5)
    """
    return LEVELS[min(LEVELS, key=lambda size: abs(math.log(size / codes)))]
