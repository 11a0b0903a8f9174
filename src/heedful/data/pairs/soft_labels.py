"""Soft labels: rows that say how likely each class is, as a teacher does (Hinton, Vinyals & Dean 2015) or many people.

A row of JSON has them as an object beside its class, which is scored and held out by:

{"source": "a text", "target": "cat", "probabilities": {"cat": 0.8, "dog": 0.2}}

R rows   C classes
"""

from collections.abc import Mapping
from itertools import islice
from math import isfinite
from pathlib import Path

import numpy as np

from heedful.data.notes import Notes
from heedful.data.pairs.coders import ClassNames
from heedful.data.readers.files import is_folder, read_rows
from heedful.data.readers.formats import format_of
from heedful.data.readers.rows import TextRow, count, quote
from heedful.data.store import Store
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

COLUMN = "probabilities"
NAME = "soft_labels.npy"
LOOKED_AT = 1000  # rows of a file that may be without before it is taken to have none
NESTED = ("jsonl", "json")
"""Formats whose rows can hold them."""


def write_soft_labels(folder: Path, data: DataSettings, names: ClassNames, note: Notes) -> None:
    """Writes the probabilities (R, C) of a training store's rows beside it, if there are any; a row without is sure of
    its class.

    Raises HeedfulError for what is no probability.
    """
    files = [file for file in data.train if has_soft_labels(file, data)]
    if not files:
        return
    store = Store(folder)
    numbers = {store.where(row): row for row in range(len(store))}
    table = np.zeros((len(store), names.size), np.float16)
    table[np.arange(len(store)), [int(store[row][1][0]) for row in range(len(store))]] = 1
    soft = 0
    for row in read_rows(files, data):
        if isinstance(row, TextRow) and row.where in numbers and (probabilities := probabilities_of(row, names)):
            values = np.zeros(names.size)
            values[list(probabilities)] = list(probabilities.values())
            table[numbers[row.where]] = values / values.sum()
            soft += 1
    np.save(folder / NAME, table)
    note(f"train: {count(soft, 'row')} of {len(store):,} with a probability of each class, learnt from by these")


def has_soft_labels(file: str, data: DataSettings) -> bool:
    """Whether one of the first rows of a file has probabilities."""
    if "://" in file or data.format == "parallel" or is_folder(file, data):
        return False
    if format_of(file, data.format).name not in NESTED:
        return False
    rows = islice(read_rows([file], data), LOOKED_AT)
    return any(isinstance(row, TextRow) and any(map(is_soft, row.columns)) for row in rows)


def is_soft(column: str) -> bool:
    """Whether a column holds the probability of a class."""
    return column.startswith(f"{COLUMN}.")


def probabilities_of(row: TextRow, names: ClassNames) -> Mapping[int, float]:
    """The probabilities of a row by the numbers of classes, those aside that training does not have; empty where it has
    none.

    Raises HeedfulError for what is no probability.
    """
    probabilities: dict[int, float] = {}
    for column, text in row.columns.items():
        if is_soft(column):
            name = names.find(column.removeprefix(f"{COLUMN}."))
            if name in names.numbers:
                probabilities[names.numbers[name]] = probability_of(text, column, row)
    return probabilities if any(probabilities.values()) else {}


def probability_of(text: str, column: str, row: TextRow) -> float:
    """A number from 0 on: of a row they are made to sum to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise HeedfulError(f"{row.where}: {column} cannot be {quote(text)}.", "A probability, such as 0.25.")
    return value


def read_soft_labels(store: Store) -> np.ndarray | None:
    """The probabilities (R, C) of a store's rows, or of those that are left of it; None where no row has any."""
    path = store.folder / NAME
    if not path.exists():
        return None
    table, whole = np.load(path, mmap_mode="r", allow_pickle=False), Store(store.folder)
    if len(store) == len(whole):
        return table
    rows = {tuple(origin): row for row, origin in enumerate(whole.origins.tolist())}
    return table[[rows[tuple(origin)] for origin in store.origins.tolist()]]
