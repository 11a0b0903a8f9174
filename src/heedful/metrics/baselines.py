"""What can be answered without a network: the yardsticks that stand beside every score."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from heedful.errors import HeedfulError

MOST = 20_000
BLOCK = 64  # sources compared at once, with all training sources: BLOCK * MOST numbers
PICTURES = 2048  # pictures of either side compared at once


def copy(sources: Sequence[str]) -> list[str]:
    """Each source as its own answer.

    >>> copy(["as it is"])
    ['as it is']
    """
    return list(sources)


class Nearest:
    """Answers with the target of the training source nearest by edit distance, relative to length.

    At most `most` training pairs are searched (drawn by `seed`); `searched` of `trained` says how many.

    >>> Nearest(["light", "house"], ["L AY T", "HH AW S"]).answer("lights")
    'L AY T'
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str], most: int = MOST, seed: int = 0) -> None:
        if not sources:
            raise HeedfulError("The baseline has no training pairs.")
        rows = range(len(sources))
        if len(sources) > most:
            rows = sorted(random.Random(seed).sample(rows, most))
        self.sources, self.targets = [sources[i] for i in rows], [targets[i] for i in rows]
        self.searched, self.trained = len(self.sources), len(sources)

    def answer(self, source: str) -> str:
        """The target of the nearest training source; the first of several equally near."""
        return self.answers([source])[0]

    def answers(self, sources: Sequence[str]) -> list[str]:
        """As `answer`, for many sources; ten times as fast as one by one."""
        answers = []
        for first in range(0, len(sources), BLOCK):
            block = sources[first : first + BLOCK]
            alike = process.cdist(block, self.sources, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
            answers += [self.targets[row] for row in alike.argmax(axis=1)]
        return answers


def majority(targets: Sequence[str]) -> str:
    """The most frequent target; the first by alphabet of several.

    >>> majority(["dog", "cat", "dog"])
    'dog'
    """
    if not targets:
        raise HeedfulError("The baseline has no training examples.")
    counts = Counter(targets)
    return min(counts, key=lambda target: (-counts[target], target))


class NearestPicture:
    """Answers with the target of the training picture nearest by its pixels, the first of several equally near.

    `pixels` (M, ...) of bytes, and so the pictures asked with. Distances are exact up to 1,024 numbers a picture (a
    gray one of 32 pixels a side); in larger ones those that are all but equally near may change places.

    >>> pictures = np.array([[0, 0], [200, 90], [150, 9]], np.uint8)
    >>> NearestPicture(pictures[:2], ["dark", "light"]).answers(pictures[2:])
    ['light']
    """

    def __init__(self, pixels: np.ndarray, targets: Sequence[str]) -> None:
        if len(pixels) == 0:
            raise HeedfulError("The baseline has no training pictures.")
        assert len(pixels) == len(targets)
        self.pixels, self.targets = flatten(pixels), list(targets)

    def answers(self, pixels: np.ndarray) -> list[str]:
        """The target of the picture nearest to each."""
        queries = flatten(pixels)
        assert queries.shape[1] == self.pixels.shape[1], "pictures must be of one size to be compared"
        nearest, numbers = np.full(len(queries), -np.inf, np.float32), np.zeros(len(queries), int)
        for low in range(0, len(self.pixels), PICTURES):
            candidates = centre(self.pixels[low : low + PICTURES])
            squares = (candidates * candidates).sum(axis=1)
            for first in range(0, len(queries), PICTURES):
                block = slice(first, first + PICTURES)
                # Less the square of what is asked, which is the same for all: minus the squared distance.
                near = 2 * centre(queries[block]) @ candidates.T - squares
                best = near.argmax(axis=1)
                highest = near[np.arange(len(best)), best]
                closer = highest > nearest[block]
                nearest[block][closer], numbers[block][closer] = highest[closer], low + best[closer]
        return [self.targets[number] for number in numbers]


def flatten(pixels: np.ndarray) -> np.ndarray:
    """Pictures as rows of numbers."""
    return pixels.reshape(len(pixels), math.prod(pixels.shape[1:]))


def centre(pixels: np.ndarray) -> np.ndarray:
    """Bytes as numbers around 0, whose squares are small enough for sums that float32 holds exactly."""
    return pixels.astype(np.float32) - 128
