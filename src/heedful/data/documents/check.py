"""A look at documents before training on them: what is wrong, what is odd, how long they are. Nothing is changed."""

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from heedful.data.documents.read import document_notes, read_documents
from heedful.data.notes import ignore
from heedful.data.pairs.check import COPIES, LEAKS, UNSEEN, WEIGHT, bad_row_finding, histogram, list_entries
from heedful.data.pairs.read import Pair
from heedful.data.pairs.statistics import FIRST, ODD, PATTERNS
from heedful.data.readers.files import all_files, valid_files
from heedful.data.readers.rows import BadRow, count, quote
from heedful.data.row_texts import show_rows
from heedful.data.split import hash_text
from heedful.errors import HeedfulError
from heedful.results import Finding, Findings
from heedful.schema import DataSettings

BLANKS = "white space at an end, or two spaces in a row"
"""What is odd in a sentence, and usual in a document."""
BLANK, DECOMPOSED = "nothing but blanks", "decomposed characters (NFD)"
ADVICE = {oddity: odd.advice for oddity, odd in ODD.items()} | {
    BLANK: "It is passed over.",
    DECOMPOSED: "data.normalize=NFC makes composed ones of them.",
}


@dataclass
class DocumentStatistics:
    """What one pass over documents kept."""

    texts: array = field(default_factory=lambda: array("Q"))
    origins: list[str] = field(default_factory=list)
    words: array = field(default_factory=lambda: array("I"))
    characters: Counter[str] = field(default_factory=Counter)
    oddities: dict[str, list[str]] = field(default_factory=dict)
    """The places of what is odd."""
    bad: list[BadRow] = field(default_factory=list)

    def add(self, document: Pair) -> None:
        """Takes in a document."""
        text = document.source
        self.texts.append(hash_text(text, 0))
        self.origins.append(document.where)
        self.words.append(len(text.split()))
        self.characters.update(text)
        oddities = [oddity for oddity, pattern in PATTERNS.items() if oddity != BLANKS and pattern.search(text)]
        oddities += [BLANK] if not text.strip() else []
        oddities += [] if unicodedata.is_normalized("NFC", text) else [DECOMPOSED]
        for oddity in oddities:
            self.oddities.setdefault(oddity, []).append(document.where)


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
            findings += findings_between(train, held_out, name, data.overlap)
    findings += [Finding("i", note, 1) for note in document_notes(all_files(data), data)]
    singletons = sorted(character for character, times in train.characters.items() if times == 1)
    if singletons:
        findings.append(
            Finding(
                "i",
                f"{count(len(singletons), 'character')} seen only once: {list_entries(singletons)}",
                len(singletons),
            )
        )
    findings.sort(key=lambda finding: WEIGHT[finding.level])
    documents = read_documents(all_files(data), replace(data, bad_rows="skip", normalize="none"), ignore)
    findings = show_rows(findings, documents, lambda document: quote(document.source))
    lengths = {"words": histogram(np.asarray(train.words))}
    return Findings(", ".join(data.train), summary(train), tuple(findings), lengths)


def collect_statistics(files: Sequence[str], data: DataSettings) -> DocumentStatistics:
    """One pass over the documents of `files` as they are written; raises HeedfulError if there is none."""
    statistics = DocumentStatistics()
    for document in read_documents(files, replace(data, bad_rows="skip", normalize="none"), statistics.bad.append):
        statistics.add(document)
    if not statistics.texts and not statistics.bad:
        raise HeedfulError(f"There is no document in {', '.join(files)}.")
    return statistics


def summary(statistics: DocumentStatistics) -> str:
    """How many, and how long."""
    parts = [count(len(statistics.texts), "document"), count(statistics.characters.total(), "character")]
    parts += [count(sum(statistics.words), "word"), count(len(statistics.characters), "different character")]
    return " · ".join(parts)


def findings_within(statistics: DocumentStatistics) -> Iterator[Finding]:
    """What stands out in the documents of one split."""
    yield from map(bad_row_finding, statistics.bad[:FIRST])
    if remaining := len(statistics.bad[FIRST:]):
        yield Finding("x", count(remaining, "further bad row"), remaining)
    for oddity, origins in statistics.oddities.items():
        text, advice = f"{count(len(origins), 'document')} with {oddity}", ADVICE.get(oddity, "")
        yield Finding("!", text, len(origins), tuple(origins[:FIRST]), advice=advice)
    repeated_rows = np.ones(len(statistics.texts), bool)
    repeated_rows[np.unique(np.asarray(statistics.texts), return_index=True)[1]] = False
    yield from finding_for_rows(repeated_rows, "that occurred before, word for word", statistics, COPIES)


def findings_between(
    train: DocumentStatistics, held_out: DocumentStatistics, name: str, overlap: str
) -> Iterator[Finding]:
    """Documents of train that stand in what is held out, and characters that training never shows."""
    shared_rows = np.isin(np.asarray(train.texts), np.asarray(held_out.texts))
    yield from finding_for_rows(shared_rows, f"of train that also stand in {name}", train, LEAKS[overlap])
    unseen_characters = sorted(set(held_out.characters) - set(train.characters))
    if unseen_characters:
        text = f"{count(len(unseen_characters), 'character')} of {name} never seen in training"
        yield Finding("!", f"{text}: {list_entries(unseen_characters)}", len(unseen_characters), advice=UNSEEN)


def finding_for_rows(
    rows: np.ndarray, description: str, statistics: DocumentStatistics, advice: str
) -> Iterator[Finding]:
    """The finding for a mask over documents, if any is set."""
    if number := int(rows.sum()):
        first = [statistics.origins[row] for row in np.flatnonzero(rows)[:FIRST]]
        yield Finding("!", f"{count(number, 'document')} {description}", number, tuple(first), advice=advice)
