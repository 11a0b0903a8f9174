"""Pairs that are ready to learn from, and pairs of files that are to be scored on."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heedful.data import split
from heedful.data.corpus import SIDES
from heedful.data.folders import ABOUT, read_examples, read_json
from heedful.data.notes import ignore
from heedful.data.pairs import coders
from heedful.data.pairs.coders import ClassNames, name_notes
from heedful.data.pairs.pictured import readable_pictures
from heedful.data.pairs.read import column_notes, read_pairs
from heedful.data.pairs.sources import source_notes
from heedful.data.readers.files import file_notes
from heedful.data.readers.rows import BadRow, count, quote
from heedful.data.repeats import repeats_of
from heedful.data.store import Store, read_texts
from heedful.errors import HeedfulError, nearest
from heedful.results import Example
from heedful.schema import DataSettings


@dataclass(frozen=True)
class Prepared:
    """Data ready to learn from. Each side's coder is a Tokenizer, Names or an Album, as the task asked for."""

    source: Any
    target: Any
    train: Store
    valid: list[Example]
    test: list[Example]
    notes: list[str]
    fingerprint: dict[str, Any]

    def texts(self, side: int) -> list[str]:
        """The training texts of a side as they were written, where the other side is a picture.

        Elsewhere, and in data that were prepared before texts were kept, as tokens give them back.
        """
        kept = read_texts(self.train.folder)
        if kept is not None:
            return kept
        tokenizer = (self.source, self.target)[side]
        return [tokenizer.decode(self.train[row][side]) for row in range(len(self.train))]


def open_pairs(folder: Path) -> Prepared:
    """The pairs that were prepared in a folder."""
    metadata = read_json(folder / ABOUT)
    source, target = (coders.load(kind, folder, side) for kind, side in zip(metadata["kinds"], SIDES, strict=True))
    valid, test = (read_examples(folder / f"{name}.json") for name in ("valid", "test"))
    return Prepared(source, target, Store(folder / "train"), valid, test, metadata["notes"], metadata["fingerprint"])


def open_run(folder: Path) -> Prepared | None:
    """The pairs that were prepared in a run's folder, if they are still there."""
    return open_pairs(folder / "data") if (folder / "data" / ABOUT).exists() else None


def example_notes(
    files: Sequence[str], data: DataSettings, names: ClassNames | None = None, swap_sides: bool = False
) -> list[str]:
    """How files are read that are scored on, what is unusual about them and, with `names`, about their classes; how
    often their rows repeat each other, with `swap_sides` by targets.
    """
    notes = [*file_notes(files, data), *column_notes(files, data, SIDES)]
    notes += source_notes(files, data, either=names is not None)
    rows = [(pair.source, pair.target) for pair in read_pairs(files, replace(data, bad_rows="skip"), ignore)]
    if names is not None:
        written = Counter(target for _, target in rows)
        notes += [*name_notes(written), *unknown_name_notes(written, names)]
        rows = [(source, names.find(target)) for source, target in rows]
    repeats = repeats_of((target, source) if swap_sides else (source, target) for source, target in rows)
    return [*notes, *repeats.notes("row", names is not None, "scored", once=names is None)]


def unknown_name_notes(written: Counter[str], names: ClassNames) -> Iterator[str]:
    """Which names a model knows in another form, and which it does not know."""
    renamed = [name for name in written if name not in names.numbers and names.find(name) in names.numbers]
    if renamed:
        names_text = count(len(renamed), "class name")
        first = f"(first: {quote(renamed[0])})"
        yield f"{names_text} in another form (blanks, NFC or NFD) than the model's, and taken for it {first}"
    unknown_names = sorted({names.find(name) for name in written} - names.numbers.keys())
    if unknown_names:
        match = nearest(unknown_names[0], names.names)
        hint = f"; nearest: {quote(match)}" if match else ""
        rows = sum(number for name, number in written.items() if names.find(name) in unknown_names)
        yield (
            f"{count(rows, 'row')} with {count(len(unknown_names), 'class name')} that the model does not know "
            f"(first: {quote(unknown_names[0])}{hint}): each counts as wrong"
        )


def examples(
    files: Sequence[str],
    data: DataSettings,
    on_bad: Callable[[BadRow], None],
    pictures: bool = False,
    swap_sides: bool = False,
    merge_sources: bool = True,
) -> list[Example]:
    """What to answer and everything that counts as right, in the order of the files: one example a source, or a row.

    `pictures`: what files call the source is one, and a bad row if it cannot be read. `swap_sides`: it is the target.
    `merge_sources`: rows of one source are one example.
    Raises HeedfulError as `read_pairs` does, and if there is none at all.
    """
    pairs = read_pairs(files, data, on_bad)
    if pictures:
        pairs = readable_pictures(pairs, data, on_bad)
    if swap_sides:
        pairs = (replace(pair, source=pair.target, target=pair.source) for pair in pairs)
    examples = split.group_by_source(pairs) if merge_sources else split.one_a_row(pairs)
    if not examples:
        raise HeedfulError(f"There are no pairs in {', '.join(files)}.")
    return examples
