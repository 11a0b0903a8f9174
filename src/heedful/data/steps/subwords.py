"""Words as the pieces of a published vocabulary, so that each can be labelled by a network that reads pieces.

T words   P pieces of a word
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tokenizers

from heedful.data.steps.punctuation import Punctuation
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer, kind_of

PIECES = 24
"""Of a word that is cut into more, the first ones are read."""


class SubwordVocabulary:
    """Words cut by a tokenizer, each by itself; behind the blank before it where that is part of a word's pieces."""

    def __init__(self, tokenizer: Tokenizer, punctuation: Punctuation | None = None) -> None:
        self.tokenizer, self.punctuation = tokenizer, punctuation
        self.leads = tokenizer.encode("a") != tokenizer.encode(" a")

    def __repr__(self) -> str:
        return f"SubwordVocabulary({self.tokenizer.kind}, {self.tokenizer.size})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubwordVocabulary) and self.plain() == other.plain()

    def __hash__(self) -> int:
        return hash(self.tokenizer.dump())

    def cut(self, words: Sequence[str]) -> tuple[str, ...]:
        """Words of a text with punctuation apart, as far as it was in training, if that is known."""
        return self.punctuation.cut(words) if self.punctuation else tuple(words)

    def unknown(self, words: Iterable[str]) -> tuple[str, ...]:
        """The words that no pieces make."""
        return tuple(word for word in words if self.tokenizer.unknown(word))

    def encode(self, words: Sequence[str]) -> np.ndarray:
        """Numbers (T, P): one more than the id of each piece, 0 behind the last; of nothing left of a word, unknown."""
        numbers = np.zeros((len(words), PIECES), np.int32)
        texts = [f" {word}" if self.leads and row else word for row, word in enumerate(words)]
        for row, ids in zip(numbers, self.tokenizer.encode_batch(texts), strict=True):
            pieces = ids[:PIECES] or [self.tokenizer.special_tokens.unknown or 0]
            row[: len(pieces)] = np.array(pieces) + 1
        return numbers

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        plain = {"tokenizer": self.tokenizer.dump(), "marks": self.tokenizer.special_tokens.plain()}
        return plain | ({"punctuation": self.punctuation.plain()} if self.punctuation else {})

    @staticmethod
    def parse(plain: dict[str, Any]) -> "SubwordVocabulary":
        """What `plain` described."""
        inner = tokenizers.Tokenizer.from_str(plain["tokenizer"])
        special_tokens = SpecialTokens.parse(plain["marks"])
        tokenizer = Tokenizer(inner, kind_of(json.loads(inner.to_str())), special_tokens)
        punctuation = plain.get("punctuation")
        return SubwordVocabulary(tokenizer, Punctuation.parse(punctuation) if punctuation else None)
