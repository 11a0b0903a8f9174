"""What stands out in classes and in pictures: how many there are of each, how large, which are the same."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from heedful.data.folders import children
from heedful.data.pairs.coders import ClassNames, name_notes
from heedful.data.pairs.statistics import FIRST, PICTURES, PairStatistics
from heedful.data.pictures.files import inner_folder, is_folder, pictures_and_notes, table_in
from heedful.data.pictures.png import png
from heedful.data.pictures.read import Form, decode
from heedful.data.readers.rows import count, quote
from heedful.results import Finding

FEW = 5  # rows of a class, below which it is named
UNEVEN = 10  # times that the largest class is larger than the smallest
MAX_LISTED = 10
SHOWN = Form(64, "rgb", "pad")  # pictures on the page
ALIKE = "If they mean the same, write them alike; else nothing is to be done."
CONTRADICTION = "A network cannot learn both: decide for one class, and remove the picture from the others."
RARE = "Add rows of it, or leave it out: some must be learnt from, and some held out to score on."
SHARES = "Accuracy says little then, macro F1 more; train.class_weights=balanced lets rows of small classes count more."
UNKNOWN = "A model cannot answer with them: each such row counts as wrong. Add rows of them to the training files."
NO_CLASS = "Put pictures into it, or remove it: it is no class of the model."


def findings_of_classes(statistics: PairStatistics) -> Iterator[Finding]:
    """The classes with how many rows each has, the smallest, and rows of one source in several classes."""
    counts = statistics.class_counts()
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    listed = ", ".join(f"{name} ({counts[name]:,})" for name in ranked[:MAX_LISTED])
    more = f" and {len(ranked) - MAX_LISTED:,} more" if len(ranked) > MAX_LISTED else ""
    classes = f"{len(ranked):,} {'class' if len(ranked) == 1 else 'classes'}"
    yield Finding("i", f"{classes}: {listed}{more}", len(ranked))
    few = [name for name in reversed(ranked) if counts[name] < FEW]
    for name in few[:MAX_LISTED]:
        lines = tuple(statistics.where(row) for row in statistics.rows_of_class(name)[:FIRST])
        text = f"the class {quote(name)} has {count(counts[name], 'row')}"
        yield Finding("!", text, counts[name], lines, advice=RARE)
    if len(few) > MAX_LISTED:
        yield Finding(
            "!",
            f"{count(len(few) - MAX_LISTED, 'more class has', 'more classes have')} fewer than {FEW} rows",
            len(few),
            advice=RARE,
        )
    if ranked and counts[ranked[0]] > UNEVEN * counts[ranked[-1]]:
        text = (
            f"the largest class, {quote(ranked[0])}, has {count(counts[ranked[0]], 'row')}, and the smallest, "
            f"{quote(ranked[-1])}, {counts[ranked[-1]]:,}"
        )
        yield Finding("i", text, 1, advice=SHARES)
    for note in name_notes(statistics.written):
        yield Finding("i" if note.startswith("one class") else "!", note, 1, advice=ALIKE)
    rows = rows_in_several_classes(statistics)
    if len(rows):
        noun = "picture" if statistics.units[0] == PICTURES else "source"
        text = f"{count(len(rows), 'row')} whose {noun} also stands in another class"
        lines = tuple(statistics.where(int(row)) for row in rows[: 2 * FIRST])
        yield Finding("!", text, len(rows), lines, advice=CONTRADICTION)


def rows_in_several_classes(statistics: PairStatistics) -> np.ndarray:
    """The rows whose source occurs with several classes, those of one source beside each other."""
    sources, classes = np.asarray(statistics.sources), np.asarray(statistics.classes)
    _, inverse = np.unique(sources, return_inverse=True)
    lowest, highest = np.full(len(sources), len(classes)), np.full(len(sources), -1)
    np.minimum.at(lowest, inverse, classes)
    np.maximum.at(highest, inverse, classes)
    rows = np.flatnonzero((lowest != highest)[inverse])
    return rows[np.argsort(inverse[rows], kind="stable")]


def findings_of_unknown_classes(statistics_by_split: dict[str, PairStatistics]) -> Iterator[Finding]:
    """Classes of held-out rows that training never shows."""
    known = ClassNames(sorted(statistics_by_split["train"].class_counts()))
    for split, statistics in list(statistics_by_split.items())[1:]:
        unseen = sorted(statistics.class_counts().keys() - known.numbers.keys())
        rows = [row for name in unseen for row in statistics.rows_of_class(name)]
        if rows:
            names = ", ".join(map(quote, unseen[:MAX_LISTED]))
            text = f"{split}: {count(len(rows), 'row')} of classes that training never shows: {names}"
            lines = tuple(statistics.where(row) for row in rows[:FIRST])
            yield Finding("!", text, len(rows), lines, advice=UNKNOWN)


def findings_of_sizes(statistics: PairStatistics) -> Iterator[Finding]:
    """The smallest and the largest picture."""
    widths, heights = (np.asarray(sides, np.int64) for sides in statistics.sizes)
    if not len(widths):
        return
    smallest, largest = int((widths * heights).argmin()), int((widths * heights).argmax())
    sizes = [f"{widths[row]:,} × {heights[row]:,}" for row in (smallest, largest)]
    text = (
        f"all pictures have {sizes[0]} pixels" if sizes[0] == sizes[1] else f"pictures have {' to '.join(sizes)} pixels"
    )
    lines = () if sizes[0] == sizes[1] else (statistics.where(smallest), statistics.where(largest))
    yield Finding("i", text, len(widths), lines)


def findings_of_empty_classes(files: Sequence[str]) -> Iterator[Finding]:
    """Folders among those of classes that hold no picture."""
    for folder in filter(is_folder, files):
        pictures, _ = pictures_and_notes(folder)
        inner = Path(inner_folder(folder, pictures))
        if table_in(inner):
            continue
        filled = {path.relative_to(inner).parts[0] for path in pictures}
        for path in children(inner):
            if path.is_dir() and path.name not in filled:
                yield Finding("!", f"{path} holds no picture", 1, (str(path),), advice=NO_CLASS)


def contact_sheet(statistics: PairStatistics) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """A few pictures by class, or by what is said of them: their names, and PNG files."""
    return {
        title: tuple((name, png(decode(name, SHOWN)[0])) for name in names)
        for title, names in statistics.samples.items()
    }
