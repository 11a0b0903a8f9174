"""A look at pairs before training on them: what is wrong, what is odd, how long things are. Nothing is changed."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from heedful.data.notes import ignore
from heedful.data.pairs.check_classes import (
    contact_sheet,
    findings_of_classes,
    findings_of_empty_classes,
    findings_of_sizes,
    findings_of_unknown_classes,
)
from heedful.data.pairs.check_reach import Reach, findings_of_reach
from heedful.data.pairs.read import Pair, column_notes, read_pairs
from heedful.data.pairs.sources import source_notes
from heedful.data.pairs.statistics import (
    CLASSES,
    FIRST,
    ODD,
    PICTURES,
    SIDES,
    WHOLE,
    PairStatistics,
    collect_statistics,
)
from heedful.data.readers.files import all_files, file_notes, valid_files
from heedful.data.readers.rows import SKIP, BadRow, count, quote
from heedful.data.row_texts import show_rows
from heedful.errors import HeedfulError
from heedful.results import Bin, Finding, Findings
from heedful.schema import DataSettings

WEIGHT = {"x": 0, "!": 1, "i": 2}
RATIO = 3
SHORT = 10
"""A side shorter than this may well be three times as long as the other."""
EDGES = (0, 1, 2, 3, 5, 8, 12, 18, 25, 35, 50, 75, 100, 150, 200, 300, 500, 1000)
MAX_LISTED = 10
EMPTY = "Fill it in, or leave such rows out: data.min_tokens=1."
MISALIGNED = "Such pairs are often out of line with each other. Mend them, or leave them out: data.max_ratio=3"
COPIES = "Each copy weighs once more in training. Remove copies that say nothing about how often such rows occur."
LEAKS = {
    "drop": "They are left out of training, so that the score means something (data.overlap=drop).",
    "keep": "They are learnt from (data.overlap=keep), and the score on them says little about rows that are new.",
}
ECHOES = "A network learns from them to copy. Remove those that nobody would ask for."
UNSEEN = "They will be read as unknown, or never be written. Add rows with them to the training files."


def check_pairs(data: DataSettings, classes: bool = False, reach: Reach | None = None) -> Findings:
    """What stands out in the files to learn from, choose by and test on, and between them; bad rows are of level "x".

    `classes`: targets are names of classes. `reach`: what the network reads, if that has a limit. Pictures are compared
    by what they show. Of each row only hashes and lengths are kept. Raises HeedfulError for a file that cannot be read
    as a whole.
    """
    train = collect_statistics(data.train, data, classes=classes)
    held_out = {"valid": valid_files(data), "test": data.test}
    statistics_by_split = {"train": train} | {
        name: collect_statistics(files, data, train.units, classes) for name, files in held_out.items() if files
    }
    for statistics, files in zip(
        statistics_by_split.values(), (data.train, *filter(None, held_out.values())), strict=True
    ):
        if not statistics.pairs and not statistics.bad_count:
            raise HeedfulError(f"There are no pairs in {', '.join(files)}.")
    findings = [*findings_within(train, data), *findings_of_reach(train, data, reach, is_train=True)]
    for name in list(statistics_by_split)[1:]:
        statistics = statistics_by_split[name]
        within = *findings_within(statistics, data), *findings_of_reach(statistics, data, reach, is_train=False)
        findings += [replace(finding, text=f"{name}: {finding.text}") for finding in within]
    findings += [
        *findings_between(statistics_by_split, data.overlap),
        *(Finding("i", note, 1) for note in reading_notes(data, classes)),
        *findings_of_rare(statistics_by_split),
        *findings_of_sizes(train),
    ]
    if classes:
        findings += [*findings_of_unknown_classes(statistics_by_split), *findings_of_empty_classes(all_files(data))]
    findings.sort(key=lambda finding: WEIGHT[finding.level])
    rows = read_pairs(all_files(data), replace(data, bad_rows="skip", normalize="none"), ignore)
    findings = show_rows(findings, rows, lambda pair: pair_text(pair, train.units))
    histograms = {
        f"{side}: {unit}": histogram(np.asarray(train.lengths[index]))
        for index, (side, unit) in enumerate(zip(SIDES, train.units, strict=True))
        if unit not in WHOLE
    }
    if train.sizes[0]:
        shorter_sides = np.minimum(*map(np.asarray, train.sizes))
        histograms = {"pictures: pixels of the shorter side": histogram(shorter_sides)} | histograms
    return Findings(
        ", ".join(data.train), summary(train, data.train), tuple(findings), histograms, contact_sheet(train)
    )


def reading_notes(data: DataSettings, classes: bool) -> list[str]:
    """How files are read, and what is unusual about them, as training says it."""
    files = all_files(data)
    notes = [*file_notes(files, data), *column_notes(files, data, SIDES)]
    return [*notes, *source_notes(data.train, data, either=classes)]


def summary(statistics: PairStatistics, files: Sequence[str]) -> str:
    """How many, and how long: "35,262 pairs · source 3 to 25 words, target 3 to 24 words (nine in ten) · 1 file"."""
    pairs = count(len(statistics.pairs), "pair")
    files_text = count(len(files), "folder" if all(map(os.path.isdir, files)) else "file")
    if not statistics.pairs:
        return f"{pairs} · {files_text}"
    spans = []
    for side, unit, lengths in zip(SIDES, statistics.units, statistics.lengths, strict=True):
        if unit in WHOLE:
            spans.append("a picture each" if unit == PICTURES else "a class each")
            continue
        low, high = np.percentile(np.asarray(lengths), [5, 95], method="nearest")
        spans.append(f"{side} {low:,} to {high:,} {unit}" if low < high else f"{side} {low:,} {unit}")
    sources = len(np.unique(np.asarray(statistics.sources)))
    sources_text = "" if sources == len(statistics.pairs) else f"{count(sources, 'source')} · "
    share = "" if {*statistics.units} <= {*WHOLE} else " (nine in ten)"
    return f"{pairs} · {sources_text}{', '.join(spans)}{share} · {files_text}"


def findings_within(statistics: PairStatistics, data: DataSettings) -> Iterator[Finding]:
    """What stands out in the rows of one split."""
    yield from map(bad_row_finding, statistics.bad)
    if statistics.bad_count > len(statistics.bad):
        remaining = statistics.bad_count - len(statistics.bad)
        yield Finding("x", count(remaining, "further bad row"), remaining)
    if not statistics.pairs:
        return
    for oddity in [*(f"an empty {side}" for side in SIDES), *ODD]:
        if oddity in statistics.oddities:
            number, first = statistics.oddities[oddity]
            advice = ODD[oddity].advice if oddity in ODD else EMPTY
            yield Finding("!", f"{count(number, 'pair')} with {oddity}", number, tuple(first), advice=advice)
    yield from findings_of_lengths(statistics)
    yield from findings_of_forms(statistics, data)
    yield from findings_of_repeats(statistics)


def findings_of_lengths(statistics: PairStatistics) -> Iterator[Finding]:
    """Pairs of which one side is far longer; where sides are counted in unlike units, far longer than usual."""
    if not {*WHOLE}.isdisjoint(statistics.units):
        return
    source, target = (np.asarray(lengths, dtype=float) for lengths in statistics.lengths)
    if not source.any():
        return
    same_unit = ("words" in statistics.units) == (statistics.units[0] == statistics.units[1])
    usual_ratio = 1.0 if same_unit else float(np.median(target[source > 0] / source[source > 0]))
    source = source * usual_ratio
    mismatched_rows = (np.maximum(source, target) > RATIO * np.minimum(source, target)) & (
        np.maximum(source, target) >= SHORT
    )
    mismatched_rows &= (source > 0) & (target > 0)
    comparison = "as long as the other" if same_unit else "as long as usual beside the other"
    text = f"where one side is over {RATIO} times {comparison}"
    yield from finding_for_rows("!", text, mismatched_rows, statistics, MISALIGNED)


def findings_of_forms(statistics: PairStatistics, data: DataSettings) -> Iterator[Finding]:
    """Composed and decomposed characters, a header taken for a pair, targets equal to their sources."""
    decomposed_count, first = statistics.oddities.get("NFD", (0, []))
    composed_count, _ = statistics.oddities.get("NFC", (0, []))
    if decomposed_count and data.normalize == "none":
        remark = f", {composed_count:,} with composed ones (NFC)" if composed_count else ""
        text = f"{count(decomposed_count, 'pair')} with decomposed characters (NFD){remark}"
        text += ": data.normalize=NFC makes them one"
        yield Finding("!" if composed_count else "i", text, decomposed_count, tuple(first))
    equal_count, first = statistics.oddities.get("equal", (0, []))
    if equal_count:
        level = "!" if equal_count > len(statistics.pairs) / 100 else "i"
        text = f"{count(equal_count, 'pair')} whose target is the source itself"
        yield Finding(level, text, equal_count, tuple(first), advice=ECHOES)
    if statistics.header:
        cure = "name the columns if it is one: data.columns.source=… data.columns.target=…"
        yield Finding(
            "!", f"the first line looks like a header ({statistics.header}); {cure}", 1, (statistics.where(0),)
        )


def findings_of_repeats(statistics: PairStatistics) -> Iterator[Finding]:
    """Pairs that occur again, and sources with several targets."""
    hashes = np.asarray(statistics.pairs)
    repeated_rows = np.ones(len(hashes), bool)
    repeated_rows[np.unique(hashes, return_index=True)[1]] = False
    manner = "by the pixels of the picture" if PICTURES in statistics.units else "word for word"
    yield from finding_for_rows("!", f"that occurred before, {manner}", repeated_rows, statistics, COPIES)
    if CLASSES in statistics.units:
        yield from findings_of_classes(statistics)
        return
    distinct_sources = np.asarray(statistics.sources)[~repeated_rows]
    source_count = int((np.unique(distinct_sources, return_counts=True)[1] > 1).sum())
    if source_count:
        yield Finding("i", f"{count(source_count, 'source')} with several targets: each counts as right", source_count)


def findings_between(statistics_by_split: dict[str, PairStatistics], overlap: str) -> Iterator[Finding]:
    """Sources that stand in two splits."""
    names = list(statistics_by_split)
    for index, name in enumerate(names):
        for other_name in names[index + 1 :]:
            statistics, other_statistics = statistics_by_split[name], statistics_by_split[other_name]
            shared_rows = np.isin(np.asarray(statistics.sources), np.asarray(other_statistics.sources))
            files = ", ".join(other_statistics.files)
            advice = LEAKS[overlap] if name == "train" else "Held-out rows should stand in one file alone."
            text = f"of {name} whose source also stands in {files}"
            yield from finding_for_rows("!", text, shared_rows, statistics, advice)


def findings_of_rare(statistics_by_split: dict[str, PairStatistics]) -> Iterator[Finding]:
    """Characters or symbols that occur once, and those of valid and test that training never shows."""
    train = statistics_by_split["train"]
    for index, side in enumerate(SIDES):
        noun = "symbol" if train.units[index] == "symbols" else "character"
        train_entries = train.entries[index]
        singletons = sorted(entry for entry, number in train_entries.items() if number == 1)
        if singletons:
            verb = "occurs" if len(singletons) == 1 else "occur"
            yield Finding(
                "i",
                f"{count(len(singletons), noun)} of the {side} {verb} once: {list_entries(singletons)}",
                len(singletons),
            )
        for name in ("valid", "test"):
            unseen_entries = (
                sorted(set(statistics_by_split[name].entries[index]) - set(train_entries))
                if name in statistics_by_split
                else []
            )
            if unseen_entries:
                verb = "stands" if len(unseen_entries) == 1 else "stand"
                where = f"of the {side} {verb} in {name} and never in training"
                text = f"{count(len(unseen_entries), noun)} {where}: {list_entries(unseen_entries)}"
                yield Finding("!", text, len(unseen_entries), advice=UNSEEN)


def list_entries(entries: list[str]) -> str:
    """The first few entries, those that cannot be seen by their code point."""
    texts = [e if e.isprintable() and not e.isspace() else " ".join(f"U+{ord(c):04X}" for c in e) for e in entries]
    return " ".join(texts[:MAX_LISTED]) + (" …" if len(texts) > MAX_LISTED else "")


def finding_for_rows(
    level: str, description: str, rows: np.ndarray, statistics: PairStatistics, advice: str
) -> Iterator[Finding]:
    """The finding for a mask over rows, if any is set."""
    number = int(rows.sum())
    if number:
        lines = tuple(statistics.where(int(row)) for row in np.flatnonzero(rows)[:FIRST])
        yield Finding(level, f"{count(number, 'pair')} {description}", number, lines, advice=advice)


def bad_row_finding(bad: BadRow) -> Finding:
    """The finding for a row that cannot be used, with how it begins and what mends it."""
    rows = (quote(bad.text),) if bad.text else ()
    return Finding("x", f"{bad.where}: {bad.problem}", 1, (bad.where,), rows, bad.cure or SKIP)


def pair_text(pair: Pair, units: tuple[str, ...]) -> str:
    """A pair on a line, as far as it is text."""
    sides = (pair.source, pair.target)
    return " → ".join(text if unit == PICTURES else quote(text) for text, unit in zip(sides, units, strict=True))


def histogram(lengths: np.ndarray) -> tuple[Bin, ...]:
    """How many rows have which length, from the shortest to the longest; `value` is their share in percent."""
    if not len(lengths):
        return ()
    bottom, top = int(lengths.min()), int(lengths.max())
    # The outer bins end where the data do, and not at a round number.
    starts = [bottom, *(edge for edge in EDGES if bottom < edge <= top)]
    ends = [*(start - 1 for start in starts[1:]), top]
    counts = [int(((lengths >= low) & (lengths <= high)).sum()) for low, high in zip(starts, ends, strict=True)]
    bins = zip(starts, ends, counts, strict=True)
    return tuple(Bin(low, high, number, 100 * number / len(lengths)) for low, high, number in bins if number)
