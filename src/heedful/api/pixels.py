# pyright: reportUnknownMemberType=false
"""Pictures and arrays that somebody holds in memory, as the files that readers know: PNG and .npy."""

import io
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, ImageOps

from heedful.data.pictures.arrays import as_bytes, as_pictures
from heedful.errors import HeedfulError

KEPT_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Modes of Pillow that a PNG keeps as they are; of others the colours are kept."""


def is_picture_object(value: object) -> bool:
    """Whether this is a picture that Pillow opened, or an encoded one: bytes, or a record of the hub with bytes."""
    return isinstance(value, Image.Image | bytes | bytearray) or picture_record(value) is not None


def picture_record(value: object) -> bytes | str | None:
    """The bytes or path of a record in which `datasets` keeps an encoded picture; None for what is none."""
    if not isinstance(value, dict):
        return None
    record = cast("dict[str, Any]", value)
    return (record["bytes"] or record["path"]) if record.keys() == {"bytes", "path"} else None


def is_array(value: object) -> bool:
    """Whether this is an array or tensor, and no series of a table, nor a single number."""
    if isinstance(value, np.ndarray):
        return True
    is_tensor = hasattr(value, "__array__") and hasattr(value, "ndim") and not hasattr(value, "__array_ufunc__")
    return is_tensor and not isinstance(value, np.generic)


def as_array(value: Any) -> np.ndarray:
    """An array or tensor as numpy has it, wherever it lies."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def write_picture(value: object, file: Path, name: str) -> None:
    """Writes a picture as a PNG; raises HeedfulError, beginning with `name`, for what cannot be one."""
    image = value if isinstance(value, Image.Image) else open_picture(value, name)
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode not in KEPT_MODES:
            image = image if image.mode.startswith(("I", "F")) else image.convert("RGB")
        if image.mode in ("I", "F"):
            image = Image.fromarray(as_bytes(np.asarray(image), name))
        image.save(file, "PNG", compress_level=1)
    except (OSError, ValueError, SyntaxError) as error:
        raise HeedfulError(f"{name} is a picture that cannot be read: {error}.") from None


def open_picture(value: object, name: str) -> Image.Image:
    """The picture in an array (H, W[, C]), or in bytes."""
    value = picture_record(value) or value
    if isinstance(value, bytes | bytearray | str):
        try:
            return Image.open(io.BytesIO(value) if not isinstance(value, str) else value)
        except Exception:  # Pillow lets a dozen kinds through from spoilt files
            raise HeedfulError(f"{name} is bytes that are no picture.", "As of a PNG or JPEG file.") from None
    pixels = as_bytes(as_pictures(as_array(value)[None], name), name)[0]
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def write_array(value: object, file: Path, name: str) -> None:
    """Writes a series or frames as .npy; raises HeedfulError, beginning with `name`, for what holds no numbers."""
    array = as_array(value)
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise HeedfulError(f"{name} is an array of {array.dtype} with {array.ndim} axes, and no series of numbers.")
    np.save(file, array.astype(np.uint8) if array.dtype.kind == "b" else array, allow_pickle=False)
