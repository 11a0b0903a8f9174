"""What is to be done: a recipe, read from TOML or built from flags, and checked strictly.

`auto` stands where the software decides; what it decided is written into the run's own recipe. The tables and their
keys are in schema.py; `Uses` says which tasks there are, and the keys that not every task uses.
"""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import Field, asdict, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_type_hints

from heedful.errors import HeedfulError, nearest, unknown
from heedful.schema import DataSettings, GenerateSettings, NetworkSettings, Recipe, TrainSettings

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

ASKED, OWN = "asked.toml", "recipe.toml"
"""A run's recipes: as it was asked for, and complete, with what was decided."""
SECTIONS: dict[str, type] = {
    "data": DataSettings,
    "network": NetworkSettings,
    "train": TrainSettings,
    "generate": GenerateSettings,
}
BUDGETS = ("minutes", "steps", "epochs")
KEPT_APART = ("written",)
"""What a recipe holds beside its keys."""

Uses = Mapping[str, Collection[str]]
"""By task: those dotted keys that it uses and some other task does not."""


def build(
    task: str,
    changes: Mapping[str, object] | None = None,
    base: dict[str, Any] | None = None,
    uses: Uses | None = None,
    accepted: bool = False,
) -> Recipe:
    """A checked recipe from a task, dotted changes (`{"train.steps": 10}`) and, beneath them, a TOML table.

    Raises HeedfulError for an unknown key (with the nearest) and a value that is not allowed; with `uses` for an
    unknown task and for a key that the task has no use for, but not for those of a table that was `accepted` before.
    """
    if uses is not None and task not in uses:
        raise unknown("task", task, uses)
    table: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in (base or {}).items()}
    table["task"] = task
    for name, value in (changes or {}).items():
        place(table, name, value)
    recipe = check(table)
    if uses is not None:
        refuse_unused(recipe, uses, changes or {} if accepted else recipe.written)
    return recipe


def load(path: Path | str, changes: Mapping[str, object] | None = None, uses: Uses | None = None) -> Recipe:
    """Reads a recipe file, with dotted changes on top; raises HeedfulError naming the file and what is wrong."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise HeedfulError(f"The recipe {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise HeedfulError(f"The recipe {path} is not valid TOML: {error}.") from None
    if "task" not in table:
        among = f" ({', '.join(uses)})" if uses else ""
        raise HeedfulError(f"The recipe {path} names no task.", f'Add a line such as task = "translate"{among}.')
    try:
        # a run's own recipe was accepted when it began, and is read whatever has been learnt about it since
        accepted = Path(path).name == ASKED or (Path(path).parent / "config.json").exists()
        return build(table["task"], changes, table, uses, accepted)
    except HeedfulError as error:
        raise HeedfulError(f"{path}: {error.problem}", error.cure) from None


def dump(recipe: Recipe, complete: bool = True) -> str:
    """The recipe as TOML, every key with the value in force, or those alone that a person wrote.

    `load` gives the same recipe back.
    """
    import tomli_w

    table = without_none(recipe)
    if not complete:
        usual, values = flat(as_table(Recipe())), flat(table)
        for name in [name for name in values if name not in recipe.written and values[name] == usual[name]]:
            section, _, key = name.rpartition(".")
            (table[section] if section else table).pop(key)
    return tomli_w.dumps({name: value for name, value in table.items() if value != {}})


def change(recipe: Recipe, changes: Mapping[str, object], uses: Uses | None = None) -> Recipe:
    """The same recipe with dotted keys changed, checked anew."""
    changed = build(recipe.task, changes, without_none(recipe), uses, accepted=True)
    # what was never said stays unsaid: a task may have a default of its own for it
    taken_out = {name for name, value in changes.items() if value is None}
    return replace(changed, written=(recipe.written | changes.keys()) - taken_out)


def as_table(recipe: Recipe) -> dict[str, Any]:
    """All keys of a recipe as nested tables."""
    return {name: value for name, value in asdict(recipe).items() if name not in KEPT_APART}


def without_none(recipe: Recipe) -> dict[str, Any]:
    """All keys as nested tables but those that are None, for which TOML has no word."""
    table = as_table(recipe)
    for section in SECTIONS:
        table[section] = {name: value for name, value in table[section].items() if value is not None}
    return table


def differences(old: Recipe, new: Recipe) -> list[str]:
    """One line a key on which two recipes disagree, as `train.steps: 100 here, 200 asked for`."""
    one, two = flat(as_table(old)), flat(as_table(new))
    return [
        f"{name}: {one.get(name)!r} here, {two.get(name)!r} asked for"
        for name in sorted(one | two)
        if one.get(name) != two.get(name)
    ]


def flat(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's tables with dotted keys: {"train": {"steps": 1}} -> {"train.steps": 1}."""
    rows: dict[str, Any] = {}
    for name, value in table.items():
        rows |= {f"{name}.{inner}": one for inner, one in value.items()} if name in SECTIONS else {name: value}
    return rows


def parse(settings: Iterable[str]) -> dict[str, Any]:
    """Dotted changes from `key=value` words of a command line; values are TOML, or else plain words.

    >>> parse(["train.learning_rate=3e-4", "network.cell=lstm", "data.columns=1,2", "train.augment=turn"])
    {'train.learning_rate': 0.0003, 'network.cell': 'lstm', 'data.columns': ['1', '2'], 'train.augment': ['turn']}
    """
    changes: dict[str, Any] = {}
    for word in settings:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise HeedfulError(
                f'"{word}" is neither a file nor a setting.', "Settings are written key=value, as train.steps=500."
            )
        changes[key] = value_of(key, text)
    return changes


def value_of(key: str, text: str) -> Any:
    """The value that `text` stands for under `key`: lists are comma-separated, numbers fit the key's type."""
    kind = str(annotation(key))
    if "list[" in kind and not text.startswith("[") and text != "auto":
        return [part for part in text.split(",") if part]
    if kind in ("<class 'str'>", "dict[str, str] | list[str]") and not text.startswith(("[", "{")):
        return text
    try:
        value = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
    return float(value) if "float" in kind and isinstance(value, int) and not isinstance(value, bool) else value


def annotation(key: str) -> Any:
    """The declared type of a dotted key; raises HeedfulError with the nearest key for an unknown one."""
    first, _, rest = key.partition(".")
    if first == "data" and rest.startswith("columns."):
        return str
    declared = declaration(key)
    if declared is None:
        raise unknown_key(key)
    return declared.type


def declaration(key: str) -> "Field[Any] | None":
    """Where a dotted key is declared; None: no recipe has it."""
    first, _, rest = key.partition(".")
    if first in SECTIONS and rest:
        return next((declared for declared in fields(SECTIONS[first]) if declared.name == rest), None)
    return next((declared for declared in own_keys() if declared.name == key), None)


def own_keys() -> "list[Field[Any]]":
    """The keys of a recipe that stand in no section."""
    return [declared for declared in fields(Recipe) if declared.name not in (*SECTIONS, *KEPT_APART)]


def keys() -> list[str]:
    """Every dotted key that a recipe may hold."""
    below = [f"{section}.{one.name}" for section, table in SECTIONS.items() for one in fields(table)]
    return [declared.name for declared in own_keys()] + below


def place(table: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key in nested tables; None takes the key out. A new budget replaces the old one."""
    annotation(key)
    *path, last = key.split(".")
    for part in path:
        inner = table.get(part)
        table[part] = dict(inner) if isinstance(inner, dict) else {}
        table = table[part]
    if path == ["train"] and last in BUDGETS:
        for other in BUDGETS:
            table.pop(other, None)
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value


def check(table: dict[str, Any]) -> Recipe:
    """A recipe from nested tables; raises HeedfulError for the first thing wrong."""
    from pydantic import ValidationError

    try:
        checked = checker(Recipe).model_validate(table)
    except ValidationError as error:
        raise plain(error, table) from None
    values = checked.model_dump()
    parts = {name: section(**values.pop(name)) for name, section in SECTIONS.items()}
    recipe = Recipe(**values, **parts, written=frozenset(flat(checked.model_dump(exclude_unset=True))))
    for name in keys():
        refuse_without(name, recipe)
    budgets = [name for name in BUDGETS if getattr(recipe.train, name) is not None]
    if len(budgets) > 1:
        raise HeedfulError(f"The recipe has {len(budgets)} budgets: {', '.join(budgets)}.", "Keep one of them.")
    return recipe


@cache
def checker(table: type) -> "type[BaseModel]":
    """What checks what a person wrote: no unknown keys, no silent conversions, every key within its limits."""
    from pydantic import ConfigDict, create_model
    from pydantic import Field as Checked

    hints = get_type_hints(table)
    declared: dict[str, Any] = {}
    if table is Recipe:
        declared = {name: (checker(section), checker(section)()) for name, section in SECTIONS.items()}
    for one in own_keys() if table is Recipe else fields(table):
        limits = {name: limit for name, limit in one.metadata["limits"].items() if name != "holds"}
        factory = one.default_factory
        default: dict[str, Any] = {"default_factory": factory} if callable(factory) else {"default": one.default}
        declared[one.name] = (limited(hints[one.name], limits), Checked(**default))
    config = ConfigDict(extra="forbid", strict=True)
    return create_model(table.__name__, __config__=config, **declared)  # pyright: ignore[reportCallIssue]


def limited(hint: Any, limits: dict[str, Any]) -> Any:
    """A type whose numbers have limits: in a union with words, the numbers alone."""
    from pydantic import Field as Checked

    if not limits:
        return hint
    if hint in (int, float):
        return Annotated[hint, Checked(**limits)]
    numbers = tuple(limited(part, limits) if part in (int, float) else part for part in get_args(hint))
    return Union[numbers]  # noqa: UP007  # of a tuple


def refuse_without(name: str, recipe: Recipe) -> None:
    """Raises HeedfulError for a list of texts one of which does not hold what each must."""
    declared = declaration(name)
    must = declared.metadata["limits"].get("holds") if declared else None
    value = flat(as_table(recipe))[name] if must else ()
    if not all(must in text for text in value):
        raise HeedfulError(f"{name} cannot be {value!r}.", describe(name))


def refuse_unused(recipe: Recipe, uses: Uses, names: Iterable[str]) -> None:
    """Raises HeedfulError if one of these keys is set that the recipe's task has no use for."""
    values, defaults = flat(as_table(recipe)), flat(as_table(Recipe()))
    for name in names:
        tasks = tasks_of(name, uses)
        if tasks and recipe.task not in tasks and values[name] != defaults[name]:
            raise HeedfulError(f"{name} is for {listed(tasks)}, and the task is {recipe.task}.", f"Leave {name} out.")


def tasks_of(key: str, uses: Uses) -> list[str]:
    """The tasks that alone use a dotted key; empty: all do."""
    return [task for task, own in uses.items() if key in own]


def listed(names: list[str]) -> str:
    """Names as people say them.

    >>> listed(["draw"]), listed(["draw", "match", "fill"])
    ('draw', 'draw, match and fill')
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def plain(error: "ValidationError", table: dict[str, Any]) -> HeedfulError:
    """What pydantic found, in our words."""
    first = error.errors()[0]
    # pydantic appends the union member it tried to the place; only names that the recipe has are of use to a person.
    path = [str(part) for part in first["loc"]]
    known = 2 if path[0] in SECTIONS and len(path) > 1 else 1
    key = ".".join(path[:known])
    if first["type"] == "extra_forbidden":
        return unknown_key(key)
    value: Any = table
    for part in path[:known]:
        value = value.get(part) if isinstance(value, dict) else value
    return HeedfulError(f"{key} cannot be {value!r}.", describe(key))


def unknown_key(key: str) -> HeedfulError:
    """The error for a key that no recipe has, with the nearest that it may have."""
    match = nearest(key, keys()) or nearest(key.split(".")[-1], [k.split(".")[-1] for k in keys()])
    full = next((k for k in keys() if k == match or k.endswith(f".{match}")), None)
    return HeedfulError(f"The recipe has no key {key}.", f"Nearest: {describe(full)}" if full else "")


def describe(key: str, uses: Uses | None = None) -> str:
    """A key, what it means, what it may be and its default, in a line."""
    declared = declaration(key)
    if declared is None:  # a whole section
        return f"{key} (a table)"
    kind = str(declared.type).replace("typing.", "").replace("<class '", "").replace("'>", "")
    kind = kind.replace("Literal[", "one of [").replace("NoneType", "nothing")
    tasks = tasks_of(key, uses or {})
    only = f"; task{'s' * (len(tasks) > 1)} {listed(tasks)}" if tasks else ""
    default = declared.default_factory() if callable(declared.default_factory) else declared.default
    return f"{key} ({declared.metadata['description']}; {kind}; default {default!r}{only})"
