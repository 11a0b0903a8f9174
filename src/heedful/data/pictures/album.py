"""The pictures of a run in one file, each decoded once and read through a memory map ever after.

N pictures asked for   M pictures stored   H W sides in pixels   C colours
"""

import json
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from heedful.data.folders import write_json
from heedful.data.pictures.read import FIRST_FRAME, Form, container_of, decode
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError, size_of

PIXELS, INDEX = "pictures.npy", "pictures.json"
CHUNK = 4096
SMALLEST_STD = 1 / 255  # of a standard deviation that is divided by


class AlbumWriter:
    """Decodes pictures into a new album in `folder`; only `close` makes it one that can be opened.

    Pictures of equal pixels are one picture, and have one reference: that of the first of them.
    """

    def __init__(self, folder: Path, form: Form) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.form = folder, form
        self.numbers: dict[str, int] = {}
        self.stamps: dict[str, list[int] | None] = {}
        self.errors: dict[str, HeedfulError] = {}
        self.digests: dict[bytes, int] = {}
        self.contents: list[bytes] = []
        self.names: list[str] = []
        self.remarks = Counter[str]()
        self.stream = (folder / PIXELS).open("wb")
        self.header()

    def add(self, reference: str) -> str:
        """Takes in a picture, if it is new, and gives the reference of the first one with these pixels.

        Raises HeedfulError for a picture that cannot be read. Once closed, knows those that were added before.
        """
        if reference in self.numbers:
            return self.names[self.numbers[reference]]
        if reference in self.errors:
            raise self.errors[reference]
        assert not self.stream.closed, reference
        self.stamps[reference] = stamp_of_file(reference)
        try:
            pixels, remark = decode(reference, self.form)
        except HeedfulError as error:
            self.errors[reference] = error
            raise
        self.remarks[remark] += 1
        number = self.digests.setdefault(digest_of_pixels(pixels), len(self.names))
        if number == len(self.names):
            self.names.append(reference)
            self.stream.write(pixels.tobytes())
        self.numbers[reference] = number
        return self.names[number]

    def content(self, reference: str) -> bytes:
        """By what a picture that was added is told apart."""
        if len(self.contents) < len(self.digests):
            self.contents = list(self.digests)
        return self.contents[self.numbers[reference]]

    def close(self) -> str:
        """Finishes the files; a note about what is in them."""
        self.stream.seek(0)
        self.header()
        self.stream.close()
        write_json(self.folder / INDEX, {"form": self.form.plain(), "references": self.numbers, "marks": self.stamps})
        size = size_of((self.folder / PIXELS).stat().st_size)
        note = f"{count(len(self.names), 'picture')} of {self.form}, {size} on disk"
        duplicates = len(self.numbers) - len(self.names)
        if duplicates:
            note += (
                f"; {duplicates:,} more {'is' if duplicates == 1 else 'are'} identical to one of them, and taken for it"
            )
        for remark, number in self.remarks.items():
            noun = "animation" if remark == FIRST_FRAME else "picture"
            note += f"; {remark.format(count(number, noun))}" if remark else ""
        return note

    def header(self) -> None:
        """That of a .npy file of as many pictures as there are; numpy leaves room for a first axis of any length."""
        form = self.form
        shape = (len(self.names), form.size, form.size, form.channels)
        description = {"descr": npy.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(self.stream, description)


class Album:
    """The pictures of a run, by number or by reference."""

    kind = "pictures"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stored = np.asarray(np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False))
        self.size = len(self.stored)

    def __reduce__(self) -> tuple[type["Album"], tuple[Path]]:
        """Another process opens the map itself, instead of being sent what it maps."""
        return Album, (self.folder,)

    def __repr__(self) -> str:
        return f"Album({str(self.folder)!r})"

    @cached_property
    def index(self) -> dict:
        """The form, and the number of each reference."""
        return json.loads((self.folder / INDEX).read_text(encoding="utf-8"))

    @cached_property
    def form(self) -> Form:
        """How the pictures were read."""
        return Form.parse(self.index["form"])

    def number(self, reference: str) -> int:
        """The picture's number; pictures of equal pixels have one."""
        return self.index["references"][reference]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The number of each reference; every one must have been added."""
        return [[self.number(text)] for text in texts]

    def pixels(self, numbers: np.ndarray | Sequence[int]) -> np.ndarray:
        """The pictures of these numbers, (N, H, W, C) bytes, a copy."""
        return self.stored[np.asarray(numbers, np.int64)]

    def of(self, references: Sequence[str]) -> np.ndarray:
        """The pictures of these references, (N, H, W, C); those that are not here are read from their files.

        A file of the same name that is not the one that was read is another picture. Raises HeedfulError for one that
        cannot be read.
        """
        stored_numbers, stamps = self.index["references"], self.index.get("marks", {})
        numbers = np.array(
            [
                stored_numbers.get(reference, -1) if stamp_of_file(reference) in (None, stamps.get(reference)) else -1
                for reference in references
            ],
            np.int64,
        )
        pixels = self.pixels(np.maximum(numbers, 0))
        for index in np.flatnonzero(numbers < 0).tolist():
            pixels[index] = decode(references[index], self.form)[0]
        return pixels

    def statistics(self, numbers: np.ndarray | Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each colour over these pictures, as fractions of 255; no deviation is 0."""
        numbers = np.asarray(numbers, np.int64)
        histogram = np.zeros((self.stored.shape[-1], 256), np.int64)
        for start in range(0, len(numbers), CHUNK):
            chunk = self.pixels(numbers[start : start + CHUNK])
            histogram += [np.bincount(chunk[..., colour].ravel(), minlength=256) for colour in range(len(histogram))]
        levels = np.arange(256) / 255
        frequencies = histogram / np.maximum(histogram.sum(axis=1, keepdims=True), 1)
        mean = frequencies @ levels
        std = np.sqrt((frequencies * (levels - mean[:, None]) ** 2).sum(axis=1))
        return tuple(mean.tolist()), tuple(np.maximum(std, SMALLEST_STD).tolist())


def digest_of_pixels(pixels: np.ndarray) -> bytes:
    """By what pictures of one form are told apart."""
    return blake2b(pixels.tobytes(), digest_size=16).digest()


def stamp_of_file(reference: str) -> list[int] | None:
    """Size and time of change of the file that a reference names; None where there is none."""
    try:
        status = Path(container_of(reference) or reference).stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]
