"""A decoded picture as bytes in gray or in colour: turned, on white, of more levels scaled; large ones in strips.

Copies of a picture would not fit beside it: what is large is treated some rows at a time, or at a quarter of its sides.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from heedful.data.pictures import arrays as picture_arrays
from heedful.errors import HeedfulError

ORIENTATION = 0x0112  # of EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture is turned by its orientation in EXIF."""
STRIP = 256  # rows that are copied together, a multiple of four
COMPOSED = 60_000_000  # pixels of a transparent picture, or of whole levels, above which a quarter of its sides is used
SCALED_8 = "levels to 255 in 16 or 32 bits are taken as they are in {}"
SCALED_12 = "levels to 4,095 are scaled as 12 bits in {}"


def orientation(image: Image.Image) -> int:
    """How the picture was held, 1 to 8; 1, upright, where EXIF is missing or spoilt."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # spoilt EXIF raises whatever its bytes lead to, and is no reason to refuse the picture
        return 1
    return value if value in range(1, 9) else 1


def upright(image: Image.Image) -> Image.Image:
    """The picture as it was held; of a very large one a quarter of the sides, since it is held twice."""
    method = TURNS.get(orientation(image))
    if method is None:
        return image
    return (quarter(image) if is_huge(image) else image).transpose(method)


def is_huge(image: Image.Image) -> bool:
    """Whether a copy of a picture in colour would not fit beside it."""
    return image.width * image.height > COMPOSED and len(image.getbands()) > 2


def gray_palette(image: Image.Image) -> bool:
    """Whether a palette has grays alone."""
    palette = image.getpalette("RGB") if image.mode == "P" else None
    return bool(palette) and palette[0::3] == palette[1::3] == palette[2::3]


def to_mode(image: Image.Image, mode: str) -> Image.Image:
    """The picture in mode L or RGB: more than 8 bits scaled down, what is transparent white."""
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(levels(image))
        if image.width * image.height > COMPOSED:
            image = image.reduce(4)
    elif image.has_transparency_data:
        picture = image if image.mode == "RGBA" else image.convert("RGBA")
        image = on_white(quarter(picture) if is_huge(picture) else picture)
    if image.mode not in (mode, "RGB"):
        image = (quarter(image) if is_huge(image) else image).convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def on_white(picture: Image.Image) -> Image.Image:
    """A transparent picture (RGBA) on white."""
    image = Image.new("RGB", picture.size)
    for top, strip in strips(picture):
        image.paste(Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB"), (0, top))
    return image


def strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """A picture in parts of so many whole rows, each with its first: a copy of all would not fit beside it."""
    for top in range(0, image.height, STRIP):
        yield top, image.crop((0, top, image.width, min(top + STRIP, image.height)))


def quarter(image: Image.Image) -> Image.Image:
    """A picture at a quarter of its sides, as `reduce` makes it."""
    small = Image.new(image.mode, (-(-image.width // 4), -(-image.height // 4)))
    for top, strip in strips(image):
        small.paste(strip.reduce(4), (0, top // 4))
    return small


def levels(image: Image.Image) -> np.ndarray:
    """Whole gray levels or fractions as bytes; raises HeedfulError where their scale cannot be known."""
    try:
        low, high = extremes(image)
        is_whole = image.mode != "F" and low >= 0 and high <= 65535
        top = picture_arrays.top_level(high) if is_whole else 0
        pixels = np.empty((image.height, image.width), np.uint8)
        for row, strip in strips(image):
            values = np.asarray(strip)
            if is_whole:
                pixels[row : row + len(values)] = (values.astype(np.int64) * 255 + top // 2) // top
            else:
                pixels[row : row + len(values)] = picture_arrays.as_bytes(values, "", (low, high))
        return pixels
    except HeedfulError as error:
        raise HeedfulError(error.problem.strip(), "Save it with 8 or 16 bits per channel.") from None


def extremes(image: Image.Image) -> tuple[float, float]:
    """The lowest and the highest level; NaN where one is."""
    ends = [(values.min(), values.max()) for values in (np.asarray(strip) for _, strip in strips(image))]
    low, high = np.array(ends).T
    return float(low.min()), float(high.max())


def scaling_of(image: Image.Image) -> str:
    """What is said of a picture of whole numbers in 16 or 32 bits that uses 8 or 12 of them."""
    if not image.mode.startswith("I"):
        return ""
    return {255: SCALED_8, 4095: SCALED_12}.get(picture_arrays.top_level(extremes(image)[1]), "")
