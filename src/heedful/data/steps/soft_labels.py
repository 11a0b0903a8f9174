"""Soft labels of words: records that say how likely each label is at each step, as rows of classes do.

{"tokens": ["Anna", "sings"], "tags": ["B-PER", "O"], "probabilities": {"B-PER": [0.9, 0.1], "O": [0.1, 0.9]}}

S steps of all clips   C labels
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from heedful.data.notes import Notes
from heedful.data.pairs.read import Pair
from heedful.data.pairs.soft_labels import COLUMN, LOOKED_AT, NAME
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import count, quote
from heedful.data.steps.store import ClipStore
from heedful.data.steps.tokens import RECORDS, holds_tokens, records
from heedful.errors import HeedfulError
from heedful.schema import DataSettings


def write_step_labels(
    folder: Path, data: DataSettings, pairs: Sequence[Pair], names: Sequence[str], note: Notes
) -> None:
    """Writes the probabilities (S, C) of the steps of clips, if there are any; other steps are sure of their label, and
    those without one have zeros.

    Raises HeedfulError for what is no probability.
    """
    files = [file for file in data.train if has_step_labels(file, data)]
    if not files:
        return
    numbers, soft = {name: number for number, name in enumerate(names)}, 0
    tables = {(pair.file, pair.line): sure(pair.target.split("\t"), numbers) for pair in pairs}
    for file in files:
        for line, record in records(file):
            table = tables.get((file, line))
            if table is not None and isinstance(record, dict) and COLUMN in record:
                put(record[COLUMN], table, numbers, f"{file} line {line}")
                soft += 1
    np.save(folder / NAME, np.concatenate(list(tables.values())))
    note(f"train: {count(soft, 'clip')} of {len(pairs):,} with a probability of each label, learnt from by these")


def has_step_labels(file: str, data: DataSettings) -> bool:
    """Whether one of the first records of a file has probabilities."""
    if "://" in file or ending_of(file) not in RECORDS or not holds_tokens(file, data):
        return False
    return any(isinstance(record, dict) and COLUMN in record for _, record in islice(records(file), LOOKED_AT))


def sure(labels: Sequence[str], numbers: Mapping[str, int]) -> np.ndarray:
    """The probabilities (T, C) of labels that nobody doubts."""
    table = np.zeros((len(labels), len(numbers)), np.float16)
    for step, label in enumerate(labels):
        if label:
            table[step, numbers[label]] = 1
    return table


def put(probabilities: Any, table: np.ndarray, numbers: Mapping[str, int], where: str) -> None:
    """Puts the probabilities of a record in the place of those (T, C) of a clip, at each step that has some."""
    columns = probabilities.items() if isinstance(probabilities, dict) else [("", probabilities)]
    values = np.zeros(table.shape)
    for name, column in columns:
        try:
            numbers_of_label = np.array(column, np.float64)
        except (TypeError, ValueError):
            numbers_of_label = np.array(-1.0)
        is_fine = numbers_of_label.shape == (len(table),) and bool(np.isfinite(numbers_of_label).all())
        if not is_fine or (numbers_of_label < 0).any():
            problem = f"{where}: {COLUMN}.{name} cannot be {quote(str(column))}."
            raise HeedfulError(problem, f"A list of {count(len(table), 'number')} from 0 on: one for each step.")
        if name in numbers:
            values[:, numbers[name]] = numbers_of_label
    total = values.sum(1)
    table[total > 0] = values[total > 0] / total[total > 0, None]


def read_step_labels(store: ClipStore) -> np.ndarray | None:
    """The probabilities (S, C) of all steps of a store, clip behind clip; None where there are none."""
    path = store.folder / NAME
    return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None
