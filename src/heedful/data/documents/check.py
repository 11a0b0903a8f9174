"""A look at documents before training on them: what is wrong, what is odd, how long they are. Nothing is changed."""

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from heedful.data.documents.read import document_notes, read_documents
from heedful.data.pairs.check import WEIGHT, histogram, list_entries
from heedful.data.pairs.look import FIRST, PATTERNS
from heedful.data.pairs.read import Pair
from heedful.data.readers.files import all_files, valid_files
from heedful.data.readers.rows import BadRow, count
from heedful.data.split import hash_text
from heedful.errors import HeedfulError
from heedful.results import Finding, Findings
from heedful.schema import DataSettings

BLANKS = "white space at an end, or two spaces in a row"
"""What is odd in a sentence, and usual in a document."""


@dataclass
class DocumentStatistics:
    """What one pass over documents kept."""

    texts: array = field(default_factory=lambda: array("Q"))
    places: list[str] = field(default_factory=list)
    words: array = field(default_factory=lambda: array("I"))
    characters: Counter[str] = field(default_factory=Counter)
    noticed: dict[str, list[str]] = field(default_factory=dict)
    """The places of what is odd."""
    bad: list[BadRow] = field(default_factory=list)

    def add(self, one: Pair) -> None:
        """Takes in a document."""
        text = one.source
        self.texts.append(hash_text(text, 0))
        self.places.append(one.where)
        self.words.append(len(text.split()))
        self.characters.update(text)
        odd = [what for what, pattern in PATTERNS.items() if what != BLANKS and pattern.search(text)]
        odd += ["nothing but blanks"] if not text.strip() else []
        odd += [] if unicodedata.is_normalized("NFC", text) else ["decomposed characters (NFD)"]
        for what in odd:
            self.noticed.setdefault(what, []).append(one.where)


def check_documents(data: DataSettings) -> Findings:
    """What stands out in the files to learn from, choose by and test on, and between them; bad rows are of level "x".

    Raises HeedfulError for a file that cannot be read as a whole.
    """
    train = collect_statistics(data.train, data)
    findings = [*findings_within(train)]
    for name, files in (("valid", valid_files(data)), ("test", data.test)):
        if files:
            held_out = collect_statistics(files, data)
            findings += [replace(finding, text=f"{name}: {finding.text}") for finding in findings_within(held_out)]
            findings += findings_between(train, held_out, name)
    findings += [Finding("i", note, 1) for note in document_notes(all_files(data), data)]
    once = sorted(character for character, times in train.characters.items() if times == 1)
    if once:
        findings.append(
            Finding("i", f"{count(len(once), 'character')} seen only once: {list_entries(once)}", len(once))
        )
    findings.sort(key=lambda finding: WEIGHT[finding.level])
    lengths = {"words": histogram(np.asarray(train.words))}
    return Findings(", ".join(data.train), summary(train), tuple(findings), lengths)


def collect_statistics(files: Sequence[str], data: DataSettings) -> DocumentStatistics:
    """One pass over the documents of `files` as they are written; raises HeedfulError if there is none."""
    seen = DocumentStatistics()
    for one in read_documents(files, replace(data, bad_rows="skip", normalize="none"), seen.bad.append):
        seen.add(one)
    if not seen.texts and not seen.bad:
        raise HeedfulError(f"There is no document in {', '.join(files)}.")
    return seen


def summary(seen: DocumentStatistics) -> str:
    """How many, and how long."""
    told = [count(len(seen.texts), "document"), count(seen.characters.total(), "character")]
    told += [count(sum(seen.words), "word"), count(len(seen.characters), "different character")]
    return " · ".join(told)


def findings_within(seen: DocumentStatistics) -> Iterator[Finding]:
    """What stands out in the documents of one split."""
    for bad in seen.bad[:FIRST]:
        yield Finding("x", f"{bad.where}: {bad.problem}", 1, (bad.where,))
    if further := len(seen.bad[FIRST:]):
        yield Finding("x", count(further, "further bad row"), further)
    for what, places in seen.noticed.items():
        text = f"{count(len(places), 'document')} with {what}"
        yield Finding("!", text, len(places), tuple(places[:FIRST]))
    again = np.ones(len(seen.texts), bool)
    again[np.unique(np.asarray(seen.texts), return_index=True)[1]] = False
    yield from finding(again, "that occurred before, word for word", seen)


def findings_between(train: DocumentStatistics, held: DocumentStatistics, name: str) -> Iterator[Finding]:
    """Documents of train that stand in what is held out, and characters that training never shows."""
    both = np.isin(np.asarray(train.texts), np.asarray(held.texts))
    yield from finding(both, f"of train that also stand in {name}", train)
    new = sorted(set(held.characters) - set(train.characters))
    if new:
        yield Finding(
            "!", f"{count(len(new), 'character')} of {name} never seen in training: {list_entries(new)}", len(new)
        )


def finding(rows: np.ndarray, what: str, seen: DocumentStatistics) -> Iterator[Finding]:
    """The finding for a mask over documents, if any is set."""
    if number := int(rows.sum()):
        first = [seen.places[row] for row in np.flatnonzero(rows)[:FIRST]]
        yield Finding("!", f"{count(number, 'document')} {what}", number, tuple(first))
