"""Clips that are larger than what is held of them: the same bytes, from the disk, of which little is in memory."""

import os
import resource
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from heedful.data.pictures.read import Form
from heedful.data.steps import buffer
from heedful.data.steps.buffer import FrameBuffer, blocks
from heedful.data.steps.forms import StepForm, Steps, open_steps
from heedful.data.steps.store import digest_of_steps
from heedful.errors import HeedfulError
from heedful.tasks.label.windows import mean_probabilities
from support.hostile_files import write
from support.video_clips import frames


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_waits_on_the_disk_is_read_as_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "FIRST", 2)
    clips = [write("a.mp4"), frames("a.npy", 20, side=8), frames("folder", 20, side=8)]
    form = StepForm("frames", Form(16, "rgb"))
    held = [open_steps(clip, form) for clip in clips]
    monkeypatch.setattr(buffer, "HELD", 5 * 16 * 16 * 3)
    monkeypatch.setattr(buffer, "BLOCK", 7 * 16 * 16 * 3)
    before = sorted(os.listdir(tempfile.gettempdir()))
    for clip, steps in zip(clips, held, strict=True):
        waiting = open_steps(clip, form)
        assert isinstance(waiting.values, np.memmap) and not isinstance(steps.values, np.memmap), clip
        assert np.array_equal(waiting.values, steps.values) and waiting.seconds == steps.seconds, clip
        assert digest_of_steps(clip, waiting) == digest_of_steps(clip, steps)
        assert np.array_equal(np.concatenate(list(blocks(waiting.values))), steps.values)
    assert sorted(os.listdir(tempfile.gettempdir())) == before


def test_a_clip_of_80_mb_is_answered_in_the_memory_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "HELD", 2**22)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clip, frame = FrameBuffer("a.mp4", (100, 100, 2)), np.zeros((100, 100, 2), np.uint8)
    for number in range(4_000):
        frame[0, 0, 0] = number % 251
        clip.add(frame)
    values = clip.all()
    digest_of_steps("a.mp4", Steps("frames", values))
    for first in range(0, 4_000, 500):
        shares = mean_probabilities([First()], [values[first : first + 500]])
        assert np.array_equal(shares[0, :, 0], np.arange(first, first + 500) % 251)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


class First:
    """An engine that answers with the first number of each frame."""

    limit = None

    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return source[:, :, 0, 0, :1].astype(np.float32)


def test_a_disk_without_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "FIRST", 1)
    monkeypatch.setattr(buffer, "HELD", 1)
    monkeypatch.setattr(buffer, "temporary_file", partial(Path("/dev/full").open, "wb"))
    clip = FrameBuffer("a.mp4", (64, 64, 3))
    with pytest.raises(HeedfulError, match=r"The frames of a\.mp4 do not fit into .*: No space left") as raised:
        for _ in range(3):
            clip.add(np.zeros((64, 64, 3), np.uint8))
    assert "TMPDIR" in raised.value.cure
