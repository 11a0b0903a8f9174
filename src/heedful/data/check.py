"""A look at pairs before training on them: what is wrong, what is odd, how long things are. Nothing is changed.

Memory stays small for large files: of each row only hashes and lengths are kept.
"""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np

from heedful.data.files import count
from heedful.data.lines import encoding_notes
from heedful.data.pairs import Pair, read_pairs
from heedful.data.rows import BadRow
from heedful.data.split import hashed
from heedful.data.tokenizers import choose
from heedful.errors import HeedfulError
from heedful.recipe import Data
from heedful.results import Bin, Finding, Findings

FIRST = 3
LOOK = 5_000
RATIO = 3
EDGES = (1, 2, 3, 5, 8, 12, 18, 25, 35, 50, 75, 100, 150, 200, 300, 500, 1000)
ODD = {
    "rows with control characters": re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]"),
    "rows with the replacement character � (something was lost before)": re.compile("\ufffd"),
    "rows that look like UTF-8 once read as Latin-1 (Ã©, â€™)": re.compile("[ÃÂâ][\x80-\xbf€]"),
    "rows with invisible characters (zero-width, direction marks, soft hyphens)": re.compile(
        "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
    ),
    "rows with white space at an end, or two spaces in a row": re.compile("^\\s|\\s$|  "),
}
HEADERS = {"source", "target", "src", "tgt", "trg", "input", "output", "text", "label"}


def check_pairs(files: Sequence[str], valid: Sequence[str], test: Sequence[str], data: Data) -> Findings:
    """What stands out in `files`, and in `valid` and `test` beside them; bad rows are findings of level "x".

    Raises HeedfulError for files that cannot be read at all.
    """
    lenient = data.model_copy(update={"bad_rows": "skip"})
    bad: list[BadRow] = []
    looks = {
        name: look(some, lenient, bad) for name, some in (("train", files), ("valid", valid), ("test", test)) if some
    }
    train = looks["train"]
    if not len(train.lengths) and not bad:
        raise HeedfulError(f"There are no pairs in {', '.join(files)}.")
    findings = [
        *(Finding("x", f"{row.where}: {row.problem}", 1, (row.where,)) for row in bad[:FIRST]),
        *([Finding("x", f"{len(bad) - FIRST:,} further bad rows", len(bad) - FIRST)] if len(bad) > FIRST else []),
        *chain.from_iterable(of_rows(name, seen, len(looks) > 1) for name, seen in looks.items()),
        *between(looks),
        *of_encoding(chain(files, valid, test)),
        *of_characters(looks),
    ]
    order = {"x": 0, "!": 1, "i": 2}
    findings.sort(key=lambda finding: order[finding.level])
    return Findings(", ".join(files), summary(train, len(files)), tuple(findings), histograms(train))


@dataclass
class Look:
    """What one pass over pairs kept."""

    units: tuple[str, str]
    sources: array = field(default_factory=lambda: array("Q"))
    pairs: array = field(default_factory=lambda: array("Q"))
    lines: array = field(default_factory=lambda: array("Q"))
    lengths: list[array] = field(default_factory=lambda: [array("I"), array("I")])
    files: dict[str, int] = field(default_factory=dict)
    in_file: array = field(default_factory=lambda: array("H"))
    characters: tuple[Counter, Counter] = field(default_factory=lambda: (Counter(), Counter()))
    noticed: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def where(self, row: int) -> str:
        """The file and line of a row."""
        return f"{list(self.files)[self.in_file[row]]} line {self.lines[row]}"

    def notice(self, what: str, where: str) -> None:
        """Counts something, and keeps where the first few were."""
        number, first = self.noticed.setdefault(what, (0, []))
        if number < FIRST:
            first.append(where)
        self.noticed[what] = number + 1, first


def look(files: Sequence[str], data: Data, bad: list[BadRow]) -> Look:
    """One pass over the pairs of files, as they are (not normalised)."""
    pairs = read_pairs(files, data.model_copy(update={"normalize": "none"}), bad.append)
    beginning = list(islice(pairs, LOOK))
    units = unit([pair.source for pair in beginning]), unit([pair.target for pair in beginning])
    seen = Look(units)
    for pair in chain(beginning, pairs):
        add(seen, pair)
    return seen


def unit(texts: list[str]) -> str:
    """What the length of such texts is counted in."""
    kind = choose(texts)[0] if texts else "bpe"
    return {"characters": "characters", "symbols": "symbols"}.get(kind, "words")


def add(seen: Look, pair: Pair) -> None:
    """Takes in a pair."""
    sides = pair.source, pair.target
    seen.sources.append(hashed(pair.source, 0))
    seen.pairs.append(hashed(f"{pair.source}\0{pair.target}", 0))
    seen.lines.append(pair.line)
    seen.in_file.append(seen.files.setdefault(pair.file, len(seen.files)))
    for lengths, text, unit in zip(seen.lengths, sides, seen.units, strict=True):
        lengths.append(len(text) if unit == "characters" else len(text.split()))
    for side, text, characters in zip(("source", "target"), sides, seen.characters, strict=True):
        characters.update(text)
        if not text.strip():
            seen.notice(f"rows with an empty {side}", pair.where)
    notice_odd(seen, pair)


def notice_odd(seen: Look, pair: Pair) -> None:
    """Counts what is odd about the texts of a pair."""
    both = f"{pair.source}\n{pair.target}"
    if pair.source == pair.target:
        seen.notice("equal", pair.where)
    for what, pattern in ODD.items():
        if pattern.search(both if not what.endswith("row") else pair.source) or (
            what.endswith("row") and pattern.search(pair.target)
        ):
            seen.notice(what, pair.where)
    if not both.isascii():
        composed = unicodedata.is_normalized("NFC", both)
        if not composed:
            seen.notice("NFD", pair.where)
        elif not unicodedata.is_normalized("NFD", both):
            seen.notice("NFC", pair.where)
