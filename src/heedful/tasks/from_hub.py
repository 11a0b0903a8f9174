"""What tasks share in opening a folder in the Hugging Face format: tokenizers, pictures, how answers are written."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import tokenizers

from heedful import hub
from heedful.blocks.pixels import Pixels
from heedful.data.pictures.read import Form
from heedful.data.pictures.resizing import Resizing
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.data.tokenizers.tokenizer import Tokenizer, kind_of
from heedful.errors import HeedfulError
from heedful.hub import Plan, Published
from heedful.networks.settings import picture_positions
from heedful.schema import GenerateSettings, NetworkSettings
from heedful.tasks.inputs import Preprocessor
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.training_sources import pretrained_of

LONGEST = 64  # tokens of a caption, where the files do not say
SEARCH_KEYS = {"num_beams": "beam", "length_penalty": "length_penalty", "no_repeat_ngram_size": "no_repeat_ngram"}
"""What generation_config.json says of the search, by our keys."""
EARLY_STOPPING = {False: "likely", True: "full", "never": "sure"}
"""What it calls early_stopping, which is false where it is left out."""


def encoder_start(published: Published, where: str) -> tuple[NetworkSettings, Pretrained]:
    """The settings of weights that only read, and what goes with them."""
    plan = published.plan
    side = next(iter(plan.sides.values()))
    words = tokenizer(published, where) if published.words else None
    pretrained = pretrained_of(picture_preprocessor(published, side)) if published.pictures else Pretrained(words=words)
    return side, replace(pretrained, written=words if "decoder" in plan.sides else None, plan=plan)


def search_settings(published: Published) -> dict[str, Any]:
    """How answers are searched for, by the files.

    Raises HeedfulError for a way to stop that nothing here stands for.
    """
    generation = published.generation_config
    stopping = generation.get("early_stopping") or False
    if not isinstance(stopping, bool | str) or stopping not in EARLY_STOPPING:
        raise HeedfulError(f"early_stopping is {stopping!r} in the files.", 'It may be true, false or "never".')
    settings: dict[str, Any] = {
        "finish": EARLY_STOPPING[stopping],
        "renormalize": bool(generation.get("renormalize_logits")),
        "beam": 1,
    }
    settings |= {setting: generation[key] for key, setting in SEARCH_KEYS.items() if generation.get(key) is not None}
    return {f"generate.{key}": value for key, value in settings.items()}


def close_settings(published: Published) -> dict[str, Any]:
    """Whether an answer that grows too long is closed; raises HeedfulError for a token to close with but the end."""
    last, end = published.generation_config.get("forced_eos_token_id"), hub.ids(published).get("end")
    if last not in (None, end, [end]):
        raise HeedfulError(f"forced_eos_token_id is {last!r} in the files.", f"Answers here end with {end} alone.")
    return {"generate.close": last is not None}


def describe_search(search: GenerateSettings, end: int) -> dict[str, Any]:
    """The other way round: what generation_config.json says of a search, beside its beams, if it is not usual."""
    defaults = GenerateSettings()
    keys = {hub_key: setting for hub_key, setting in SEARCH_KEYS.items() if setting != "beam"}
    table = {
        key: getattr(search, setting)
        for key, setting in keys.items()
        if getattr(search, setting) != getattr(defaults, setting)
    }
    stopping = next((key for key, setting in EARLY_STOPPING.items() if setting == search.finish), False)
    table |= {"early_stopping": stopping} if stopping else {}
    table |= {"renormalize_logits": True} if search.renormalize else {}
    return table | ({"forced_eos_token_id": end} if search.close else {})


def window_of(published: Published, side: NetworkSettings) -> int:
    """The tokens that a network reads at once: all its positions, unless the tokenizer says that fewer were learnt.

    Rotary positions have no end; the files tell how many were learnt.
    """
    limit = published.words.limit if published.words else None
    positions = int(published.plan.facts["window"] if side.positions == "rotary" else side.context)
    return min(positions, limit or positions)


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of classes as an answer tells them: of ImageNet's, two are cranes, and only their numbers tell which.

    >>> distinct_names(["crane", "cat", "crane"])
    ('crane (0)', 'cat', 'crane (2)')
    """
    repeated = {name for name, times in Counter(names).items() if times > 1}
    return tuple(f"{name} ({number})" if name in repeated else name for number, name in enumerate(names))


def picture_preprocessor(published: Published, side: NetworkSettings) -> Preprocessor:
    """How pictures are read."""
    plan = published.plan
    return Preprocessor(form(published), pixels(plan), picture_positions(side, int(plan.facts["size"])))


def pixels(plan: Plan) -> Pixels:
    """What a network's pictures are."""
    return plan.pixels(int(plan.facts["size"]))


def form(published: Published) -> Form:
    """How pictures are prepared."""
    preprocessing, size = published.pictures, int(published.plan.facts["size"])
    assert preprocessing is not None, "families that read pictures refuse folders without it"
    resizing = Resizing(preprocessing.shorter, preprocessing.sides, preprocessing.crop, preprocessing.resample)
    return Form(size, "gray" if len(preprocessing.mean) == 1 else "rgb", resizing=resizing)


def tokenizer(published: Published, where: str) -> Tokenizer:
    """The tokenizer, with marks from its files and from those that say how answers are written."""
    words = published.words
    if not isinstance(words, hub.Words):
        raise missing_tokenizer(where)
    inner = tokenizers.Tokenizer.from_str(words.json)
    return Tokenizer(inner, kind_of(json.loads(inner.to_str())), special_tokens_of(words, published, where))


def missing_tokenizer(where: str) -> HeedfulError:
    """The error for a folder without a tokenizer."""
    return HeedfulError(
        f"{where} has no tokenizer, without which its weights mean nothing.",
        "Take the whole folder: with tokenizer.json, or what one is made of (vocab.txt; vocab.json and merges.txt).",
    )


def special_tokens_of(words: hub.Words, published: Published, where: str) -> SpecialTokens:
    """The ids that stand for no text."""
    roles = {role: number for role in words.special if (number := words.id(role)) is not None}
    generation, generation_ids = published.generation_config, hub.ids(published)
    if "first" in roles and "between" in roles:
        begin, end = roles["first"], roles["between"]
    else:
        begin = generation_ids.get("begin", roles.get("begin"))
        end = generation_ids.get("end", roles.get("end"))
    if begin is None or end is None:
        raise HeedfulError(f"The tokenizer in {where} has no tokens for the beginning and the end of a text.")
    before, after = surrounding_tokens(words)
    special = {number for number, token in words.inner.get_added_tokens_decoder().items() if token.special}
    unknown = roles.get("unknown")
    return SpecialTokens(
        begin=begin,
        end=end,
        unknown=None if unknown == end else unknown,
        pad=roles.get("pad"),
        mask=roles.get("mask"),
        before=before,
        after=after,
        suppressed=suppressed_tokens(generation),
        skipped=tuple(sorted(special | set(roles.values()) | {begin, end})),
        first=0,
        prompted=bool(before),
    )


def surrounding_tokens(words: hub.Words) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the tokenizer puts before and behind a text."""
    bare, ids = words.encode("a", special=False), words.encode("a")
    start = next(index for index in range(len(ids)) if ids[index : index + len(bare)] == bare)
    return tuple(ids[:start]), tuple(ids[start + len(bare) :])


def suppressed_tokens(generation: Mapping[str, Any]) -> tuple[int, ...]:
    """Tokens that the files forbid in answers, alone; the end is never forbidden."""
    ends = generation.get("eos_token_id")
    alone = [ids[0] for ids in generation.get("bad_words_ids") or () if len(ids) == 1 and ids not in ([ends], ends)]
    return tuple(dict.fromkeys([*alone, *(generation.get("suppress_tokens") or ())]))
