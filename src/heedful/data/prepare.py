"""From a recipe's files to what a network learns from, in two halves, every choice said aloud.

survey   reads all files once: bad rows, what files are, who learns and who is held out, facts of the data
encode   with settings that are decided: tokenizers learnt or given, rows stored as numbers, examples written

Between them stands whoever decides what `auto` means (`Decisions`). What differs by the kind of data is said by a
`DataKind`: pairs, documents, steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heedful.data import split
from heedful.data.checksums import CHECKSUMS, checksums_of, find_damage, read_checksums
from heedful.data.corpus import Corpus
from heedful.data.facts import PICTURE_METHOD, VOCABULARY_METHOD, DataFacts, Decisions, TokenizerSettings
from heedful.data.fingerprint import (
    FORMAT,
    fingerprint_of,
    format_of,
    picture_method_of,
    split_method_of,
    vocabulary_method_of,
    without_window,
)
from heedful.data.folders import (
    ABOUT,
    is_prepared,
    run_fingerprint,
    stored_fingerprint,
    write_atomically,
    write_examples,
    write_json,
)
from heedful.data.kind import DataKind, Preparation, PreparedData
from heedful.data.notes import BadRows, Notes, Say
from heedful.data.pairs.read import Pair
from heedful.data.readers.files import valid_files
from heedful.data.readers.rows import count
from heedful.data.repeats import Repeats, repeats_of
from heedful.data.split import METHOD
from heedful.errors import HeedfulError
from heedful.schema import Recipe

PIECES = 4
"""Into how many times as many pieces as folds a document is cut that stands alone."""
UNCOMPARED = (ABOUT, "pictures.json")
"""Files of prepared data that hold notes, and times of pictures, beside what is learnt from."""


@dataclass(frozen=True)
class Survey:
    """What the first half found: the rows to learn from, those held out, and facts of them all."""

    corpus: Corpus
    valid: list[Pair]
    test: list[Pair]
    facts: DataFacts


@dataclass(frozen=True)
class Methods:
    """How it is decided what is held out, how many entries a vocabulary has and how large pictures are; what 0.1.0
    prepared, by its own methods, stays as it is.
    """

    split_method: int = METHOD
    vocabulary_method: int = VOCABULARY_METHOD
    picture_method: int = PICTURE_METHOD


def prepare(kind: DataKind[PreparedData], recipe: Recipe, folder: Path, say: Say, decisions: Decisions) -> PreparedData:
    """Reads, splits, codes and stores a recipe's data under `folder`/data, or opens what stands there if it is the
    same (by the hashes of the files, the recipe's data section, the seed, and the coders that are given).

    What stops half way leaves nothing that could be taken for finished. Raises HeedfulError for whatever is wrong
    with the data.
    """
    data_folder = folder / "data"
    stored = without_window(stored_fingerprint(data_folder))
    known = without_window(run_fingerprint(folder)) if stored is None else stored
    form = format_of(known)
    methods = Methods(split_method_of(known), vocabulary_method_of(known), picture_method_of(known))
    fingerprint = fingerprint_in(kind, recipe, form, methods)
    is_same = known == fingerprint
    again = stored == fingerprint or (stored is None and is_prepared(data_folder))
    if again:
        prepared = open_whole(kind, data_folder, say)
        if prepared is not None:
            return prepared
    methods = methods if is_same else Methods()
    fingerprint = fingerprint_in(kind, recipe, FORMAT, methods)
    with write_atomically(data_folder) as partial_folder:
        notes, bad = Notes(say, kind.row), BadRows(partial_folder / "bad_rows.jsonl")
        preparation = Preparation(recipe, partial_folder, notes, bad, decisions, **asdict(methods))
        survey_result = survey(kind, preparation)
        encode(
            kind,
            preparation,
            survey_result,
            [decisions.tokenizer_settings(facts, recipe.data) for facts in survey_result.facts.texts],
        )
        bad.close(folder / "bad_rows.jsonl")
        write_json(
            partial_folder / ABOUT,
            {"fingerprint": fingerprint, "notes": notes.lines, "limits": notes.limits} | kind.about(),
        )
        checksums = checksums_of(partial_folder, filter(Path.is_file, partial_folder.rglob("*")))
        if again:
            refuse_other(data_folder, checksums)
        write_json(partial_folder / CHECKSUMS, checksums)
    return kind.open(data_folder)


def open_whole(kind: DataKind[PreparedData], folder: Path, say: Say) -> PreparedData | None:
    """What was prepared in a folder; None, and it is said why, if a file there is not as it was written."""
    if damage := find_damage(folder):
        say(f"data are prepared again: {damage}")
        return None
    try:
        prepared: Any = kind.open(folder)
    except Exception as error:
        # These files are written by a program, by 0.1.0 without checksums: whatever stands in the way is damage.
        say(f"data are prepared again: what stands in {folder} cannot be opened ({error!r})")
        return None
    say(f"data as prepared before: {count(len(prepared.train), f'training {kind.row}')}")
    return prepared


def refuse_other(folder: Path, checksums: Mapping[str, object]) -> None:
    """Raises HeedfulError if spoilt data, prepared again, are not what they were: the run began to learn from those."""
    before = read_checksums(folder)
    names = [name for name in before if name not in UNCOMPARED and before[name] != checksums.get(name)]
    if names:
        raise HeedfulError(
            f"{folder} is spoilt, and what it held would be other data if prepared again: {', '.join(names)} differ.",
            "Other versions of Heedful or of the libraries prepared them. Take another folder: -o runs/NAME",
        )


def fingerprint_in(kind: DataKind[Any], recipe: Recipe, form: int, methods: Methods) -> dict[str, Any]:
    """The fingerprint of a recipe's data in a format, where it is decided by these methods."""
    data, decided = recipe.data, dict[str, int]()
    if data.valid == "auto" and methods.split_method > 1:
        decided["split"] = methods.split_method
    if data.vocabulary == "auto" and methods.vocabulary_method > 1 and kind.has_names:
        decided["vocabulary"] = methods.vocabulary_method
    if data.picture == "auto" and methods.picture_method > 1 and kind.has_named_pictures:
        decided["picture"] = methods.picture_method
    return fingerprint_of(recipe, kind.pretrained_coders, form) | kind.fingerprint(data, form) | decided


def survey(kind: DataKind[Any], preparation: Preparation) -> Survey:
    """Reads the recipe's files, and parts who learns from who is held out.

    Raises HeedfulError for whatever is wrong with the data.
    """
    data, seed = preparation.data, preparation.recipe.data_seed
    if not data.train:
        raise HeedfulError(
            "There is no file to learn from.", f"As heedful train {preparation.recipe.task} {kind.example}"
        )
    kind.begin(preparation)
    valid, test = (read_held_out(kind, preparation, files) for files in (valid_files(data), data.test))
    scan = split.scan(kind.read(data.train), seed, kind.rows_in_memory, kind.traits())
    if preparation.bad.count:
        bad = count(preparation.bad.count, "bad row")
        preparation.note(f"left out: {bad}, listed in bad_rows.jsonl (first: {preparation.bad.first})")
    kind.end_reading()
    is_single = len(scan.sources) == 1 and scan.sample[0][1].source not in {row.source for row in test}
    if is_single and data.folds and (pieces := kind.cut_into(scan.sample[0][1], PIECES * data.folds)):
        scan, is_single = split.scan(iter(pieces), seed, len(pieces), kind.traits()), False
    may_cut = is_single and data.valid == "auto" and not data.folds
    cut_parts = kind.cut_only_row(scan.sample[0][1]) if may_cut else None
    if cut_parts:
        learnt, held_out = cut_parts
        corpus, valid = Corpus(learnt, len(learnt), lambda: iter(learnt), seed), [held_out]
    else:
        corpus, held_out, fold = split_rows(kind, preparation, scan, valid, test)
        valid = held_out if data.valid == "auto" else valid
        test = fold or test  # what is learnt for a fold is scored on it
    source, target = kind.describe_sides(corpus)
    facts = DataFacts(corpus.rows, len(valid), len(test), source, target, tuple(kind.texts_to_learn(corpus)))
    return Survey(corpus, valid, test, facts)


def read_held_out(kind: DataKind[Any], preparation: Preparation, files: Sequence[str]) -> list[Pair]:
    """The rows of files to be scored on, those with an empty side counted and left out."""
    rows = list(kind.read(files)) if files else []
    nonempty = [row for row in rows if not split.is_empty(row)]
    first = next((row.where for row in rows if split.is_empty(row)), "")
    preparation.note.report_left_out(len(rows) - len(nonempty), "with an empty side", first)
    if files and not nonempty:
        raise HeedfulError(f"{kind.nothing} in {', '.join(files)}.", preparation.bad.first)
    return nonempty


def split_rows(
    kind: DataKind[Any], preparation: Preparation, scan: split.Scan, valid: list[Pair], test: list[Pair]
) -> tuple[Corpus, list[Pair], list[Pair]]:
    """The rows to learn from, those held out to choose by if no file says which, and those of the fold to score on."""
    data, seed = preparation.data, preparation.recipe.data_seed
    held_out_examples = preparation.decisions.held_out_examples
    splitter = split.Split(
        data, seed, preparation.note, held_out_examples, preparation.bad.first, preparation.split_method
    )
    sides = splitter.sides(scan, valid, test)
    learnt = np.isin(sides, (split.TRAIN, split.VALID) if splitter.learns_all else (split.TRAIN,))
    note_repeats(kind, preparation, "train", scan.repeats(learnt))

    def rows_of(chosen: np.ndarray) -> Iterator[Pair]:
        # few rows are still in memory; many are read again, their bad ones now listed
        rows = (row for _, row in scan.sample) if scan.is_complete else kind.read(data.train, second_pass=True)
        return split.select(rows, chosen)

    held_out, fold = (
        list(rows_of(sides == side)) if (sides == side).any() else [] for side in (split.VALID, split.FOLD)
    )
    sample = [pair for row, pair in scan.sample if learnt[row]]
    return Corpus(sample, int(learnt.sum()), lambda: rows_of(learnt), seed), held_out, fold


def note_repeats(kind: DataKind[Any], preparation: Preparation, name: str, repeats: Repeats) -> None:
    """Says which rows of a side repeat each other, and how they count."""
    is_train, contradict = name == "train", kind.traits().classes is not None
    verb, once = "learnt from" if is_train else "scored", kind.merges_sources and not is_train
    for note in repeats.notes(kind.row, contradict, verb, once):
        preparation.note(f"{name}: {note}")


def encode(
    kind: DataKind[Any], preparation: Preparation, survey_result: Survey, tokenizers: Sequence[TokenizerSettings]
) -> None:
    """Writes what a network learns from and is scored on; `tokenizers` has settings for each of `facts.texts`."""
    kind.learn(survey_result.corpus, tokenizers)
    kind.write(survey_result.corpus)
    if sampled := preparation.hashes.write(preparation.folder):
        preparation.note(sampled)
    for name, rows in (("valid", survey_result.valid), ("test", survey_result.test)):
        examples = kind.examples(rows)
        write_examples(preparation.folder / f"{name}.json", examples)
        if examples:
            kind.note_held_out(name, examples, rows)
            note_repeats(kind, preparation, name, repeats_of((row.source, row.target) for row in rows))
