"""Pictures, sentences, series and documents, and recipes for every task beside translate: jobs of moments."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from heedful import recipe as recipes
from heedful.schema import Recipe
from heedful.tasks.joins import allowed

TASKS = ("classify", "caption", "draw", "match", "label", "complete", "fill")
CASES = [(task, name) for task in TASKS for name in allowed(task)]
COLOURS = ("red", "green", "blue")
SHAPES = ("bar", "dot", "cross", "frame")
SIDE = 16
COLUMN = {"classify": "labels", "label": "steps", "complete": "documents", "fill": "documents"}
"""What a task learns from, if not texts."""
TASK_SETTINGS = {
    "complete": {"data.window": 12, "data.source_tokenizer": "characters", "generate.max_length": 4},
    "fill": {"data.window": 12, "data.source_tokenizer": "characters"},
}
"""What a task is told beside the others: windows that longer documents do not fit into."""


def recipe(files: dict[str, str], task: str, network: str, **changes: Any) -> Recipe:
    """A recipe for a tiny network and a few steps on what `written` wrote."""
    column = COLUMN.get(task, "texts")
    settings = {
        "data.train": [files[f"train-{column}"]],
        "data.valid": [files[f"valid-{column}"]],
        "data.overlap": "keep",
        "network.name": network,
        "network.size": "tiny",
        "network.width": 16,
        "train.steps": 3,
        "train.threads": 1,
        "train.precision": "float32",
        "train.valid_every": 2,
        "train.keep": True,
    } | TASK_SETTINGS.get(task, {})
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    if {"train.steps", "train.epochs"} & changed.keys():
        del settings["train.steps"]
    return recipes.build(task, settings | changed)


def write_data(folder: Path, seed: int) -> dict[str, str]:
    """Pictures with classes, the same with words, series with a label a step, and documents, each in two parts."""
    rng, files = np.random.default_rng(seed), {}
    for part, times in (("train", 5), ("valid", 1)):
        kinds = list(product(range(len(COLOURS)), range(len(SHAPES)))) * times
        images = np.stack([picture(*kind, rng) for kind in kinds])
        words = [f"a {COLOURS[colour]} {SHAPES[shape]}" for colour, shape in kinds]
        for name, column in (("labels", [SHAPES[shape] for _, shape in kinds]), ("texts", words)):
            path = folder / f"{part}-{name}.npz"
            columns: dict[str, Any] = {"images": images, name: np.array(column)}
            np.savez(path, **columns)
            files[f"{part}-{name}"] = str(path)
        files[f"{part}-steps"] = str(series(folder / part, 12 * times, rng))
        files[f"{part}-documents"] = str(documents(folder / f"{part}.jsonl", 20 * times, rng))
    return files


def picture(colour: int, shape: int, rng: np.random.Generator) -> np.ndarray:
    """One of twelve kinds of pictures, somewhere, on a ground that is never quite the same."""
    pixels = rng.integers(0, 10, (SIDE, SIDE, 3), dtype=np.uint8)
    y, x = rng.integers(0, SIDE - 9, 2)
    area = pixels[y : y + 9, x : x + 9, colour]
    strokes = (np.s_[3:6, :], np.s_[3:6, 3:6], np.s_[4, :], np.s_[0, :])
    area[strokes[shape]] = 250
    if shape == 2:
        area[:, 4] = 250
    if shape == 3:
        area[-1, :] = area[:, 0] = area[:, -1] = 250
    return pixels


def series(folder: Path, count: int, rng: np.random.Generator) -> Path:
    """Series of two channels; a step is up, down or flat by how the first moves, which it cannot tell by itself."""
    folder.mkdir()
    for number in range(count):
        moves = rng.integers(-1, 2, rng.integers(5, 15)).repeat(2)
        values = np.stack([moves.cumsum(), rng.normal(size=len(moves))], axis=1)
        rows = [f"{x},{y:.3f},{('flat', 'up', 'down')[move]}" for (x, y), move in zip(values, moves, strict=True)]
        (folder / f"{number:02}.csv").write_text("\n".join(["x,y,label", *rows]) + "\n", encoding="utf-8")
    return folder


def documents(file: Path, count: int, rng: np.random.Generator) -> Path:
    """Two words: letters in their order up to h, then digits up to 8. All is certain but where each begins."""
    starts = rng.integers(0, 7, (count, 2))
    texts = ["abcdefgh"[letter:] + " " + "12345678"[digit:] for letter, digit in starts]
    file.write_text("".join(f'{{"text": "{text}"}}\n' for text in texts), encoding="utf-8")
    return file
