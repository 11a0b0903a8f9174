"""Which rows are for learning and which are held out, so that no source and no group stands on two sides.

One pass over the rows keeps two 64-bit hashes a row and a bounded sample; everything else is array arithmetic.
"""

import random
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from heedful.data.notes import Notes
from heedful.data.pairs.read import Pair
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings

TRAIN, VALID, SHARED, EMPTY = 0, 1, 2, 3
SAMPLE = 200_000


@dataclass
class Scan:
    """What one pass over pairs kept: hashes by row, which rows have an empty side, and a seeded sample of them."""

    sources: array = field(default_factory=lambda: array("Q"))
    groups: array = field(default_factory=lambda: array("Q"))
    empty: list[int] = field(default_factory=list)
    first_empty: str = ""
    sample: list[tuple[int, Pair]] = field(default_factory=list)
    limit: int = SAMPLE

    @property
    def is_complete(self) -> bool:
        """Whether the sample is all rows."""
        return len(self.sample) == len(self.sources)

    def add(self, pair: Pair, seed: int, draw: random.Random) -> None:
        """Takes in the next row."""
        row = len(self.sources)
        self.sources.append(hash_text(pair.source, seed))
        self.groups.append(hash_text(pair.group, seed) if pair.group else self.sources[-1])
        if is_empty(pair):
            self.empty.append(row)
            self.first_empty = self.first_empty or pair.where
        if len(self.sample) < self.limit:
            self.sample.append((row, pair))
        elif (slot := int(draw.random() * (row + 1))) < self.limit:
            self.sample[slot] = (row, pair)


class Split:
    """Who learns and who is held out, every row that leaves said aloud.

    `held_out_rows` says how many of so many rows to hold out; `first_bad` helps where nothing is left.
    """

    def __init__(
        self, data: DataSettings, seed: int, note: Notes, held_out_rows: Callable[[int], int], first_bad: str
    ) -> None:
        self.data, self.seed, self.note, self.held_out_rows, self.first_bad = data, seed, note, held_out_rows, first_bad

    def sides(self, scan: Scan, valid: list[Pair], test: list[Pair]) -> np.ndarray:
        """TRAIN, VALID, SHARED or EMPTY for each row of the training files."""
        sides = np.zeros(len(scan.sources), np.uint8)
        sides[scan.empty] = EMPTY
        self.note.report_left_out(len(scan.empty), "with an empty side", scan.first_empty)
        for name, pairs in (("valid", valid), ("test", test)):
            sources = {hash_text(pair.source, self.seed) for pair in pairs}
            groups = {hash_text(pair.group, self.seed) for pair in pairs if pair.group}
            self.drop_shared(scan, sides, sources, groups, name)
        self.refuse_empty(sides)
        if self.data.valid == "auto":
            valid_count = self.held_out_rows(int((sides == TRAIN).sum()))
            groups = np.asarray(scan.groups)
            if not hold_out(groups, sides, valid_count) and (
                self.data.group or not hold_out_within(groups, sides, valid_count)
            ):
                raise no_valid_error(groups[sides == TRAIN], valid_count)
            held_out_count = int((sides == VALID).sum())
            self.note(f"valid: {count(held_out_count, self.note.row)} held out by seed {self.seed} (none given)")
            if np.isin(groups[sides == VALID], groups[sides == TRAIN]).any():
                self.note(
                    f"valid: each source has more than {count(valid_count, self.note.row)}, so that none is held out "
                    "whole: all sources of valid are learnt from, and the score says nothing about new ones"
                )
                return sides
            sources = set(np.asarray(scan.sources)[sides == VALID].tolist())
            self.drop_shared(scan, sides, sources, set(), "valid")
            self.refuse_empty(sides)
        return sides

    def refuse_empty(self, sides: np.ndarray) -> None:
        """Raises HeedfulError if no row is left to learn from."""
        if not (sides == TRAIN).any():
            overlap_cure = "All of them share a source or group with valid or test; data.overlap=keep would keep them."
            cure = self.first_bad if not len(sides) else overlap_cure if (sides == SHARED).any() else ""
            raise HeedfulError(f"There is no {self.note.row} to learn from in {', '.join(self.data.train)}.", cure)

    def drop_shared(self, scan: Scan, sides: np.ndarray, sources: set[int], groups: set[int], name: str) -> None:
        """Takes the rows out of training that share a source or group with a held-out set, or says that they stay."""
        sides_before = sides.copy()
        hashes = [np.fromiter(side, np.uint64, len(side)) for side in (sources, groups)]
        number = drop_overlap(scan, sides, hashes[0], hashes[1])
        criterion = "whose source or group" if self.data.group else "whose source"
        if self.data.overlap == "drop":
            self.note.report_left_out(number, f"{criterion} also stands in {name}", "")
        elif number:
            sides[:] = sides_before
            row_count = count(number, f"training {self.note.row}")
            self.note(f"kept: {row_count} {criterion} also stands in {name} (data.overlap=keep)")


def scan(pairs: Iterable[Pair], seed: int, limit: int = SAMPLE) -> Scan:
    """One pass over pairs, which keeps at most `limit` of them."""
    result, draw = Scan(limit=limit), random.Random(seed)
    for pair in pairs:
        result.add(pair, seed, draw)
    return result


def is_empty(pair: Pair) -> bool:
    """Whether there is nothing to read, or nothing to say."""
    return not pair.source.strip() or not pair.target.strip()


def hash_text(text: str, seed: int) -> int:
    """64 bits of a text, others for another seed."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=seed.to_bytes(16, "big")).digest(), "big")


def hold_out(groups: np.ndarray, sides: np.ndarray, limit: int) -> bool:
    """Marks about `limit` TRAIN rows as VALID in `sides`, whole groups at a time, in the order of their hashes.

    False if there is one group alone, or every group has more rows than are wanted.
    """
    rows = np.flatnonzero(sides == TRAIN)
    keys, inverse, counts = np.unique(groups[rows], return_inverse=True, return_counts=True)
    fitting_groups = counts <= limit
    chosen_groups = fitting_groups & (np.cumsum(np.where(fitting_groups, counts, 0)) <= limit)
    if not chosen_groups.any() or len(keys) < 2:
        return False
    sides[rows[chosen_groups[inverse]]] = VALID
    return True


def hold_out_within(groups: np.ndarray, sides: np.ndarray, limit: int) -> bool:
    """Marks at most `limit` TRAIN rows as VALID, the last of each group in turn; some of each group stay.

    False if there is one group alone, or none has two rows.
    """
    rows = np.flatnonzero(sides == TRAIN)[::-1]
    keys, inverse, counts = np.unique(groups[rows], return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    ranks = np.empty(len(rows), np.int64)
    ranks[order] = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    candidates = np.flatnonzero(ranks < counts[inverse] // 2)
    chosen = candidates[np.argsort(ranks[candidates], kind="stable")][:limit]
    if len(keys) < 2 or not len(chosen):
        return False
    sides[rows[chosen]] = VALID
    return True


def no_valid_error(groups: np.ndarray, limit: int) -> HeedfulError:
    """The error where no rows can be held out; its cure never asks for more than there are."""
    counts = np.unique(groups, return_counts=True)[1]
    number = f", or one group, as data.valid_rows={counts.min()}" if len(counts) > 1 else ""
    are = "is" if limit == 1 else "are"
    return HeedfulError(
        f"No validation rows can be held out: {limit:,} {are} requested of {count(len(groups), 'row')}, "
        f"which hang together in {count(len(counts), 'group')} by source or data.group.",
        f"Give a file for it: --valid FILE{number}.",
    )


def drop_overlap(scan: Scan, sides: np.ndarray, sources: np.ndarray, groups: np.ndarray) -> int:
    """Marks TRAIN rows as SHARED whose source or group is among these hashes; says how many."""
    shared_rows = np.isin(np.asarray(scan.sources), sources) | np.isin(np.asarray(scan.groups), groups)
    shared_rows &= sides == TRAIN
    sides[shared_rows] = SHARED
    return int(shared_rows.sum())


def group_by_source(pairs: Iterable[Pair]) -> list[Example]:
    """One example a source, in order of first appearance, with every distinct target as a reference."""
    by_source: dict[str, tuple[str, dict[str, None]]] = {}
    for pair in pairs:
        by_source.setdefault(pair.source, (pair.where, {}))[1][pair.target] = None
    return [Example(source, tuple(references), where) for source, (where, references) in by_source.items()]


def select(pairs: Iterable[Pair], sides: np.ndarray, side: int) -> Iterator[Pair]:
    """The pairs of one side (a byte a row)."""
    return (pair for pair, row_side in zip(pairs, sides.tobytes(), strict=True) if row_side == side)
