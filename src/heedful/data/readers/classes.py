"""Names of classes that stand in columns as numbers: datasets of Hugging Face tell them beside the rows, as features.

A feature is a dictionary: {"names": ["neg", "pos"], "_type": "ClassLabel"}, or one of lists or objects of others.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from heedful.data.readers.rows import BadRow, TextRow, count

NUMBER = re.compile(r"-?[0-9]{1,9}")
MAX_NAMES = 10  # in a note
Classes = dict[str, tuple[str, ...]]
"""The names of the classes of each column that has some, nested ones by dotted names."""


def features_of(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """What datasets wrote about the columns into the metadata of a file's schema; {} if it did not."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def classes_of(features: Any, prefix: str = "") -> Classes:
    """The columns that hold classes, one a row.

    >>> classes_of({"text": {"dtype": "string"}, "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}})
    {'label': ('neg', 'pos')}
    """
    classes: Classes = {}
    for name, feature in features.items():
        names = names_of(feature)
        if names:
            classes[f"{prefix}{name}"] = names
        elif isinstance(feature, Mapping) and "_type" not in feature:
            classes |= classes_of(feature, f"{prefix}{name}.")
    return classes


def names_in_list(feature: Any) -> tuple[str, ...]:
    """The names of the classes of which a feature holds lists; () if it holds none."""
    while isinstance(feature, Mapping) and not names_of(feature):
        feature = feature.get("feature")
    if isinstance(feature, list) and len(feature) == 1:
        feature = feature[0]
    return names_of(feature)


def names_of(feature: Any) -> tuple[str, ...]:
    """The names of the classes that a feature is; () if it is none."""
    names = feature.get("names") if isinstance(feature, Mapping) else None
    return tuple(map(str, names)) if isinstance(names, list) else ()


def name_classes(row: TextRow, classes: Classes) -> TextRow | BadRow:
    """A row with the names of its classes in place of their numbers; a number below zero is none, as in datasets."""
    columns = dict(row.columns)
    for column, names in classes.items():
        text = columns.get(column, "")
        if not NUMBER.fullmatch(text):
            continue
        number = int(text)
        if number >= len(names):
            return BadRow(row.where, f"{column}: {text} is no class", "", list_classes(names))
        if number < 0:
            del columns[column]
        else:
            columns[column] = names[number]
    missing = len(columns) < len(row.columns)
    return replace(row, columns=columns, names=row.names or (tuple(row.columns) if missing else ()))


def list_classes(names: tuple[str, ...]) -> str:
    """How many classes there are, and the first of them.

    >>> list_classes(("neg", "pos"))
    '2 classes, from 0: neg, pos'
    """
    ellipsis = ", …" if len(names) > MAX_NAMES else ""
    return f"{count(len(names), 'class', 'classes')}, from 0: {', '.join(names[:MAX_NAMES])}{ellipsis}"
