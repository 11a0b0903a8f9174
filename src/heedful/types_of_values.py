"""Whether values that were read from a file are what records declare; pydantic checks only what a person wrote."""

import operator
import sys
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from heedful.errors import HeedfulError, quote

COMPARISONS = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
LARGEST = sys.float_info.max
PLAIN = (bool, int, float, str, NoneType)


def check_record(record: Any, but: str = "") -> None:
    """Raises HeedfulError for the first field of a record, `but` one, that is not of its declared type, where that is a
    plain one: numbers, texts, None, and tuples, lists and tables of them.
    """
    hints = type_hints(type(record))
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name != but and is_plain(hints[field.name]) and not fits(value, hints[field.name]):
            raise HeedfulError(f"{type(record).__name__}: {field.name} cannot be {quote(value)}.")


@cache
def type_hints(record: type) -> dict[str, Any]:
    """The declared types by name; Any for one that only type checkers can see."""
    try:
        return get_type_hints(record)
    except NameError:
        return {field.name: Any if isinstance(field.type, str) else field.type for field in fields(record)}


def is_plain(hint: Any) -> bool:
    """Whether a type is made of those that JSON has."""
    return (
        hint in PLAIN
        or get_origin(hint) is Literal
        or (
            get_origin(hint) in (Union, UnionType, tuple, list, dict)
            and all(is_plain(part) for part in get_args(hint) if part is not Ellipsis)
        )
    )


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a plain type; a whole number is a float too, nan and infinity are none.

    >>> fits(None, int | None), fits(True, int), fits((1, "a"), tuple[int, ...])
    (True, False, False)
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if isinstance(value, list):
        return origin is list and all(fits(entry, parts[0]) for entry in value)
    if isinstance(value, tuple):
        return origin is tuple and fit_tuple(value, parts)
    if isinstance(value, dict):
        return origin is dict and all(fits(entry, parts[1]) for entry in value.values())
    if hint is float:
        return isinstance(value, int | float) and type(value) is not bool and abs(value) <= LARGEST
    return type(value) is hint


def in_words(hint: Any) -> str:
    """A plain type in words, as a person writes its values in a recipe.

    >>> in_words(Literal["auto"] | Literal["rows"] | int), in_words(Literal["tiny", "base"]), in_words(float | None)
    ('auto, rows or a whole number', 'one of tiny, base', 'a number')
    >>> in_words(Literal["auto"] | list[Literal["flip", "turn"]]), in_words(dict[str, str] | list[str])
    ('auto or a list of any of flip, turn', 'a table of texts or a list of texts')
    >>> in_words(bool), in_words(Literal["auto"] | bool)
    ('yes or no (true, false)', 'auto, true or false')
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " * (len(parts) > 1) + ", ".join(map(str, parts))
    if origin in (Union, UnionType):
        kinds = [part for part in parts if part is not NoneType]
        choices = [str(value) for part in kinds if get_origin(part) is Literal for value in get_args(part)]
        for part in kinds:
            choices += ["true", "false"] if part is bool else [] if get_origin(part) is Literal else [in_words(part)]
        return " or ".join(part for part in (", ".join(choices[:-1]), choices[-1]) if part)
    if origin in (list, dict):
        collection, value = "a table" if origin is dict else "a list", [*parts][-1]
        each = {str: "texts", int: "whole numbers", float: "numbers"}
        return f"{collection} of {each.get(value) or in_words(value).replace('one of', 'any of')}"
    return {bool: "yes or no (true, false)", int: "a whole number", float: "a number", str: "a text"}[hint]


def fit_tuple(values: tuple[Any, ...], parts: tuple[Any, ...]) -> bool:
    """Whether the values of a tuple are of its declared types, the same for all of them before an ellipsis."""
    if len(parts) == 2 and parts[1] is Ellipsis:
        return all(fits(value, parts[0]) for value in values)
    return len(values) == len(parts) and all(map(fits, values, parts))


def is_within(value: object, limits: Mapping[str, Any]) -> bool:
    """Whether a number keeps the limits that its key declares; other values keep any."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return True
    return all(COMPARISONS[name](value, limit) for name, limit in limits.items() if name in COMPARISONS)
