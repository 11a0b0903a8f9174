"""How a published network wants its pictures: what its file says is done to them, in that order."""

from dataclasses import dataclass
from typing import Any

from PIL import Image

from heedful.errors import HeedfulError
from heedful.types_of_values import check_record


@dataclass(frozen=True)
class Resizing:
    """The shorter side, or both (height, width), resized by one of Pillow's ways; the middle cut out."""

    shorter: int | None
    sides: tuple[int, int] | None
    crop: tuple[int, int] | None
    resample: int

    def square(self, image: Image.Image, side: int) -> Image.Image:
        """The picture; raises HeedfulError if it is no square of this side then, since nothing makes it one."""
        picture = self(image)
        if picture.size != (side, side):
            problem = (
                f"has {image.width} × {image.height} pixels, and its network reads {side} × {side} and resizes none."
            )
            raise HeedfulError(problem, "Resize it first.")
        return picture

    def __call__(self, image: Image.Image) -> Image.Image:
        """The picture as its network reads it."""
        width, height = image.size
        if self.sides is not None:
            new_height, new_width = self.sides
            image = image.resize((new_width, new_height), Image.Resampling(self.resample))
        elif self.shorter is not None:
            short, long = sorted((width, height))
            longer = int(self.shorter * long / short)
            size = (self.shorter, longer) if width <= height else (longer, self.shorter)
            image = image.resize(size, Image.Resampling(self.resample))
        if self.crop is not None:
            top, left = ((side - crop_side) // 2 for side, crop_side in zip(image.size[::-1], self.crop, strict=True))
            image = image.crop((left, top, left + self.crop[1], top + self.crop[0]))
        return image

    def scale(self, factor: float) -> "Resizing":
        """The same for a network that reads larger or smaller pictures."""
        shorter = None if self.shorter is None else round(self.shorter * factor)
        sides, crop = (
            (round(size[0] * factor), round(size[1] * factor)) if size else None for size in (self.sides, self.crop)
        )
        return Resizing(shorter, sides, crop, self.resample)

    @staticmethod
    def parse(plain: dict[str, Any]) -> "Resizing":
        """What a dictionary of the fields described."""
        sides, crop = (plain[key] and tuple(plain[key]) for key in ("sides", "crop"))
        resizing = Resizing(plain["shorter"], sides, crop, plain["resample"])
        check_record(resizing)
        return resizing
