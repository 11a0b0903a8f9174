"""How pictures are prepared: a preprocessor_config.json as plain data, both ways; `data.resizing` does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heedful.errors import HeedfulError
from heedful.hub.config import Config, is_number

PIXEL = 1 / 255
RESAMPLING = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""Pillow's numbers for resampling filters."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "ViTImageProcessor": {
        "size": {"height": 224, "width": 224},
        "resample": 2,
        "do_center_crop": False,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    },
    "CLIPImageProcessor": {
        "size": {"shortest_edge": 224},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    },
}
"""What the library takes where a file leaves a key out."""
NEUTRAL = (
    "do_convert_rgb",
    "processor_class",
    "feature_extractor_type",
    "image_processor_type",
    "data_format",
    "input_data_format",
    "return_tensors",
    "device",
    "default_to_square",
    "disable_grouping",
    "_valid_processor_keys",
)


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a picture: its shorter side, or both, resized; the middle cut out; colours moved and scaled.

    `mean` and `std` are those of colours from 0 to 1. `file` is the preprocessor_config.json as published.
    """

    shorter: int | None
    sides: tuple[int, int] | None  # height, width
    crop: tuple[int, int] | None
    resample: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    file: Mapping[str, Any]

    def colours(self, channels: int, size: int, patch: int, config: Config) -> dict[str, list[float]]:
        """Mean and spread, for a network; raises HeedfulError if it reads other pictures than are made here."""
        sides = self.crop or self.sides or ((self.shorter, self.shorter) if self.shorter else None)
        if len(self.mean) != channels:
            raise config.refuse("num_channels", channels, f"{len(self.mean)}, as preprocessor_config.json has colours")
        if sides is not None and sides != (size, size):
            raise config.refuse(
                "image_size", size, f"{sides[0]} x {sides[1]}: preprocessor_config.json makes such pictures"
            )
        if size % patch:
            raise config.refuse("patch_size", patch, f"those that divide {size}")
        return {"mean": list(self.mean), "std": list(self.std)}

    def plain(self) -> dict[str, Any]:
        """The preprocessor_config.json."""
        if self.file:
            return dict(self.file)
        shape = {"height": self.sides[0], "width": self.sides[1]} if self.sides else {"shortest_edge": self.shorter}
        crop = {"crop_size": {"height": self.crop[0], "width": self.crop[1]}} if self.crop else {}
        return {
            "image_processor_type": "CLIPImageProcessor" if self.crop else "ViTImageProcessor",
            "do_resize": True,
            "size": shape,
            "resample": self.resample,
            "do_center_crop": self.crop is not None,
            "do_rescale": True,
            "rescale_factor": PIXEL,
            "do_normalize": True,
            "image_mean": list(self.mean),
            "image_std": list(self.std),
            "do_convert_rgb": True,
        } | crop


def parse(file: Mapping[str, Any], where: str, kind: str) -> Preprocessing:
    """Reads a preprocessor_config.json; `kind` is what it is where the file does not say.

    Raises HeedfulError for what is done to pictures that is not done here.
    """
    processor = str(file.get("image_processor_type", file.get("feature_extractor_type", kind)))
    processor = processor.removesuffix("Fast").replace("FeatureExtractor", "ImageProcessor").removesuffix("Pil")
    config = Config({**DEFAULTS.get(processor, {}), **file}, where)
    if processor not in DEFAULTS:
        raise config.refuse("image_processor_type", processor, ", ".join(DEFAULTS))
    for key in NEUTRAL:
        config.get(key, None)
    shorter, sides = None, None
    if config.only("do_resize", True, False):
        shorter, sides = shape_of(config, square=processor == "ViTImageProcessor")
    else:
        config.get("size", None)
    crop = None
    if config.only("do_center_crop", False, True):
        crop = height_and_width(config, "crop_size")
    else:
        config.get("crop_size", None)
    resample = config.only("resample", *RESAMPLING)
    config.only("do_pad", None, False)
    factor = config.positive("rescale_factor", PIXEL) if config.only("do_rescale", True, False) else 1.0
    if not config.table.get("do_rescale", True):
        config.get("rescale_factor", None)
    mean, std = colours(config, "image_mean"), colours(config, "image_std")
    if not all(std):
        raise config.refuse("image_std", std, "numbers other than 0")
    if not config.only("do_normalize", True, False):
        mean, std = [0.0] * len(mean), [1.0] * len(std)
    config.refuse_unused()
    # (x * factor - mean) / std, written with colours from 0 to 1
    scale = 255 * factor
    scaled = [
        tuple(value / scale if abs(scale - 1) > 1e-9 else float(value) for value in values) for values in (mean, std)
    ]
    return Preprocessing(shorter, sides, crop, int(resample), scaled[0], scaled[1], dict(file))


def colours(config: Config, key: str) -> list[float]:
    """A number for each colour."""
    value = config.get(key, None)
    if not isinstance(value, list) or not all(map(is_number, value)):
        raise config.refuse(key, value, "a number for each colour")
    return value


def shape_of(config: Config, square: bool) -> tuple[int | None, tuple[int, int] | None]:
    """The shorter side, or both; a number alone is both sides for those who make `square` pictures."""
    size = config.get("size", None)
    if isinstance(size, int) and not square:
        return size, None
    if isinstance(size, dict) and size.keys() == {"shortest_edge"}:
        return Config(size, config.where).number("shortest_edge", 1), None
    return None, height_and_width(config, "size")


def height_and_width(config: Config, key: str) -> tuple[int, int]:
    """Height and width."""
    size = config.get(key, None)
    if isinstance(size, int):
        return size, size
    if isinstance(size, dict) and {"height", "width"} == size.keys():
        sides = Config(size, config.where)
        return sides.number("height", 1), sides.number("width", 1)
    raise config.refuse(key, size, "a height and a width, or the shortest_edge")


def refuse_none(pictures: Preprocessing | None, where: str) -> Preprocessing:
    """Raises HeedfulError where nothing says how pictures are prepared."""
    if pictures is None:
        raise HeedfulError(
            f"There is no preprocessor_config.json beside {where}.",
            "It says how pictures are prepared, without which the weights mean nothing. Take the whole folder.",
        )
    return pictures
