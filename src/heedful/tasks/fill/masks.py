"""Gaps in texts: which tokens are left out to learn from, and how people write and read them.

S positions   G gaps   V vocabulary
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heedful.data.normal_form import normalize_text
from heedful.data.tokenizers.special_tokens import OWN, SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.schema import NormalForm
from heedful.tasks import language as passages

GAP = "[MASK]"
HIDDEN, CHANGED = 0.8, 0.9  # of the gaps, those shown as such, and with those shown as another word; the rest as it is
LEAST = 1e-30  # of a probability whose logarithm is taken
GOES_ON = "##"
"""How a published vocabulary of pieces marks those that go on with a word."""
LEADING = ("bpe", "unigram")
"""Tokenizers whose words begin with the blank before them."""
APART = ("characters", *LEADING)
"""Tokenizers whose pieces make the text as they stand; those of others have blanks between them."""


@dataclass(frozen=True)
class Gaps:
    """How gaps are chosen (Devlin et al. 2019, section 3.1): a share of the tokens, or of whole words."""

    share: float
    words: bool
    marks: SpecialTokens = OWN

    def places(self, row: np.ndarray, inside: np.ndarray, seed: int) -> np.ndarray:
        """1 at the gaps of a row (S,), 0 elsewhere: what the seed decides, at least one if there is a word."""
        real = ~np.isin(row, self.marks.skipped)
        wanted = max(1, round(self.share * int(real.sum())))
        bound = np.append(False, inside[1, row[:-1]] & inside[0, row[1:]] & real[1:] & real[:-1])
        word = np.cumsum(~bound) - 1
        sizes = np.bincount(word, real)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(sizes))
        before = np.cumsum(sizes[order]) - sizes[order]
        return np.isin(word, order[before < wanted]).astype(np.int64) * real

    def spoilt(self, row: np.ndarray, gaps: np.ndarray, size: int, seed: int) -> np.ndarray:
        """What a network reads in training: most gaps hidden, some with another word, some as they were."""
        luck = np.random.default_rng((seed, 1))
        kind, other = luck.random(len(row)), luck.integers(self.marks.first, size, len(row))
        gap = size if self.marks.mask is None else self.marks.mask
        shown = np.where(kind < HIDDEN, gap, np.where(kind < CHANGED, other, row))
        return np.where(gaps > 0, shown, row)


def ends_inside(tokenizer: Tokenizer, gaps: Gaps) -> np.ndarray:
    """Whether each token begins (row 0) and ends (row 1) inside a word, (2, V): two such side by side are one word.

    Where gaps are not whole words, or tokens are, none is bound to another.
    """
    found = np.zeros((2, tokenizer.size), bool)
    if gaps.words and split(tokenizer):
        found[1] = True
        found[0] = [(tokenizer.inner.id_to_token(token) or "").startswith(GOES_ON) for token in range(tokenizer.size)]
    elif gaps.words and tokenizer.kind in APART:
        for token in range(tokenizer.special_tokens.first, tokenizer.size):
            text = tokenizer.decode([token])
            found[:, token] = (text[:1].isalnum(), text[-1:].isalnum())
    return found


@dataclass(frozen=True)
class Gapped:
    """A text with gaps: its ids (S,) with the mark of a gap at each, 1 at the gaps (S,), and what was there.

    `parts`: what stands before, between and behind the gaps, as it was written; it is read in `normal_form`.
    """

    ids: np.ndarray
    gaps: np.ndarray
    truth: np.ndarray
    parts: tuple[str, ...]
    normal_form: NormalForm = "none"

    def text(self, tokenizer: Tokenizer) -> str:
        """As people write it."""
        leading = tokenizer.kind in LEADING
        leads = [leading and tokenizer.decode([token]).startswith(" ") for token in self.truth]
        return joined(tokenizer, self.parts, [f" {GAP}" if lead else GAP for lead in leads])

    def filled(self, source: str, text: str, tokenizer: Tokenizer) -> list[int]:
        """The tokens (G,) with which a text fills the gaps.

        Raises HeedfulError if it is not the same text, or fills a gap with more than a token.
        """
        pattern = re.escape(joined(tokenizer, self.parts, ["\0"] * len(self.truth))).replace(re.escape("\0"), "(.+?)")
        found = re.fullmatch(pattern, text, re.DOTALL)
        if not found:
            raise HeedfulError(f"{text!r} is not {source!r} with its gaps filled.")
        said = [tokenizer.encode(normalize_text(word, self.normal_form)) for word in found.groups()]
        one = [len(ids) == 1 and ids[0] != tokenizer.special_tokens.unknown for ids in said]
        several = next((word for word, fits in zip(found.groups(), one, strict=True) if not fits), None)
        if several is not None:
            raise HeedfulError(f"{several!r} is no single token of the vocabulary, and a gap holds one.")
        return [ids[0] for ids in said]

    def log_probability(self, shares: np.ndarray, source: str, text: str, tokenizer: Tokenizer) -> float:
        """Of a text that fills the gaps, given what each token gets at each of them (G, V); raises as `filled`."""
        ids = self.filled(source, text, tokenizer)
        return float(np.log(np.maximum(shares[np.arange(len(ids)), ids], LEAST)).sum())


def gapped(row: np.ndarray, tokenizer: Tokenizer, gaps: Gaps, inside: np.ndarray) -> Gapped:
    """A window with the gaps that its own tokens decide, all of them hidden."""
    marks = gaps.places(row, inside, int(np.abs(row.astype(np.int64) * np.arange(1, len(row) + 1)).sum()))
    hidden = np.where(marks > 0, tokenizer.mask, row)
    places = np.flatnonzero(marks)
    bounds = zip([0, *(places + 1)], [*places, len(row)], strict=True)
    parts = tuple(tokenizer.decode(row[low:high]) for low, high in bounds)
    if split(tokenizer):
        last = len(parts) - 1
        parts = tuple(f"{' ' * (n > 0 < len(one))}{one}{' ' * (n < last)}" for n, one in enumerate(parts))
    return Gapped(hidden, marks, row[places], parts)


def asked(text: str, tokenizer: Tokenizer, form: NormalForm, ends: bool) -> Gapped:
    """A text with gaps, as people write it; raises HeedfulError if there is none."""
    parts = text.split(GAP)
    if len(parts) == 1:
        near = re.search(r"\[?\bmask\b\]?|<mask>|_{2,}", text, re.IGNORECASE)
        cure = f"Write {GAP} in place of {near[0]!r}." if near else f"Write {GAP} where a word is missing."
        raise HeedfulError(f"There is no gap in {text[:60]!r}.", cure)
    if tokenizer.kind in LEADING:  # the blank before a gap is the gap's own
        parts = [part.removesuffix(" ") if place < len(parts) - 1 else part for place, part in enumerate(parts)]
    around, gaps = tokenizer.special_tokens, []
    ids = [around.begin] if ends else []
    for place, part in enumerate(parts):
        if place:
            gaps.append(len(ids))
            ids.append(tokenizer.mask)
        ids += passages.asked(part, tokenizer, form)
    row = np.array([*ids, *([around.end] if ends else [])])
    marks = np.zeros(len(row), np.int64)
    marks[gaps] = 1
    return Gapped(row, marks, np.zeros(len(gaps), np.int64), tuple(parts), form)


def joined(tokenizer: Tokenizer, parts: Sequence[str], words: Sequence[str]) -> str:
    """A text from what stands around its gaps and what stands in them."""
    pieces = [parts[0], *(piece for both in zip(words, parts[1:], strict=True) for piece in both)]
    if split(tokenizer):
        return "".join(pieces).replace(f" {GOES_ON}", "")
    return "".join(pieces) if tokenizer.kind in APART else " ".join(piece.strip() for piece in pieces if piece)


def split(tokenizer: Tokenizer) -> bool:
    """Whether tokens are pieces of words that lose the blanks between words, as in a published BERT."""
    return tokenizer.kind == "wordpiece" and not tokenizer.own


def shown_gaps(tokenizer: Tokenizer, ids: np.ndarray) -> list[str]:
    """Tokens in gaps as people are shown them, without a tab in any."""
    return [token.replace("\t", "⇥") for token in tokenizer.tokens(ids.tolist())]
