"""Texts to ids and back by a model of sentencepiece whose pieces have numbers of their own, as Marian's have."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError

NO_PIECE = "▁"


class SentencePieceTokenizer(Tokenizer):
    """A tokenizer like any other. A language that is asked for stands before the text, as >>fr<<.

    `model` is the file of sentencepiece, `numbers` the id of each piece.
    """

    def __init__(self, model: bytes, numbers: Mapping[str, int], special_tokens: SpecialTokens) -> None:
        self.model, self.numbers, self.special_tokens = model, dict(numbers), special_tokens
        self.names = {number: piece for piece, number in self.numbers.items()}
        self.kind, self.is_native, self.shift, self.size = "pieces", False, 0, max(self.names) + 1
        self.displayed = {}
        self.mask = self.size if special_tokens.mask is None else special_tokens.mask

    @cached_property
    def inner(self) -> Any:  # type: ignore[override]
        """What cuts. Raises HeedfulError if the package that does it is not installed."""
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError:
            raise HeedfulError(
                "Marian's tokenizers are read by the package sentencepiece, which is not installed.",
                'Install it: pip install "heedful[marian]"',
            ) from None
        processor = SentencePieceProcessor()
        try:
            processor.LoadFromSerializedProto(self.model)
        except RuntimeError as error:
            raise HeedfulError(
                f"A model of sentencepiece cannot be read: {error}.", "Its file may be incomplete."
            ) from None
        return processor

    def __getstate__(self) -> dict[str, Any]:
        """Another process opens the model itself."""
        return {name: value for name, value in vars(self).items() if name != "inner"}

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text."""
        code = text[: text.index("<<") + 2] if text.startswith(">>") and "<<" in text else ""
        return ([code] if code else []) + self.inner.encode(text[len(code) :], out_type=str)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        return [[self.numbers.get(piece, self.special_tokens.unknown) for piece in self.pieces(text)] for text in texts]  # type: ignore[misc]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""
        pieces = [self.names[number] for number in map(int, ids) if number in self.names]
        text_pieces = [piece for piece in pieces if self.numbers[piece] not in self.special_tokens.skipped]
        return self.inner.decode_pieces(text_pieces).replace("▁", " ").strip()

    def find_unknown(self, text: str) -> list[str]:
        """The pieces of a text that have no number."""
        return [piece for piece in self.pieces(text) if piece not in self.numbers and piece != NO_PIECE]

    def display(self, i: int) -> str:
        """One id as people are shown it."""
        return self.names.get(i, "")

    def dump(self) -> str:
        """As one file: the model in base64, the numbers, the marks."""
        content = {
            "sentencepiece": b64encode(self.model).decode(),
            "numbers": self.numbers,
            "marks": self.special_tokens.plain(),
        }
        return json.dumps(content, ensure_ascii=False)

    def save(self, path: Any) -> None:
        """Writes that file."""
        path.write_text(self.dump(), encoding="utf-8")

    @staticmethod
    def parse(file: Mapping[str, Any]) -> "SentencePieceTokenizer":
        """What `dump` wrote."""
        return SentencePieceTokenizer(
            b64decode(file["sentencepiece"]), file["numbers"], SpecialTokens.parse(file["marks"])
        )
