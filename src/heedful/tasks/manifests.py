"""What tasks share in describing exported graphs (export.json): how sources become ids, and what ids mean."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.generation.stepper import SpecialIds
from heedful.tasks.inputs import Preprocessor

if TYPE_CHECKING:
    from heedful.hub import Plan


def describe_source(preprocessor: Preprocessor, folder: Path, limit: int | None) -> dict[str, Any]:
    """How sources are read: pictures of which form, or texts by which tokenizer."""
    if preprocessor.positions:
        return preprocessor.form.plain()
    return describe_text(preprocessor.tokenizer, folder, limit)


def describe_text(tokenizer: Tokenizer, folder: Path, limit: int | None) -> dict[str, Any]:
    """How a text is read whole: with the special tokens that stand before and after it, and the `limit` of all (None:
    there is none).
    """
    special = tokenizer.special_tokens
    around = {"before": list(special.before), "after": list(special.after), "limit": limit}
    return describe_tokenizer(tokenizer, folder, "source") | around


def describe_tokenizer(tokenizer: Tokenizer, folder: Path, side: str) -> dict[str, Any]:
    """A tokenizer's file, and how its ids become the network's: the `unknown` one is 3, others are moved by `shift`.

    Those of a published vocabulary are the network's as they are; Marian's stand in a file of our own.
    """
    path = folder / f"{side}.tokenizer.json"
    name = path.name if path.exists() else "tokenizer.json"
    return {"tokenizer": name, "shift": tokenizer.shift, "unknown": tokenizer.unk if tokenizer.is_native else None}


def describe_special(special: SpecialIds) -> dict[str, Any]:
    """The token that begins an answer, the one that ends it, and those that are never chosen."""
    return {"begin": special.begin, "end": special.end, "never": list(special.suppressed)}


def plan_config(plan: "Plan | None") -> dict[str, Any]:
    """What a model's config says of the plan of a published network; nothing of one of the lineage."""
    return {"plan": plan.plain()} if plan else {}
