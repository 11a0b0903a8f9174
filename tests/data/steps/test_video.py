"""Videos written for the test, and hostile ones: every frame at its own time, or a few plain words."""

import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from heedful.data.pictures.read import Form
from heedful.data.steps import video
from heedful.data.steps.forms import StepForm, Steps, open_steps
from heedful.data.steps.video import picture, read_video
from heedful.errors import HeedfulError
from support.command_line import heedful
from support.hostile_files import LEVELS, lengthen_header, write, write_silence

FORM = StepForm("frames", Form(16, "gray"))


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def levels(steps: Steps) -> np.ndarray:
    return steps.values.reshape(len(steps), -1).mean(axis=1)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.webm", "libvpx-vp9"), ("a.gif", "gif"), ("a.avi", "mpeg4")]
)
def test_every_frame_at_its_time(name: str, codec: str) -> None:
    steps = open_steps(write(name, codec=codec), FORM)
    assert steps.values.shape == (20, 16, 16, 1) and steps.values.dtype == np.uint8
    assert steps.seconds == pytest.approx(np.arange(20) / 10)
    # A gif has eight levels of red and green and four of blue.
    assert np.abs(levels(steps) - LEVELS).max() <= (40 if codec == "gif" else 4)
    assert not steps.note


def test_a_frame_rate_that_changes_is_taken_by_time() -> None:
    times = [0, 100, 200, 300, 1300, 1400, 2400]
    file = write("slow.mp4", LEVELS[:7] * 2, times=times)
    steps = open_steps(file, FORM)
    assert steps.seconds == pytest.approx([time / 1000 for time in times], abs=1e-3)
    twice = open_steps(file, StepForm("frames", Form(16, "gray"), 2.0))
    assert twice.seconds[:5] == pytest.approx([0, 0.5, 1, 1.5, 2])
    assert np.abs(levels(twice)[:5] - 24 * np.array([0, 3, 3, 5, 5])).max() <= 4
    faster = open_steps(write("even.mp4"), StepForm("frames", Form(16, "gray"), 20.0))
    assert np.abs(levels(faster) - np.repeat(LEVELS, 2)).max() <= 4
    assert len(open_steps("even.mp4", StepForm("frames", Form(16, "gray"), 5.0))) == 10


def test_frames_that_are_dropped_are_not_converted_and_others_are_as_pyav_shows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("a.mkv", codec="ffv1", size=(66, 50))
    with av.open("a.mkv") as container:
        shown = [np.asarray(frame.to_image()) for frame in container.decode(video=0)]
    converted = list[int]()
    monkeypatch.setattr(video, "picture", lambda *args: (converted.append(1), picture(*args))[1])
    assert all(np.array_equal(np.asarray(frame.image), shown[at]) for at, frame in enumerate(read_video("a.mkv")))
    assert len(converted) == 20
    for rate, kept in ((5.0, 10), (20.0, 20)):  # those that are seen twice are converted once
        converted.clear()
        frames = list(read_video("a.mkv", rate))
        assert len(converted) == kept and len(frames) == rate * 2
        wanted = (shown[round(frame.start * 10 - 1e-3)] for frame in frames)
        assert all(np.array_equal(np.asarray(frame.image), want) for frame, want in zip(frames, wanted, strict=True))


def test_a_wrong_duration_in_the_header_changes_nothing() -> None:
    raw = Path(write("a.mp4")).read_bytes()
    for name, box, at in (("movie.mp4", b"mvhd", 20), ("track.mp4", b"tkhd", 24), ("media.mp4", b"mdhd", 20)):
        place = raw.index(box) + at
        Path(name).write_bytes(raw[:place] + (3_600_000).to_bytes(4, "big") + raw[place + 4 :])
        steps = open_steps(name, FORM)
        assert len(steps) == 20 and steps.seconds[-1] == pytest.approx(1.9), name
    raw = Path(write("whole.webm", codec="libvpx-vp9")).read_bytes()
    lengthen_header("whole.webm", "long.webm")
    steps = open_steps("long.webm", FORM)
    assert len(steps) == 20
    assert steps.note == "long.webm says that it lasts 3600.0 seconds, and its frames last 2.0"
    Path("cut.webm").write_bytes(raw[: len(raw) * 2 // 3])
    assert "says that it lasts 2.0 seconds" in open_steps("cut.webm", FORM).note


def test_a_header_that_lies_about_frames_and_sides_is_not_believed() -> None:
    raw = Path(write("a.mp4")).read_bytes()
    entry = raw.index(b"avc1", raw.index(b"stsd"))
    for name, place, lie in (
        ("sides.mp4", entry + 28, b"\xff" * 4),
        ("shown.mp4", raw.index(b"tkhd") + 80, b"\xff\xff\0\0" * 2),
        ("times.mp4", raw.index(b"stts") + 12, (10**9).to_bytes(4, "big")),
    ):
        Path(name).write_bytes(raw[:place] + lie + raw[place + len(lie) :])
        assert len(open_steps(name, FORM)) == 20, name
    place = raw.index(b"stsz") + 12
    Path("samples.mp4").write_bytes(raw[:place] + (10**9).to_bytes(4, "big") + raw[place + 4 :])
    with pytest.raises(HeedfulError, match=r"samples\.mp4 cannot be read as a video"):
        open_steps("samples.mp4", FORM)


def test_what_is_odd_is_told_with_the_answer() -> None:
    Path("clips").mkdir()
    for number in range(3):
        write(f"clips/{number}.webm", np.roll(LEVELS, number), codec="libvpx-vp9")
        Path(f"clips/{number}.txt").write_text("dark\n" * 10 + "light\n" * 10)
    raw = Path("clips/0.webm").read_bytes()
    Path("cut.webm").write_bytes(raw[: len(raw) * 2 // 3])
    line = "train label clips --network frame --size tiny --steps 1 train.threads=1 -o run"
    assert heedful(line, Path()).code == 0
    result = heedful("label run cut.webm clips/0.webm --json", Path())
    odd_answer, plain_answer = (json.loads(line) for line in result.out.splitlines())
    assert "cut.webm says that it lasts 2.0 seconds" in odd_answer["note"] and "note" not in plain_answer
    assert result.err == f"{odd_answer['note']} (labelled as the frames are).\n"


def test_hostile_files_end_in_plain_words() -> None:
    raw = Path(write("fast.mp4", movflags="faststart")).read_bytes()
    Path("cut.mp4").write_bytes(raw[: len(raw) - 150])
    Path("text.mp4").write_text("hello " * 99)
    Path("empty.mp4").touch()
    Path("headless.mp4").write_bytes(Path(write("a.mp4")).read_bytes()[:600])
    write("none.avi", levels=[], codec="mpeg4")
    write_silence("sound.mp4")
    for name, words in {
        "cut.mp4": "damaged or cut off",
        "text.mp4": "cannot be read as a video",
        "empty.mp4": "is empty",
        "headless.mp4": "cannot be read as a video",
        "none.avi": "has no frames",
        "sound.mp4": "has no pictures, only audio",
        "nowhere.mp4": "There is no file",
    }.items():
        with pytest.raises(HeedfulError, match=words) as raised:
            open_steps(name, FORM)
        assert name in raised.value.problem


def test_what_is_too_large_is_refused_with_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.mp4")
    for name, most in (("FRAMES", 20), ("FRAME_PIXELS", 64 * 48), ("VIDEO_SECONDS", 2)):
        monkeypatch.setenv(f"HEEDFUL_LIMIT_{name}", str(most))
    assert len(list(read_video("a.mp4"))) == 20
    for name, most, words in (
        ("FRAMES", 19, "over 19 frames"),
        ("FRAME_PIXELS", 64 * 48 - 1, "64 × 48 pixels, and at most 3,071"),
        ("VIDEO_SECONDS", 1, "over 1 seconds"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"HEEDFUL_LIMIT_{name}", str(most))
            with pytest.raises(HeedfulError, match=words) as raised:
                list(read_video("a.mp4"))
        assert f"HEEDFUL_LIMIT_{name}={2 * most}" in raised.value.cure
    with pytest.raises(HeedfulError, match="over 20 frames at 12 a second"):  # of few frames a rate makes many
        list(read_video("a.mp4", 12.0))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(HeedfulError, match="need the package av") as raised:
        open_steps("a.mp4", FORM)
    assert "heedful[video]" in raised.value.cure
