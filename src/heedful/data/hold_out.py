"""Which groups of rows are held out: whole ones, from every class in proportion, in an order that the seed decides.

R rows   G groups   C classes   P pairs of a group and a class that it has
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 16  # groups that are Python's numbers at once


@dataclass(frozen=True)
class Groups:
    """Rows that are never parted, numbered by the hash of what they share: no order of files changes who is held out.

    `of_row` (R,) is the group of each row, `weights` (G,) are the examples in each, `order` (G,) is the one in which
    they are looked at: those of the rarest class first. A group has several classes if its rows have.
    """

    of_row: np.ndarray
    weights: np.ndarray
    order: np.ndarray
    starts: np.ndarray  # (G + 1,) where the classes of each group begin
    classes: np.ndarray  # (P,)
    spread: np.ndarray  # (C,) how many groups have a class

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def total(self) -> int:
        """The examples of all groups."""
        return int(self.weights.sum())

    @property
    def owners(self) -> np.ndarray:
        """(P,) which group each of `classes` is one of."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def in_order(self, chosen: np.ndarray | None = None) -> Iterator[tuple[int, int]]:
        """Number and weight of each group, or of those of a mask (G,)."""
        for start in range(0, len(self), CHUNK):
            part = self.order[start : start + CHUNK]
            part = part if chosen is None else part[chosen[part]]
            yield from zip(part.tolist(), self.weights[part].tolist(), strict=True)

    def classes_of(self, group: int) -> list[int]:
        """The classes of a group."""
        return self.classes[self.starts[group] : self.starts[group + 1]].tolist()


NONE = np.zeros(0, np.int64)


def group_rows(
    hashes: np.ndarray,
    amounts: np.ndarray = NONE,
    class_rows: np.ndarray = NONE,
    class_numbers: np.ndarray = NONE,
    class_count: int = 0,
) -> Groups:
    """The groups of rows with these hashes and so many examples each, (R,), or one each if `amounts` is empty.

    Row `class_rows` has class `class_numbers`; a row may have several, or none.
    """
    keys, of_row = np.unique(hashes, return_inverse=True)
    weights = np.bincount(of_row, amounts if len(amounts) else None, len(keys)).astype(np.int64)
    if not class_count:
        return Groups(of_row, weights, np.arange(len(keys)), np.zeros(len(keys) + 1, np.int64), NONE, NONE)
    owners, classes = np.divmod(np.unique(of_row[class_rows] * class_count + class_numbers), class_count)
    spread = np.bincount(classes, minlength=class_count)
    ranks = np.empty(class_count, np.int64)
    ranks[np.argsort(spread, kind="stable")] = np.arange(class_count)
    rarest = np.full(len(keys), class_count)
    np.minimum.at(rarest, owners, ranks[classes])
    starts = np.searchsorted(owners, np.arange(len(keys) + 1))
    return Groups(of_row, weights, np.argsort(rarest, kind="stable"), starts, classes, spread)


def choose_groups(groups: Groups, wanted: int, most: int) -> np.ndarray:
    """Which groups (G,) to hold out: some `wanted` examples, and of every class some stay.

    From there up to `most` examples, one group more for each class that would else not be held out at all. Of two
    groups or more at least one is held out, the smallest if all are far larger than what is wanted; where nothing else
    can be had, it is the only one of a class.
    """
    choice = Choice(groups)
    choice.take_evenly(wanted)
    choice.take_missing_classes(most)
    if not choice.held.any() and len(groups) > 1:
        if any(map(choice.can_spare, range(len(groups)))):
            choice.take_smallest()
        else:
            choice = Choice(groups, spares_classes=False)
            choice.take_evenly(wanted)
            if not choice.held.any():
                choice.take_smallest()
    return choice.held


class Choice:
    """Groups as they are chosen; `spares_classes`: never the last one that has a class."""

    def __init__(self, groups: Groups, spares_classes: bool = True) -> None:
        self.groups, self.spares_classes = groups, spares_classes
        self.held = np.zeros(len(groups), bool)
        self.stay = len(groups)
        self.left = groups.spread.tolist()  # groups of each class that are still learnt from

    def can_spare(self, group: int) -> bool:
        """Whether another group stays and, if that is asked for, each class of this one."""
        if self.stay < 2:
            return False
        return not self.spares_classes or all(self.left[number] > 1 for number in self.groups.classes_of(group))

    def take(self, group: int) -> None:
        """Holds a group out."""
        self.held[group], self.stay = True, self.stay - 1
        for number in self.groups.classes_of(group):
            self.left[number] -= 1

    def take_evenly(self, wanted: int) -> None:
        """Takes groups on the way through their order, whenever half of one or more is due.

        Those that cannot be spared from the beginning take no part: no class gives more for another that gives nothing.
        """
        groups, eligible = self.groups, np.ones(len(self.groups), bool)
        if self.spares_classes:
            eligible[groups.owners[groups.spread[groups.classes] == 1]] = False
        spared = int(groups.weights[eligible].sum())
        if spared < groups.total:
            wanted = min(wanted, spared // 2)
        due = 0  # examples, times all that can be spared
        for group, weight in groups.in_order(eligible):
            due += weight * wanted
            if 2 * due >= weight * spared and self.can_spare(group):
                due -= weight * spared
                self.take(group)

    def take_missing_classes(self, most: int) -> None:
        """Takes a group for each class of which none is held out, the rarest first, as long as there is room."""
        groups, room = self.groups, most - int(self.groups.weights[self.held].sum())
        missing = [number for number, left in enumerate(self.left) if left == groups.spread[number] > 1]
        by_class, ends = groups.owners[np.argsort(groups.classes, kind="stable")], np.cumsum(groups.spread)
        for number in sorted(missing, key=lambda number: groups.spread[number]):
            if room <= 0 or self.left[number] < groups.spread[number]:
                continue
            for group in by_class[ends[number] - groups.spread[number] : ends[number]].tolist():
                if groups.weights[group] <= room and self.can_spare(group):
                    room -= int(groups.weights[group])
                    self.take(group)
                    break

    def take_smallest(self) -> None:
        """Takes the smallest group that can be spared."""
        groups = filter(self.can_spare, self.groups.order.tolist())
        self.take(min(groups, key=lambda group: self.groups.weights[group]))


def choose_within(groups: Groups, wanted: int) -> np.ndarray:
    """Which rows (R,) to hold out if groups are parted: at most `wanted`, the last of each group in turn.

    Some of each group stay; none is held out where no group has two rows.
    """
    last_first = groups.of_row[::-1]
    counts = np.bincount(last_first)
    order = np.argsort(last_first, kind="stable")
    ranks = np.empty(len(last_first), np.int64)
    ranks[order] = np.arange(len(last_first)) - np.repeat(np.cumsum(counts) - counts, counts)
    candidates = np.flatnonzero(ranks < counts[last_first] // 2)
    held = np.zeros(len(last_first), bool)
    held[candidates[np.argsort(ranks[candidates], kind="stable")][:wanted]] = True
    return held[::-1]
