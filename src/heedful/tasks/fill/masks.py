"""Masked tokens of texts: which are masked to learn from, and how people write and read them.

S positions   M masked positions   V vocabulary
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heedful.data.normal_form import normalize_text
from heedful.data.tokenizers.special_tokens import NATIVE, SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.metrics.classes import SMALLEST_PROBABILITY
from heedful.schema import NormalForm
from heedful.tasks.fill.whole_words import CONTINUATION_PREFIX, Place, places
from heedful.tasks.language import encode_text
from heedful.tasks.long import windows

MASK = "[MASK]"
"""How people write a masked token."""
SCORED = 0.15
"""The fraction of tokens that are masked where a model is scored, whatever it learnt from."""
HIDDEN_BELOW, RANDOM_BELOW = 0.8, 0.9
"""Of masked tokens, the fraction read as the mask, and with it that read as a random token; the others as they are."""
LEADING = ("bpe", "unigram")
"""Tokenizers whose words begin with the blank before them."""
CONTIGUOUS = ("characters", *LEADING)
"""Tokenizers whose pieces make the text as they stand; those of others have blanks between them."""


@dataclass(frozen=True)
class Masking:
    """How tokens are masked (Devlin et al. 2019, section 3.1): a share of the tokens, or of whole words."""

    fraction: float
    whole_words: bool
    special: SpecialTokens = NATIVE

    def choose(self, row: np.ndarray, inside: np.ndarray, seed: int) -> np.ndarray:
        """Which tokens of a row (S,) are masked (S,): what the seed decides, at least one if there is a word."""
        real = ~np.isin(row, self.special.skipped)
        count = max(1, round(self.fraction * int(real.sum())))
        joined = np.append(False, inside[1, row[:-1]] & inside[0, row[1:]] & real[1:] & real[:-1])
        word = np.cumsum(~joined) - 1
        sizes = np.bincount(word, real)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(sizes))
        before = np.cumsum(sizes[order]) - sizes[order]
        return np.isin(word, order[before < count]) & real

    def corrupt(self, row: np.ndarray, masked: np.ndarray, size: int, seed: int) -> np.ndarray:
        """What a network reads in training: most masked tokens hidden, some exchanged, some as they were."""
        random = np.random.default_rng((seed, 1))
        draws, other = random.random(len(row)), random.integers(self.special.first, size, len(row))
        mask = size if self.special.mask is None else self.special.mask
        corrupted = np.where(draws < HIDDEN_BELOW, mask, np.where(draws < RANDOM_BELOW, other, row))
        return np.where(masked, corrupted, row)


def load_masking(config: dict[str, Any], tokenizer: Tokenizer) -> Masking:
    """How the tokens of a run were masked, by its config."""
    return Masking(config["gaps"]["share"], config["gaps"]["words"], tokenizer.special_tokens)


def ends_inside(tokenizer: Tokenizer, masking: Masking) -> np.ndarray:
    """Whether each token begins (row 0) and ends (row 1) inside a word, (2, V): two such side by side are one word.

    Where words are not masked whole, or tokens are words, none is bound to another.
    """
    inside = np.zeros((2, tokenizer.size), bool)
    if masking.whole_words and loses_blanks(tokenizer):
        inside[1] = True
        inside[0] = [
            (tokenizer.inner.id_to_token(token) or "").startswith(CONTINUATION_PREFIX)
            for token in range(tokenizer.size)
        ]
    elif masking.whole_words and tokenizer.kind in CONTIGUOUS:
        for token in range(tokenizer.special_tokens.first, tokenizer.size):
            text = tokenizer.decode([token])
            inside[:, token] = (text[:1].isalnum(), text[-1:].isalnum())
    return inside


@dataclass(frozen=True)
class MaskedText:
    """A text with masked tokens: its ids (S,) with the mask's at each, which they are (S,), and what stood there (M,).

    `parts`: what stands before, between and behind the masks, as it was written; it is read in `normal_form`.
    `gaps`: what people wrote right before each mask.
    """

    ids: np.ndarray
    masked: np.ndarray
    truth: np.ndarray
    parts: tuple[str, ...]
    normal_form: NormalForm = "none"
    gaps: tuple[Place, ...] = ()

    def pieces(self, limit: int | None) -> "list[tuple[MaskedText, np.ndarray]]":
        """Windows of at most `limit` tokens (None: any number), and which of their masks are asked for in each.

        Every mask is asked for once, in order, in the window whose middle is nearest; the whole text is one window
        where it fits.
        """
        positions = np.flatnonzero(self.masked)
        bounds = np.array(windows(len(self.ids), limit or 0))
        nearest = np.abs(positions[:, None] - bounds.mean(1)).argmin(1)
        found: list[tuple[MaskedText, np.ndarray]] = []
        for number in sorted({*nearest.tolist()}):
            low, high = bounds[number].tolist()
            inside = (positions >= low) & (positions < high)
            part = replace(self, ids=self.ids[low:high], masked=self.masked[low:high], truth=self.truth[inside])
            found.append((part, nearest[inside] == number))
        return found

    def text(self, tokenizer: Tokenizer) -> str:
        """As people write it."""
        leading = tokenizer.kind in LEADING
        leads = [leading and tokenizer.decode([token]).startswith(" ") for token in self.truth]
        return join_parts(tokenizer, self.parts, [f" {MASK}" if lead else MASK for lead in leads])

    def fill(self, source: str, text: str, tokenizer: Tokenizer) -> list[int]:
        """The tokens (M,) with which a text fills the masks.

        Raises HeedfulError if it is not the same text, or fills a mask with more than a token.
        """
        blanks = join_parts(tokenizer, self.parts, ["\0"] * len(self.truth))
        match = re.fullmatch(re.escape(blanks).replace(re.escape("\0"), "(.+?)"), text, re.DOTALL)
        if not match:
            raise HeedfulError(f"{text!r} is not {source!r} with its gaps filled.")
        tokens: list[int] = []
        for word in match.groups():
            ids = tokenizer.encode(normalize_text(word, self.normal_form))
            if len(ids) != 1 or ids[0] == tokenizer.special_tokens.unknown:
                raise HeedfulError(f"{word!r} is no single token of the vocabulary, and a gap holds one.")
            tokens += ids
        return tokens

    def log_probability(self, probabilities: np.ndarray, source: str, text: str, tokenizer: Tokenizer) -> float:
        """Of a text that fills the masks, given what each token gets at each of them (M, V); raises as `fill`."""
        ids = self.fill(source, text, tokenizer)
        return float(np.log(np.maximum(probabilities[np.arange(len(ids)), ids], SMALLEST_PROBABILITY)).sum())


def mask_window(row: np.ndarray, tokenizer: Tokenizer, masking: Masking, inside: np.ndarray) -> MaskedText:
    """A window with the masked tokens that its own tokens decide, all of them hidden."""
    masked = masking.choose(row, inside, int(np.abs(row.astype(np.int64) * np.arange(1, len(row) + 1)).sum()))
    ids = np.where(masked, tokenizer.mask, row)
    positions = np.flatnonzero(masked)
    bounds = zip([0, *(positions + 1)], [*positions, len(row)], strict=True)
    parts = tuple(tokenizer.decode(row[low:high]) for low, high in bounds)
    if loses_blanks(tokenizer):
        last = len(parts) - 1
        parts = tuple(f"{' ' * (n > 0 < len(part))}{part}{' ' * (n < last)}" for n, part in enumerate(parts))
    return MaskedText(ids, masked, row[positions], parts)


def parse_masked(text: str, tokenizer: Tokenizer, form: NormalForm, ends: bool) -> MaskedText:
    """A text with masks, as people or its vocabulary write them; raises HeedfulError if there is none."""
    own = tokenizer.special_tokens.mask
    parts = text.replace((None if own is None else tokenizer.inner.id_to_token(own)) or MASK, MASK).split(MASK)
    if len(parts) == 1:
        near = re.search(r"\[?\bmask\b\]?|<mask>|_{2,}", text, re.IGNORECASE)
        cure = f"Write {MASK} in place of {near[0]!r}." if near else f"Write {MASK} where a word is missing."
        raise HeedfulError(f"There is no gap in {text[:60]!r}.", cure)
    gaps = places(parts)
    if tokenizer.kind in LEADING:  # the blank before a mask is the masked token's own
        parts = [part.removesuffix(" ") if number < len(parts) - 1 else part for number, part in enumerate(parts)]
    special, positions = tokenizer.special_tokens, list[int]()
    ids = [special.begin] if ends else []
    for number, part in enumerate(parts):
        if number:
            positions.append(len(ids))
            ids.append(tokenizer.mask)
        ids += encode_text(part, tokenizer, form)
    row = np.array([*ids, *([special.end] if ends else [])])
    masked = np.zeros(len(row), bool)
    masked[positions] = True
    return MaskedText(row, masked, np.zeros(len(positions), np.int64), tuple(parts), form, gaps)


def join_parts(tokenizer: Tokenizer, parts: Sequence[str], words: Sequence[str]) -> str:
    """A text from what stands around its masks and what stands in them."""
    pieces = [parts[0], *(piece for pair in zip(words, parts[1:], strict=True) for piece in pair)]
    if loses_blanks(tokenizer):
        return "".join(pieces).replace(f" {CONTINUATION_PREFIX}", "")
    return "".join(pieces) if tokenizer.kind in CONTIGUOUS else " ".join(piece.strip() for piece in pieces if piece)


def loses_blanks(tokenizer: Tokenizer) -> bool:
    """Whether tokens are pieces of words that lose the blanks between words, as in a published BERT."""
    return tokenizer.kind == "wordpiece" and not tokenizer.is_native


def format_tokens(tokenizer: Tokenizer, ids: np.ndarray) -> list[str]:
    """Tokens in place of masks as people are shown them, without a tab in any."""
    return [token.replace("\t", "⇥") for token in tokenizer.tokens(ids.tolist())]
