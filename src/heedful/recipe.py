"""Recipes: all settings of a training run, read from TOML or built from flags, and validated strictly.

Where a value is `auto`, Heedful decides it and writes the decision into the run's own recipe. The tables and their keys
are in schema.py; `Uses` has the tasks, and for each the keys that only some tasks use.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import Field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_type_hints

from heedful.errors import LONGEST_WORD, HeedfulError, nearest, quote, shorten, unknown
from heedful.schema import SEEDS, DataSettings, GenerateSettings, NetworkSettings, Recipe, TrainSettings
from heedful.small_files import read_small
from heedful.types_of_values import in_words

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

REQUESTED, COMPLETE = "asked.toml", "recipe.toml"
"""A run's recipes: as requested, and complete, with every `auto` decided."""
SECTIONS: dict[str, type] = {
    "data": DataSettings,
    "network": NetworkSettings,
    "train": TrainSettings,
    "generate": GenerateSettings,
}
BUDGETS = ("minutes", "steps", "epochs")
LIMITS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
DEEP = re.compile(r"(?<![\w\-])(?:[\w\-]++[ \t]*+\.[ \t]*+){100}")  # a name of a hundred tables
NOT_KEYS = ("written",)
"""Fields of a recipe that are no keys."""

Uses = Mapping[str, Collection[str]]
"""For each task, the dotted keys that it uses and some other task does not."""


def build(
    task: str,
    changes: Mapping[str, object] | None = None,
    base: dict[str, Any] | None = None,
    uses: Uses | None = None,
    accepted: bool = False,
) -> Recipe:
    """A validated recipe from a task, a TOML table, and dotted changes on top of it (`{"train.steps": 10}`).

    Raises HeedfulError for an unknown key (with the nearest) and a value that is not allowed; with `uses` also for an
    unknown task and for a key that the task does not use, except for keys of a table that was `accepted` before.
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
    table = read_table(Path(path))
    if "task" not in table:
        task_list = f" ({', '.join(uses)})" if uses else ""
        raise HeedfulError(f"The recipe {path} names no task.", f'Add a line such as task = "translate"{task_list}.')
    try:
        # a run's own recipe was accepted when the run was started, and can be read under later rules, too
        accepted = Path(path).name == REQUESTED or (Path(path).parent / "config.json").exists()
        return build(table["task"], changes, table, uses, accepted)
    except HeedfulError as error:
        raise HeedfulError(f"{path}: {error.problem}", error.cure) from None


def read_table(path: Path) -> dict[str, Any]:
    """The tables of a recipe file; raises HeedfulError if it is none."""
    try:
        text = read_small(path, "recipe_bytes", streams=True).decode("utf-8")
        if DEEP.search(text):  # which takes the parser hours
            raise RecursionError
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise HeedfulError(f"The recipe {path} cannot be read: {error}.") from None
    except RecursionError:
        raise HeedfulError(f"The recipe {path} cannot be read: its values are nested too deeply.") from None
    except ValueError as error:  # TOMLDecodeError, and a number of thousands of digits
        raise HeedfulError(f"The recipe {path} is not valid TOML: {error}.") from None


def dump(recipe: Recipe, complete: bool = True) -> str:
    """The recipe as TOML: every key with its current value, or only the keys that a person wrote.

    `load` returns the same recipe.
    """
    import tomli_w

    table = without_none(recipe)
    if not complete:
        defaults, values = flat(as_table(Recipe())), flat(table)
        for name in [name for name in values if name not in recipe.written and values[name] == defaults[name]]:
            section, _, key = name.rpartition(".")
            (table[section] if section else table).pop(key)
    return tomli_w.dumps({name: value for name, value in table.items() if value != {}})


def change(recipe: Recipe, changes: Mapping[str, object], uses: Uses | None = None) -> Recipe:
    """The same recipe with dotted keys changed, validated again."""
    changed_recipe = build(recipe.task, changes, without_none(recipe), uses, accepted=True)
    # keys that nobody wrote stay unwritten: a task may have defaults of its own for them
    taken_out = {name for name, value in changes.items() if value is None}
    return replace(changed_recipe, written=(recipe.written | changes.keys()) - taken_out)


def change_generate(recipe: Recipe, changes: Mapping[str, object], uses: Uses | None = None) -> GenerateSettings:
    """`change(recipe, changes, uses).generate`, by validating that section alone: every answer waits for it."""
    from pydantic import ValidationError

    values = {name.removeprefix("generate."): value for name, value in changes.items()}
    if values.keys() <= vars(recipe.generate).keys() and None not in changes.values():
        with suppress(ValidationError):  # the whole recipe's message says what is wrong
            checked = checker(GenerateSettings).model_validate(vars(recipe.generate) | values)
            changed = replace(recipe, generate=GenerateSettings(**checked.model_dump()))
            refuse_without(changed, ["generate"])
            refuse_unused(changed, uses or {}, changes)
            return changed.generate
    return change(recipe, changes, uses).generate


def as_table(recipe: Recipe) -> dict[str, Any]:
    """All keys of a recipe as nested tables, which are new; the lists in them are the recipe's own."""
    return {
        name: dict(vars(value)) if name in SECTIONS else value
        for name, value in vars(recipe).items()
        if name not in NOT_KEYS
    }


def from_table(table: Mapping[str, Any], written: Iterable[str]) -> Recipe:
    """The recipe whose `as_table` this is: it was checked when it was written, and is not checked again."""
    sections = {name: kind(**table[name]) for name, kind in SECTIONS.items()}
    return Recipe(**{**table, **sections}, written=frozenset(written))


def without_none(recipe: Recipe) -> dict[str, Any]:
    """All keys as nested tables except those that are None, since TOML has no null."""
    table = as_table(recipe)
    for section in SECTIONS:
        table[section] = {name: value for name, value in table[section].items() if value is not None}
    return table


def differences(old: Recipe, new: Recipe) -> list[str]:
    """A line for each key on which two recipes differ, such as `train.steps: 100 here, 200 asked for`."""
    old_values, new_values = flat(as_table(old)), flat(as_table(new))
    return [
        f"{name}: {old_values.get(name)!r} here, {new_values.get(name)!r} asked for"
        for name in sorted(old_values | new_values)
        if old_values.get(name) != new_values.get(name)
    ]


def flat(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's tables with dotted keys: {"train": {"steps": 1}} -> {"train.steps": 1}."""
    rows: dict[str, Any] = {}
    for name, value in table.items():
        rows |= (
            {f"{name}.{inner}": inner_value for inner, inner_value in value.items()}
            if name in SECTIONS
            else {name: value}
        )
    return rows


def parse(settings: Iterable[str]) -> dict[str, Any]:
    """Dotted changes from `key=value` words of a command line; values are TOML, or otherwise plain strings.

    >>> parse(["train.learning_rate=3e-4", "network.cell=lstm", "data.columns=1,2", "train.augment=turn"])
    {'train.learning_rate': 0.0003, 'network.cell': 'lstm', 'data.columns': ['1', '2'], 'train.augment': ['turn']}
    """
    changes: dict[str, Any] = {}
    for word in settings:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise HeedfulError(
                f'"{shorten(word, LONGEST_WORD)}" is neither a file nor a setting.',
                "Settings are written key=value, such as train.steps=500.",
            )
        changes[key] = value_of(key, text)
    return changes


def value_of(key: str, text: str) -> Any:
    """The value of `text` for `key`: lists are comma-separated, numbers are converted to the key's type."""
    kind = str(annotation(key))
    if "list[" in kind and not text.startswith("[") and text != "auto":
        return [part for part in text.split(",") if part]
    if kind in ("<class 'str'>", "dict[str, str] | list[str]") and not text.startswith(("[", "{")):
        return text
    try:
        value = tomllib.loads(f"x = {text}")["x"]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return float(value) if "float" in kind and is_whole else value
    except (ValueError, RecursionError, OverflowError):  # not TOML, or a number that nothing holds
        return text


def annotation(key: str) -> Any:
    """The declared type of a dotted key; raises HeedfulError with the nearest key for an unknown one."""
    section, _, name = key.partition(".")
    if section == "data" and name.startswith("columns."):
        return str
    declared = declaration(key)
    if declared is None:
        raise unknown_key(key)
    return declared.type


def declaration(key: str) -> "Field[Any] | None":
    """The declaration of a dotted key; None if there is no such key."""
    section, _, name = key.partition(".")
    if section in SECTIONS and name:
        return next((declared for declared in fields(SECTIONS[section]) if declared.name == name), None)
    return next((declared for declared in own_keys() if declared.name == key), None)


def own_keys() -> "list[Field[Any]]":
    """The keys of a recipe that are in no section."""
    return [declared for declared in fields(Recipe) if declared.name not in (*SECTIONS, *NOT_KEYS)]


def keys() -> list[str]:
    """Every dotted key that a recipe may have."""
    section_keys = [f"{section}.{key_field.name}" for section, table in SECTIONS.items() for key_field in fields(table)]
    return [declared.name for declared in own_keys()] + section_keys


def place(table: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key in nested tables; None removes the key. A new budget replaces the old one."""
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
    """A recipe from nested tables; raises HeedfulError for the first error."""
    from pydantic import ValidationError

    try:
        model = checker(Recipe).model_validate(table)
    except ValidationError as error:
        raise plain(error, table) from None
    values = model.model_dump()
    parts = {name: section(**values.pop(name)) for name, section in SECTIONS.items()}
    recipe = Recipe(**values, **parts, written=frozenset(flat(model.model_dump(exclude_unset=True))))
    refuse_without(recipe)
    budgets = [name for name in BUDGETS if getattr(recipe.train, name) is not None]
    if len(budgets) > 1:
        raise HeedfulError(f"The recipe has {len(budgets)} budgets: {', '.join(budgets)}.", "Keep one of them.")
    return recipe


@cache
def checker(table: type) -> "type[BaseModel]":
    """The pydantic model of a table: no unknown keys, no silent conversions, every key within its limits."""
    from pydantic import ConfigDict, create_model
    from pydantic import Field as Checked

    hints = get_type_hints(table)
    declared: dict[str, Any] = {}
    if table is Recipe:
        declared = {name: (checker(section), checker(section)()) for name, section in SECTIONS.items()}
    for entry in own_keys() if table is Recipe else fields(table):
        limits = {name: limit for name, limit in entry.metadata["limits"].items() if name != "holds"}
        factory = entry.default_factory
        default: dict[str, Any] = {"default_factory": factory} if callable(factory) else {"default": entry.default}
        declared[entry.name] = (limited(hints[entry.name], limits), Checked(**default))
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return create_model(table.__name__, __config__=config, **declared)  # pyright: ignore[reportCallIssue]


def limited(hint: Any, limits: dict[str, Any]) -> Any:
    """A type with limits on its numbers; in a union with strings, on the numbers alone."""
    from pydantic import Field as Checked

    if hint is int:  # no more than a TOML file can hold
        bounds: dict[str, Any] = {"lt": SEEDS} | limits
        return Annotated[hint, Checked(**bounds)]
    if not limits and int not in get_args(hint):
        return hint
    if hint is float:
        return Annotated[hint, Checked(**limits)]
    numbers = tuple(limited(part, limits) if part in (int, float) else part for part in get_args(hint))
    return Union[numbers]  # noqa: UP007  # of a tuple


def refuse_without(recipe: Recipe, sections: Iterable[str] = SECTIONS) -> None:
    """Raises HeedfulError for a list of texts if one of them lacks the text that each must contain."""
    for section in sections:
        for declared in fields(SECTIONS[section]):
            required_text = declared.metadata["limits"].get("holds")
            texts = getattr(getattr(recipe, section), declared.name) if required_text else ()
            if not all(required_text in text for text in texts):
                name = f"{section}.{declared.name}"
                raise HeedfulError(f"{name} cannot be {quote(texts)}.", describe(name))


def refuse_unused(recipe: Recipe, uses: Uses, names: Iterable[str]) -> None:
    """Raises HeedfulError if one of these keys is set and the recipe's task does not use it."""
    defaults = Recipe()
    for name in names:
        tasks = tasks_of(name, uses)
        if tasks and recipe.task not in tasks and value_at(recipe, name) != value_at(defaults, name):
            raise HeedfulError(f"{name} is for {listed(tasks)}, and the task is {recipe.task}.", f"Remove {name}.")


def value_at(recipe: Recipe, name: str) -> Any:
    """The value of a dotted key."""
    section, _, key = name.rpartition(".")
    return getattr(getattr(recipe, section) if section else recipe, key)


def tasks_of(key: str, uses: Uses) -> list[str]:
    """The only tasks that use a dotted key; empty if all tasks use it."""
    return [task for task, used_keys in uses.items() if key in used_keys]


def listed(names: list[str]) -> str:
    """Names as an English list.

    >>> listed(["draw"]), listed(["draw", "match", "fill"])
    ('draw', 'draw, match and fill')
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def plain(error: "ValidationError", table: dict[str, Any]) -> HeedfulError:
    """The first error that pydantic found, as a HeedfulError."""
    first = error.errors()[0]
    # pydantic appends the union member that it tried to the location; only names of the recipe help a person.
    path = [str(part) for part in first["loc"]]
    depth = 2 if path[0] in SECTIONS and len(path) > 1 else 1
    key = ".".join(path[:depth])
    if first["type"] == "extra_forbidden":
        return unknown_key(key)
    value: Any = table
    for part in path[:depth]:
        value = value.get(part) if isinstance(value, dict) else value
    return HeedfulError(f"{key} cannot be {quote(value)}.", describe(key))


def unknown_key(key: str) -> HeedfulError:
    """The error for an unknown key, with the nearest known one."""
    match = nearest(key, keys()) or nearest(key.split(".")[-1], [k.split(".")[-1] for k in keys()])
    full_key = next((k for k in keys() if k == match or k.endswith(f".{match}")), None)
    return HeedfulError(
        f"The recipe has no key {shorten(key, LONGEST_WORD)}.", f"Nearest: {describe(full_key)}" if full_key else ""
    )


def describe(key: str, uses: Uses | None = None) -> str:
    """A key with its description, type and default, in a line."""
    declared = declaration(key)
    if declared is None:  # a whole section
        return f"{key} (a table)"
    kind = in_words(declared.type)
    tasks = tasks_of(key, uses or {})
    only = f"; task{'s' * (len(tasks) > 1)} {listed(tasks)}" if tasks else ""
    default = declared.default_factory() if callable(declared.default_factory) else declared.default
    limits = limits_of(declared)
    return f"{key} ({declared.metadata['description']}; {kind}{limits}; {default_in_words(default)}{only})"


def default_in_words(value: object) -> str:
    """A default as a recipe has it.

    >>> default_in_words(None), default_in_words(False), default_in_words("auto")
    ('not set by default', 'default false', "default 'auto'")
    """
    return (
        "not set by default"
        if value is None
        else f"default {json.dumps(value) if isinstance(value, bool) else repr(value)}"
    )


def limits_of(declared: "Field[Any]") -> str:
    """What a key's numbers may be, in words with a comma before them; "" where nothing is said."""
    limits = declared.metadata["limits"]
    return "".join(f", {words} {limits[name]:,}" for name, words in LIMITS.items() if name in limits)
