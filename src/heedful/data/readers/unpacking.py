"""Compressed files of formats that are read here and there, unpacked for as long as they are used.

Parquet, workbooks, arrays and videos are not read from their beginning to their end. What is packed in one goes to a
temporary file without a name, which is gone with this process, however that ends.
"""

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, BinaryIO

from heedful.data.readers.lines import check_readable
from heedful.data.readers.opening import UNPACK, opened, packing_of
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit_of_file

KEPT = 4  # files that stay unpacked: train, valid and test, and one more
BLOCK = 2**20  # bytes that are unpacked at once
PACKED = 20  # bytes that a byte of a file may hold, whatever the limit
OPEN_FILES = "/proc/self/fd"
"""Where Linux opens a file without a name, by its number; elsewhere it has a name until it is closed."""


@contextmanager
def content_path(file: str) -> Iterator[str]:
    """The path at which the content of a file can be opened, in here: its own, unless it is compressed.

    Raises HeedfulError if it is missing, spoilt, or larger unpacked than the limit.
    """
    packing = packing_of(check_readable(file))
    if not packing:
        yield file
        return
    status = os.stat(file)
    content = unpack(file, packing, status.st_mtime_ns, status.st_size)
    yield content.path


class Content:
    """A temporary file and its path, which end with this object."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.path = f"{OPEN_FILES}/{stream.fileno()}" if os.path.isdir(OPEN_FILES) else str(stream.name)

    def __del__(self) -> None:
        self.stream.close()


@lru_cache(KEPT)
def unpack(file: str, packing: str, mtime: int, size: int) -> Content:
    """The content of a file that was last changed then and has that size."""
    with opened(file) as stream:
        return copy(file, packing, stream)


def copy(file: str, packing: str, stream: BinaryIO) -> Content:
    """What a stream unpacks, in a file; raises HeedfulError beyond the limit, and where there is no room."""
    most, size = limit_of_file("unpacked_bytes", file, PACKED), 0
    by_hand = f"npack it: {UNPACK[packing]} {shlex.quote(file)}"
    try:
        content = Content(temporary_file())
    except OSError as error:
        raise no_room(file, by_hand, error) from None
    while block := stream.read(BLOCK):
        size += len(block)
        if size > most:
            problem = f"{file} has more than {most:,} bytes unpacked, the most that is read of one."
            raise beyond("unpacked_bytes", problem, f"U{by_hand}")
        try:
            content.stream.write(block)
            content.stream.flush()
        except OSError as error:
            raise no_room(file, by_hand, error) from None
    return content


def temporary_file() -> IO[bytes]:
    """A file that has no name where it can be opened without."""
    create = tempfile.TemporaryFile if os.path.isdir(OPEN_FILES) else tempfile.NamedTemporaryFile
    return create(prefix="heedful-")


def no_room(file: str, by_hand: str, error: OSError) -> HeedfulError:
    """The error for a file that the folder of temporary files cannot hold."""
    problem = f"{file} cannot be unpacked in {tempfile.gettempdir()}: {error.strerror}."
    return HeedfulError(problem, f"Set TMPDIR to a folder with more room, or u{by_hand}")
