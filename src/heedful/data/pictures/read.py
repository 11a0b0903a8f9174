"""One picture from anywhere, as bytes of one form: a file, a row of an .npz file, a picture of a sample.

H W sides in pixels   C colours: 3, or 1 for gray
"""

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from heedful.data.pictures import arrays as picture_arrays
from heedful.data.pictures.files import ENDINGS, UNSUPPORTED, conversion, has_heif, is_unsupported
from heedful.data.pictures.modes import gray_palette, orientation, scaling_of, to_mode, upright
from heedful.data.pictures.parquet import in_parquet, stored_bytes
from heedful.data.pictures.resizing import Resizing
from heedful.data.readers.lines import LOOK, check_readable
from heedful.data.readers.opening import ENDING
from heedful.data.samples import pictures as picture_samples
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit
from heedful.types_of_values import check_record

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
JPEG = ("JPEG", "MPO")
PIXEL_LIMITS = {"JPEG": "jpeg_pixels", "MPO": "jpeg_pixels", "WEBP": "webp_pixels"}
COEFFICIENT = 2  # bytes of one, in a JPEG of several passes
SMALLEST, LARGEST = 4, 1024  # sides in pixels that are allowed
PREVIEW_SIDE = 64  # side in pixels at which a sample that is drawn at any is looked at
GRAY = ("1", "L", "LA", "La", "I", "F")
ANIMATED = ("GIF", "WEBP", "PNG")
OF_PICTURES = frozenset((*ENDINGS, *UNSUPPORTED))
LONGEST_ENDING = max(map(len, OF_PICTURES))
FIRST_FRAME = "of {} the first frame is taken"
FOREIGN = {
    b"<svg": "SVG (lines, not pixels)",
    b"<?xml": "SVG or XML (not pixels)",
    b"<!doc": "a web page",
    b"<html": "a web page",
    b"%pdf": "PDF",
}


@dataclass(frozen=True)
class Form:
    """What every picture of a run is made to be: a square of bytes, (size, size, C)."""

    size: int
    colours: Literal["rgb", "gray"]
    fit: Literal["crop", "pad", "stretch"] = "crop"
    resizing: Resizing | None = None
    """In place of `fit`, for a network that was published with another."""

    @property
    def channels(self) -> int:
        """C."""
        return 1 if self.colours == "gray" else 3

    @property
    def mode(self) -> str:
        """As Pillow calls it."""
        return "L" if self.colours == "gray" else "RGB"

    def __str__(self) -> str:
        return f"{self.size}×{self.size} {'gray' if self.colours == 'gray' else 'in colour'}"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @staticmethod
    def parse(plain: dict[str, Any]) -> "Form":
        """The form that `plain` described.

        >>> Form.parse(Form(28, "gray").plain())
        Form(size=28, colours='gray', fit='crop', resizing=None)
        """
        resizing = plain.get("resizing")
        form = Form(plain["size"], plain["colours"], plain["fit"], Resizing.parse(resizing) if resizing else None)
        check_record(form)
        if form.size < 1:
            raise HeedfulError(f"A picture cannot have a side of {form.size}.")
        return form


def is_picture(reference: str) -> bool:
    """Whether a text is a reference to a picture, which may be one that cannot be read, judged by how it is written.

    >>> is_picture("photos/cat/1.JPG"), is_picture("IMG_1.HEIC"), is_picture("digits.npz#17"), is_picture("a cat.")
    (True, True, True, False)
    """
    if reference.startswith("sample://"):
        return picture_samples.is_sample(reference)
    if "#" not in reference and "." not in reference[-LONGEST_ENDING:]:
        return False  # most texts, of which there may be millions
    return Path(reference).suffix.lower() in OF_PICTURES or container_of(reference) is not None


def read_picture(reference: str, form: Form) -> np.ndarray:
    """The picture as (H, W, C) bytes; raises HeedfulError, with what is wrong and where, if it cannot be read.

    References: a path, `file.npz#17` (rows from 0), `file.parquet#image#17`, `sample://mnist/test#17`. A picture is
    turned as its EXIF says, whole levels of more than 8 bits are scaled by the highest of the picture (to 255: as they
    are; to 4,095: 12 bits; else 16), what is transparent is white; of an animation the first frame counts.
    """
    return decode(reference, form)[0]


def read_pictures(references: Sequence[str], form: Form) -> np.ndarray:
    """Pictures as (N, H, W, C) bytes; raises HeedfulError as `read_picture` does."""
    pixels = np.empty((len(references), form.size, form.size, form.channels), np.uint8)
    for index, reference in enumerate(references):
        pixels[index] = read_picture(reference, form)
    return pixels


def header(reference: str) -> tuple[int, int, bool]:
    """Width, height, and whether it is gray, without decoding it; raises HeedfulError if it cannot be read."""
    array = from_arrays(reference, PREVIEW_SIDE)
    if array is not None:
        height, width, channels = array.shape
        return width, height, channels == 1
    with open_image(reference) as image:
        width, height = image.size
        # A PNG may tell its orientation behind its pixels; then this would decode it.
        if "exif" in image.info and orientation(image) >= 5:
            width, height = height, width
        try:
            return width, height, image.mode in GRAY or image.mode.startswith("I;16") or gray_palette(image)
        except Exception as error:  # the palette of an animation stands behind the beginning of its pixels
            raise damage_error(reference, error) from None


def decode(reference: str, form: Form) -> tuple[np.ndarray, str]:
    """The picture as `read_picture` gives it, and what is odd about it: FIRST_FRAME, SCALED_8, SCALED_12 or ""."""
    array = from_arrays(reference, form.size)
    if array is not None:
        if array.shape == (form.size, form.size, form.channels) and not form.resizing:
            return array.copy(), ""
        image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
        return as_array(fit_square(to_mode(image, form.mode), form)), ""
    with open_image(reference) as image:
        try:
            if image.format in JPEG and not form.resizing:
                image.draft(form.mode, (2 * form.size, 2 * form.size))  # large ones are decoded small
            image.load()
            pixels = as_array(fit_square(to_mode(upright(image), form.mode), form))
            is_animated = image.format in ANIMATED and getattr(image, "is_animated", False)
            return pixels, FIRST_FRAME if is_animated else scaling_of(image)
        except HeedfulError as error:
            raise HeedfulError(f"{reference} {error.problem}", error.cure) from None
        except Exception as error:
            # Pillow's decoders raise a dozen kinds on spoilt files, and each says in words what it met.
            raise damage_error(reference, error) from None


def damage_error(reference: str, error: Exception) -> HeedfulError:
    """The error for pixels that do not come out of a file."""
    return HeedfulError(f"{reference} is cut off or damaged: {error}.", "Save or copy it again.")


def from_arrays(reference: str, side: int) -> np.ndarray | None:
    """The picture (H, W, C) if it stands in an array or a sample, whose drawings are made for that side; else None."""
    if reference.startswith("sample://"):
        return picture_samples.picture(reference, side)
    array_row = in_npz(reference)
    return picture_arrays.stored_picture(*array_row) if array_row else None


def in_npz(reference: str) -> tuple[str, int] | None:
    """File and number of a reference such as `digits.npz#17`."""
    match = re.fullmatch(rf"(.*\.npz{ENDING})#(\d+)", reference, re.IGNORECASE)
    return (match[1], int(match[2])) if match else None


def container_of(reference: str) -> str | None:
    """The file that holds several pictures, this one among them; None for a picture that is a file itself."""
    place = in_npz(reference) or in_parquet(reference)
    return place[0] if place else None


def open_file(reference: str) -> tuple[str | BytesIO, bytes]:
    """What Pillow reads of a picture, a path or bytes, and its first bytes; raises HeedfulError if there is none."""
    place = in_parquet(reference)
    content = stored_bytes(*place) if place else reference
    if isinstance(content, bytes):
        return BytesIO(content), content[:LOOK]
    if os.path.isfile(content) and not os.path.getsize(content):  # a text that is no name of a file is none
        raise HeedfulError(f"{content} is empty, and no picture.")
    return content, check_readable(content)


@contextmanager
def open_image(file: str) -> Iterator[Image.Image]:
    """A picture's file, its header read and its size allowed; no warning of Pillow's gets out."""
    source, start = open_file(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = open_header(source, start)
        except Exception:
            # Beside its own, Pillow lets a dozen kinds through from headers that are made up.
            cure = f"Known are {', '.join(FORMATS)}" + (f": {conversion(file)}." if is_unsupported(file) else ".")
            raise HeedfulError(f"{file} {describe_foreign(start)}", cure) from None
        with image:
            check_pixels(file, image)
            check_progressive(file, image)
            yield image


def open_header(source: str | BytesIO, start: bytes) -> Image.Image:
    """A picture whose header is read; of how many pixels it may have, we decide and not Pillow."""
    pillow_limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        if start[4:8] == b"ftyp" and has_heif():
            import pillow_heif

            pillow_heif.register_heif_opener(thumbnails=False)
            return Image.open(source, formats=("HEIF", "AVIF"))
        return Image.open(source, formats=FORMATS)
    finally:
        Image.MAX_IMAGE_PIXELS = pillow_limit


def check_progressive(file: str, image: Image.Image) -> None:
    """Raises HeedfulError for a JPEG whose coefficients, which it has in several passes, are too many to be held."""
    if image.format not in JPEG or not image.info.get("progressive"):
        return
    layers: Sequence[tuple[int, int, int, int]] = getattr(image, "layer", ())
    across, down = (max((layer[axis] for layer in layers), default=1) for axis in (1, 2))
    share = sum(layer[1] * layer[2] for layer in layers) / (across * down)
    size, most = int(COEFFICIENT * image.width * image.height * share), limit("progressive_bytes")
    if size > most:
        problem = f"{file} is a progressive JPEG with {size:,} bytes of coefficients, and at most {most:,} are decoded."
        raise beyond("progressive_bytes", problem, "Save it as a baseline JPEG, or smaller.", size)


def check_pixels(file: str, image: Image.Image) -> None:
    """Raises HeedfulError for more pixels than are decoded."""
    pixels, name = image.width * image.height, PIXEL_LIMITS.get(image.format or "", "picture_pixels")
    most = limit(name)
    if image.format == "TIFF" and orientation(image) > 1:
        most = most * 3 // 4  # it is turned while it is decoded, and held twice
    if pixels > most:
        problem = f"{file} has {pixels:,} pixels, and at most {most:,} are decoded."
        cure = "Such a file may be a decompression bomb; if it is a picture, shrink it first."
        raise beyond(name, problem, cure)


def describe_foreign(start: bytes) -> str:
    """What a file is that is no picture of ours, by its first bytes."""
    if start[4:8] == b"ftyp":
        return "is HEIC, AVIF or a video, and no picture that can be read."
    beginning = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:5].lower()
    name = next((name for mark, name in FOREIGN.items() if beginning.startswith(mark)), "")
    return f"is {name}, and no picture that can be read." if name else "is no picture that can be read."


def fit_square(image: Image.Image, form: Form) -> Image.Image:
    """The picture as a square: its middle, or all of it on white, or all of it stretched."""
    width, height = image.size
    side = form.size
    if form.resizing:
        return form.resizing.square(image, side)
    if form.fit == "crop":
        crop_side = min(width, height)
        left, top = (width - crop_side) // 2, (height - crop_side) // 2
        return resize(image, (side, side), (left, top, left + crop_side, top + crop_side))
    if form.fit == "stretch" or width == height:
        return resize(image, (side, side), (0, 0, width, height))
    scale = side / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = Image.new(image.mode, (side, side), "white")
    canvas.paste(resize(image, inner, (0, 0, width, height)), ((side - inner[0]) // 2, (side - inner[1]) // 2))
    return canvas


def resize(image: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    """The part of the picture in the box, at that size.

    Smaller by Lanczos, which keeps edges. Larger by areas: pixels become blocks, and no level is made up that was
    not there; a network gains nothing from guesses between pixels.
    """
    box_size = box[2] - box[0], box[3] - box[1]
    if box_size == size:
        return image.crop(box)
    if box_size[0] > size[0] or box_size[1] > size[1]:
        return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    return image.resize(size, Image.Resampling.BOX, box=box)


def as_array(image: Image.Image) -> np.ndarray:
    """Pixels (H, W, C)."""
    return np.array(image).reshape(image.height, image.width, -1)
