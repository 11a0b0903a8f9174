"""Words as numbers: one for the word, one for each of its letters, so that words never seen still say something.

T words   L letters, at most LETTERS
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from heedful.data.steps.punctuation import MIN_COUNT, cut_marks, marks_apart
from heedful.errors import HeedfulError
from heedful.types_of_values import fits

PAD, UNKNOWN, FIRST = 0, 1, 2
LETTERS = 24
"""Of a longer word the first and the last twelve letters are read."""


class WordVocabulary:
    """The words that were seen twice or more in training, and all letters that were seen.

    >>> vocabulary = learn_words([("to", "be", "or", "not", "to", "be")])
    >>> vocabulary.encode(("to", "go"))[:, :4].tolist()
    [[3, 7, 5, 0], [1, 1, 5, 0]]
    """

    def __init__(self, words: Iterable[str], letters: Iterable[str]) -> None:
        self.words, self.letters = tuple(words), tuple(letters)
        self.word_numbers = {word: number for number, word in enumerate(self.words, FIRST)}
        self.letter_numbers = {letter: number for number, letter in enumerate(self.letters, FIRST)}

    def __repr__(self) -> str:
        return f"WordVocabulary({self.words!r}, {self.letters!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WordVocabulary) and (self.words, self.letters) == (other.words, other.letters)

    def __hash__(self) -> int:
        return hash((self.words, self.letters))

    @cached_property
    def marks(self) -> tuple[frozenset[str], frozenset[str]]:
        """The punctuation that stands apart before and behind words."""
        return marks_apart(self.words)

    def cut(self, words: Sequence[str]) -> tuple[str, ...]:
        """Words of a text with punctuation apart, as far as it was in training."""
        return cut_marks(words, self.word_numbers, self.marks)

    def plain(self) -> dict[str, list[str]]:
        """As JSON has it."""
        return {"words": list(self.words), "letters": list(self.letters)}

    @staticmethod
    def parse(plain: dict[str, list[str]]) -> "WordVocabulary":
        """What `plain` described; raises HeedfulError where entries are no texts."""
        if not all(fits(plain[name], list[str]) for name in ("words", "letters")):
            raise HeedfulError("An entry of the vocabulary is no text.")
        return WordVocabulary(plain["words"], plain["letters"])

    def unknown(self, words: Iterable[str]) -> tuple[str, ...]:
        """The words that have no number of their own, so that their letters alone tell them."""
        return tuple(word for word in words if word not in self.word_numbers)

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of words and of letters are below these."""
        return len(self.words) + FIRST, len(self.letters) + FIRST

    def encode(self, words: Sequence[str]) -> np.ndarray:
        """Numbers (T, 1 + L): the word's, then its letters', 0 behind the last; 1 for what is not known."""
        numbers = np.zeros((len(words), 1 + LETTERS), np.int32)
        for row, word in zip(numbers, words, strict=True):
            spelling = word if len(word) <= LETTERS else word[: LETTERS // 2] + word[-LETTERS // 2 :]
            row[0] = self.word_numbers.get(word, UNKNOWN)
            row[1 : len(spelling) + 1] = [self.letter_numbers.get(letter, UNKNOWN) for letter in spelling]
        return numbers


def learn_words(texts: Iterable[Sequence[str]]) -> WordVocabulary:
    """The vocabulary of training texts, both lists in alphabetical order."""
    counts = Counter(word for words in texts for word in words)
    words = sorted(word for word, times in counts.items() if times >= MIN_COUNT)
    return WordVocabulary(words, sorted({letter for word in counts for letter in word}))
