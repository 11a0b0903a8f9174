"""Where answers go: standard output, a pipe or a device as it is, or a file that is replaced only by a whole one."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO, cast

from heedful.errors import HeedfulError

DEVICES = ("/dev/", "/proc/")
"""Below these no file takes the place of another: /dev/stdout may be a file to which the shell appends."""


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """What answers are written to; names that are not UTF-8 are written as the bytes that they are.

    A file is written beside the old one, `NAME.part`, and takes its place at the end. What was written before a failure
    stays there, and is said. Raises HeedfulError for a folder.
    """
    if path is None:
        yield sys.stdout
    elif path.is_dir():
        raise HeedfulError(
            f"{path} is a folder, and answers are written to a file.", f"As -o {shlex.quote(str(path / 'answers.tsv'))}"
        )
    elif str(path.absolute()).startswith(DEVICES) or (path.exists() and not path.is_file()):
        with open_text(path, "a") as stream:  # what a shell has redirected to holds what was written before
            yield stream
    else:
        target = path.resolve()
        part = target.with_name(f"{target.name}.part")
        try:
            with open_beside(part, path) as stream:
                yield stream
        except BaseException:
            keep_or_remove(part)
            raise
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)


def open_beside(part: Path, path: Path) -> TextIO:
    """The file beside `path` to write lines to; raises HeedfulError that names `path` where there can be none."""
    try:
        return open_text(part)
    except OSError as error:
        raise HeedfulError(f"{path}: {error.strerror}.") from None


def open_text(path: Path, mode: str = "w") -> TextIO:
    """A file to write lines to."""
    return cast(TextIO, path.open(mode, encoding="utf-8", errors="surrogateescape"))


def keep_or_remove(part: Path) -> None:
    """Says where the answers are that were written before a failure; without any there is no file."""
    with suppress(OSError):
        if part.stat().st_size:
            print(f"What was written before is in {part}.", file=sys.stderr)
        else:
            part.unlink()
