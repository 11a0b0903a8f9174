"""How texts are prepared: the files of a tokenizer as plain data, whatever form they were published in.

A tokenizer.json is the ecosystem's form; one is made of a vocabulary and its merges where only these were published.
Marian has two sentencepiece models and a vocabulary.
"""

import io
import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

from heedful.errors import HeedfulError
from heedful.hub.files import content_of
from heedful.small_files import json_table

FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
)
"""What a tokenizer is kept in, beside Marian's."""

BYTES = {"begin": "<|endoftext|>", "end": "<|endoftext|>", "unknown": "<|endoftext|>"}
PIECES = {"first": "[CLS]", "between": "[SEP]", "pad": "[PAD]", "mask": "[MASK]", "unknown": "[UNK]"}
ROBERTA = {"first": "<s>", "between": "</s>", "pad": "<pad>", "mask": "<mask>", "unknown": "<unk>"}
CLIP = {"begin": "<|startoftext|>", "end": "<|endoftext|>", "unknown": "<|endoftext|>", "pad": "<|endoftext|>"}
"""The special tokens of a family by what they are for, where its files do not say."""
ROLES = {
    "bos_token": "begin",
    "eos_token": "end",
    "unk_token": "unknown",
    "pad_token": "pad",
    "cls_token": "first",
    "sep_token": "between",
    "mask_token": "mask",
}


@dataclass(frozen=True)
class Words:
    """A tokenizer: `json` is its tokenizer.json, `special` its special tokens by what they are for.

    `limit` is the longest text in tokens that it was meant for; `files` are those that it came in.
    """

    json: str
    special: Mapping[str, str]
    limit: int | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def inner(self) -> tokenizers.Tokenizer:
        """The tokenizer itself. What its file says of padding and cutting is for whoever makes batches."""
        inner = tokenizers.Tokenizer.from_str(self.json)
        inner.no_padding()
        inner.no_truncation()
        return inner

    def encode(self, text: str, special: bool = True) -> list[int]:
        """The ids of a text, between its special tokens if they are wanted."""
        return self.inner.encode(text, add_special_tokens=special).ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, without special tokens."""
        text = self.inner.decode(list(ids))
        end = getattr(self.inner.model, "end_of_word_suffix", None)
        return text.replace(end, " ").strip() if end else text

    def id(self, role: str) -> int | None:
        """The id of a special token, if there is one for that."""
        return self.inner.token_to_id(self.special[role]) if role in self.special else None


def read(folder: Path, special: Mapping[str, str]) -> Words | None:
    """The tokenizer of a folder, None if there is none; `special`: a family's special tokens.

    Raises HeedfulError for files that cannot be read, and for one that names code of its own.
    """
    files = {name: content_of(folder / name) for name in FILES if (folder / name).exists()}
    settings = {**json_of(files, "special_tokens_map.json", folder), **json_of(files, "tokenizer_config.json", folder)}
    if "auto_map" in settings:
        raise own_code(folder / "tokenizer_config.json")
    special_of_files = {role: token_text(settings[key]) for key, role in ROLES.items() if settings.get(key)}
    special_tokens = {**special, **special_of_files}
    try:
        text = text_of(files, special_tokens, settings, clip if special is CLIP else byte_level)
    except Exception as error:  # the library raises plain Exception
        raise HeedfulError(f"The tokenizer in {folder} cannot be read: {error}.") from None
    if text is None:
        refuse_sentencepiece(folder)
        return None
    limit = settings.get("model_max_length")
    return Words(text, special_tokens, int(limit) if isinstance(limit, int) and limit < 1e9 else None, files)


def refuse_sentencepiece(folder: Path) -> None:
    """Raises HeedfulError for a tokenizer that is a model of sentencepiece alone, as XLM-R's may be."""
    name = next((path.name for path in sorted(folder.glob("*.model"))), "")
    if name:
        place = json.dumps(str(folder.absolute()), ensure_ascii=False)
        code = f"from transformers import AutoTokenizer as T; T.from_pretrained({place}).save_pretrained({place})"
        raise HeedfulError(
            f"{folder} has its tokenizer in {name} alone, a model of sentencepiece; a tokenizer.json is read.",
            f"To make one of it, where transformers is installed:\n{shlex.join(['python', '-c', code])}",
        )


def text_of(
    files: Mapping[str, bytes], special: Mapping[str, str], settings: Mapping[str, Any], make: Callable[..., Any]
) -> str | None:
    """The tokenizer.json, or one made of a vocabulary, None if there is neither; `make`: of byte pairs."""
    if "tokenizer.json" in files:
        text = files["tokenizer.json"].decode()
        tokenizers.Tokenizer.from_str(text)
        return text
    if "vocab.txt" in files:
        return pieces(lines_of(files["vocab.txt"]), special, settings).to_str()
    if "vocab.json" in files and "merges.txt" in files:
        rows = [line for line in lines_of(files["merges.txt"]) if line and not line.startswith("#version")]
        merges = [(first, second) for first, _, second in (row.partition(" ") for row in rows)]
        return make(json.loads(files["vocab.json"]), merges, special, settings).to_str()
    return None


def lines_of(content: bytes) -> list[str]:
    """The lines of a text file as Python reads files: U+2028, U+0085 and their like are entries, and end no line.

    >>> lines_of("a\\r\\n\u2028\\nb\\n".encode())
    ['a', '\\u2028', 'b']
    """
    return [line.removesuffix("\n") for line in io.StringIO(content.decode(), newline=None)]


def write(words: Words, kind: str) -> dict[str, bytes]:
    """The files of a tokenizer: as they came, or a tokenizer.json and what the library must know beside it."""
    if words.files:
        return dict(words.files)
    settings: dict[str, Any] = {"tokenizer_class": kind}
    settings |= {key: words.special[role] for key, role in ROLES.items() if role in words.special}
    settings |= {"model_max_length": words.limit} if words.limit else {}
    return {"tokenizer.json": words.json.encode(), "tokenizer_config.json": json.dumps(settings, indent=2).encode()}


def json_of(files: Mapping[str, bytes], name: str, folder: Path) -> dict[str, Any]:
    """One of the files as a table, empty if there is none."""
    return json_table(files.get(name, b"{}"), str(folder / name))


def token_text(token: Any) -> str:
    """A special token as it is written; some files tell more of it."""
    return str(token["content"] if isinstance(token, dict) else token)


def own_code(path: Path) -> HeedfulError:
    """The error for files that want code of their own to be run."""
    return HeedfulError(
        f"{path} names code of its own (auto_map), and Heedful runs none.",
        "Take a model whose architecture the library itself has.",
    )


def with_special_tokens(inner: tokenizers.Tokenizer, special: Mapping[str, str]) -> tokenizers.Tokenizer:
    """The same with its special tokens known as such. The blank before a mask of bytes is part of it."""
    bytewise = isinstance(inner.decoder, decoders.ByteLevel)
    for token in dict.fromkeys(special.values()):
        leads = bytewise and token == special.get("mask")
        inner.add_special_tokens([AddedToken(token, special=True, normalized=False, lstrip=leads)])
    return inner


def byte_level(
    vocabulary: dict[str, int], merges: list[tuple[str, str]], special: Mapping[str, str], settings: Mapping[str, Any]
) -> tokenizers.Tokenizer:
    """GPT-2's: byte pairs, of bytes; between special tokens if the family has some, as RoBERTa has."""
    spaced = bool(settings.get("add_prefix_space", False))
    inner = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    inner.decoder = decoders.ByteLevel()
    if "first" in special:
        first, between = special["first"], special["between"]
        around = (between, vocabulary[between]), (first, vocabulary[first])
        inner.post_processor = processors.RobertaProcessing(*around, trim_offsets=True, add_prefix_space=spaced)
    return with_special_tokens(inner, special)


def pieces(entries: list[str], special: Mapping[str, str], settings: Mapping[str, Any]) -> tokenizers.Tokenizer:
    """BERT's: words cut into the longest pieces that there are."""
    table = {entry: number for number, entry in enumerate(entries)}
    inner = tokenizers.Tokenizer(models.WordPiece(table, unk_token=special["unknown"]))
    inner.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece()
    first, between = special["first"], special["between"]
    inner.post_processor = processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {between}:0",
        pair=f"{first}:0 $A:0 {between}:0 $B:1 {between}:1",
        special_tokens=[(first, table[first]), (between, table[between])],
    )
    return with_special_tokens(inner, special)


def clip(
    vocabulary: dict[str, int], merges: list[tuple[str, str]], special: Mapping[str, str], settings: Mapping[str, Any]
) -> tokenizers.Tokenizer:
    """CLIP's: byte pairs of lower-case words that know where they end."""
    model = models.BPE(vocabulary, merges, end_of_word_suffix="</w>", unk_token=special["unknown"])
    inner = tokenizers.Tokenizer(model)
    inner.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    inner.decoder = decoders.ByteLevel()
    begin, end = special["begin"], special["end"]
    inner.post_processor = processors.RobertaProcessing(
        (end, vocabulary[end]), (begin, vocabulary[begin]), trim_offsets=False, add_prefix_space=False
    )
    return with_special_tokens(inner, special)
