"""From a recipe's files to what a network learns from: split, tokenised, stored on disk, every choice said aloud."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from heedful.data import split, vocabulary
from heedful.data.files import file_notes
from heedful.data.fingerprint import fingerprint_of
from heedful.data.notes import BadRows, Notes, Say
from heedful.data.pairs import Pair, read_pairs
from heedful.data.rows import BadRow, count
from heedful.data.store import Store, Writer
from heedful.data.tokenizers import UNK, Tokenizer
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.sections import Data, Recipe

CHUNK = 10_000


@dataclass(frozen=True)
class Prepared:
    """Data ready to learn from. `default_scores` is "symbols" (error rates) or "text" (chrF and BLEU)."""

    source: Tokenizer
    target: Tokenizer
    train: Store
    valid: list[Example]
    test: list[Example]
    notes: list[str]
    fingerprint: dict
    default_scores: Literal["symbols", "text"]


def prepare(recipe: Recipe, folder: Path, say: Say, tokenizers: tuple[Tokenizer, Tokenizer] | None = None) -> Prepared:
    """Reads, splits, tokenises and stores a recipe's data under `folder`/data, or opens what stands there if it is
    the same (by the hashes of the files, the recipe's data section and the seed).

    `tokenizers` are those of the run one goes on from; else they are learnt from the training side. What stops half
    way leaves nothing that could be taken for finished. Raises HeedfulError for whatever is wrong with the data.
    """
    fingerprint = fingerprint_of(recipe, tokenizers)
    ready = folder / "data"
    if same(ready, fingerprint):
        prepared = opened(ready)
        say(f"data as prepared before: {len(prepared.train):,} training pairs")
        return prepared
    with written_aside(ready) as partial:
        notes, bad = Notes(say), BadRows(partial / "bad_rows.jsonl")
        scores = Preparation(recipe, partial, notes, bad).run(tokenizers)
        bad.close(folder / "bad_rows.jsonl")
        write_json(partial / "prepared.json", {"fingerprint": fingerprint, "notes": notes.said, "scores": scores})
    return opened(ready)


def examples(files: Sequence[str], data: Data, on_bad: Callable[[BadRow], None]) -> list[Example]:
    """What to answer and everything that counts as right, in the order of the files: one example a source.

    Raises HeedfulError as `read_pairs` does, and if there is none at all.
    """
    found = split.grouped(read_pairs(files, data, on_bad))
    if not found:
        raise HeedfulError(f"There are no pairs in {', '.join(files)}.")
    return found


class Preparation:
    """The steps of `prepare`, on one recipe."""

    def __init__(self, recipe: Recipe, folder: Path, notes: Notes, bad: BadRows) -> None:
        self.data, self.seed = recipe.data, recipe.seed
        self.folder, self.note, self.bad = folder, notes, bad

    def run(self, given: tuple[Tokenizer, Tokenizer] | None) -> str:
        """Writes everything that `opened` reads; gives the kind of scores that suits the target."""
        if not self.data.train:
            raise HeedfulError("There is no file to learn from.", "As heedful train translate pairs.tsv")
        given_valid = [] if self.data.valid == "auto" else self.data.valid
        for note in file_notes([*self.data.train, *given_valid, *self.data.test], self.data):
            self.note(note)
        if self.data.normalize != "none":
            self.note(f"every text is given the Unicode form {self.data.normalize}")
        valid = self.read(given_valid)
        test = self.read(self.data.test)
        scanned = split.scan(read_pairs(self.data.train, self.data, self.bad), self.seed)
        self.say_bad()
        sides = self.sides(scanned, valid, test)

        def part(side: int) -> Iterator[Pair]:
            return split.select(self.again(scanned), sides, side)

        if self.data.valid == "auto":
            valid = list(part(split.VALID))
        sample = [pair for row, pair in scanned.sample if sides[row] == split.TRAIN]
        rows = int((sides == split.TRAIN).sum())
        corpus = vocabulary.Corpus(sample, rows, lambda: part(split.TRAIN), self.seed)
        source, target = given or vocabulary.learn_both(self.data, corpus, self.note)
        if given:
            self.note("tokenizers of the run that this one goes on from")
        self.encode(part(split.TRAIN), source, target)
        source.save(self.folder / "source.tokenizer.json")
        target.save(self.folder / "target.tokenizer.json")
        self.save_held("valid", valid, source, target)
        self.save_held("test", test, source, target)
        return "symbols" if target.kind == "symbols" else "text"

    def read(self, files: Sequence[str]) -> list[Pair]:
        """The pairs of files to be scored on, those with an empty side counted and left out."""
        pairs = list(read_pairs(files, self.data, self.bad)) if files else []
        full = [pair for pair in pairs if not split.is_empty(pair)]
        first = next((pair.where for pair in pairs if split.is_empty(pair)), "")
        self.note.left_out(len(pairs) - len(full), "with an empty side", first)
        if files and not full:
            raise HeedfulError(f"There are no pairs in {', '.join(files)}.", self.bad.first)
        return full

    def again(self, scanned: split.Scan) -> Iterator[Pair]:
        """All training pairs once more; few are still in memory, many are read again, their bad rows now listed."""
        if len(scanned.sample) == len(scanned.sources):
            return (pair for _, pair in scanned.sample)
        return read_pairs(self.data.train, self.data, lambda bad: None)

    def say_bad(self) -> None:
        """One line about the bad rows."""
        if self.bad.count:
            bad = count(self.bad.count, "bad row")
            self.note(f"left out: {bad}, listed in bad_rows.jsonl (first: {self.bad.first})")

    def sides(self, scanned: split.Scan, valid: list[Pair], test: list[Pair]) -> np.ndarray:
        """TRAIN, VALID, SHARED or EMPTY for each row of the training files."""
        sides = np.zeros(len(scanned.sources), np.uint8)
        sides[scanned.empty] = split.EMPTY
        self.note.left_out(len(scanned.empty), "with an empty side", scanned.first_empty)
        for name, held in (("valid", valid), ("test", test)):
            sources = {split.hashed(pair.source, self.seed) for pair in held}
            groups = {split.hashed(pair.group, self.seed) for pair in held if pair.group}
            self.part(scanned, sides, sources, groups, name)
        self.some_left(sides)
        if self.data.valid == "auto":
            rows = int((sides == split.TRAIN).sum())
            wanted = self.data.valid_rows if self.data.valid_rows != "auto" else max(1, min(2000, rows // 20))
            split.hold_out(np.asarray(scanned.groups), sides, wanted)
            held = int((sides == split.VALID).sum())
            self.note(f"valid: {count(held, 'pair')} held out by seed {self.seed} (none given)")
            sources = set(np.asarray(scanned.sources)[sides == split.VALID].tolist())
            self.part(scanned, sides, sources, set(), "valid")
            self.some_left(sides)
        return sides

    def some_left(self, sides: np.ndarray) -> None:
        """Raises HeedfulError if no row is left to learn from."""
        if not (sides == split.TRAIN).any():
            shared = "All of them share a source or group with valid or test; data.overlap=keep would keep them."
            cure = self.bad.first if not len(sides) else shared if (sides == split.SHARED).any() else ""
            raise HeedfulError(f"There is no pair to learn from in {', '.join(self.data.train)}.", cure)

    def part(self, scanned: split.Scan, sides: np.ndarray, sources: set[int], groups: set[int], name: str) -> None:
        """Takes the rows out of training that share a source or group with a held-out set, or says that they stay."""
        before = sides.copy()
        hashes = [np.fromiter(some, np.uint64, len(some)) for some in (sources, groups)]
        number = split.drop_overlap(scanned, sides, hashes[0], hashes[1])
        what = "whose source or group" if self.data.group else "whose source"
        if self.data.overlap == "drop":
            self.note.left_out(number, f"{what} also stands in {name}", "")
        elif number:
            sides[:] = before
            self.note(f"kept: {count(number, 'training pair')} {what} also stands in {name} (data.overlap=keep)")

    def encode(self, pairs: Iterable[Pair], source: Tokenizer, target: Tokenizer) -> None:
        """Writes the training store, chunk by chunk, leaving out what the recipe's filters say."""
        writer = Writer(self.folder / "train", (source.size, target.size))
        dropped: dict[str, tuple[int, str]] = {}
        unknown = 0
        while chunk := list(islice(pairs, CHUNK)):
            ids = [tok.encode_batch(side) for tok, side in sides_of(chunk, source, target)]
            kept = []
            for place, (one, other) in enumerate(zip(*ids, strict=True)):
                why = reason(len(one), len(other), self.data)
                if why:
                    number, first = dropped.get(why, (0, chunk[place].where))
                    dropped[why] = number + 1, first
                else:
                    kept.append(place)
            sources, targets = ([side[place] for place in kept] for side in ids)
            unknown += sum(line.count(UNK) for line in (*sources, *targets))
            writer.extend(sources, targets, ((chunk[place].file, chunk[place].line) for place in kept))
        writer.close()
        for why, (number, first) in dropped.items():
            self.note.left_out(number, why, first)
        if not writer.rows:
            cure = "See data.min_tokens, data.max_tokens and data.max_ratio."
            raise HeedfulError("The length filters leave no pair to learn from.", cure)
        if unknown:
            self.note(f"train: {count(unknown, 'token')} without an entry in the vocabulary (<unk>)")
        self.note(f"train: {count(writer.rows, 'pair')}")

    def save_held(self, name: str, pairs: list[Pair], source: Tokenizer, target: Tokenizer) -> None:
        """Writes the examples of valid or test, and says how much of them the vocabulary does not know."""
        held = split.grouped(pairs)
        write_json(self.folder / f"{name}.json", [asdict(example) for example in held])
        if not held:
            return
        texts = [e.source for e in held], [text for e in held for text in e.references]
        self.note(f"{name}: {count(len(held), 'source')} with {count(len(texts[1]), 'reference')}")
        for side, tokenizer, some in (("sources", source, texts[0]), ("references", target, texts[1])):
            unknown = sum(ids.count(UNK) for ids in tokenizer.encode_batch(some))
            if unknown:
                self.note(f"{name}: {count(unknown, 'token')} of the {side} never seen in training (<unk>)")


def sides_of(
    chunk: list[Pair], source: Tokenizer, target: Tokenizer
) -> tuple[tuple[Tokenizer, list[str]], tuple[Tokenizer, list[str]]]:
    """Each tokenizer with its texts."""
    return (source, [pair.source for pair in chunk]), (target, [pair.target for pair in chunk])


def reason(source: int, target: int, data: Data) -> str:
    """Why a pair of so many tokens is left out, or ""."""
    short, long = min(source, target), max(source, target)
    if not short:
        return "with a side of no tokens"
    if short < data.min_tokens:
        return f"with a side under {count(data.min_tokens, 'token')} (data.min_tokens)"
    if data.max_tokens and long > data.max_tokens:
        return f"with a side over {count(data.max_tokens, 'token')} (data.max_tokens)"
    if data.max_ratio and long > data.max_ratio * short:
        return f"with one side over {data.max_ratio:g} times as long as the other (data.max_ratio)"
    return ""


def same(ready: Path, fingerprint: dict) -> bool:
    """Whether finished data of this fingerprint stands there."""
    try:
        return json.loads((ready / "prepared.json").read_text(encoding="utf-8"))["fingerprint"] == fingerprint
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return False


def opened(ready: Path) -> Prepared:
    """What `prepare` wrote."""
    about = json.loads((ready / "prepared.json").read_text(encoding="utf-8"))
    source, target = (Tokenizer.load(ready / f"{side}.tokenizer.json") for side in ("source", "target"))
    valid, test = (read_held(ready / f"{name}.json") for name in ("valid", "test"))
    train = Store(ready / "train")
    return Prepared(source, target, train, valid, test, about["notes"], about["fingerprint"], about["scores"])


def read_held(path: Path) -> list[Example]:
    """The examples in a file of ours."""
    listed = json.loads(path.read_text(encoding="utf-8"))
    return [Example(e["source"], tuple(e["references"]), e["where"]) for e in listed]


def write_json(path: Path, value: object) -> None:
    """Writes JSON, in UTF-8."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


@contextmanager
def written_aside(ready: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `ready` when all is on disk, and leaves no trace of a failure."""
    partial = ready.with_name(f"{ready.name}.partial")
    lonely = not ready.parent.exists()
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(ready.parent if lonely else partial)
        raise
    for path in (*partial.rglob("*"), partial):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    shutil.rmtree(ready, ignore_errors=True)
    os.rename(partial, ready)
