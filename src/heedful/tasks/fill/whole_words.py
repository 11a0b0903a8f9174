"""Which entries of a vocabulary fill a gap: a whole word where a word is missing, the rest of one behind its beginning.

M gaps   V vocabulary
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from heedful.data.tokenizers.special_tokens import SPECIALS
from heedful.data.tokenizers.tokenizer import Tokenizer

Place = Literal["blank", "word", "start", "anywhere"]
"""What stands right before a gap: a blank, a letter or digit, neither of them, or what does not tell."""
CONTINUATION_PREFIX = "##"
"""How a published vocabulary of pieces marks those that go on with a word."""
BLANK_MARKS = ("Ġ", "▁")
"""How vocabularies write the blank that a word begins with."""
WITHOUT_BLANKS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""Scripts whose words stand side by side."""


def places(parts: Sequence[str]) -> tuple[Place, ...]:
    """What stands before each gap, by what is written around the gaps.

    >>> places(("the ", "s and un", "", " (", ")"))
    ('blank', 'word', 'anywhere', 'start')
    """
    return tuple(place(part, first=number == 0) for number, part in enumerate(parts[:-1]))


def place(before: str, first: bool) -> Place:
    """What stands before a gap, by the text between it and the gap before, or the beginning."""
    last = before[-1:]
    if not before:
        return "start" if first else "anywhere"
    if unicodedata.name(last, "").startswith(WITHOUT_BLANKS):
        return "anywhere"
    return "blank" if last == " " else "word" if unicodedata.category(last)[0] in "LMN" else "start"


def offered(tokenizer: Tokenizer, gaps: Sequence[Place]) -> np.ndarray:
    """Whether each entry may fill each gap, (M, V); a vocabulary that marks no beginnings of words has all of them."""
    marked, symbol = marks(tokenizer)
    rows = np.ones((len(gaps), tokenizer.size), bool)
    for row, gap in zip(rows, gaps, strict=True):
        if tokenizer.kind == "wordpiece" and gap != "anywhere":
            row[:] = marked | symbol if gap == "word" else ~marked
        elif tokenizer.kind != "wordpiece" and gap in ("blank", "word"):
            row[:] = marked if gap == "blank" else ~marked
    return rows if marked.any() else np.ones_like(rows)


@lru_cache(maxsize=4)
def marks(tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """Of each entry (V,) whether it has the mark of its vocabulary, and whether it begins with no letter or digit."""
    marks_of_kind = {"wordpiece": (CONTINUATION_PREFIX,), "bpe": BLANK_MARKS, "unigram": BLANK_MARKS}
    prefixes = marks_of_kind.get(tokenizer.kind, ())
    first = len(SPECIALS) if tokenizer.is_native else 0
    texts = [""] * first
    texts += [tokenizer.inner.id_to_token(tokenizer.inner_id(token)) or "" for token in range(first, tokenizer.size)]
    marked = [bool(prefixes) and text.startswith(prefixes) and text not in prefixes for text in texts]
    return np.array(marked), np.array([not text[:1].isalnum() for text in texts])
