"""Pictures varied for training: each by its own seed, so that it is the same bytes alone and in any batch.

N pictures   H W sides in pixels   C colours   P numbers drawn for a picture
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SHIFT = 1 / 8  # of the side, at most
MAX_ANGLE = np.pi / 12  # 15 degrees, at most
MAX_SCALE = 0.1  # larger or smaller by so much, at most
BRIGHT, CONTRAST, TINT = 0.15, 0.3, 0.1  # at most: of 255, of the distance from the mean, of each colour
ERASED = 1 / 2  # of the pictures, and of a side at most
DRAWS = 16  # P
ALPHA = 0.8  # of mixup's Beta distribution (Zhang et al. 2018)


def augment(pixels: Tensor, kinds: Sequence[str], seeds: Sequence[int]) -> Tensor:
    """Pictures (N, H, W, C) in bytes, varied by their seeds (N); the same shape and kind, the input unchanged.

    flip     left and right exchanged, one in two
    shift    by up to an eighth of the side; the edge is repeated
    turn     by up to 15 degrees, and up to a tenth larger or smaller
    colour   brighter or darker, more or less contrast, a tint where there are colours
    erase    a rectangle of the mean colour, one in two

    What a picture is given depends on its seed alone: asking for another kind too leaves the rest as it was.
    """
    draws = uniform(seeds, DRAWS)
    if "turn" in kinds:
        pixels = rotate_and_scale(pixels, draws, "flip" in kinds, "shift" in kinds)
    elif "flip" in kinds or "shift" in kinds:
        pixels = flip_and_shift(pixels, draws, "flip" in kinds, "shift" in kinds)
    if "colour" in kinds:
        pixels = jitter_colour(pixels, draws[:, 5:10])
    if "erase" in kinds:
        pixels = erase_rectangle(pixels, draws[:, 10:15])
    return pixels


def mix(pixels: Tensor, labels: Tensor, p: float, seed: int) -> dict[str, Tensor]:
    """A batch whose pictures are mixed with one another, for this share of batches; else nothing, {}.

    source (N, H, W, C) bytes, others (N,) the second label of each picture, shares (N,) what the first one counts.
    One in two by mixup (Zhang et al. 2018), two pictures shining through one another; one in two by cutmix (Yun et
    al. 2019), a rectangle of the second in the first. The one thing in which an example depends on its batch.
    """
    rng = np.random.default_rng(seed)
    if rng.random() >= p:
        return {}
    partners = torch.from_numpy(rng.permutation(len(pixels)))
    if rng.random() < 1 / 2:
        weight = float(rng.beta(ALPHA, ALPHA))
        mixed_pixels = (pixels * weight + pixels[partners] * (1 - weight)).round().to(torch.uint8)
    else:
        height, width = pixels.shape[1:3]
        side = np.sqrt(1 - rng.random())
        top, bottom = edges(side * height, rng.random() * height, height)
        left, right = edges(side * width, rng.random() * width, width)
        mixed_pixels = pixels.clone()
        mixed_pixels[:, top:bottom, left:right] = pixels[partners, top:bottom, left:right]
        weight = 1 - (bottom - top) * (right - left) / (height * width)
    return {"source": mixed_pixels, "others": labels[partners], "shares": torch.full((len(pixels),), weight)}


def edges(length: float, middle: float, side: int) -> tuple[int, int]:
    """Where a stretch of that length around its middle begins and ends, inside the side."""
    return max(0, round(middle - length / 2)), min(side, round(middle + length / 2))


def uniform(seeds: Sequence[int], number: int) -> np.ndarray:
    """Numbers from 0 to below 1, (N, P), by seed: splitmix64 (Steele et al. 2014), a counter hashed, all at once."""
    start = np.array([seed % (1 << 64) for seed in seeds], np.uint64).reshape(-1, 1)
    # Near seeds would be near places of one counter; hashed first, they share nothing.
    state = hash_bits(start) + np.arange(1, number + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (hash_bits(state) >> np.uint64(11)) * 2.0**-53


def hash_bits(values: np.ndarray) -> np.ndarray:
    """64 bits for 64 bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def draw_symmetric(draws: np.ndarray, limit: float) -> Tensor:
    """Numbers from -most to most."""
    return torch.from_numpy(((draws * 2 - 1) * limit).astype(np.float32))


def draw_shifts(draws: np.ndarray, side: int) -> np.ndarray:
    """Whole pixels, (N,), each as likely."""
    limit = max(1, int(side * MAX_SHIFT))
    return np.floor(draws * (2 * limit + 1)).astype(np.int64) - limit


def flip_and_shift(pixels: Tensor, draws: np.ndarray, flip: bool, shift: bool) -> Tensor:
    """Flipped and shifted by whole pixels, exactly."""
    count, height, width, _ = pixels.shape
    rows, columns = (np.tile(np.arange(side), (count, 1)) for side in (height, width))
    if flip:
        columns = np.where(draws[:, :1] < 1 / 2, columns[:, ::-1], columns)
    if shift:
        rows = (rows - draw_shifts(draws[:, 1], height)[:, None]).clip(0, height - 1)
        # After a flip places count from the other side; a picture's own left is moved all the same.
        direction = np.where(columns[:, :1] > columns[:, -1:], -1, 1)
        columns = (columns - direction * draw_shifts(draws[:, 2], width)[:, None]).clip(0, width - 1)
    pictures = torch.arange(count)[:, None, None]
    return pixels[pictures, torch.from_numpy(rows)[:, :, None], torch.from_numpy(columns)[:, None, :]]


def rotate_and_scale(pixels: Tensor, draws: np.ndarray, flip: bool, shift: bool) -> Tensor:
    """Turned and scaled, flipped and shifted where asked for, with levels between pixels by linear interpolation."""
    height, width = pixels.shape[1:3]
    angles, scale = draw_symmetric(draws[:, 3], MAX_ANGLE).tolist(), 1 + draw_symmetric(draws[:, 4], MAX_SCALE)
    # One by one: kernels for many at once round the last of them in another way.
    cos, sin = (torch.tensor([function(angle) for angle in angles]) / scale for function in (math.cos, math.sin))
    x = torch.arange(width) - (width - 1) / 2
    y = torch.arange(height) - (height - 1) / 2
    down, right = (draw_shifts(draws[:, index], side) * shift for index, side in ((1, height), (2, width)))
    # (N, H, W): where each pixel comes from. One product at a time: matrix products round by the batch's size.
    x = (x - torch.from_numpy(right)[:, None])[:, None, :]
    y = (y - torch.from_numpy(down)[:, None])[:, :, None]
    across = cos[:, None, None] * x + sin[:, None, None] * y
    along = cos[:, None, None] * y - sin[:, None, None] * x
    if flip:
        across = torch.where(torch.from_numpy(draws[:, 0] < 1 / 2)[:, None, None], -across, across)
    grid = torch.stack((across * (2 / width), along * (2 / height)), dim=-1)
    rotated_pixels = F.grid_sample(
        pixels.permute(0, 3, 1, 2).float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return rotated_pixels.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def jitter_colour(pixels: Tensor, draws: np.ndarray) -> Tensor:
    """Brightness, contrast and tint changed. `draws` (N, 5)."""
    mean = mean_levels(pixels)
    contrast = 1 + draw_symmetric(draws[:, :1], CONTRAST)
    tint = 1 + (draw_symmetric(draws[:, 2:5], TINT) if pixels.shape[3] == 3 else torch.zeros(len(pixels), 1))
    offset = mean * (1 - contrast) + draw_symmetric(draws[:, 1:2], BRIGHT) * 255
    factor, offset = contrast * tint, offset * tint
    return (pixels * factor[:, None, None, :] + offset[:, None, None, :]).round_().clamp_(0, 255).to(torch.uint8)


def mean_levels(pixels: Tensor) -> Tensor:
    """The mean level of each colour, (N, C): summed in whole numbers, which no order of summing changes."""
    return pixels.sum((1, 2), dtype=torch.int64).float() / (pixels.shape[1] * pixels.shape[2])


def erase_rectangle(pixels: Tensor, draws: np.ndarray) -> Tensor:
    """A rectangle of the mean colour in one of two. `draws` (N, 5): whether, height, width, place."""
    inside_rectangle = torch.from_numpy(draws[:, 0] < ERASED)[:, None, None]
    for axis, side in ((1, pixels.shape[1]), (2, pixels.shape[2])):
        length = 1 + np.floor(draws[:, axis] * max(1, side * ERASED)).astype(np.int64)
        start = np.floor(draws[:, axis + 2] * (side - length + 1)).astype(np.int64)
        position = np.arange(side)
        inside_interval = torch.from_numpy((position >= start[:, None]) & (position < (start + length)[:, None]))
        inside_rectangle = inside_rectangle & (
            inside_interval[:, :, None] if axis == 1 else inside_interval[:, None, :]
        )
    mean = mean_levels(pixels).round().to(torch.uint8)[:, None, None, :]
    return torch.where(inside_rectangle[..., None], mean, pixels)
