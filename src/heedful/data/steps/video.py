"""Frames of video files, each with its time: mp4, webm, gif and what else FFmpeg reads, decoded in one thread.

A frame becomes a picture only where it is taken, which costs more than to decode it. Times are in seconds after the
first frame, taken from each frame's own timestamp, so that a frame rate that changes and a header that tells a wrong
duration do no harm. What is too large is refused, never cut.
"""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from heedful.data.readers.lines import check_readable
from heedful.data.readers.rows import count
from heedful.data.readers.unpacking import content_path
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit

ENDINGS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif")
Decoded = tuple[Any, float, float]
"""What PyAV decoded, and from when until when it is seen."""
NEAR = 1e-6  # seconds: less than this apart is the same time, written as different fractions


@dataclass(frozen=True)
class Frame:
    """A picture (RGB) that is seen from `start` until `end`, in seconds after the first frame."""

    image: Image.Image
    start: float
    end: float


def read_video(file: str, rate: float = 0.0) -> Iterator[Frame]:
    """The frames of a video, in order, each held in memory only until the next is asked for.

    `rate` frames a second, each the one that is seen at that moment; 0: every frame as it is. Raises HeedfulError if
    the file is no video, has no frames, is damaged or larger than the limits.
    """
    check_not_empty(file, "a video")
    frames = check_numbers(file, decode_frames(file))
    if rate:
        frames = check_numbers(file, resample(frames, rate), f" at {rate:g} a second")
    converter, last, image = pyav().video.reformatter.VideoReformatter(), None, Image.new("RGB", (1, 1))
    for frame, start, end in frames:
        if frame is not last:
            last, image = frame, picture(file, frame, converter)
        yield Frame(image, start, end)


def check_not_empty(file: str, kind: str) -> None:
    """Raises HeedfulError for a file of a clip that cannot be read, or has no byte."""
    path = Path(file)
    if path.is_file() and not path.stat().st_size:
        raise HeedfulError(f"{file} is empty: 0 bytes are not {kind}.", "Copy it again, or leave it out.")
    check_readable(file)


def header_seconds(file: str) -> float | None:
    """How long a video is by its header, which may be wrong; None if it does not say."""
    with content_path(file) as path, pyav().open(path, metadata_errors="replace") as container:
        return container.duration / 1e6 if container.duration else None


def resample(frames: Iterable[Decoded], rate: float) -> Iterator[Decoded]:
    """At 0, 1 / rate, 2 / rate, … the frame that is seen then; a frame may come several times, or not at all."""
    number = 0
    for frame, _, end in frames:
        while number / rate < end - NEAR:
            yield frame, number / rate, (number + 1) / rate
            number += 1


def check_numbers(file: str, frames: Iterable[Decoded], how: str = "") -> Iterator[Decoded]:
    """The frames; raises HeedfulError for one too many."""
    most = limit("frames")
    for number, frame in enumerate(frames):
        if number >= most:
            problem = f"{file} has over {count(most, 'frame')}{how}, the most that is read of one."
            raise beyond("frames", problem, "Cut it into parts.")
        yield frame


def decode_frames(file: str) -> Iterator[Decoded]:
    """Every frame, once the time of the next one is known."""
    av = pyav()
    number, start, previous, first = 0, 0.0, None, 0.0
    try:
        with content_path(file) as path, av.open(path, metadata_errors="replace") as container:
            stream = picture_stream(file, container)
            for frame in container.decode(stream):
                check_frame(file, frame, number)
                if previous is None:
                    first = frame.time or 0.0
                else:
                    end = start_of(file, frame, number, first, start)
                    check_seconds(file, end)
                    yield previous, start, end
                    start = end
                previous, number = frame, number + 1
            if previous is not None:
                yield previous, start, start + last_duration(previous, start, number)
    except av.FFmpegError as error:
        raise damage_error(file, number, error) from None
    if previous is None:
        raise HeedfulError(
            f"{file} has no frames.", "Its header announces pictures, but there are none: copy it again."
        )


def pyav() -> Any:
    """The package that decodes."""
    try:
        import av
    except ImportError:
        raise HeedfulError("Videos need the package av.", 'pip install "heedful[video]"') from None
    return av


def picture_stream(file: str, container: Any) -> Any:
    """The container's first stream of pictures, set to one thread; its size is checked before anything is decoded."""
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise HeedfulError(f"{file} has no pictures, only {kinds}.", "A file with a stream of pictures is needed.")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise HeedfulError(f"{file} is written in a way that the installed FFmpeg cannot decode.", convert(file))
    check_pixels(file, context.width, context.height)
    context.thread_count = 1
    context.options = {"max_pixels": str(limit("frame_pixels"))}
    return stream


def check_frame(file: str, frame: Any, number: int) -> None:
    """Raises HeedfulError if a frame is too large, or damaged."""
    check_pixels(file, frame.width, frame.height)
    if frame.is_corrupt:
        raise HeedfulError(f"{file}: frame {number:,} is damaged.", f"Copy it again, or {convert(file)}")


def check_pixels(file: str, width: int, height: int, cure: str = "") -> None:
    """Raises HeedfulError if a frame of that size is too large."""
    most = limit("frame_pixels")
    if width * height > most:
        problem = f"{file} has frames of {width:,} × {height:,} pixels, and at most {most:,} are decoded."
        cure = cure or f"Make it smaller: ffmpeg -i {shlex.quote(file)} -vf scale=640:-2 smaller.mp4"
        raise beyond("frame_pixels", problem, cure, width * height)


def check_seconds(file: str, seconds: float) -> None:
    """Raises HeedfulError if a video lasts too long."""
    most = limit("video_seconds")
    if seconds > most:
        problem = f"{file} lasts over {most:,} seconds, the most that is read of one."
        cut = f"Cut it: ffmpeg -i {shlex.quote(file)} -f segment -segment_time 3600 -c copy part%d.mp4"
        raise beyond("video_seconds", problem, cut)


def start_of(file: str, frame: Any, number: int, first: float, previous_start: float) -> float:
    """When a frame begins; where it does not say, it follows the one before it at the usual distance."""
    if frame.time is None:
        return previous_start + mean_duration(frame, previous_start, number)
    start = float(frame.time - first)
    if start < previous_start - NEAR:
        problem = (
            f"{file}: the timestamps go back at frame {number:,}, from {previous_start:.3f} to {start:.3f} seconds."
        )
        raise HeedfulError(problem, convert(file))
    return max(start, previous_start)


def last_duration(frame: Any, start: float, frames: int) -> float:
    """How long the last frame is seen: as it says itself, or as long as the others on average."""
    duration = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
    return duration or mean_duration(frame, start, frames - 1)


def mean_duration(frame: Any, start: float, frames: int) -> float:
    """The average distance of the frames so far, or a twenty-fifth of a second."""
    return start / frames if frames > 0 and start > 0 else 0.04


def picture(file: str, frame: Any, converter: Any) -> Image.Image:
    """A frame in RGB, upright (telephones write how they were held beside the frame).

    `converter` is prepared for frames of one kind at the first of them, which costs more than to convert it.
    """
    try:
        image = Image.fromarray(converter.reformat(frame, format="rgb24").to_ndarray())
    except (pyav().FFmpegError, ValueError) as error:
        raise HeedfulError(f"{file}: a frame cannot be converted to RGB: {error}.", convert(file)) from None
    angle = getattr(frame, "rotation", 0) or 0
    return image.rotate(angle, expand=True) if angle else image


def damage_error(file: str, frames: int, error: Exception) -> HeedfulError:
    """The error for what FFmpeg gives up on."""
    if not frames:
        why = getattr(error, "strerror", None) or str(error)
        return HeedfulError(f"{file} cannot be read as a video: {why}.", f"Known endings: {', '.join(ENDINGS)}.")
    problem = f"{file} is damaged or cut off: {count(frames, 'frame')} can be read, and then no more."
    return HeedfulError(problem, f"Copy it again, or keep what is good: {convert(file)}")


def convert(file: str) -> str:
    """How a file is made that FFmpeg reads."""
    return f"write it anew: ffmpeg -i {shlex.quote(file)} mended.mp4"
