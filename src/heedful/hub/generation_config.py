"""How answers are written: generation_config.json, or config.json where there is none."""

from collections.abc import Callable, Mapping
from typing import Any

from heedful.errors import HeedfulError
from heedful.hub.config import is_number
from heedful.small_files import json_table

FILE = "generation_config.json"
ROLES = {"bos": "begin", "decoder_start": "begin", "eos": "end", "pad": "pad"}
"""What ids stand for; the later of two that stand for one thing counts."""


def read(config: Mapping[str, Any], copied_files: Mapping[str, bytes], where: str) -> dict[str, Any]:
    """All that is said, and the ids of config.json that it leaves out; raises HeedfulError for what cannot be meant."""
    table = json_table(copied_files.get(FILE, b"{}"), f"{FILE} in {where}")
    token_ids = {key: config[key] for key in (f"{name}_token_id" for name in ROLES) if key in config}
    settings = {key: value for key, value in (table if FILE in copied_files else config).items() if value is not None}
    merged = {**token_ids, **settings}
    for key, (fits, allowed) in USED.items():
        if merged.get(key) is not None and not fits(merged[key]):
            raise HeedfulError(f"{key} in {where} is {merged[key]!r}.", f"It must be {allowed}.")
    return merged


def ids(settings: Mapping[str, Any]) -> dict[str, int]:
    """The ids that a search begins and ends with (begin, end, pad); of several the first."""
    ids: dict[str, int] = {}
    for key, role in ROLES.items():
        value = settings.get(f"{key}_token_id")
        value = next(iter(value), None) if isinstance(value, list) else value
        if value is not None:
            ids[role] = value
    return ids


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def are_ids(value: Any) -> bool:
    """Whether a value is a list of whole numbers."""
    return isinstance(value, list) and all(map(is_whole, value))


USED: dict[str, tuple[Callable[[Any], bool], str]] = {
    **{f"{key}_token_id": (lambda value: is_whole(value) or are_ids(value), "an id, or several") for key in ROLES},
    **dict.fromkeys(("max_length", "num_beams", "no_repeat_ngram_size"), (is_whole, "a whole number")),
    "length_penalty": (is_number, "a number"),
    "suppress_tokens": (are_ids, "a list of ids"),
    "bad_words_ids": (lambda value: isinstance(value, list) and all(map(are_ids, value)), "lists of ids"),
}
"""What is made use of, what it must be, and how to say that."""
