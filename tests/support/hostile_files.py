"""Files that were made to break their reader, or are merely broken: pictures, videos, and files that pretend."""

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

LEVELS = np.arange(20, dtype=np.uint8) * 12


def write_bomb(path: str, width: int, height: int, complete: bool) -> None:
    """A PNG of one bit a pixel, all black, written row by row; its header alone if not whole."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    squeeze, row, rows = zlib.compressobj(9), bytes(1 + (width + 7) // 8), 100
    parts = [squeeze.compress(row * rows) for _ in range(height // rows if complete else 1)]
    content = b"".join(parts) + squeeze.flush()
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", content) + chunk(b"IEND", b""))


def write(
    name: str,
    levels: Sequence[int] | np.ndarray = LEVELS,
    codec: str = "libx264",
    times: Sequence[int] = (),
    size: tuple[int, int] = (64, 48),
    **options: str,
) -> str:
    """A video of even gray frames, ten a second or at `times` in thousandths of a second."""
    with av.open(name, "w", options=options) as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for place, level in enumerate(levels):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), format="rgb24")
            if times:
                frame.pts, frame.time_base = times[place], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.start_encoding()
        container.mux(stream.encode())
    return name


def lengthen_header(name: str, other: str) -> None:
    """A copy of a .webm whose header says that it lasts an hour."""
    raw = Path(name).read_bytes()
    place = raw.index(b"\x44\x89\x88") + 3
    Path(other).write_bytes(raw[:place] + struct.pack(">d", 3_600_000.0) + raw[place + 8 :])


def write_silence(name: str) -> None:
    """A file of half a second of silence."""
    with av.open(name, "w") as container:
        stream: Any = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
