"""JSON: an object a line, or a list of objects, read one at a time."""

import io
import json
import re
from collections.abc import Iterator

from heedful.data.pictures.karpathy import read_karpathy
from heedful.data.pictures.splits import path_of
from heedful.data.readers.lines import read_lines, start_of
from heedful.data.readers.opening import opened
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow
from heedful.errors import HeedfulError
from heedful.limits import limit

CHUNK = 2**16  # characters at a time
LIST = re.compile(r'\s*(?:\{\s*"[^"\\]*"\s*:\s*)?\[')
PICTURES = ('"images"', '"annotations"', '"info"', '"licenses"')
BETWEEN = re.compile(r"[\s,]*")
NO_OBJECT = 'not a JSON object such as {"source": "…", "target": "…"}'


def read_jsonl(file: str) -> Iterator[TextRow | BadRow]:
    """An object a line. Nested objects give dotted columns: {"translation": {"en": …}} has translation.en."""
    for number, text in read_lines(file):
        if isinstance(text, BadRow):
            yield text
            continue
        if not text.strip():
            continue
        where = f"{file} line {number}"
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            yield BadRow(where, f"not valid JSON (column {error.colno}: {error.msg})", text)
            continue
        except (RecursionError, ValueError) as error:
            too_deep = isinstance(error, RecursionError)
            yield BadRow(where, "JSON nested too deeply" if too_deep else f"not valid JSON ({error})", text)
            continue
        yield row_of(value, file, number) if isinstance(value, dict) else BadRow(where, NO_OBJECT, text)


def read_json(file: str) -> Iterator[TextRow | BadRow]:
    """A list of objects, alone or as the first value of an object; objects in lines; or pictures as Karpathy has them.

    Raises HeedfulError for a file of another kind.
    """
    path = path_of(file)
    start = start_of(path).decode(errors="ignore").lstrip("\ufeff \t\r\n")
    if holds_pictures(file):
        yield from read_karpathy(file)
    elif LIST.match(start):
        yield from read_list(path)
    elif re.match(r"\{.*\}[ \t\r]*(\n|$)", start) or not re.match(r"\{\s*\n", start + "\n"):
        yield from read_jsonl(path)
    else:
        example = 'As [{"source": "…", "target": "…"}, …], or an object a line (.jsonl).'
        raise HeedfulError(f"{path} holds no list of JSON objects.", example)


def holds_pictures(file: str) -> bool:
    """Whether a file begins as those of Karpathy and COCO, or its name asks for a split of one."""
    path = path_of(file)
    start = start_of(path).decode(errors="ignore").lstrip("\ufeff \t\r\n")
    return path != file or (start.startswith("{") and any(name in start for name in PICTURES))


def read_list(file: str) -> Iterator[TextRow | BadRow]:
    """The objects of a list, each with the line that it begins in."""
    decoder = json.JSONDecoder()
    with opened(file) as stream:
        source = io.TextIOWrapper(stream, encoding="utf-8-sig")
        buffer = read_text(file, source, 1, CHUNK)
        begin = LIST.match(buffer)
        assert begin, "a list begins there"
        place, line = begin.end(), 1 + buffer.count("\n", 0, begin.end())
        while True:
            gap = BETWEEN.match(buffer, place)
            assert gap, "it may be of no character"
            line, place = line + buffer.count("\n", place, gap.end()), gap.end()
            if buffer[place : place + 1] == "]":
                return
            try:
                value, end = decoder.raw_decode(buffer, place)
            except (ValueError, RecursionError) as error:
                rest = buffer[place:]
                more = read_text(file, source, line, max(CHUNK, len(rest)))
                if not more or len(rest) > limit("line_bytes") or isinstance(error, RecursionError):
                    raise spoilt(file, line, rest, error) from None
                buffer, place = rest + more, 0
                continue
            where, text = f"{file} line {line}", buffer[place:end]
            yield row_of(value, file, line) if isinstance(value, dict) else BadRow(where, NO_OBJECT, text)
            line, place = line + buffer.count("\n", place, end), end


def read_text(file: str, source: io.TextIOWrapper, line: int, size: int) -> str:
    """The next characters; raises HeedfulError if they are not UTF-8."""
    try:
        return source.read(size)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise HeedfulError(f"{file} line {line} or below: byte 0x{byte:02X} is not UTF-8.") from None


def spoilt(file: str, line: int, rest: str, error: Exception) -> HeedfulError:
    """The error for what no object can be read from."""
    if isinstance(error, json.JSONDecodeError):
        at = line + rest.count("\n", 0, error.pos) if rest else line
        problem = "the list is not closed" if not rest.strip() else f"not valid JSON ({error.msg})"
        return HeedfulError(f"{file} line {at}: {problem}.", "Mend the file: what follows cannot be read.")
    problem = "JSON nested too deeply" if isinstance(error, RecursionError) else f"not valid JSON ({error})"
    return HeedfulError(f"{file} line {line}: {problem}.", "Mend the file: what follows cannot be read.")
