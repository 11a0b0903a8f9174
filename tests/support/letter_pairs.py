"""Words of letters and recipes for them: small jobs on which whole trainings are tested."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from heedful import recipe as recipes
from heedful.schema import NetworkSettings, Recipe

LETTERS = "abcdefgh"
Pairs = list[tuple[str, str]]


def words(count: int, longest: int, seed: int) -> list[str]:
    """Different words of letters between spaces, of 1 to `longest` letters."""
    rng, distinct_words = random.Random(seed), dict[str, None]()
    while len(distinct_words) < count:
        distinct_words[" ".join(rng.choices(LETTERS, k=rng.randint(1, longest)))] = None
    return list(distinct_words)


def reverse(word: str) -> str:
    return word[::-1]


def recipe(folder: Path, network: NetworkSettings, train: Pairs, valid: Pairs, **changes: Any) -> Recipe:
    """A recipe for these pairs, written under `folder`, with a network of settings that are resolved."""
    for name, pairs in (("train", train), ("valid", valid)):
        lines = "".join(f"{source}\t{target}\n" for source, target in pairs)
        (folder / f"{name}.tsv").write_text(lines, encoding="utf-8")
    small = {
        "data.train": [str(folder / "train.tsv")],
        "data.valid": [str(folder / "valid.tsv")],
        "data.overlap": "keep",
        "train.threads": 1,
        "train.precision": "float32",
        "train.valid_limit": 8,
        "generate.beam": 2,
        "generate.max_length": 8,
    }
    base = recipes.build("translate", small | {key.replace("__", "."): value for key, value in changes.items()})
    return replace(base, network=network)


def short_recipe(folder: Path, network: NetworkSettings, **changes: Any) -> Recipe:
    """A recipe that trains for moments."""
    folder.mkdir(exist_ok=True)
    pairs = [(word, reverse(word)) for word in words(60, 5, seed=2)]
    small = {"train__batch_tokens": 30, "train__valid_every": 3, "train__keep": True}
    return recipe(folder, network, pairs[:50], pairs[50:], **small | changes)
