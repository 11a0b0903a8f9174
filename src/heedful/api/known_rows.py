"""Which rows of a file a model has learnt from, said with its score on them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heedful.data.readers.rows import count
from heedful.data.row_hashes import find_row_hashes, hash_content, read_row_hashes
from heedful.results import Example
from heedful.tasks.models import TrainedModel
from heedful.tasks.task import find_task

SHOWN = 3  # rows that are named


def known_rows(folder: Path, task: str, model: TrainedModel, examples: Sequence[Example]) -> str:
    """How many rows of examples the model of a folder has learnt from, and the first of them; "" if there is none, or
    no hashes of its training rows.
    """
    path = find_row_hashes(folder)
    if path is None:
        return ""
    answering, hashes = find_task(task).answering, read_row_hashes(path)
    contents = list(answering.contents(model, examples))
    values = np.array([hash_content(content) for _, content in contents], np.uint64)
    known = np.flatnonzero(hashes.known(values)).tolist()
    if not known:
        return ""
    named = ", ".join(contents[row][0] for row in known[:SHOWN]) + ", …" * (len(known) > SHOWN)
    told = int(hashes.told(values).sum())
    sample = f", by a sample of the {count(hashes.rows, 'training row')}" if hashes.is_sample else ""
    was = "was" if len(known) == 1 else "were"
    return (
        f"{len(known):,} of {count(told, answering.known_by)} {was} learnt from ({named}){sample}: "
        "new ones may score worse"
    )
