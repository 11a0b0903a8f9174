"""Cross-validation: which fold each row is in, so that every one is held out once.

R rows   G groups   F folds
"""

import numpy as np

from heedful.data.hold_out import Groups
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError


def folds_of_groups(groups: Groups, folds: int) -> np.ndarray:
    """The fold of each row (R,), from 1 to F: whole groups, of every class about as many examples in each fold.

    Groups come in their order, those of the rarest class first, each into the fold that has least of its classes.
    """
    by_class = [[0] * folds for _ in range(len(groups.spread))]
    totals, of_group = [0] * folds, np.zeros(len(groups), np.int64)
    for group, weight in groups.in_order():
        classes = [by_class[number] for number in groups.classes_of(group)]
        fold = min(range(folds), key=lambda fold: (sum(held[fold] for held in classes), totals[fold]))
        for held in (*classes, totals):
            held[fold] += weight
        of_group[group] = fold + 1
    return of_group[groups.of_row]


def folds_within(groups: Groups, folds: int) -> np.ndarray:
    """The fold of each row (R,), from 1 to F, where groups are parted: their rows in turn."""
    order = np.argsort(groups.of_row, kind="stable")
    of_row = np.empty(len(order), np.int64)
    of_row[order] = np.arange(len(order)) % folds + 1
    return of_row


def too_few_error(number: int, folds: int, noun: str) -> HeedfulError:
    """The error for more folds than there is to part."""
    cure = f"Take fewer, as data.folds={number}, or leave it out." if number > 1 else "Leave data.folds out."
    have = "is" if number == 1 else "are"
    return HeedfulError(f"There {have} {count(number, noun)}, too few for data.folds={folds}.", cure)
