"""Tokenizers of ours as the files that transformers reads, with the same ids for the same texts."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import tokenizers
from tokenizers import AddedToken, processors

from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import SPECIALS
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.hub import Pieces, Words

MASK_TOKEN = "[MASK]"
TOKEN_NAMES = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def export_tokenizer(
    words: Tokenizer,
    before: Sequence[str],
    after: Sequence[str],
    *,
    limit: int | None = None,
    mask: int | None = None,
    change: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Words:
    """A tokenizer that was learnt here, which puts these special tokens around a text.

    `mask` is the id of the mask token. `change` may exchange ids. Raises HeedfulError for a user's own whose ids the
    network does not have.
    """
    if words.shift:
        raise HeedfulError(
            "This model reads ids that are moved up by four, as its tokenizer was given with other special tokens.",
            "The format has no place for that; learn a tokenizer, or give one that begins with " + " ".join(SPECIALS),
        )
    inner = tokenizers.Tokenizer.from_str(json.dumps(change(json.loads(words.dump()))))
    if mask is not None:
        leads = words.kind in ("bpe", "unigram")  # the blank before a mask is part of it
        inner.add_special_tokens([AddedToken(MASK_TOKEN, special=True, normalized=False, lstrip=leads)])
        if inner.token_to_id(MASK_TOKEN) != mask:
            raise HeedfulError(
                f"The vocabulary has an entry {MASK_TOKEN} of its own, so that none can stand for a gap."
            )
    if before or after:
        around = {token: inner.token_to_id(token) for token in (*before, *after)}
        template = " ".join([*before, "$A", *after])
        inner.post_processor = processors.TemplateProcessing(single=template, special_tokens=[*around.items()])
    names = TOKEN_NAMES | ({"mask_token": MASK_TOKEN} if mask is not None else {})
    # what looks like a special token in a text is text, unless people write masks so
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "split_special_tokens": mask is None, **names}
    settings |= {"clean_up_tokenization_spaces": False} | ({"model_max_length": limit} if limit else {})
    files = {"tokenizer.json": inner.to_str(), "tokenizer_config.json": json.dumps(settings, indent=2)}
    files["special_tokens_map.json"] = json.dumps(names, indent=2)
    return Words(inner.to_str(), {}, limit, {name: text.encode() for name, text in files.items()})


def words_of(words: Tokenizer) -> Words:
    """A tokenizer that was published, to be written as its family's."""
    special = words.special_tokens
    roles = {
        "pad": special.pad,
        "mask": special.mask,
        "unknown": special.end if special.unknown is None else special.unknown,
    }
    roles_around = ("first", "between") if special.mask is not None else ("begin", "end")
    roles |= dict(zip(roles_around, (special.begin, special.end), strict=True))
    texts = {role: words.inner.id_to_token(number) for role, number in roles.items() if number is not None}
    return Words(words.dump(), {role: text for role, text in texts.items() if text is not None})


def pieces_of(source: Any, target: Any) -> Pieces:
    """Marian's two, to be written as they were."""
    assert isinstance(source, SentencePieceTokenizer) and isinstance(target, SentencePieceTokenizer)
    target_special = target.special_tokens
    ids = {
        "end": target_special.end,
        "unknown": target_special.unknown,
        "pad": target_special.begin if target_special.pad is None else target_special.pad,
    }
    special = {role: target.names[number] for role, number in ids.items() if number is not None}
    return Pieces(source.model, target.model, source.numbers, target.numbers, special)


def swap_ids(file: dict[str, Any], first_id: int, second_id: int) -> dict[str, Any]:
    """A tokenizer.json in which two ids have changed places."""
    exchange = {first_id: second_id, second_id: first_id}
    table = file["model"]["vocab"]
    if isinstance(table, list):
        table[first_id], table[second_id] = table[second_id], table[first_id]
    else:
        file["model"]["vocab"] = {token: exchange.get(number, number) for token, number in table.items()}
    added_tokens = [token | {"id": exchange.get(token["id"], token["id"])} for token in file["added_tokens"]]
    return file | {"added_tokens": sorted(added_tokens, key=lambda token: token["id"])}
