"""How much is read of a file at most: what stands in one may be hostile. A limit is checked before memory is used.

An environment variable sets one anew, for a command or a session: HEEDFUL_LIMIT_LINE_BYTES=100000000 heedful train …
"""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from heedful.errors import HeedfulError, quote, unknown

PREFIX = "HEEDFUL_LIMIT_"


@dataclass(frozen=True)
class Limit:
    """The most that is read of one thing, unless a person sets it anew, and which thing that is."""

    default: int
    unit: str
    holds_for: str


LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "picture_pixels": Limit(120_000_000, "pixels", "PNG, TIFF, BMP, GIF, PPM, told by the header"),
        "webp_pixels": Limit(40_000_000, "pixels", "WebP, whose decoder holds four copies"),
        "jpeg_pixels": Limit(200_000_000, "pixels", "JPEG as telephones make them, decoded at a reduced size"),
        "progressive_bytes": Limit(700_000_000, "bytes", "the coefficients of a progressive JPEG, held all at once"),
        "pictures_bytes": Limit(400_000_000, "bytes", "the arrays of an .npz file, unpacked, and frames as .npy"),
        "unpacked_bytes": Limit(2**30, "bytes", "a compressed Parquet file, workbook, array or video, unpacked"),
        "frames": Limit(100_000, "frames", "a video, a folder of frames, frames as .npy; an hour of film has 90,000"),
        "frame_pixels": Limit(36_000_000, "pixels", "one frame of a video or an .npy (8K is 35,389,440)"),
        "video_seconds": Limit(4 * 3600, "seconds", "a video"),
        "series_numbers": Limit(1_000_000, "numbers", "a series as .npy, told by the header"),
        "line_bytes": Limit(
            2**25, "bytes", "a line of a table, a cell, an object of a JSON list, a line that is asked"
        ),
        "row_cells": Limit(100_000, "columns", "a row of a table"),
        "document_bytes": Limit(2**28, "bytes", "a line of a text file that is one document"),
        "group_bytes": Limit(2**28, "bytes", "a row group of Parquet, unpacked"),
        "sheet_bytes": Limit(2**28, "bytes", "the texts of an .xlsx, unpacked"),
        "annotations_bytes": Limit(2**28, "bytes", "captions as COCO or Karpathy has them, in one JSON file"),
        "annotations_values": Limit(12_000_000, "values", "the same: objects three, all else one"),
        "recipe_bytes": Limit(2_000_000, "bytes", "a recipe (TOML)"),
        "settings_bytes": Limit(2**25, "bytes", "config.json and other settings of a model or a run"),
        "vocabulary_bytes": Limit(2**27, "bytes", "a tokenizer.json or another vocabulary"),
    }
)


def limit(name: str) -> int:
    """A limit of `LIMITS`, as the environment sets it or as it stands there.

    Raises HeedfulError for a variable that is no whole number, or whose name is no limit's.
    """
    check_names()
    variable = PREFIX + name.upper()
    text = os.environ.get(variable)
    if text is None:
        return LIMITS[name].default
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 19):
        cure = f"As {variable}={2 * LIMITS[name].default}, in {LIMITS[name].unit}."
        raise HeedfulError(f"{variable} is {quote(text)}, and no whole number of {LIMITS[name].unit}.", cure)
    return int(text)


def limit_of_file(name: str, path: Path | str, per_byte: float) -> int:
    """The limit, or what a file of more bytes may hold; holes and what is packed have none."""
    return max(limit(name), int(bytes_written(path) * per_byte))


def bytes_written(path: Path | str) -> int:
    """The bytes of a file that are no hole in it; a disk that compresses may hold them in fewer."""
    end, written = 0, 0
    with open(path, "rb") as stream:
        while True:
            try:
                begin = os.lseek(stream.fileno(), end, os.SEEK_DATA)
                end = os.lseek(stream.fileno(), begin, os.SEEK_HOLE)
            except OSError as error:  # behind the last of them, or where the disk cannot tell
                return written if error.errno == errno.ENXIO else os.fstat(stream.fileno()).st_size
            written += end - begin


@cache
def check_names() -> None:
    """Raises HeedfulError for a variable that would be the limit of nothing."""
    for variable in os.environ:
        name = variable.removeprefix(PREFIX)
        if name != variable and name.lower() not in LIMITS:
            raise unknown("limit", variable, [PREFIX + known.upper() for known in LIMITS])


def beyond(name: str, problem: str, cure: str = "", found: int = 0) -> HeedfulError:
    """The error for what a limit refuses, which tells how to raise it, to what was found if that is known."""
    way = f"aise the limit, if you know where it comes from: {way_out(name, found)}"
    return HeedfulError(problem, f"{cure}\nOr r{way}" if cure else f"R{way}")


def way_out(name: str, found: int = 0) -> str:
    """What stands before a command that reads more."""
    return f"{PREFIX}{name.upper()}={max(found, 2 * limit(name))}"
