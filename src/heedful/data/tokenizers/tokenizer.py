"""Texts to ids and back: characters, space-separated symbols, BPE, unigram, or the user's own tokenizer.json.

The first four ids are the same wherever a vocabulary was learnt here: <pad>, <s>, </s>, <unk>. Such a text in the data
is text: it never becomes the id of that name. A published vocabulary has its own (`Marks`).
"""

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders

from heedful.data.tokenizers.special_tokens import NATIVE, SPECIALS, UNK, SpecialTokens

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""How a part of a character is written, byte by byte."""


class Tokenizer:
    """A vocabulary with the two ways through it, encode and decode; neither adds <s> or </s>.

    A user's own tokenizer keeps its ids beneath ours: they are moved up by four where it has other first four. With
    `marks`, those of a network that was trained elsewhere, ids stay what they are.
    """

    def __init__(self, inner: tokenizers.Tokenizer, kind: str, special_tokens: SpecialTokens | None = None) -> None:
        inner.encode_special_tokens = True
        inner.no_padding()
        inner.no_truncation()
        self.inner, self.kind = inner, kind
        self.special_tokens = special_tokens or NATIVE
        self.is_native = special_tokens is None
        has_our_first_ids = tuple(inner.id_to_token(i) for i in range(len(SPECIALS))) == SPECIALS
        self.shift = 0 if has_our_first_ids or special_tokens else len(SPECIALS)
        # Another's ids may have gaps, so that the highest counts, not their number.
        self.size = max(inner.get_vocab().values()) + 1 + self.shift
        self.unk = self.special_tokens.unknown if has_our_first_ids or special_tokens else unknown_id(inner)
        self.mask = self.size if self.special_tokens.mask is None else self.special_tokens.mask
        # what is not known here is shown as such
        self.skipped = {*self.special_tokens.skipped} - ({UNK} if self.is_native and self.unk is not None else set())
        self.displayed: dict[int, str] = {}  # by id, once it was shown
        self.suffix = "" if self.is_native else getattr(inner.model, "end_of_word_suffix", None)

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text; on all processor threads, so prefer it to many calls of `encode`."""
        batch = [encoding.ids for encoding in self.inner.encode_batch_fast(list(texts), add_special_tokens=False)]
        return [[self.outer_id(i) for i in ids] for ids in batch] if self.shift else batch

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids: what was encoded, exactly, if nothing in it was unknown, or in lower case if it is read so.
        <pad>, <s>, </s> are left out.
        """
        text = self.inner.decode([self.inner_id(i) for i in map(int, ids) if i not in self.skipped])
        return text.replace(self.suffix, " ").strip() if self.suffix else text

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Each id as people are shown it: a space is written ▁, a part of a character as its bytes."""
        return [self.displayed.get(i) or self.displayed.setdefault(i, self.display(i)) for i in map(int, ids)]

    def unknown(self, text: str) -> list[str]:
        """The pieces of a text that have no entry, in order."""
        return self.unknown_batch([text])[0]

    def unknown_batch(self, texts: Sequence[str]) -> list[list[str]]:
        """The same of each text; where a piece stands is looked for in those alone that have one."""
        batch = self.encode_batch(texts)
        return [self.find_unknown(text) if self.unknowns(ids) else [] for text, ids in zip(texts, batch, strict=True)]

    def find_unknown(self, text: str) -> list[str]:
        """The pieces of a text that have no entry, by where they stand in it."""
        encoding = self.inner.encode(text, add_special_tokens=False)
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [text[low:high] for i, (low, high) in pairs if self.outer_id(i) == self.special_tokens.unknown]

    def unknowns(self, ids: Sequence[int]) -> int:
        """How many of these ids stand for what has no entry."""
        return list(ids).count(self.special_tokens.unknown)  # type: ignore[arg-type]

    def save(self, path: Path | str) -> None:
        """Writes the ecosystem's tokenizer.json, and beside it the marks of a published vocabulary."""
        Path(path).write_text(self.dump(), encoding="utf-8")
        if not self.is_native:
            special_tokens_path(path).write_text(json.dumps(self.special_tokens.plain()), encoding="utf-8")

    def dump(self) -> str:
        """The tokenizer.json as text."""
        return self.inner.to_str(pretty=False)

    def outer_id(self, inner_id: int) -> int:
        """Our id for one of the inner tokenizer's."""
        if self.is_native and inner_id == self.unk:
            return UNK
        return inner_id + self.shift

    def inner_id(self, outer_id: int) -> int:
        """The inner tokenizer's id for one of ours."""
        return self.unk if self.is_native and outer_id == UNK and self.unk is not None else outer_id - self.shift

    def display(self, i: int) -> str:
        """One id as people are shown it."""
        if self.is_native and i < len(SPECIALS):
            return SPECIALS[i]
        token = self.inner.id_to_token(self.inner_id(i)) or ""
        if i in self.special_tokens.skipped:
            return token
        text = self.inner.decode([self.inner_id(i)]) or token
        if "\ufffd" in text:
            bytewise = isinstance(self.inner.decoder, decoders.ByteLevel)
            return "".join(BYTES[byte] for byte in byte_level(token)) if bytewise else token
        return text.replace(" ", "▁").replace("\n", "⏎")


def special_tokens_path(path: Path | str) -> Path:
    """Where the marks of a tokenizer's file are kept.

    >>> str(special_tokens_path("run/source.tokenizer.json"))
    'run/source.tokenizer.marks.json'
    """
    return Path(path).with_suffix(".marks.json")


def kind_of(file: dict[str, Any]) -> str:
    """The kind of a tokenizer.json, told by its parts; another's is called by its model."""
    model, splitter = str(file["model"]["type"]), (file["pre_tokenizer"] or {}).get("type", "")
    if model == "WordLevel" and splitter in ("Split", "WhitespaceSplit"):
        return "characters" if splitter == "Split" else "symbols"
    return model.lower()


def unknown_id(inner: tokenizers.Tokenizer) -> int | None:
    """The id that another's tokenizer gives to what it does not know, if it has one."""
    model = json.loads(inner.to_str())["model"]
    return inner.token_to_id(model["unk_token"]) if model.get("unk_token") else model.get("unk_id")


def byte_level(token: str) -> bytes:
    """The bytes that a token of byte-level BPE stands for."""
    printable = chain(range(0x21, 0x7F), range(0xA1, 0xAD), range(0xAE, 0x100))
    table = {chr(byte): byte for byte in printable}
    unprintable = (byte for byte in range(256) if chr(byte) not in table)
    table |= {chr(256 + number): byte for number, byte in enumerate(unprintable)}
    return bytes(table[character] for character in token)
