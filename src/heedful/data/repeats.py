"""Rows that repeat each other, and sources with several targets: counted, told, and never merged in silence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from heedful.data.readers.rows import count


@dataclass(frozen=True)
class Repeats:
    """How often rows and sources occur again."""

    rows: int
    sources: int
    """Different ones."""
    repeated: int
    """Rows with source and target of an earlier one."""
    several: int
    """Sources with more than one target."""
    several_rows: int
    """Rows of these."""

    def notes(self, row: str, contradict: bool, verb: str, once: bool = False) -> Iterator[str]:
        """What is to be said of rows of such a name. `contradict`: of several targets one is right, as of classes; else
        each is. `verb`: what rows are ("learnt from", "scored"); `once`: repeated ones count once.

        >>> for note in Repeats(9, 6, 1, 2, 5).notes("pair", False, "scored", once=True):
        ...     print(note)
        1 pair repeats another, and counts once
        2 sources of 6 have several targets (5 pairs), each of which is right
        """
        one = self.repeated == 1
        if self.repeated:
            often = f"is {verb} as often as it stands" if one else f"are {verb} as often as they stand"
            how = f"count{'s' * one} once" if once else f"{often} there"
            yield f"{count(self.repeated, row)} {'repeats' if one else 'repeat'} another, and {how}"
        if self.several:
            targets = "classes" if contradict else "targets"
            what = (
                f"which contradict each other, and are {verb} as they stand" if contradict else "each of which is right"
            )
            have = "has" if self.several == 1 else "have"
            rows = count(self.several_rows, row)
            yield f"{count(self.several, 'source')} of {self.sources:,} {have} several {targets} ({rows}), {what}"


def count_repeats(sources: np.ndarray, pairs: np.ndarray) -> Repeats:
    """From the hashes of each row's source, and of its source and target together."""
    in_order = np.sort(sources)
    again = in_order[1:] == in_order[:-1]
    keys, number = np.unique(in_order[1:][again]), len(sources) - int(again.sum())
    del in_order, again  # of many rows most repeat nothing, and only the others are looked at
    if not len(keys):
        return Repeats(len(sources), number, 0, 0, 0)
    repeated = keys[np.minimum(np.searchsorted(keys, sources), len(keys) - 1)] == sources
    sources, pairs = sources[repeated], pairs[repeated]
    _, first, times = np.unique(pairs, return_index=True, return_counts=True)
    _, of_row, targets = np.unique(sources[first], return_inverse=True, return_counts=True)
    several = targets > 1
    several_rows = int(times[several[of_row]].sum())
    return Repeats(len(repeated), number, len(pairs) - len(first), int(several.sum()), several_rows)


def repeats_of(rows: Iterable[tuple[str, str]]) -> Repeats:
    """Of sources and targets in memory."""
    pairs = list(rows)
    numbers: dict[object, int] = {}
    hashes = [[numbers.setdefault(key, len(numbers)) for key in keys] for keys in ([s for s, _ in pairs], pairs)]
    return count_repeats(*(np.array(each, np.int64) for each in hashes))
