"""Pictures in .npz files: one array of pictures, one of labels or texts. Rows are counted from 0, as numpy counts.

pictures   (N, H, W), (N, H, W, C) or (N, C, H, W); fractions to 1, or levels to 255, 4095 or 65535; images, x, …
columns    one text or whole number a row; called labels, y, texts, …; further ones keep their names

N pictures   H W sides in pixels   C colours: 1, 3 or 4
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from heedful.data.readers.lines import check_readable
from heedful.data.readers.rows import TextRow, count
from heedful.data.readers.unpacking import content_path
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit_of_file

PICTURES = ("images", "image", "pictures", "x", "X", "data", "arr_0")
TARGETS = ("labels", "label", "targets", "target", "y", "Y", "texts", "text", "captions", "caption", "names", "arr_1")
COLOURS = (1, 3, 4)
PACKED = 4  # bytes of pictures that a byte of their file may hold, whatever the limit
AT_ONCE = 2**20  # levels that are scaled together
CACHED_FILES = 4  # files in memory at once: train, valid and test, and one more


@dataclass(frozen=True)
class Arrays:
    """What a file holds: pictures (N, H, W, C) as bytes, and N texts by column."""

    pictures: np.ndarray
    columns: dict[str, list[str]]


def read_npz(file: str) -> Iterator[TextRow]:
    """Its rows: source is the reference `file.npz#number`, target the label or text.

    Raises HeedfulError if the file is not what the head of this module says.
    """
    arrays = arrays_of(file)
    for number in range(len(arrays.pictures)):
        columns = {name: texts[number] for name, texts in arrays.columns.items()}
        yield TextRow({"source": f"{file}#{number}", **columns}, file, number)


def stored_picture(file: str, number: int) -> np.ndarray:
    """The picture (H, W, C) of that number; raises HeedfulError if there is none."""
    pictures = arrays_of(file).pictures
    if number >= len(pictures):
        raise HeedfulError(f"{file}#{number}: the file has {count(len(pictures), 'picture')}, the first of them #0.")
    return pictures[number]


def arrays_of(file: str) -> Arrays:
    """A file's arrays, kept in memory while the file stays as it is."""
    check_readable(file)
    status = Path(file).stat()
    return load(file, status.st_mtime_ns, status.st_size)


@lru_cache(CACHED_FILES)
def load(file: str, mtime: int, size: int) -> Arrays:
    """The arrays of a file that was last changed then and has that size."""
    try:
        with content_path(file) as path:
            check_unpacked(file, path)
            archive = np.load(path, allow_pickle=False)
        with archive:
            arrays: dict[str, np.ndarray] = {name: archive[name] for name in archive.files}
    except HeedfulError:
        raise
    except Exception as error:
        # A spoilt archive raises a dozen kinds, from the zip file's to numpy's.
        cure = "Texts are saved as np.array(texts, dtype=str)." if "pickle" in str(error).lower() else ""
        raise HeedfulError(f"{file} is not an .npz file of plain arrays: {error}", cure) from None
    name = next((name for name in PICTURES if name in arrays), None)
    if name is None:
        raise HeedfulError(
            f"{file} has no array of pictures. It holds: {', '.join(arrays) or 'nothing'}.",
            f"Name the array of pictures images, and that of labels or texts labels. Known: {', '.join(PICTURES)}.",
        )
    pictures = as_bytes(as_pictures(arrays.pop(name), f"{file}: {name}"), f"{file}: {name}")
    columns = {key: texts(values) for key, values in arrays.items() if is_column(values, len(pictures))}
    target = next((key for key in TARGETS if key in arrays), None)
    if target is not None and target not in columns:
        shape = f"{arrays[target].dtype} of shape {arrays[target].shape}"
        requirement = f"{len(pictures):,} whole numbers or texts, one a picture"
        raise HeedfulError(f"{file}: {target} is {shape}; needed are {requirement}.")
    return Arrays(pictures, columns if target is None else {"target": columns[target]} | columns)


def check_unpacked(file: str, path: str) -> None:
    """Raises HeedfulError for arrays far larger than their file, opened at that path, which memory may not hold."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    most = limit_of_file("pictures_bytes", file, PACKED)
    if unpacked > most:
        problem = f"{file} has {unpacked:,} bytes unpacked, and at most {most:,} are read."
        raise beyond("pictures_bytes", problem, found=unpacked)


def as_pictures(values: np.ndarray, name: str) -> np.ndarray:
    """The array with its axes in our order (N, H, W, C)."""
    if values.ndim == 3:
        return values[..., None]
    if values.ndim == 4 and values.shape[3] in COLOURS:
        return values
    if values.ndim == 4 and values.shape[1] in COLOURS:
        return values.transpose(0, 2, 3, 1)
    raise HeedfulError(f"{name} has the shape {values.shape}; pictures are (N, H, W), (N, H, W, C) or (N, C, H, W).")


def as_bytes(values: np.ndarray, name: str, ends: tuple[float, float] | None = None) -> np.ndarray:
    """Levels as bytes. Fractions from 0 to 1 and levels of 12 and 16 bits are scaled, levels from 0 to 255 stay.

    `ends` are the lowest and the highest level of the whole of which the values are a part.

    >>> as_bytes(np.array([0, 0.5, 1]), "x").tolist(), as_bytes(np.array([0, 4095]), "x").tolist()
    ([0, 128, 255], [0, 255])
    """
    if values.dtype == np.uint8 or not values.size:
        return values.astype(np.uint8, copy=False)
    if values.dtype.kind not in "biuf":
        raise HeedfulError(f"{name} holds {values.dtype}, and no levels of pictures.")
    low, high = ends or (float(values.min()), float(values.max()))
    if not (low >= 0 and high <= 65535):  # NaN too
        raise HeedfulError(f"{name} has levels from {low:g} to {high:g}; known are 0 to 1, 0 to 255, 0 to 65535.")
    is_integer = values.dtype.kind in "iu"
    scale = 255 / top_level(high) if is_integer else 255 if high <= 1 else 1 if high <= 255 else 1 / 257
    pixels = np.empty(values.shape, np.uint8)
    rows = max(1, AT_ONCE * len(values) // values.size)  # a whole copy in fractions would not fit beside it
    for first in range(0, len(values), rows):
        block = values[first : first + rows].astype(np.float32) * np.float32(scale) + np.float32(0.5)
        pixels[first : first + rows] = block.astype(np.uint8)
    return pixels


def top_level(highest: float) -> int:
    """White, for whole numbers of which this is the highest: that of 8, 12 or 16 bits, the fewest that hold it.

    >>> top_level(200), top_level(256), top_level(5000)
    (255, 4095, 65535)
    """
    return next(top for top in (255, 4095, 65535) if highest <= top)


def is_column(values: np.ndarray, rows: int) -> bool:
    """Whether these are that many texts or whole numbers."""
    return values.shape in ((rows,), (rows, 1)) and values.dtype.kind in "biuUS"


def texts(values: np.ndarray) -> list[str]:
    """A column as texts."""
    entries: list[Any] = values.reshape(-1).tolist()
    return [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in entries]
