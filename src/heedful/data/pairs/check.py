"""A look at pairs before training on them: what is wrong, what is odd, how long things are. Nothing is changed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from heedful.data.pairs.look import FIRST, ODD, PICTURES, SIDES, PairStatistics, collect_statistics
from heedful.data.readers.files import all_files, file_notes, valid_files
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.results import Bin, Finding, Findings
from heedful.schema import DataSettings

WEIGHT = {"x": 0, "!": 1, "i": 2}
RATIO = 3
SHORT = 10
"""A side shorter than this may well be three times as long as the other."""
EDGES = (0, 1, 2, 3, 5, 8, 12, 18, 25, 35, 50, 75, 100, 150, 200, 300, 500, 1000)
LISTED = 10


def check_pairs(data: DataSettings) -> Findings:
    """What stands out in the files to learn from, choose by and test on, and between them; bad rows are of level "x".

    Of each row only hashes and lengths are kept. Raises HeedfulError for a file that cannot be read as a whole.
    """
    train = collect_statistics(data.train, data)
    held_out = {"valid": valid_files(data), "test": data.test}
    looks = {"train": train} | {
        name: collect_statistics(files, data, train.units) for name, files in held_out.items() if files
    }
    for seen, files in zip(looks.values(), (data.train, *filter(None, held_out.values())), strict=True):
        if not seen.pairs and not seen.bad_count:
            raise HeedfulError(f"There are no pairs in {', '.join(files)}.")
    findings = [*findings_within(train, data)]
    for name in list(looks)[1:]:
        findings += [replace(finding, text=f"{name}: {finding.text}") for finding in findings_within(looks[name], data)]
    findings += [
        *findings_between(looks),
        *(Finding("i", note, 1) for note in file_notes(all_files(data), data)),
        *findings_of_rare(looks),
    ]
    findings.sort(key=lambda finding: WEIGHT[finding.level])
    histograms = {
        f"{side}: {unit}": histogram(np.asarray(train.lengths[place]))
        for place, (side, unit) in enumerate(zip(SIDES, train.units, strict=True))
        if unit != PICTURES
    }
    return Findings(", ".join(data.train), summary(train, len(data.train)), tuple(findings), histograms)


def summary(seen: PairStatistics, files: int) -> str:
    """How many, and how long: "35,262 pairs · source 3 to 25 words, target 3 to 24 words (nine in ten) · 1 file"."""
    pairs = count(len(seen.pairs), "pair")
    if not seen.pairs:
        return f"{pairs} · {count(files, 'file')}"
    spans = []
    for side, unit, lengths in zip(SIDES, seen.units, seen.lengths, strict=True):
        if unit == PICTURES:
            spans.append("a picture each")
            continue
        low, high = np.percentile(np.asarray(lengths), [5, 95], method="nearest")
        spans.append(f"{side} {low:,} to {high:,} {unit}" if low < high else f"{side} {low:,} {unit}")
    sources = len(np.unique(np.asarray(seen.sources)))
    several = "" if sources == len(seen.pairs) else f"{count(sources, 'source')} · "
    return f"{pairs} · {several}{', '.join(spans)} (nine in ten) · {count(files, 'file')}"


def findings_within(seen: PairStatistics, data: DataSettings) -> Iterator[Finding]:
    """What stands out in the rows of one split."""
    for bad in seen.bad:
        yield Finding("x", f"{bad.where}: {bad.problem}", 1, (bad.where,))
    if seen.bad_count > len(seen.bad):
        further = seen.bad_count - len(seen.bad)
        yield Finding("x", count(further, "further bad row"), further)
    if not seen.pairs:
        return
    for what in [*(f"an empty {side}" for side in SIDES), *ODD]:
        if what in seen.noticed:
            number, first = seen.noticed[what]
            yield Finding("!", f"{count(number, 'pair')} with {what}", number, tuple(first))
    yield from lengths_apart(seen)
    yield from findings_of_forms(seen, data)
    yield from findings_of_repeats(seen)


def lengths_apart(seen: PairStatistics) -> Iterator[Finding]:
    """Pairs of which one side is far longer; where sides are counted in unlike units, far longer than usual."""
    if PICTURES in seen.units:
        return
    source, target = (np.asarray(lengths, dtype=float) for lengths in seen.lengths)
    alike = ("words" in seen.units) == (seen.units[0] == seen.units[1])
    usual = 1.0 if alike else float(np.median(target[source > 0] / source[source > 0]))
    source = source * usual
    far = (np.maximum(source, target) > RATIO * np.minimum(source, target)) & (np.maximum(source, target) >= SHORT)
    far &= (source > 0) & (target > 0)
    what = "as long as the other" if alike else "as long as usual beside the other"
    yield from finding("!", f"where one side is over {RATIO} times {what}", far, seen)


def findings_of_forms(seen: PairStatistics, data: DataSettings) -> Iterator[Finding]:
    """Composed and decomposed characters, a header taken for a pair, targets equal to their sources."""
    decomposed, first = seen.noticed.get("NFD", (0, []))
    composed, _ = seen.noticed.get("NFC", (0, []))
    if decomposed and data.normalize == "none":
        mixed = f", {composed:,} with composed ones (NFC)" if composed else ""
        text = f"{count(decomposed, 'pair')} with decomposed characters (NFD){mixed}: data.normalize=NFC makes them one"
        yield Finding("!" if composed else "i", text, decomposed, tuple(first))
    equal, first = seen.noticed.get("equal", (0, []))
    if equal:
        level = "!" if equal > len(seen.pairs) / 100 else "i"
        yield Finding(level, f"{count(equal, 'pair')} whose target is the source itself", equal, tuple(first))
    if seen.header:
        cure = "name the columns if it is one: data.columns.source=… data.columns.target=…"
        yield Finding("!", f"the first line looks like a header ({seen.header}); {cure}", 1, (seen.where(0),))


def findings_of_repeats(seen: PairStatistics) -> Iterator[Finding]:
    """Pairs that occur again, and sources with several targets."""
    hashes = np.asarray(seen.pairs)
    again = np.ones(len(hashes), bool)
    again[np.unique(hashes, return_index=True)[1]] = False
    yield from finding("!", "that occurred before, word for word", again, seen)
    distinct = np.asarray(seen.sources)[~again]
    several = int((np.unique(distinct, return_counts=True)[1] > 1).sum())
    if several:
        yield Finding("i", f"{count(several, 'source')} with several targets: each counts as right", several)


def findings_between(looks: dict[str, PairStatistics]) -> Iterator[Finding]:
    """Sources that stand in two splits."""
    names = list(looks)
    for place, name in enumerate(names):
        for other in names[place + 1 :]:
            one, two = looks[name], looks[other]
            both = np.isin(np.asarray(one.sources), np.asarray(two.sources))
            files = ", ".join(two.files)
            yield from finding("!", f"of {name} whose source also stands in {files}", both, one)


def findings_of_rare(looks: dict[str, PairStatistics]) -> Iterator[Finding]:
    """Characters or symbols that occur once, and those of valid and test that training never shows."""
    train = looks["train"]
    for place, side in enumerate(SIDES):
        noun = "symbol" if train.units[place] == "symbols" else "character"
        known = train.entries[place]
        once = sorted(entry for entry, number in known.items() if number == 1)
        if once:
            verb = "occurs" if len(once) == 1 else "occur"
            yield Finding("i", f"{count(len(once), noun)} of the {side} {verb} once: {list_entries(once)}", len(once))
        for name in ("valid", "test"):
            new = sorted(set(looks[name].entries[place]) - set(known)) if name in looks else []
            if new:
                verb = "stands" if len(new) == 1 else "stand"
                text = (
                    f"{count(len(new), noun)} of the {side} {verb} in {name} and never in training: {list_entries(new)}"
                )
                yield Finding("!", text, len(new))


def list_entries(entries: list[str]) -> str:
    """The first few entries, those that cannot be seen by their code point."""
    shown = [e if e.isprintable() and not e.isspace() else " ".join(f"U+{ord(c):04X}" for c in e) for e in entries]
    return " ".join(shown[:LISTED]) + (" …" if len(shown) > LISTED else "")


def finding(level: str, what: str, rows: np.ndarray, seen: PairStatistics) -> Iterator[Finding]:
    """The finding for a mask over rows, if any is set."""
    number = int(rows.sum())
    if number:
        first = np.flatnonzero(rows)[:FIRST]
        yield Finding(level, f"{count(number, 'pair')} {what}", number, tuple(seen.where(int(row)) for row in first))


def histogram(lengths: np.ndarray) -> tuple[Bin, ...]:
    """How many rows have which length; `value` is their share in percent. Bins up to the longest row."""
    if not len(lengths):
        return ()
    top = int(lengths.max())
    starts = [edge for edge in EDGES if edge <= top]
    ends = [*(start - 1 for start in starts[1:]), top]
    counts = [int(((lengths >= low) & (lengths <= high)).sum()) for low, high in zip(starts, ends, strict=True)]
    bins = zip(starts, ends, counts, strict=True)
    return tuple(Bin(low, high, number, 100 * number / len(lengths)) for low, high, number in bins if number)
