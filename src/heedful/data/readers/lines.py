"""Lines of a text file, one at a time and strictly UTF-8; what is not is named with its line and column."""

import codecs
import shlex
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from heedful.data.readers.opening import opened
from heedful.data.readers.rows import MAX_QUOTED, BadRow
from heedful.errors import HeedfulError, nearest
from heedful.limits import limit, way_out

# The longer marks first: the mark of UTF-32 begins with that of UTF-16.
FOREIGN = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
LOOK = 4096
BLOCK = 2**20
ICONV = "iconv -f WINDOWS-1252 -t UTF-8 old > new"
STREAMS = ((stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"))
NAMES = 2000  # in a folder, among which a missing one is looked for: pictures may be a million


def read_lines(file: str, most: str = "line_bytes") -> Iterator[tuple[int, str | BadRow]]:
    """Line number (from 1) and text without its end (LF or CRLF); a BadRow where a line is not UTF-8 or holds NUL.

    So is a line of more bytes than the limit of that name: what has no end must not fill the memory. A byte order mark
    before the first line is passed over. Raises HeedfulError if the file is missing, empty, a folder, or in another
    encoding as a whole.
    """
    check_utf8(file)
    longest = limit(most)
    with opened(file) as stream:
        for number, raw in enumerate(raw_lines(stream, longest), start=1):
            if len(raw) > longest:
                quoted = raw[:MAX_QUOTED].decode(errors="backslashreplace")
                yield number, BadRow(f"{file} line {number}", too_long(most), quoted, f"To read it: {way_out(most)}")
                continue
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            raw = raw[: -2 if raw.endswith(b"\r\n") else -1 if raw.endswith(b"\n") else None]
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                yield number, undecodable_line(f"{file} line {number}", raw, error)
                continue
            problem = problem_of(text) if "\0" in text else None
            yield number, BadRow(f"{file} line {number}", problem, text[:MAX_QUOTED]) if problem else text


def raw_lines(stream: BinaryIO, longest: int) -> Iterator[bytes]:
    """Lines as they stand; of one with more than `longest` bytes that many and one, and its rest is passed over."""
    while raw := stream.readline(longest + 1):
        rest = raw
        while len(raw) > longest and rest and not rest.endswith(b"\n"):
            rest = stream.readline(BLOCK)
        yield raw


def too_long(most: str = "line_bytes") -> str:
    """What is wrong with a line of more bytes than a limit."""
    return f"a line of more than {limit(most):,} bytes"


def check_readable(file: str) -> bytes:
    """The first bytes of a file; raises HeedfulError if there are none, or none that we may read."""
    path = Path(file)
    check_exists(path)
    if path.is_dir():
        raise HeedfulError(f"{file} is a folder, and a file is needed.")
    try:
        with path.open("rb") as stream:
            start = stream.read(LOOK)
    except OSError as error:
        raise HeedfulError(f"{file} cannot be read: {error.strerror}.") from None
    if not start:
        raise HeedfulError(f"{file} is empty.", "It needs one row per line.")
    return start


def check_exists(path: Path) -> None:
    """Raises HeedfulError for data that are not there, or stand in a pipe or device: to open one may wait for ever."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise missing_file(path) from None
    except OSError as error:
        raise HeedfulError(f"{path} cannot be read: {error.strerror}.") from None
    kind = next((name for is_kind, name in STREAMS if is_kind(mode)), "")
    if kind:
        cure = "Save what comes out of it to a file first, and name that."
        raise HeedfulError(f"{path} is a {kind}, and data are read more than once.", cure)


def start_of(file: str) -> bytes:
    """The first bytes of a file's content, unpacked; raises HeedfulError as `check_readable` does."""
    check_readable(file)
    with opened(file) as stream:
        start = stream.read(LOOK)
    if not start:
        raise HeedfulError(f"{file} is empty.", "It needs one row per line.")
    return start


def ends_with_newline(file: str) -> bool:
    """Whether the last line of a text is ended."""
    last = b""
    with opened(file) as stream:
        while block := stream.read(BLOCK):
            last = block[-1:]
    return last == b"\n"


def check_utf8(file: str) -> None:
    """Raises HeedfulError if a file is in UTF-16 or UTF-32, by its mark or its zeros."""
    start = start_of(file)
    foreign = next((name for mark, name in FOREIGN if start.startswith(mark)), None)
    if foreign is None and start.count(0) > len(start) // 4:
        # Text of Western scripts in UTF-16 or UTF-32 without a mark: every second byte, or three of four, is zero.
        foreign = "UTF-32" if start.count(0) > len(start) * 5 // 8 else "UTF-16"
    if foreign:
        path = Path(file)
        converted = shlex.quote(f"{path.stem}.utf8{path.suffix}")
        cure = f"Convert it: iconv -f {foreign} -t UTF-8 {shlex.quote(file)} > {converted}"
        raise HeedfulError(f"{file} line 1 column 1: this is {foreign} (or no text at all), and UTF-8 is needed.", cure)


def encoding_notes(file: str) -> list[str]:
    """What is unusual, but accepted, about how a text file is written: a byte order mark, CRLF line ends."""
    start = start_of(file)
    notes = []
    if start.startswith(codecs.BOM_UTF8):
        notes.append(f"{file} begins with a byte order mark; it is passed over")
    if b"\r\n" in start:
        notes.append(f"{file} has Windows line ends (CRLF); they are read as plain ones")
    return notes


def problem_of(text: str) -> str | None:
    """Why no tokenizer could take this text (NUL, a lone surrogate), with its column; None if one can."""
    if "\0" in text:
        return f"column {text.index(chr(0)) + 1}: a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        return f"column {error.start + 1}: a lone surrogate (U+{code:04X}), half of a character"
    return None


def undecodable_line(where: str, raw: bytes, error: UnicodeDecodeError) -> BadRow:
    """The bad row for bytes that are not UTF-8: names the column, counted in characters."""
    column = len(raw[: error.start].decode()) + 1
    byte = raw[error.start]
    surrogate = byte == 0xED and raw[error.start + 1 : error.start + 2] >= b"\xa0"
    detail = "a lone surrogate, half of a character" if surrogate else f"byte 0x{byte:02X} is not UTF-8"
    # Latin-1 has only control characters where Windows has quotes and dashes, and is the same elsewhere.
    cure = "" if surrogate else "If the whole file is in the Western code of Windows: " + ICONV
    return BadRow(where, f"column {column}: {detail}", raw[: 4 * MAX_QUOTED].decode(errors="backslashreplace"), cure)


def missing_file(path: Path) -> HeedfulError:
    """The error for a file that is not there, with the nearest name in its folder."""
    folder = path.parent
    names = [sibling.name for sibling in islice(folder.iterdir(), NAMES)] if folder.is_dir() else []
    match = nearest(path.name, names)
    cure = f"Did you mean {shlex.quote(str(folder / match))}?" if match else ""
    return HeedfulError(f"There is no file {shlex.quote(str(path))}.", cure)
