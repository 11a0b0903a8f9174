"""Which rows are for learning and which are held out, so that no source and no group stands on two sides.

One pass over the rows keeps two 64-bit hashes a row, its classes and a bounded sample; `hold_out.py` chooses.
"""

import random
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from heedful.data import first_split
from heedful.data.facts import SplitFacts
from heedful.data.folds import folds_of_groups, folds_within, too_few_error
from heedful.data.hold_out import NONE, Groups, choose_groups, choose_within, group_rows
from heedful.data.notes import Notes
from heedful.data.pairs.read import Pair
from heedful.data.readers.rows import count, quote
from heedful.data.repeats import Repeats, count_repeats
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings

TRAIN, VALID, SHARED, EMPTY, FOLD = range(5)
SAMPLE = 200_000
METHOD = 2
"""How rows are held out, as fingerprints say it; in method 1, that of 0.1.0, they say nothing of it."""
FEW_SOURCES, MANY_ROWS = 10, 5
"""Of fewer sources, with so many rows each or more, none is held out whole: its score would say nothing."""
FEW_GROUPS = 10  # held out: too few for a score to say much of others
MAX_NAMES = 10  # names in a note


@dataclass(frozen=True)
class Traits:
    """What a kind of data says of its rows: how many examples are in each, if it is not one, and their classes, if they
    have such. `by_examples`: a set is small by its examples, not by its rows.
    """

    examples: Callable[[Pair], int] | None = None
    classes: Callable[[Pair], Iterable[str]] | None = None
    by_examples: bool = False


@dataclass
class Scan:
    """What one pass over pairs kept: hashes by row, which rows have an empty side, and a seeded sample of them."""

    traits: Traits = field(default_factory=Traits)
    sources: array = field(default_factory=lambda: array("Q"))
    pairs: array = field(default_factory=lambda: array("Q"))
    """Of source and target together."""
    groups_of_rows: array = field(default_factory=lambda: array("Q"))
    """Empty where no row is in a group of its own."""
    amounts: array = field(default_factory=lambda: array("I"))
    """Of each row how many examples are in it; empty where it is one."""
    classes: tuple[array, array] = field(default_factory=lambda: (array("I"), array("I")))
    """Rows, and the numbers of classes that they have."""
    class_numbers: dict[str, int] = field(default_factory=dict)
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
        self.pairs.append(hash_text(f"{pair.source}\0{pair.target}", seed))
        if pair.group and not self.groups_of_rows:
            self.groups_of_rows.extend(self.sources[:-1])
        if pair.group or self.groups_of_rows:
            self.groups_of_rows.append(hash_text(pair.group, seed) if pair.group else self.sources[-1])
        if self.traits.examples:
            self.amounts.append(self.traits.examples(pair))
        for name in self.traits.classes(pair) if self.traits.classes else ():
            self.classes[0].append(row)
            self.classes[1].append(self.class_numbers.setdefault(name, len(self.class_numbers)))
        if is_empty(pair):
            self.empty.append(row)
            self.first_empty = self.first_empty or pair.where
        if len(self.sample) < self.limit:
            self.sample.append((row, pair))
        elif (slot := int(draw.random() * (row + 1))) < self.limit:
            self.sample[slot] = (row, pair)

    @property
    def groups(self) -> array:
        """Hashes of what rows hang together by."""
        return self.groups_of_rows or self.sources

    def repeats(self, rows: np.ndarray) -> Repeats:
        """How often the rows of a mask repeat each other."""
        return count_repeats(np.asarray(self.sources)[rows], np.asarray(self.pairs)[rows])

    def group(self, rows: np.ndarray, by_row: bool = False) -> Groups:
        """The groups that these rows make, and their classes in the order of their names, which no order of rows
        changes; `by_row`: whatever is in a row, it counts as one.
        """
        hashes = np.asarray(self.groups)[rows]
        amounts = np.asarray(self.amounts)[rows] if self.amounts and not by_row else NONE
        if not self.class_numbers:
            return group_rows(hashes, amounts)
        places = np.full(len(self.sources), -1)
        places[rows] = np.arange(len(rows))
        class_rows = places[np.asarray(self.classes[0])]
        ranks = np.empty(len(self.class_numbers), np.int64)
        ranks[[self.class_numbers[name] for name in sorted(self.class_numbers)]] = np.arange(len(ranks))
        classes = ranks[np.asarray(self.classes[1])]
        return group_rows(hashes, amounts, class_rows[class_rows >= 0], classes[class_rows >= 0], len(ranks))

    def classes_of(self, rows: np.ndarray) -> np.ndarray:
        """Which classes (C,) the rows of a mask have, by their numbers."""
        of_row, numbers = map(np.asarray, self.classes)
        return np.bincount(numbers[rows[of_row]], minlength=len(self.class_numbers)) > 0


class Split:
    """Who learns and who is held out, every row that leaves said aloud.

    `held_out_examples` says how many examples to hold out of what there is; `first_bad` helps where nothing is left;
    `method` is how rows are held out.
    """

    def __init__(
        self,
        data: DataSettings,
        seed: int,
        note: Notes,
        held_out_examples: Callable[[SplitFacts], int],
        first_bad: str = "",
        method: int = METHOD,
    ) -> None:
        self.data, self.seed, self.note, self.first_bad = data, seed, note, first_bad
        self.held_out_examples, self.method = held_out_examples, method

    def sides(self, scan: Scan, valid: list[Pair], test: list[Pair]) -> np.ndarray:
        """TRAIN, VALID, SHARED, EMPTY or FOLD (held out to be scored on) for each row of the training files."""
        sides = np.zeros(len(scan.sources), np.uint8)
        sides[scan.empty] = EMPTY
        self.note.report_left_out(len(scan.empty), "with an empty side", scan.first_empty)
        for name, pairs in (("valid", valid), ("test", test)):
            sources = {hash_text(pair.source, self.seed) for pair in pairs}
            groups = {hash_text(pair.group, self.seed) for pair in pairs if pair.group}
            self.drop_shared(scan, sides, sources, groups, name)
        self.refuse_empty(sides)
        if self.data.folds and self.data.fold != "auto":
            self.hold_out_fold(scan, sides, self.data.fold)
        if self.data.valid == "auto":
            self.hold_out(scan, sides)
        return sides

    @property
    def learns_all(self) -> bool:
        """Whether validation rows are learnt from too: in the last training of a cross-validation."""
        return self.data.folds > 0 and self.data.fold == "auto" and self.data.valid == "auto"

    def hold_out_fold(self, scan: Scan, sides: np.ndarray, fold: int) -> None:
        """Marks the rows of a fold as FOLD, and takes what they share a source with out of training."""
        rows, folds = np.flatnonzero(sides == TRAIN), self.data.folds
        groups = scan.group(rows)
        parts_groups = self.parts_groups(groups)
        number, noun = (len(rows), self.note.row) if parts_groups else (len(groups), self.noun)
        if number < folds:
            raise too_few_error(number, folds, noun)
        held = (folds_within if parts_groups else folds_of_groups)(groups, folds) == fold
        sides[rows[held]] = FOLD
        self.note(f"test: {count(int(held.sum()), self.note.row)}, fold {fold} of {folds} by seed {self.seed}")
        if parts_groups:
            self.note.limit(
                f"test: {count(len(groups), 'source')} in {count(len(rows), self.note.row)}, so that none is in one "
                "fold whole: the score says nothing about new ones"
            )
        else:
            self.part_sources(scan, sides, FOLD)
        self.refuse_empty(sides)

    def hold_out(self, scan: Scan, sides: np.ndarray) -> None:
        """Marks rows as VALID, and takes what they share a source with out of training."""
        rows = np.flatnonzero(sides == TRAIN)
        number = None if self.data.valid_rows == "auto" else self.data.valid_rows
        if number and number >= len(rows):
            raise all_held_out_error(number, len(rows), self.note.row)
        groups = scan.group(rows, by_row=bool(number))
        if self.method == 1:
            held = first_split.choose_rows(np.asarray(scan.groups)[rows], number, may_part=not self.data.group)
        else:
            held = self.choose(groups, number, by_examples=scan.traits.by_examples)
        if not held.any():
            raise no_valid_error(len(rows), self.note.row, self.data.group)
        sides[rows[held]] = VALID
        if self.learns_all:
            number_held = count(int(held.sum()), self.note.row)
            self.note(f"valid: {number_held} that are learnt from too; how good the network is the folds tell")
            return
        self.note(f"valid: {count(int(held.sum()), self.note.row)} held out by seed {self.seed} (none given)")
        held_groups = np.unique(groups.of_row[held])
        if np.isin(groups.of_row[~held], held_groups).any():
            self.note.limit(
                f"valid: {count(len(groups), 'source')} in {count(len(rows), self.note.row)}, so that none is held "
                "out whole: all sources of valid are learnt from, and the score says nothing about new ones"
            )
        else:
            self.note_few(groups, held_groups)
            self.part_sources(scan, sides, VALID)
        self.note_classes(scan, sides)

    def choose(self, groups: Groups, number: int | None, by_examples: bool) -> np.ndarray:
        """Which of the grouped rows are held out (R,): `number`, if the recipe says it."""
        rows, total = len(groups.of_row), groups.total
        facts = SplitFacts(total, total, total) if by_examples else SplitFacts(rows, len(groups), total)
        wanted = number or self.held_out_examples(facts)
        if self.parts_groups(groups):
            return choose_within(groups, wanted)
        most = wanted if number else min(2 * wanted, total // 3)
        return choose_groups(groups, wanted, most)[groups.of_row]

    @property
    def noun(self) -> str:
        """What rows hang together in."""
        return "group" if self.data.group else "source"

    def parts_groups(self, groups: Groups) -> bool:
        """Whether rows of one source are parted: there are few sources, of many rows each."""
        repeats = len(groups) < FEW_SOURCES and len(groups.of_row) >= MANY_ROWS * len(groups)
        return not self.data.group and (len(groups) == 1 or repeats)

    def part_sources(self, scan: Scan, sides: np.ndarray, side: int) -> None:
        """Takes rows out of training that share a source with what is held out, unless hardly any would stay."""
        sources = set(np.asarray(scan.sources)[sides == side].tolist())
        shared = np.isin(np.asarray(scan.sources), np.fromiter(sources, np.uint64, len(sources))) & (sides == TRAIN)
        number, learnt = int(shared.sum()), int((sides == TRAIN).sum())
        if self.method > 1 and self.data.overlap == "drop" and number and learnt - number < (sides == side).sum():
            self.note.limit(
                f"{'valid' if side == VALID else 'test'}: its sources also stand in {count(number, self.note.row)} "
                "learnt from, for hardly any would be left without: the score says little about new ones"
            )
        else:
            self.drop_shared(scan, sides, sources, set(), "valid" if side == VALID else "the fold")
            self.refuse_empty(sides)

    def note_few(self, groups: Groups, held: np.ndarray) -> None:
        """Says so if what is held out hangs together in few groups."""
        if len(held) < FEW_GROUPS and int(np.isin(groups.of_row, held).sum()) > len(held):
            self.note.limit(
                f"valid: its {self.note.row}s hang together in {count(len(held), self.noun)} of {len(groups):,}, which "
                "are not learnt from: the score is theirs, and may be another for others"
            )

    def note_classes(self, scan: Scan, sides: np.ndarray) -> None:
        """Says which classes are learnt and not held out."""
        learnt, held = (scan.classes_of(sides == side) for side in (TRAIN, VALID))
        missing = {name for name, number in scan.class_numbers.items() if learnt[number] and not held[number]}
        note_unscored(self.note, missing, int((learnt | held).sum()))

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


def note_unscored(note: Notes, names: Collection[str], classes: int) -> None:
    """Says which of so many classes are learnt and not held out."""
    if missing := sorted(filter(None, names)):
        listed = ", ".join(map(quote, missing[:MAX_NAMES])) + (", …" if len(missing) > MAX_NAMES else "")
        number = count(classes, "class", "classes")
        note(f"valid: {len(missing):,} of {number} not held out, and so without a score: {listed}")


def scan(pairs: Iterable[Pair], seed: int, limit: int = SAMPLE, traits: Traits | None = None) -> Scan:
    """One pass over pairs, which keeps at most `limit` of them."""
    result, draw = Scan(traits or Traits(), limit=limit), random.Random(seed)
    for pair in pairs:
        result.add(pair, seed, draw)
    return result


def is_empty(pair: Pair) -> bool:
    """Whether there is nothing to read, or nothing to say."""
    return not pair.source.strip() or not pair.target.strip()


def hash_text(text: str, seed: int) -> int:
    """64 bits of a text, others for another seed."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=seed.to_bytes(16, "big")).digest(), "big")


def all_held_out_error(number: int, rows: int, noun: str) -> HeedfulError:
    """The error for a number of rows to hold out that leaves nothing to learn from."""
    return HeedfulError(
        f"data.valid_rows={number} leaves nothing to learn from: there {'is' if rows == 1 else 'are'} "
        f"{count(rows, noun)}.",
        f"Take fewer, as data.valid_rows={max(1, rows // 5)}, or leave it out." if rows > 1 else "Add some more rows.",
    )


def no_valid_error(rows: int, noun: str, group: str) -> HeedfulError:
    """The error where no rows can be held out."""
    if rows == 1:
        return HeedfulError(
            f"There is one {noun} alone, and none to hold out.", "Add some more, or give a file for it: --valid FILE."
        )
    return HeedfulError(
        f"No {noun} can be held out: all {rows:,} are one group (data.group={group}).",
        "Give a file for it: --valid FILE, or leave data.group out.",
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


def one_a_row(pairs: Iterable[Pair]) -> list[Example]:
    """One example a row, whatever repeats."""
    return [Example(pair.source, (pair.target,), pair.where) for pair in pairs]


def select(pairs: Iterable[Pair], chosen: np.ndarray) -> Iterator[Pair]:
    """The pairs that are chosen (a truth value a row)."""
    return (pair for pair, is_chosen in zip(pairs, chosen.tobytes(), strict=True) if is_chosen)
