"""What is to be done: a recipe, read from TOML or built from flags, and checked strictly.

`auto` stands where the software decides; what it decided is written into the run's own recipe. The tables and their
keys are in sections.py.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from heedful.errors import HeedfulError, nearest, unknown
from heedful.sections import TASKS, Data, Generate, Network, Recipe, Section, Train

ASKED, OWN = "asked.toml", "recipe.toml"
"""A run's recipes: as it was asked for, and complete, with what was decided."""
SECTIONS: dict[str, type[Section]] = {"data": Data, "network": Network, "train": Train, "generate": Generate}


def build(
    task: str, changes: dict[str, Any] | None = None, base: dict[str, Any] | None = None, accepted: bool = False
) -> Recipe:
    """A checked recipe from a task, dotted changes (`{"train.steps": 10}`) and, beneath them, a TOML table.

    Raises HeedfulError for an unknown task, an unknown key (with the nearest), a value that is not allowed, or one
    that the task has no use for; the last not for the keys of a table that was `accepted` before.
    """
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    table: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in (base or {}).items()}
    table["task"] = task
    for key, value in (changes or {}).items():
        place(table, key, value)
    recipe = check(table)
    refuse_unused(recipe, changes or {} if accepted else None)
    return recipe


def load(path: Path | str, changes: dict[str, Any] | None = None) -> Recipe:
    """Reads a recipe file, with dotted changes on top; raises HeedfulError naming the file and what is wrong."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise HeedfulError(f"The recipe {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise HeedfulError(f"The recipe {path} is not valid TOML: {error}.") from None
    if "task" not in table:
        raise HeedfulError(
            f"The recipe {path} names no task.", f'Add a line such as task = "translate" ({", ".join(TASKS)}).'
        )
    try:
        # a run's own recipe was accepted when it began, and is read whatever has been learnt about it since
        accepted = Path(path).name == ASKED or (Path(path).parent / "config.json").exists()
        return build(table["task"], changes, table, accepted)
    except HeedfulError as error:
        raise HeedfulError(f"{path}: {error.problem}", error.cure) from None


def dump(recipe: Recipe, complete: bool = True) -> str:
    """The recipe as TOML, every key with the value in force, or those alone that were set.

    `load` gives the same recipe back.
    """
    return tomli_w.dumps(recipe.model_dump(exclude_none=True, exclude_unset=not complete))


def change(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The same recipe with dotted keys changed, checked anew."""
    # what was never said stays unsaid: a task may have a default of its own for it
    table = recipe.model_dump(exclude_none=True, exclude_unset=True)
    return build(recipe.task, changes, table, accepted=True)


def differences(old: Recipe, new: Recipe) -> list[str]:
    """One line a key on which two recipes disagree, as `train.steps: 100 here, 200 asked for`."""
    one, two = flat(old.model_dump()), flat(new.model_dump())
    return [
        f"{key}: {one.get(key)!r} here, {two.get(key)!r} asked for"
        for key in sorted(one | two)
        if one.get(key) != two.get(key)
    ]


def flat(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's tables with dotted keys: {"train": {"steps": 1}} -> {"train.steps": 1}."""
    rows: dict[str, Any] = {}
    for key, value in table.items():
        rows |= {f"{key}.{name}": inner for name, inner in value.items()} if key in SECTIONS else {key: value}
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
    if first in SECTIONS and rest:
        name = rest.partition(".")[0]
        if name == "columns" and rest != "columns":
            return str
        if name in SECTIONS[first].model_fields and name == rest:
            return SECTIONS[first].model_fields[name].annotation
    elif first in Recipe.model_fields and first not in SECTIONS and not rest:
        return Recipe.model_fields[first].annotation
    raise unknown_key(key)


def keys() -> list[str]:
    """Every dotted key that a recipe may hold."""
    below = [f"{section}.{name}" for section, model in SECTIONS.items() for name in model.model_fields]
    return [name for name in Recipe.model_fields if name not in SECTIONS] + below


def place(table: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key in nested tables; None takes the key out. A new budget replaces the old one."""
    annotation(key)
    *path, last = key.split(".")
    for part in path:
        inner = table.get(part)
        table[part] = dict(inner) if isinstance(inner, dict) else {}
        table = table[part]
    budget = ("minutes", "steps", "epochs")
    if path == ["train"] and last in budget:
        for other in budget:
            table.pop(other, None)
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value


def check(table: dict[str, Any]) -> Recipe:
    """A recipe from nested tables; raises HeedfulError for the first thing wrong."""
    try:
        recipe = Recipe.model_validate(table)
    except ValidationError as error:
        raise plain(error, table) from None
    budgets = [name for name in ("minutes", "steps", "epochs") if getattr(recipe.train, name) is not None]
    if len(budgets) > 1:
        raise HeedfulError(f"The recipe has {len(budgets)} budgets: {', '.join(budgets)}.", "Keep one of them.")
    return recipe


def refuse_unused(recipe: Recipe, some: Iterable[str] | None) -> None:
    """Raises HeedfulError if one of `some` keys (None: of all) is set that the recipe's task has no use for."""
    for key in keys() if some is None else some:
        first, _, rest = key.partition(".")
        tasks = tasks_of(key)
        if tasks and recipe.task not in tasks:
            default = SECTIONS[first].model_fields[rest].get_default()
            if getattr(getattr(recipe, first), rest) != default:
                raise HeedfulError(f"{key} is for {listed(tasks)}, and the task is {recipe.task}.", f"Leave {key} out.")


def tasks_of(key: str) -> list[str]:
    """The tasks that alone use a dotted key; empty: all do."""
    first, _, rest = key.partition(".")
    field = getattr(SECTIONS.get(first), "model_fields", {}).get(rest)
    extra = field.json_schema_extra if field else None
    return list(extra["tasks"]) if isinstance(extra, dict) else []


def listed(names: list[str]) -> str:
    """Names as people say them.

    >>> listed(["draw"]), listed(["draw", "match", "fill"])
    ('draw', 'draw, match and fill')
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def plain(error: ValidationError, table: dict[str, Any]) -> HeedfulError:
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


def describe(key: str) -> str:
    """A key, what it means, what it may be and its default, in a line."""
    first, _, rest = key.partition(".")
    field = (
        SECTIONS[first].model_fields[rest]
        if rest in getattr(SECTIONS.get(first), "model_fields", {})
        else Recipe.model_fields[first]
    )
    kind = str(field.annotation).replace("typing.", "").replace("<class '", "").replace("'>", "")
    kind = kind.replace("Literal[", "one of [").replace("NoneType", "nothing")
    tasks = f"; task{'s' * (len(of) > 1)} {listed(of)}" if (of := tasks_of(key)) else ""
    return f"{key} ({field.description or 'a table'}; {kind}; default {field.get_default()!r}{tasks})"
