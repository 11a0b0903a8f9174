"""Pictures as PNG files."""

import io

import numpy as np
from PIL import Image


def png(pixels: np.ndarray) -> bytes:
    """A picture (H, W, C) or (H, W) as a PNG file."""
    return as_png(Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels))


def as_png(image: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()
