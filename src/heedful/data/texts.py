"""Texts to ids, the same way for training and for asking: the Unicode form, then the tokenizer, long ones in parts.

Which tokens stand before and behind a text is said by the vocabulary (`SpecialTokens`).
"""

from collections.abc import Sequence

from heedful.data.normal_form import normalize_text
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.schema import NormalForm

PART = 1 << 17  # characters that a tokenizer reads at once


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str], form: NormalForm = "none") -> list[list[int]]:
    """The ids of each text, given its Unicode form; texts of training have theirs from their reader already."""
    parts = [cut_into_parts(normalize_text(text, form)) for text in texts]
    ids = iter(tokenizer.encode_batch([part for text_parts in parts for part in text_parts]))
    return [[i for _ in text_parts for i in next(ids)] for text_parts in parts]


def cut_into_parts(text: str) -> list[str]:
    """A text in parts that a tokenizer can read one by one, cut behind ends of lines where there are such.

    >>> "".join(cut_into_parts("one two three")), cut_into_parts("")
    ('one two three', [])
    """
    parts, start = [], 0
    while len(text) - start > PART:
        end = text.rfind("\n", start, start + PART) + 1
        parts.append(text[start : end if end > start else start + PART])
        start += len(parts[-1])
    return [*parts, text[start:]] if text[start:] else parts
