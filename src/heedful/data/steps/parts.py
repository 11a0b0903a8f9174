"""Parts of a sequence: what they are called, and which of a single one is held out.

T steps
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

PART = re.compile(r"(?P<whole>.+)#steps=(?P<first>\d+)-(?P<last>\d+)", re.DOTALL)
PLACES = 4  # where the held-out part may begin, in each of its lengths


def name_part(reference: str, first: int, end: int) -> str:
    """What the steps from `first` until before `end` of a sequence are called, counted from 0.

    >>> name_part("day.csv", 0, 10)
    'day.csv#steps=0-9'
    """
    return f"{reference}#steps={first}-{end - 1}"


def parse_part(reference: str) -> tuple[str, int, int]:
    """The sequence that a reference names a part of, and where it begins and ends; it itself, from 0 to no end (-1).

    >>> parse_part("day.csv#steps=0-9"), parse_part("day.csv")
    (('day.csv', 0, 10), ('day.csv', 0, -1))
    """
    match = PART.fullmatch(reference)
    if not match or Path(reference).exists():
        return reference, 0, -1
    return match["whole"], int(match["first"]), int(match["last"]) + 1


def choose_part(labels: Sequence[str], length: int) -> int:
    """Where the `length` steps begin that are held out of a single sequence with these labels (T,), "" for none.

    As many labels as can be are learnt, and of these as many as can be are held out too; of equally good parts it is
    the last.

    >>> choose_part(["rest"] * 6 + ["run", "run"] + ["rest"] * 2, 2), choose_part(["rest", "run"] * 5, 2)
    (7, 8)
    """
    names, numbers = np.unique(np.asarray(labels, str), return_inverse=True)
    named = names != ""
    total = np.bincount(numbers, minlength=len(names))
    best, start = (-1, -1), len(labels) - length
    for first in range(len(labels) - length, -1, -max(1, length // PLACES)):
        held = np.bincount(numbers[first : first + length], minlength=len(names))
        learnt = (held < total) & named
        quality = int(learnt.sum()), int((learnt & (held > 0)).sum())
        if quality > best:
            best, start = quality, first
    return start
