"""What complete and fill share in answering: texts as ids, and documents as windows that a network is scored on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.row_hashes import lines_of_document
from heedful.data.texts import encode_texts
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.networks.configs import TransformerConfig
from heedful.networks.settings import decoder_config, encoder_config
from heedful.results import Example
from heedful.schema import NetworkSettings, NormalForm
from heedful.tasks.long import Lengths

BASELINE_TOKENS = 2_000_000  # training tokens that a baseline counts at the most


@dataclass(frozen=True)
class Passage:
    """A window of a document to be scored on: its tokens (with the one before, if `ahead`), text, and characters."""

    ids: np.ndarray
    text: str
    characters: float
    where: str


def passages(
    examples: Sequence[Example], tokenizer: Tokenizer, window: int, ahead: bool, ends: bool
) -> Iterator[Passage]:
    """The windows of documents, one after another.

    The characters of a document are shared out among its windows as these read, since a window may cut one in two.
    `ends`: the end of a document is to be predicted too.
    """
    special = tokenizer.special_tokens
    encoded = encode_texts(tokenizer, [example.source for example in examples])
    for example, ids in zip(examples, encoded, strict=True):
        row = np.array(special.document(ids, ends))
        starts = range(0, len(row) - ahead, window)
        pieces = [row[start : start + window + ahead] for start in starts]
        texts = [tokenizer.decode(piece[int(ahead) :]) for piece in pieces]
        scale = len(example.source) / max(1, sum(map(len, texts)))
        for piece, text in zip(pieces, texts, strict=True):
            yield Passage(piece, text, len(text) * scale, example.where)


def contents(examples: Sequence[Example]) -> Iterator[tuple[str, bytes]]:
    """The lines of documents by which they are known again, and where they stand."""
    for example in examples:
        for number, line in lines_of_document(example.source):
            yield example.where if number == 1 else f"{example.where}, line {number} in it", line


def document_lengths(
    examples: Sequence[Example], tokenizer: Tokenizer, ends: bool, ahead: bool, limit: int | None
) -> Lengths | None:
    """How many tokens documents have, and how many are read at once (`limit`); None: any number."""
    if limit is None:
        return None
    marks = len(tokenizer.special_tokens.document([], ends)) - ahead
    encoded = encode_texts(tokenizer, [example.source for example in examples])
    return Lengths(np.array([len(ids) + marks for ids in encoded], np.int64), limit)


def limit_of(settings: NetworkSettings, window: int, writes: bool) -> int | None:
    """The tokens that a network can read at once: what it learnt from, or any number if it is recurrent."""
    config = decoder_config(settings) if writes else encoder_config(settings)
    return window if isinstance(config, TransformerConfig) else None


def baseline_rows(data: PreparedDocuments) -> tuple[list[np.ndarray], str]:
    """The training documents that a baseline counts, and how to say that they are not all."""
    rows, total = [], 0
    for number in range(len(data.train)):
        rows.append(data.train[number][0][: BASELINE_TOKENS - total])
        total += len(rows[-1])
        if total >= BASELINE_TOKENS:
            return rows, f" of the first {BASELINE_TOKENS:,} tokens"
    return rows, ""


def encode_text(text: str, tokenizer: Tokenizer, form: NormalForm) -> list[int]:
    """The ids of what somebody asks, in the Unicode form of the training texts."""
    return encode_texts(tokenizer, [text], form)[0]


def length_error(text: str, tokens: int, window: int, cure: str) -> HeedfulError:
    """The error for a text with more tokens than a network reads at once."""
    return HeedfulError(f"This text has {tokens:,} tokens; the network reads {window:,} at once: {text[:60]!r}…", cure)
