"""How texts become vectors by the files of sentence-transformers: what is pooled, how much is read, what stands before.

A folder says it in modules.json and what that names; one of an encoder alone says nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from heedful.errors import HeedfulError
from heedful.hub.files import content_of, read_json

MODULES, SETTINGS, PROMPTS = "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"
POOLS: dict[str, Literal["mean", "class"]] = {
    "mean_tokens": "mean",
    "mean": "mean",
    "cls_token": "class",
    "cls": "class",
}
"""What is pooled, by their names."""
KNOWN = ("Transformer", "Pooling", "Normalize")
QUERY, PASSAGE = ("query",), ("passage", "document", "corpus")
"""What prompts are called that stand before what is looked for, and before what it is looked for in."""


@dataclass(frozen=True)
class Sentences:
    """`pool`: the mean over tokens, or the first one; `limit`: tokens of a text that are read; `query` and `passage`
    stand before what is looked for and what it is looked for in. `told`: a folder says so.
    """

    pool: Literal["mean", "class"] = "mean"
    limit: int | None = None
    query: str = ""
    passage: str = ""
    told: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict, compare=False)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {key: value for key, value in asdict(self).items() if key != "files"}


def read_sentences(folder: Path) -> Sentences:
    """How a folder makes vectors of texts: the mean over tokens where it does not say.

    Raises HeedfulError for a way that there is not here.
    """
    path = folder / MODULES
    if not path.exists():
        return Sentences()
    names = [path, *(folder / name for name in (SETTINGS, PROMPTS) if (folder / name).exists())]
    pooling = folder / pooling_folder(path) / "config.json"
    settings, prompts = (
        {} if not (folder / name).exists() else read_json(folder / name) for name in (SETTINGS, PROMPTS)
    )
    if settings.get("do_lower_case"):
        raise HeedfulError(
            f"{folder / SETTINGS}: do_lower_case is true, which Heedful does not have beside a tokenizer's."
        )
    limit = settings.get("max_seq_length")
    files = {str(name.relative_to(folder)): content_of(name) for name in [*names, pooling] if name.exists()}
    return Sentences(
        pool_of(pooling),
        limit if isinstance(limit, int) and limit > 0 else None,
        prompt(prompts, QUERY),
        prompt(prompts, PASSAGE),
        True,
        files,
    )


def pooling_folder(path: Path) -> str:
    """The folder of the module that pools; raises HeedfulError for modules that there are not here."""
    try:
        modules = [
            (str(row["type"]).rpartition(".")[2], str(row.get("path", ""))) for row in json.loads(content_of(path))
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise HeedfulError(f"{path} does not list modules with their types.") from None
    if other := [kind for kind, _ in modules if kind not in KNOWN]:
        raise HeedfulError(
            f"{path} has a module {other[0]}, which Heedful does not have.", f"It has {', '.join(KNOWN)}."
        )
    places = [place for kind, place in modules if kind == "Pooling"]
    if len(places) != 1 or Path(places[0]).name != places[0]:
        raise HeedfulError(f"{path} does not name one module that pools, in a folder beside it.")
    return places[0]


def pool_of(path: Path) -> Literal["mean", "class"]:
    """What a module pools; raises HeedfulError for another way."""
    table = read_json(path)
    chosen = [
        key.removeprefix("pooling_mode_") for key, value in table.items() if key.startswith("pooling_mode_") and value
    ]
    chosen = chosen or [str(table.get("pooling_mode", "mean"))]
    if len(chosen) != 1 or chosen[0] not in POOLS:
        raise HeedfulError(
            f"{path} pools by {' and '.join(chosen)}, which Heedful does not have.", "It has the mean, or cls."
        )
    if table.get("include_prompt") is False:
        raise HeedfulError(f"{path} leaves prompts out of the mean (include_prompt), which Heedful does not have.")
    return POOLS[chosen[0]]


def prompt(table: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The prompt of the first of these names that there is, or else the usual one."""
    prompts = table.get("prompts")
    prompts = prompts if isinstance(prompts, dict) else {}
    return str(next((prompts[name] for name in (*names, table.get("default_prompt_name")) if prompts.get(name)), ""))
