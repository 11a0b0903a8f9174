"""Small clips, written for a test: arrays and folders of even frames, tables, and recipes that name them."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from heedful.recipe import build
from heedful.schema import Recipe


def recipe(*train: str, **data: Any) -> Recipe:
    return build("label", {"data.train": list(train), **{f"data.{key}": value for key, value in data.items()}})


def put(name: str, text: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    return name


def frames(name: str, number: int, seed: int = 0, side: int = 8) -> str:
    """A .npy of even frames, or a folder of as many pictures."""
    levels = np.random.default_rng(seed).integers(0, 256, number, np.uint8)
    array = np.ones((number, side, side), np.uint8) * levels[:, None, None]
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".npy"):
        np.save(name, array)
        return name
    for place, frame in enumerate(array):
        Path(name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(Path(name) / f"frame{place + 1}.png")
    return name
