"""Varied pictures: by their own seed alone, within what is promised, and mixed pictures that say what they are."""

import numpy as np
import pytest
import torch
from torch import Tensor

from heedful.data.pictures import augment as module
from heedful.data.pictures.augment import augment, mix

KINDS = ["flip", "shift", "turn", "colour", "erase"]
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (33, 21, 3)]


def pictures(count: int, height: int, width: int, colours: int) -> Tensor:
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, colours), dtype=np.uint8)
    return torch.from_numpy(pixels)


@pytest.mark.parametrize("kinds", [*([kind] for kind in KINDS), ["flip", "shift"], KINDS])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_neighbour_never_matters(kinds: list[str], shape: tuple[int, int, int]) -> None:
    pixels = pictures(41, *shape)
    before, seeds = pixels.clone(), [2**62 - 7 * number for number in range(41)]
    together = augment(pixels, kinds, seeds)
    assert together.shape == pixels.shape and together.dtype == torch.uint8 and torch.equal(pixels, before)
    assert not torch.equal(together, pixels)
    alone = torch.cat([augment(pixels[i : i + 1], kinds, [seeds[i]]) for i in range(41)])
    assert torch.equal(alone, together)
    order = torch.randperm(41, generator=torch.Generator().manual_seed(1))
    assert torch.equal(augment(pixels[order], kinds, [seeds[i] for i in order]), together[order])


def test_nothing_asked_is_nothing_done() -> None:
    pixels = pictures(4, 8, 8, 3)
    assert torch.equal(augment(pixels, [], range(4)), pixels)


def test_near_seeds_share_nothing() -> None:
    draws = module.uniform(range(20_000), 16)
    assert draws.min() >= 0 and draws.max() < 1
    assert np.abs(draws.mean(0) - 0.5).max() < 0.01 and np.abs(draws.std(0) - 12**-0.5).max() < 0.01
    correlations = np.corrcoef(np.hstack([draws[:-1], draws[1:]]).T) - np.eye(32)
    assert np.abs(correlations).max() < 0.04
    assert len(np.unique(draws)) == draws.size


def test_flip_and_shift_are_exact_and_as_likely_as_said() -> None:
    pixels = pictures(600, 16, 16, 1)
    flipped = augment(pixels, ["flip"], range(600))
    is_flipped = (flipped == pixels.flip(2)).all(3).all(2).all(1)
    assert ((flipped == pixels).all(3).all(2).all(1) ^ is_flipped).all()
    assert 250 < int(is_flipped.sum()) < 350
    shifted = augment(pixels, ["shift"], range(600)).numpy()[..., 0]
    shifts = set()
    for before, after in zip(pixels.numpy()[..., 0], shifted, strict=True):
        padded = np.pad(before, 2, mode="edge")
        matching_shifts = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if np.array_equal(after, padded[2 - down : 18 - down, 2 - right : 18 - right])
        ]
        assert len(matching_shifts) == 1
        shifts.update(matching_shifts)
    assert len(shifts) == 25  # an eighth of 16 is 2, each way


def test_turning_by_nothing_is_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = pictures(64, 24, 16, 3)
    monkeypatch.setattr(module, "MAX_ANGLE", 0.0)
    monkeypatch.setattr(module, "MAX_SCALE", 0.0)
    for kinds in (["flip"], ["shift"], ["flip", "shift"]):
        assert torch.equal(augment(pixels, [*kinds, "turn"], range(64)), augment(pixels, kinds, range(64)))


def test_a_turned_picture_turns_about_its_middle() -> None:
    ring = np.hypot(*np.meshgrid(np.arange(33) - 16, np.arange(33) - 16))
    disc = torch.from_numpy(np.where(ring < 9, 0, 255).astype(np.uint8))[None, :, :, None].expand(50, -1, -1, -1)
    after = augment(disc, ["turn"], range(50)).numpy()[..., 0]
    dark = (255 - after.astype(float)).sum((1, 2)) / 255
    area = (ring < 9).sum()
    assert (np.abs(np.sqrt(dark / area) - 1) < module.MAX_SCALE + 0.03).all() and dark.std() > area * 0.03
    middle = (255.0 - after) * np.arange(33)
    assert np.abs(middle.sum((1, 2)) / 255 / dark - 16).max() < 0.1
    line = torch.full((50, 33, 33, 1), 255, dtype=torch.uint8)
    line[:, :, 16] = 0
    tops = augment(line, ["turn"], range(50)).numpy()[:, 2, :, 0].argmin(1) - 16  # 14 above the middle
    limit = 14 * np.tan(module.MAX_ANGLE) + 1
    assert tops.min() < -2 and tops.max() > 2 and np.abs(tops).max() <= limit


def test_colour_and_erase_stay_within_what_is_promised() -> None:
    gray = torch.full((300, 16, 16, 3), 100, dtype=torch.uint8)
    after = augment(gray, ["colour"], range(300)).float()
    assert (after.amax((1, 2)) == after.amin((1, 2))).all()  # an even picture stays even
    low, high = (100 - 0.15 * 255) * 0.9, (100 + 0.15 * 255) * 1.1
    assert low - 1 <= after.min() < 80 and 120 < after.max() <= high + 1
    single_channel = augment(gray[..., :1], ["colour"], range(300))
    assert single_channel.shape[3] == 1 and single_channel.unique().numel() > 30
    pixels = pictures(300, 16, 16, 3)
    changed = (augment(pixels, ["erase"], range(300)) != pixels).any(3)
    assert 110 < int(changed.any(2).any(1).sum()) < 190
    for mask in changed.numpy()[changed.any(2).any(1).numpy()]:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height <= 8 and width <= 8 and mask.sum() >= 0.8 * height * width  # some levels are the mean by chance


def test_mixed_batches_say_what_they_are() -> None:
    values = torch.arange(0, 240, 24, dtype=torch.uint8)
    pixels = values[:, None, None, None].expand(10, 16, 16, 1).contiguous()
    labels = torch.arange(10)
    batches = [mix(pixels, labels, 0.5, seed) for seed in range(400)]
    assert 150 < sum(map(bool, batches)) < 250
    cutmix_count = mixup_count = 0
    for batch in filter(None, batches):
        source, partners, shares = batch["source"].float(), batch["others"], batch["shares"]
        assert batch["source"].dtype == torch.uint8 and ((shares >= 0) & (shares <= 1)).all()
        # What the shares say is what the pixels are, whichever way they were mixed.
        expected = shares * values + (1 - shares) * values[partners]
        assert (source.mean((1, 2, 3)) - expected).abs().max() <= 0.51
        is_even = source.amax((1, 2, 3)) == source.amin((1, 2, 3))
        cutmix_count += not is_even.all()
        mixup_count += bool(is_even.all())
    assert cutmix_count > 50 and mixup_count > 50
    repeated_batch = mix(pixels, labels, 0.5, 3)
    assert all(torch.equal(repeated_batch[key], batches[3][key]) for key in batches[3])
    assert all(mix(pixels, labels, 0.0, seed) == {} for seed in range(20))
