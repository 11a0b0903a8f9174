"""A tokenizer from a file: the ecosystem's tokenizer.json, ours or another's, or a model of sentencepiece."""

import json
from pathlib import Path

import tokenizers

from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer, kind_of, special_tokens_path
from heedful.errors import HeedfulError

PIECES = '{"sentencepiece"'
"""How a file begins that holds a model of sentencepiece."""


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Reads a tokenizer.json, ours or another's; raises HeedfulError if it is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HeedfulError(f"The tokenizer {path} cannot be read: {error}.") from None
    if text.startswith(PIECES):
        return SentencePieceTokenizer.parse(json.loads(text))
    special_tokens_file = special_tokens_path(path)
    special_tokens = (
        SpecialTokens.parse(json.loads(special_tokens_file.read_text(encoding="utf-8")))
        if special_tokens_file.exists()
        else None
    )
    return parse_tokenizer(text, special_tokens, str(path))


def parse_tokenizer(text: str, special_tokens: SpecialTokens | None, name: str = "This") -> Tokenizer:
    """The tokenizer that the text of a tokenizer.json holds; raises HeedfulError, calling it by `name`, if none."""
    try:
        inner = tokenizers.Tokenizer.from_str(text)
    except Exception as error:
        # The library raises plain Exception.
        raise HeedfulError(f"{name} is not a tokenizer.json: {error}.") from None
    return Tokenizer(inner, kind_of(json.loads(inner.to_str())), special_tokens)
