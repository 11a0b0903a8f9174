"""One pass over pairs that keeps, of each row, only what `check` needs: hashes, lengths, its line, and what is odd."""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import numpy as np

from heedful.data.pairs.coders import class_name
from heedful.data.pairs.pictured import look_at_picture
from heedful.data.pairs.read import Pair, read_pairs
from heedful.data.pairs.sources import kind_of_source
from heedful.data.readers.rows import BadRow
from heedful.data.split import hash_text
from heedful.data.tokenizers.choose import unit_of
from heedful.errors import HeedfulError
from heedful.schema import DataSettings

FIRST = 3
BEGINNING = 5_000
SIDES = ("source", "target")
PICTURES = "pictures"
"""The unit of a side that is one picture."""
CLASSES = "classes"
"""The unit of a side that is the name of a class."""
WHOLE = (PICTURES, CLASSES)
"""Units of sides that have no length."""
SHEET_ROWS, SHEET_COLUMNS = 24, 6  # classes on a page, and pictures of each


@dataclass(frozen=True)
class Oddity:
    """Characters that are seldom meant: where they are found, and what to do about them."""

    pattern: str
    advice: str


ODD = {
    "control characters": Oddity(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f]",
        "They often come of a wrong conversion. Remove them: they are learnt as they stand.",
    ),
    "the replacement character � (something was lost before)": Oddity(
        "\ufffd", "Convert the file anew from where it came from: what stood there cannot be told from this one."
    ),
    "what looks like UTF-8 once read as Latin-1 (Ã©, â€™)": Oddity(
        "[ÃÂ][\x80-\xbf]|â€", "Convert the file anew in the encoding that it was written in, or mend it with ftfy."
    ),
    "invisible characters (zero width, direction marks, …)": Oddity(
        "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069]",
        "Remove those that the script does not need: they make other words of equal ones.",
    ),
    "white space at an end, or two spaces in a row": Oddity(
        r"\A\s|\s\Z|  ", "They are learnt as they stand. Remove them if they mean nothing."
    ),
}
HEADERS = {"source", "target", "src", "tgt", "trg", "input", "output", "text", "label", "word", "phones"}
PATTERNS = {oddity: re.compile(odd.pattern) for oddity, odd in ODD.items()}
ANY = re.compile("|".join(odd.pattern for odd in ODD.values()))


@dataclass
class PairStatistics:
    """What the pass kept. `units` says what lengths are counted in: characters, symbols or words."""

    units: tuple[str, ...]
    sources: array = field(default_factory=lambda: array("Q"))
    pairs: array = field(default_factory=lambda: array("Q"))
    lengths: tuple[array, array] = field(default_factory=lambda: (array("I"), array("I")))
    entries: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    """Symbols of a side counted in symbols, else characters."""
    oddities: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    """Count and first places of what is odd."""
    files: dict[str, int] = field(default_factory=dict)
    origins: tuple[array, array] = field(default_factory=lambda: (array("H"), array("Q")))
    header: str = ""
    """The first row, if it looks like the names of columns."""
    bad: list[BadRow] = field(default_factory=list)
    bad_count: int = 0
    written: Counter[str] = field(default_factory=Counter)
    """The names of classes as they are written."""
    classes: array = field(default_factory=lambda: array("I"))
    """Of each row, the number of its class among those met so far."""
    class_numbers: dict[str, int] = field(default_factory=dict)
    sizes: tuple[array, array] = field(default_factory=lambda: (array("I"), array("I")))
    """Widths and heights of pictures."""

    samples: dict[str, list[str]] = field(default_factory=dict)
    """A few pictures by their class, or by what is said of them."""

    def class_counts(self) -> Counter[str]:
        """How many rows each class has."""
        names = list(self.class_numbers)
        return Counter({names[number]: rows for number, rows in Counter(self.classes).items()})

    def rows_of_class(self, name: str) -> list[int]:
        """The rows of a class."""
        return np.flatnonzero(np.asarray(self.classes) == self.class_numbers[name]).tolist()

    def where(self, row: int) -> str:
        """The file and line of a row."""
        return f"{list(self.files)[self.origins[0][row]]} line {self.origins[1][row]}"

    def notice(self, oddity: str, where: str) -> None:
        """Counts something odd, and keeps the first places."""
        number, first = self.oddities.get(oddity, (0, []))
        self.oddities[oddity] = number + 1, [*first, where] if number < FIRST else first

    def refuse(self, bad: BadRow) -> None:
        """Counts a bad row, and keeps the first few."""
        self.bad_count += 1
        if len(self.bad) < FIRST:
            self.bad.append(bad)

    def add(self, pair: Pair) -> None:
        """Takes in a pair; raises HeedfulError for a picture that cannot be read."""
        sides = pair.source, pair.target
        if self.units[0] == PICTURES:
            digest, size = look_at_picture(pair.source)
            sides = digest, pair.target
            for lengths, side in zip(self.sizes, size, strict=True):
                lengths.append(side)
            self.sample(pair)
        if self.units[1] == CLASSES:
            name = class_name(pair.target)
            self.written[pair.target] += 1
            self.classes.append(self.class_numbers.setdefault(name, len(self.class_numbers)))
            sides = sides[0], name
        self.sources.append(hash_text(sides[0], 0))
        self.pairs.append(hash_text("\0".join(sides), 0))
        self.origins[0].append(self.files.setdefault(pair.file, len(self.files)))
        self.origins[1].append(pair.line)
        for side, text in enumerate(sides):
            if self.units[side] in WHOLE:
                self.lengths[side].append(1)
                if not text.strip():
                    self.notice(f"an empty {SIDES[side]}", pair.where)
                continue
            words = [] if self.units[side] == "characters" else text.split()
            self.lengths[side].append(len(words or text))
            self.entries[side].update(words if self.units[side] == "symbols" else text)
            if not text.strip():
                self.notice(f"an empty {SIDES[side]}", pair.where)
        self.notice_odd(pair)

    def sample(self, pair: Pair) -> None:
        """Keeps the first pictures of the first classes."""
        title = class_name(pair.target) if self.units[1] == CLASSES else pair.target
        if len(self.samples) < SHEET_ROWS or title in self.samples:
            pictures = self.samples.setdefault(title, [])
            pictures += [pair.source] if len(pictures) < SHEET_COLUMNS else []

    def notice_odd(self, pair: Pair) -> None:
        """Counts what is odd in a pair's characters."""
        sides = [text for text, unit in zip((pair.source, pair.target), self.units, strict=True) if unit not in WHOLE]
        if pair.source == pair.target:
            self.notice("equal", pair.where)
        if any(ANY.search(text) for text in sides):
            for oddity, pattern in PATTERNS.items():
                if any(pattern.search(text) for text in sides):
                    self.notice(oddity, pair.where)
        if not all(text.isascii() for text in sides):
            if not all(unicodedata.is_normalized("NFC", text) for text in sides):
                self.notice("NFD", pair.where)
            elif not all(unicodedata.is_normalized("NFD", text) for text in sides):
                self.notice("NFC", pair.where)


def collect_statistics(
    files: Sequence[str], data: DataSettings, units: tuple[str, ...] = (), classes: bool = False
) -> PairStatistics:
    """One pass over the pairs of `files` as they are written; bad rows are counted and passed over.

    `units` are those of another look, so that both count alike; else all rows of these files decide whether sources are
    pictures, and the first what lengths are counted in. `classes`: targets are their names.
    """
    statistics = PairStatistics(units)
    pairs = read_pairs(files, replace(data, bad_rows="skip", normalize="none"), statistics.refuse)
    beginning = list(islice(pairs, BEGINNING))
    pictured = units[0] == PICTURES if units else kind_of_source(replace(data, train=list(files))) == "picture"
    statistics.units = units or tuple(unit_of_length([getattr(pair, side) for pair in beginning]) for side in SIDES)
    statistics.units = (
        PICTURES if pictured else statistics.units[0],
        CLASSES if classes else statistics.units[1],
    )
    statistics.header = next((names for pair in beginning[:1] if (names := header_of(pair))), "")
    for pair in chain(beginning, pairs):
        try:
            statistics.add(pair)
        except HeedfulError as error:
            statistics.refuse(BadRow(pair.where, error.problem, "", error.cure))
    return statistics


def header_of(first: Pair) -> str:
    """The texts of a first row, if both are what people call columns."""
    sides = first.source, first.target
    return ", ".join(sides) if all(text.strip().lower() in HEADERS for text in sides) else ""


def unit_of_length(texts: list[str]) -> str:
    """What the length of such texts is counted in."""
    return {"symbols": "symbols", "words": "characters", "sentences": "words"}[unit_of(texts)]
