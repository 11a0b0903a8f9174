"""A tokenizer from a file: the ecosystem's tokenizer.json, ours or another's, or a model of sentencepiece."""

import json
from pathlib import Path

import tokenizers

from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer, kind_of, special_tokens_path
from heedful.errors import HeedfulError
from heedful.small_files import json_table, read_json_table, read_small

PIECES = '{"sentencepiece"'
"""How a file begins that holds a model of sentencepiece."""


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Reads a tokenizer.json, ours or another's; raises HeedfulError if it is none, or larger than such a file is."""
    path = Path(path)
    try:
        text = read_small(path, "vocabulary_bytes").decode("utf-8")
        marks_path = special_tokens_path(path)
        marks = read_json_table(marks_path) if marks_path.exists() and not text.startswith(PIECES) else None
    except (OSError, UnicodeDecodeError) as error:
        raise HeedfulError(f"The tokenizer {path} cannot be read: {error}.") from None
    try:
        if text.startswith(PIECES):
            return SentencePieceTokenizer.parse(json_table(text, str(path)))
        special_tokens = None if marks is None else SpecialTokens.parse(marks)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = path if marks is None else marks_path
        raise HeedfulError(f"{name} is not as it was written ({error!r}).", "Fetch or write it again.") from None
    return parse_tokenizer(text, special_tokens, str(path))


def parse_tokenizer(text: str, special_tokens: SpecialTokens | None, name: str = "This") -> Tokenizer:
    """The tokenizer that the text of a tokenizer.json holds; raises HeedfulError, calling it by `name`, if none."""
    try:
        inner = tokenizers.Tokenizer.from_str(text)
    except Exception as error:
        # The library raises plain Exception.
        raise HeedfulError(f"{name} is not a tokenizer.json: {error}.") from None
    return Tokenizer(inner, kind_of(json.loads(inner.to_str())), special_tokens)
