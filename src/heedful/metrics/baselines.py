"""What can be answered without a network: the yardsticks that stand beside every score."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

from heedful.errors import HeedfulError
from heedful.metrics.counts import PRIMARY, Kind, References

MOST = 20_000
BLOCK = 64  # sources compared at once, with all training sources: BLOCK * MOST numbers
PICTURES = 2048  # pictures of either side compared at once
LEVELS, GRAYS = 8, 32  # of each of three colours, or of one, that are told apart


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

    @property
    def part(self) -> str:
        """How to say that not all training pairs are searched."""
        return f", {self.searched:,} of {self.trained:,} searched" if self.searched < self.trained else ""

    def answer(self, source: str) -> str:
        """The target of the nearest training source; the first of several equally near."""
        return self.answers([source])[0]

    def answers(self, sources: Sequence[str]) -> list[str]:
        """As `answer`, for many sources; ten times as fast as one by one."""
        from rapidfuzz import process  # who only answers does without what scores
        from rapidfuzz.distance import Levenshtein

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


def best(kind: Kind, answers: Mapping[str, Sequence[str]], references: References) -> str:
    """The name of the answers that score best by the kind's primary measure, the first of several equals.

    >>> best("classes", {"a": ["cat", "cat"], "b": ["cat", "dog"]}, [("cat",), ("dog",)])
    'b'
    """

    from heedful.metrics import kinds  # whoever answers a question scores nothing

    def goodness(name: str) -> float:
        counts = kinds.count(kind, answers[name], references, ter=False)[PRIMARY[kind]]
        return counts.value() * (1 if counts.higher_is_better else -1)

    return max(answers, key=goodness)


class WordTags:
    """Answers each word with its most frequent tag; one that was never seen as it is with that of its small letters,
    or else with the most frequent tag of words that were seen once.

    `sentences` are words and tags, "" where none is known; of equally frequent tags the first by alphabet.

    >>> tags = WordTags([(("Anna", "in", "Rome"), ("B-PER", "O", "B-LOC")), (("in", "Oslo"), ("O", "B-LOC"))])
    >>> tags.answers(("Anna", "In", "Bo"))
    ['B-PER', 'O', 'B-LOC']
    """

    def __init__(self, sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for words, tags in sentences:
            for word, tag in zip(words, tags, strict=True):
                if tag:
                    found[word][tag] += 1
        rare = [tag for tags in found.values() if tags.total() == 1 for tag in tags]
        self.unseen = majority(rare or [*chain.from_iterable(tags.elements() for tags in found.values())])
        self.tags = {word: min(tags, key=lambda tag: (-tags[tag], tag)) for word, tags in found.items()}

    def answers(self, words: Sequence[str]) -> list[str]:
        """The tag of each word."""
        return [self.tags.get(word) or self.tags.get(word.lower(), self.unseen) for word in words]


class NearestPicture:
    """Answers with the target of the training picture nearest by its pixels, the first of several equally near.

    `pixels` (M, ...) of bytes, and so the pictures asked with; `look` makes of them the bytes (M, F) that are compared.
    Distances are exact up to 1,024 numbers a picture (a gray one of 32 pixels a side); in larger ones those that are
    all but equally near may change places.

    >>> pictures = np.array([[0, 0], [200, 90], [150, 9]], np.uint8)
    >>> NearestPicture(pictures[:2], ["dark", "light"]).answers(pictures[2:])
    ['light']
    """

    def __init__(
        self, pixels: np.ndarray, targets: Sequence[str], look: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        if len(pixels) == 0:
            raise HeedfulError("The baseline has no training pictures.")
        assert len(pixels) == len(targets)
        self.look = look or flatten
        self.pixels, self.targets = self.look(pixels), list(targets)

    def answers(self, pixels: np.ndarray) -> list[str]:
        """The target of the picture nearest to each."""
        queries = self.look(pixels)
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


def colours(pixels: np.ndarray) -> np.ndarray:
    """How much of each picture (N, H, W, C) has which colour: the root of each colour's share, as bytes (N, F).

    8 levels of red, green and blue, or 32 of gray, are told apart.
    """
    levels = LEVELS if pixels.shape[-1] == 3 else GRAYS
    bins = levels ** pixels.shape[-1]
    looks = np.zeros((len(pixels), bins), np.uint8)
    for first in range(0, len(pixels), PICTURES):
        block = pixels[first : first + PICTURES].reshape(-1, math.prod(pixels.shape[1:-1]), pixels.shape[-1])
        colour = np.zeros(block.shape[:2], np.int64)
        for channel in range(block.shape[-1]):
            colour = colour * levels + block[..., channel] // (256 // levels)
        cells = (colour + bins * np.arange(len(block))[:, None]).ravel()
        shares = np.bincount(cells, minlength=bins * len(block)).reshape(-1, bins) / max(1, colour.shape[1])
        looks[first : first + PICTURES] = np.round(255 * np.sqrt(shares))
    return looks


LOOKS = {"nearest training picture": flatten, "training picture nearest in colours": colours}
"""What pictures are compared by."""


def centre(pixels: np.ndarray) -> np.ndarray:
    """Bytes as numbers around 0, whose squares are small enough for sums that float32 holds exactly."""
    return pixels.astype(np.float32) - 128
