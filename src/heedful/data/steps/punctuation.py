"""Punctuation stands apart in most corpora of tagged words: "Berlin ." A text that is asked is cut in the same way.

Which marks stand apart is a fact of the vocabulary, so that runs of earlier releases have it too: those that are words
of their own there (for a vocabulary of subwords: in training), and are practically never glued to another word. A word
that training had stays as it is, and so does one with a point inside (U.N., 3.5) or of one letter (J.). Where nobody
knows what training had, as of published weights, all these marks stand apart (`USUAL`).
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from heedful.errors import HeedfulError
from heedful.types_of_values import fits

OPENING, CLOSING = "([{¿¡«„“‘\"'", ".,;:!?…)]}»”’\"'"
GLUED, GLUED_POINTS = 0.002, 0.05
"""Shares of words that may begin or end with a mark that stands apart all the same; points end abbreviations."""

MIN_COUNT = 2
"""Words seen less often in training are unknown words, so that the vector of those is learnt too; they show nothing."""


@dataclass(frozen=True)
class Punctuation:
    """The marks that stand apart before and behind words, and the words with such marks that stay whole."""

    opening: frozenset[str]
    closing: frozenset[str]
    whole: frozenset[str]

    def cut(self, words: Sequence[str]) -> tuple[str, ...]:
        """Words of a text with punctuation apart, as far as it was in training."""
        return cut_marks(words, self.whole, (self.opening, self.closing))

    def plain(self) -> dict[str, list[str]]:
        """As JSON has it."""
        return {name: sorted(getattr(self, name)) for name in ("opening", "closing", "whole")}

    @staticmethod
    def parse(plain: dict[str, Any]) -> "Punctuation":
        """What `plain` described; raises HeedfulError where entries are no texts."""
        fields = [plain.get(name, []) for name in ("opening", "closing", "whole")]
        if not all(fits(field, list[str]) for field in fields):
            raise HeedfulError("An entry of the punctuation is no text.")
        return Punctuation(*map(frozenset, fields))


ABBREVIATIONS = "Mr. Mrs. Ms. Dr. Prof. Rev. Gen. Sen. Rep. Gov. Lt. Col. Sgt. St. Jr. Sr. Inc. Corp. Co. Ltd. vs. etc."
"""Words that end in a point in corpora of tagged words."""

USUAL = Punctuation(frozenset(OPENING), frozenset(CLOSING), frozenset(("...", *ABBREVIATIONS.split())))
"""As words are cut in CoNLL's corpora and those that followed."""


def learn_punctuation(texts: Iterable[Sequence[str]]) -> Punctuation | None:
    """What the words of training texts show; None if no mark stands apart in them.

    >>> words = ("Mr.", "Bean", *(f"word{number}" for number in range(20)), ".")
    >>> punctuation = learn_punctuation([words, words])
    >>> punctuation and punctuation.cut(("Mr.", "Bean."))
    ('Mr.', 'Bean', '.')
    """
    counts = Counter(word for words in texts for word in words)
    words = {word for word, times in counts.items() if times >= MIN_COUNT}
    opening, closing = marks_apart(words)
    if not opening and not closing:
        return None
    return Punctuation(opening, closing, frozenset(w for w in words if w[0] in opening or w[-1] in closing))


def marks_apart(words: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The marks that stand apart before and behind words, given the words of a vocabulary.

    >>> opening, closing = marks_apart([".", ",", "(", "Mr.", *(f"word{n}" for n in range(20))])
    >>> sorted(opening), sorted(closing)
    (['('], [',', '.'])
    """
    vocabulary = set(words)
    others = [word for word in vocabulary if len(word) > 1 and any(letter.isalnum() for letter in word)]

    def apart(mark: str, place: int) -> bool:
        share = GLUED_POINTS if mark == "." else GLUED
        return mark in vocabulary and sum(word[place] == mark for word in others) <= share * len(others)

    return (
        frozenset(mark for mark in OPENING if apart(mark, 0)),
        frozenset(mark for mark in CLOSING if apart(mark, -1)),
    )


def cut_marks(
    words: Sequence[str], known: Iterable[str], marks: tuple[frozenset[str], frozenset[str]]
) -> tuple[str, ...]:
    """Words with the marks that stand apart as words of their own; `known` words stay whole.

    >>> cut_marks(("(Berlin).", "U.N.", "Mr.", "Wait...", "J."), {"Mr.", "..."}, (frozenset("("), frozenset(").")))
    ('(', 'Berlin', ')', '.', 'U.N.', 'Mr.', 'Wait', '...', 'J.')
    """
    known = known if isinstance(known, (set, frozenset, dict)) else set(known)
    return tuple(part for word in words for part in cut_word(word, known, *marks))


def cut_word(word: str, known: Iterable[str], opening: frozenset[str], closing: frozenset[str]) -> list[str]:
    """The parts of one word."""
    before, behind = [], list[str]()
    while len(word) > 1 and word not in known and word[0] in opening:
        before.append(word[0])
        word = word[1:]
    while len(word) > 1 and word not in known and word[-1] in closing:
        run = word[len(word.rstrip(word[-1])) :]
        mark = run if len(run) < len(word) and run in known else word[-1]
        stem = word[: -len(mark)]
        if mark == "." and (("." in stem and not stem.endswith(".")) or (len(stem) == 1 and is_letter(stem))):
            break
        behind.insert(0, mark)
        word = stem
    return [*before, word, *behind]


def is_letter(text: str) -> bool:
    """Whether one character is a letter."""
    return unicodedata.category(text).startswith("L")
