"""What tasks share in giving a model away in the Hugging Face format: networks, pictures, how answers are written."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from heedful import hub
from heedful.blocks.pixels import Pixels
from heedful.data.pictures.read import Form
from heedful.data.tokenizers.special_tokens import EOS, PAD, SpecialTokens
from heedful.errors import HeedfulError
from heedful.hub import Plan, Published
from heedful.hub.pictures import Preprocessing
from heedful.schema import GenerateSettings, NetworkSettings
from heedful.tasks.from_hub import describe_search

LANCZOS = 1  # as Pillow counts
SPECIAL_IDS = {"bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": PAD}
RESIZING_NOTE = "pictures: squares of another size may differ at their edges, as they are resized by other code"


def republish(plan: Plan, verb: str, network: nn.Module, form: Form | None = None) -> Published:
    """A network that was published once, with the weights that it has now."""
    published = Published(plan, (verb,), hub.weights_of(network))
    if form is None:
        return published
    assert form.resizing is not None, "a published model has one"
    shape = (form.resizing.shorter, form.resizing.sides, form.resizing.crop, form.resizing.resample)
    return replace(published, pictures=Preprocessing(*shape, *colours_of(plan.facts), {}))


def publish_trained(
    family: str, settings: NetworkSettings, facts: Mapping[str, Any], network: nn.Module, form: Form | None = None
) -> Published:
    """A network that was trained here, in its family's layout; raises HeedfulError for what has no place there."""
    published = hub.as_published(family, settings, facts, network)
    return replace(published, pictures=preprocessing(form, published.plan.facts)) if form else published


def preprocessing(form: Form, facts: Mapping[str, Any]) -> Preprocessing:
    """A form of ours as near as the format comes; raises HeedfulError for one that it has no place for."""
    if form.fit == "pad":
        raise HeedfulError("data.fit=pad has no place in preprocessor_config.json.", "Train with data.fit=crop.")
    size = (form.size, form.size)
    shape = (form.size, None, size) if form.fit == "crop" else (None, size, None)
    prepared = Preprocessing(*shape, LANCZOS, *colours_of(facts), {})
    return replace(prepared, file=prepared.plain() | {"do_convert_rgb": form.colours == "rgb"})


def colours_of(facts: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each colour."""
    return tuple(facts["mean"]), tuple(facts["std"])


def picture_facts(pixels: Pixels | None) -> dict[str, Any]:
    """Side, mean and standard deviation of pictures, as a family's layout knows them."""
    assert pixels is not None, "this model reads pictures"
    return {"size": pixels.size, "mean": list(pixels.mean), "std": list(pixels.std)}


def generation_config(
    special: SpecialTokens, search: GenerateSettings, limits: Mapping[str, Any], suppressed: tuple[int, ...] = ()
) -> dict[str, bytes]:
    """generation_config.json of what writes: its special tokens, and what an answer never has.

    `limits` are keys that say how an answer begins and how long it may be.
    """
    table: dict[str, Any] = {"bos_token_id": special.begin, "eos_token_id": special.end}
    table["pad_token_id"] = special.end if special.pad is None else special.pad
    table |= dict(limits) | describe_search(search, special.end)
    suppressed_ids = {*special.suppressed, *suppressed}
    if suppressed_ids:
        table["suppress_tokens"] = sorted(suppressed_ids)
    return {"generation_config.json": json.dumps(table, indent=2).encode()}
