"""From a recipe's documents to what a network learns from: split, coded, stored on disk, every choice said aloud."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from heedful.data import split
from heedful.data.documents.read import document_notes, parts, read_documents
from heedful.data.fingerprint import fingerprint_of
from heedful.data.folders import same, write_json, written_aside
from heedful.data.notes import BadRows, Notes, Say
from heedful.data.pairs.prepare import read_held
from heedful.data.pairs.read import Pair
from heedful.data.readers.rows import BadRow, count
from heedful.data.store import Store, Writer
from heedful.data.tokenizers import choose as vocabulary
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings, Recipe

CHUNK = 1000
LEARNT = 0.9  # of a document that stands alone, its beginning


@dataclass(frozen=True)
class PreparedDocuments:
    """Documents ready to learn from: each row of `train` is <s>, its tokens, and </s> unless it was cut before."""

    tokenizer: Tokenizer
    train: Store
    valid: list[Example]
    test: list[Example]
    notes: list[str]
    fingerprint: dict


def prepare_documents(recipe: Recipe, folder: Path, say: Say, given: Tokenizer | None) -> PreparedDocuments:
    """Reads, splits, codes and stores a recipe's documents under `folder`/data, or opens what stands there if it is
    the same. `given` is the tokenizer of the weights one starts from; else it is learnt from the training side.

    Raises HeedfulError for whatever is wrong with the data.
    """
    fingerprint = fingerprint_of(recipe, [given] if given else None) | {"kinds": ["document"]}
    ready = folder / "data"
    if same(ready, fingerprint):
        prepared = opened(ready)
        say(f"data as prepared before: {count(len(prepared.train), 'training document')}")
        return prepared
    with written_aside(ready) as partial:
        notes, bad = Notes(say, "document"), BadRows(partial / "bad_rows.jsonl")
        Preparation(recipe, partial, notes, bad).run(given)
        bad.close(folder / "bad_rows.jsonl")
        write_json(partial / "prepared.json", {"fingerprint": fingerprint, "notes": notes.said})
    return opened(ready)


def opened(ready: Path) -> PreparedDocuments:
    """What `prepare_documents` wrote."""
    about = json.loads((ready / "prepared.json").read_text(encoding="utf-8"))
    valid, test = (read_held(ready / f"{name}.json") for name in ("valid", "test"))
    tokenizer = Tokenizer.load(ready / "tokenizer.json")
    return PreparedDocuments(tokenizer, Store(ready / "train"), valid, test, about["notes"], about["fingerprint"])


def examples(files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]) -> list[Example]:
    """The documents of these files; raises HeedfulError if there is none."""
    found = [Example(one.source, (), one.where) for one in read_documents(files, data, on_bad) if one.source.strip()]
    if not found:
        raise HeedfulError(f"There is no document in {', '.join(files)}.", "Is there nothing but blanks?")
    return found


class Preparation:
    """The steps of `prepare_documents`, on one recipe."""

    def __init__(self, recipe: Recipe, folder: Path, notes: Notes, bad: BadRows) -> None:
        self.task, self.data, self.seed = recipe.task, recipe.data, recipe.data_seed
        self.folder, self.note, self.bad = folder, notes, bad

    def run(self, given: Tokenizer | None) -> None:
        """Writes everything that `opened` reads."""
        if not self.data.train:
            raise HeedfulError("There is no file to learn from.", f"As heedful train {self.task} book.txt")
        given_valid = [] if self.data.valid == "auto" else self.data.valid
        for note in document_notes([*self.data.train, *given_valid, *self.data.test], self.data):
            self.note(note)
        valid, test = self.held(given_valid), self.held(self.data.test)
        scanned = split.scan(self.full(self.data.train, self.bad), self.seed)
        self.say_bad()
        alone = self.data.valid == "auto" and len(scanned.sources) == 1
        corpus, held = self.cut(scanned.sample[0][1]) if alone else self.parted(scanned, valid, test)
        tokenizer = vocabulary.kept(given, vocabulary.SIDES, self.data, self.note) if given else self.tokenizer(corpus)
        tokenizer.save(self.folder / "tokenizer.json")
        self.encode(corpus.all(), tokenizer, whole=not alone)
        self.save_held("valid", valid or held, tokenizer)
        self.save_held("test", test, tokenizer)

    def cut(self, alone: Pair) -> tuple[vocabulary.Corpus, list[Pair]]:
        """The only document, of which the beginning is learnt from and the end held out."""
        learnt, end = beginning(alone)
        self.note(
            f"valid: the last {count(len(end.source), 'character')} of the only document (none given); "
            f"its first {len(learnt.source):,} are learnt from"
        )
        return vocabulary.Corpus([learnt], 1, lambda: iter([learnt]), self.seed), [end]

    def parted(self, scanned: split.Scan, valid: list[Pair], test: list[Pair]) -> tuple[vocabulary.Corpus, list[Pair]]:
        """The documents to learn from, and those held out if no file says which."""
        sides = split.Parting(self.data, self.seed, self.note, self.bad.first).sides(scanned, valid, test)

        def part(side: int) -> Iterator[Pair]:
            return split.select(self.again(scanned), sides, side)

        held = list(part(split.VALID)) if self.data.valid == "auto" else []
        sample = [pair for row, pair in scanned.sample if sides[row] == split.TRAIN]
        rows = int((sides == split.TRAIN).sum())
        return vocabulary.Corpus(sample, rows, lambda: part(split.TRAIN), self.seed), held

    def tokenizer(self, corpus: vocabulary.Corpus) -> Tokenizer:
        """Learnt from the training side, of the kind that either key of the recipe names."""
        kinds = {kind for kind in (self.data.source_tokenizer, self.data.target_tokenizer) if kind != "auto"}
        if len(kinds) > 1:
            raise HeedfulError(
                f"Documents have one tokenizer, and {' and '.join(sorted(kinds))} are asked for.",
                "Set data.source_tokenizer alone.",
            )
        return vocabulary.learn_side(kinds.pop() if kinds else "auto", ("source",), self.data, corpus, self.note)

    def full(self, files: Sequence[str], on_bad: Callable[[BadRow], None]) -> Iterator[Pair]:
        """The documents of files that hold something, the blank ones counted."""
        blank, first = 0, ""
        for one in read_documents(files, self.data, on_bad):
            if one.source.strip():
                yield one
            else:
                blank, first = blank + 1, first or one.where
        if on_bad is self.bad:
            self.note.left_out(blank, "with nothing but blanks in it", first)

    def held(self, files: Sequence[str]) -> list[Pair]:
        """The documents of files to be scored on; raises HeedfulError if there is none."""
        found = list(self.full(files, self.bad)) if files else []
        if files and not found:
            raise HeedfulError(f"There is no document in {', '.join(files)}.", self.bad.first)
        return found

    def again(self, scanned: split.Scan) -> Iterator[Pair]:
        """All training documents once more; few are still in memory, many are read again."""
        if len(scanned.sample) == len(scanned.sources):
            return (pair for _, pair in scanned.sample)
        return self.full(self.data.train, lambda bad: None)

    def say_bad(self) -> None:
        """One line about the bad rows."""
        if self.bad.count:
            bad = count(self.bad.count, "bad row")
            self.note(f"left out: {bad}, listed in bad_rows.jsonl (first: {self.bad.first})")

    def encode(self, documents: Iterator[Pair], tokenizer: Tokenizer, whole: bool) -> None:
        """Writes the training store, chunk by chunk."""
        writer, short, long = Writer(self.folder / "train", (tokenizer.size, 1)), 0, 0
        unknown, tokens, marks = 0, 0, tokenizer.marks
        while chunk := list(islice(documents, CHUNK)):
            rows, kept = [], []
            for one, ids in zip(chunk, encoded(tokenizer, [one.source for one in chunk]), strict=True):
                short += (few := len(ids) < max(1, self.data.min_tokens))
                long += (many := 0 < self.data.max_tokens < len(ids))
                if not few and not many:
                    rows.append([marks.begin, *ids, *([marks.end] if whole else [])])
                    kept.append((one.file, one.line))
                    unknown, tokens = unknown + tokenizer.unknowns(ids), tokens + len(ids)
            writer.extend(rows, [[] for _ in rows], kept)
        writer.close()
        self.note.left_out(short, f"of fewer than {max(1, self.data.min_tokens)} tokens (data.min_tokens)", "")
        self.note.left_out(long, f"of more than {self.data.max_tokens:,} tokens (data.max_tokens)", "")
        if not writer.rows:
            raise HeedfulError("No document is left to learn from.", "See data.min_tokens and data.max_tokens.")
        if unknown:
            self.note(f"train: {count(unknown, 'token')} without an entry in the vocabulary (<unk>)")
        self.note(f"train: {count(writer.rows, 'document')} of {count(tokens, 'token')}")

    def save_held(self, name: str, documents: list[Pair], tokenizer: Tokenizer) -> None:
        """Writes the documents of valid or test, and says how much of them the vocabulary does not know."""
        write_json(self.folder / f"{name}.json", [asdict(Example(one.source, (), one.where)) for one in documents])
        if not documents:
            return
        ids = encoded(tokenizer, [one.source for one in documents])
        self.note(f"{name}: {count(len(ids), 'document')} of {count(sum(map(len, ids)), 'token')}")
        unknown = sum(map(tokenizer.unknowns, ids))
        if unknown:
            self.note(f"{name}: {count(unknown, 'token')} never seen in training")


def beginning(alone: Pair) -> tuple[Pair, Pair]:
    """The only document, cut in two: what is learnt from, and the end of it, which is held out.

    Raises HeedfulError if it is too short to be cut.
    """
    place = int(LEARNT * len(alone.source))
    texts = alone.source[:place], alone.source[place:]
    if not all(text.strip() for text in texts):
        raise HeedfulError(
            f"{alone.where}: the only document is too short for a part of it to be held out.",
            "Give a file to choose by, as --valid valid.txt, or a longer text.",
        )
    lines = alone.line, alone.line + texts[0].count("\n")
    learnt, cut = (Pair(text, text, "", alone.file, line) for text, line in zip(texts, lines, strict=True))
    return learnt, cut


def encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, long ones read in parts."""
    cuts = [parts(text) for text in texts]
    ids = iter(tokenizer.encode_batch([part for cut in cuts for part in cut]))
    return [[i for _ in cut for i in next(ids)] for cut in cuts]
