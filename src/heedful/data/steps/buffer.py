"""Frames as they come: of a clip of an hour more than memory holds, so that most of them wait on the disk.

H W sides in pixels   C colours
"""

import mmap
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np

from heedful.data.readers.unpacking import temporary_file
from heedful.errors import HeedfulError

FIRST = 256  # frames for which there is room at first
HELD = 2**26  # bytes of a clip in memory
BLOCK = 2**24  # bytes of what is on the disk that are looked at together


class FrameBuffer:
    """Frames (H, W, C) of bytes, one behind the other; beyond `HELD` bytes in a temporary file without a name."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.count, self.used = name, 0, 0
        self.frames = np.empty((FIRST, *shape), np.uint8)
        self.file: IO[bytes] | None = None

    def add(self, frame: np.ndarray) -> None:
        """Takes in a frame; raises HeedfulError where the disk has no room."""
        if self.used == len(self.frames):
            if self.frames.nbytes < HELD:  # a list of arrays would be held beside the array of all
                self.frames.resize((2 * self.used, *self.frames.shape[1:]), refcheck=False)
            else:
                self.write()
        self.frames[self.used] = frame
        self.used += 1
        self.count += 1

    def write(self) -> None:
        """Puts what is in memory behind what is on the disk."""
        try:
            self.file = self.file or temporary_file()
            self.file.write(self.frames[: self.used].data)
            self.file.flush()
        except OSError as error:
            problem = f"The frames of {self.name} do not fit into {tempfile.gettempdir()}: {error.strerror}."
            raise HeedfulError(problem, "Set TMPDIR to a folder with more room, or cut it into parts.") from None
        self.used = 0

    def all(self) -> np.ndarray:
        """The frames (T, H, W, C), as a memory map where they are on the disk."""
        if self.file is None:
            return self.frames[: self.used]
        self.write()
        shape = self.count, *self.frames.shape[1:]
        del self.frames
        with self.file:
            return np.memmap(self.file, np.uint8, "r", shape=shape)


def blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    """Parts of an array, in order, of which no more than one is held in memory if they are on the disk."""
    step = max(1, BLOCK // max(1, values.nbytes // max(1, len(values))))
    for first in range(0, len(values), step):
        yield values[first : first + step]
        forget(values)


def forget(values: np.ndarray) -> None:
    """Gives back the memory in which parts of a file were read through this map, if it is one."""
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and not values.flags.writeable and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
