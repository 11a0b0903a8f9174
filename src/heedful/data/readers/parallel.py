"""Two files side by side: line n of one belongs to line n of the other."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from heedful.data.readers.lines import read_lines
from heedful.data.readers.rows import BadRow, TextRow, count
from heedful.errors import HeedfulError


def read_parallel(files: Sequence[str]) -> Iterator[TextRow | BadRow]:
    """Line n of one file belongs to line n of the next; several such twins may follow one another."""
    if len(files) % 2:
        raise HeedfulError(
            f"data.format=parallel needs a source file and a target file, and {count(len(files), 'file')} came: "
            f"{', '.join(files)}.",
            "Write both, source first: data.train=train.en,train.de",
        )
    for source, target in zip(files[::2], files[1::2], strict=True):
        yield from read_twins(source, target)


def read_twins(source: str, target: str) -> Iterator[TextRow | BadRow]:
    """Two files side by side; raises HeedfulError at the end of the shorter, naming both counts."""
    for source_line, target_line in zip_longest(source_lines := read_lines(source), target_lines := read_lines(target)):
        if source_line is None or target_line is None:
            longest = (
                (source_line or target_line or (0, ""))[0] + sum(1 for _ in source_lines) + sum(1 for _ in target_lines)
            )
            shortest = (source_line or target_line or (0, ""))[0] - 1
            counts = (longest, shortest) if target_line is None else (shortest, longest)
            raise HeedfulError(
                f"{source} has {count(counts[0], 'line')} and {target} has {counts[1]:,}: they are not parallel.",
                "Line n of one must be the translation of line n of the other.",
            )
        (number, source_text), (_, target_text) = source_line, target_line
        if isinstance(source_text, BadRow):
            yield source_text
        elif isinstance(target_text, BadRow):
            yield target_text
        else:
            yield TextRow({"source": source_text, "target": target_text}, source, number)
