"""One way to open what is read: files as they are or compressed (gzip, bzip2, xz, Zstandard), always streamed."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from heedful.errors import HeedfulError

MARKS = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
UNPACK = {".gz": "gunzip -k", ".bz2": "bunzip2 -k", ".xz": "unxz -k", ".zst": "unzstd"}
ENDING = r"(?:\.(?:gz|bz2|xz|zst))?"
"""What may stand behind the ending of a file that is compressed, as a pattern."""
BLOCK = 8192  # compressed bytes at a time


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if its first bytes say that it is compressed; call `check_readable` before.

    Raises HeedfulError while they are read, if they are cut off or spoilt.
    """
    try:
        with open(file, "rb") as raw:
            yield unpacked(file, raw)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise HeedfulError(
            f"{file} cannot be unpacked to its end: {error}.", "It is cut off or spoilt: fetch or make it again."
        ) from None


def packing_of(start: bytes) -> str:
    """How files that begin so are compressed, by the usual ending; "" if they are not."""
    ending = next((ending for mark, ending in MARKS.items() if start.startswith(mark)), "")
    return "" if ending == ".bz2" and start[4:8] != b"1AY&" else ending  # a text may begin with these letters


def unpacked(file: str, raw: io.BufferedReader) -> BinaryIO:
    """The stream of what is compressed in another, or that stream."""
    ending = packing_of(raw.peek(8))
    readers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    if ending == ".zst":
        return cast(BinaryIO, io.BufferedReader(Zstandard(file, raw)))
    return readers[ending](raw, "rb") if ending else raw


class Zstandard(io.RawIOBase):
    """What is packed in the frames of a Zstandard stream; EOFError where the last one is cut off."""

    def __init__(self, file: str, raw: BinaryIO) -> None:
        try:
            import zstandard
        except ImportError:
            raise HeedfulError(f"{file} needs zstandard to be read.", 'pip install "heedful[zst]"') from None
        self.raw, self.error = raw, zstandard.ZstdError
        self.begin: Any = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj
        self.frame, self.unread = self.begin(), b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As in io.RawIOBase."""
        while not self.unread:
            packed = (self.frame.unused_data if self.frame.eof else b"") or self.raw.read(BLOCK)
            if not packed and self.frame.eof:
                return 0
            if not packed:
                raise EOFError("the file ends too early")
            if self.frame.eof:
                self.frame = self.begin()
            try:
                self.unread = self.frame.decompress(packed)
            except self.error as error:
                raise OSError(str(error)) from None
        size = min(len(buffer), len(self.unread))
        buffer[:size], self.unread = self.unread[:size], self.unread[size:]
        return size


def stem_of(file: str) -> str:
    """The name of a file without its ending, and without what says that it is compressed.

    >>> stem_of("clips/a.mp4.gz"), stem_of("a.b.npy")
    ('a', 'a.b')
    """
    path = Path(file)
    return Path(path.stem if path.suffix.lower() in MARKS.values() else path.name).stem


def ending_of(file: str) -> str:
    """How the name of a file ends, without what says that it is compressed.

    >>> ending_of("pairs.TSV.gz"), ending_of("notes.txt")
    ('.tsv', '.txt')
    """
    path = Path(file)
    return Path(path.stem if path.suffix.lower() in MARKS.values() else path.name).suffix.lower()
