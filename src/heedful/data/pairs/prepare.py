"""From a recipe's files to what a network learns from: split, coded, stored on disk, every choice said aloud.

A row is a source and a target; each side is of a kind: text, the name of a class, or a picture.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from heedful.data import split
from heedful.data.fingerprint import fingerprint_of
from heedful.data.folders import same, write_json, written_aside
from heedful.data.notes import BadRows, Notes, Say
from heedful.data.pairs import coders
from heedful.data.pairs.coders import Coder, Kind
from heedful.data.pairs.pictured import Pictured, is_pictured, readable
from heedful.data.pairs.read import Pair, read_pairs
from heedful.data.pictures.album import Album
from heedful.data.readers.files import file_notes
from heedful.data.readers.rows import BadRow, count
from heedful.data.store import Store, Writer
from heedful.data.tokenizers import choose as vocabulary
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings, Recipe

CHUNK = 10_000
SHOWN = 10  # names in a note


@dataclass(frozen=True)
class Prepared:
    """Data ready to learn from. Each side's coder is a Tokenizer, Names or an Album, as the task asked for."""

    source: Any
    target: Any
    train: Store
    valid: list[Example]
    test: list[Example]
    notes: list[str]
    fingerprint: dict


def prepare(
    recipe: Recipe,
    folder: Path,
    say: Say,
    given: tuple[Any, Any] = (None, None),
    kinds: tuple[Kind, Kind] = ("text", "text"),
) -> Prepared:
    """Reads, splits, codes and stores a recipe's data under `folder`/data, or opens what stands there if it is the
    same (by the hashes of the files, the recipe's data section, the seed, and what is given).

    `given` has, for each side, the tokenizer or form of pictures that goes with the weights one starts from, if there
    is one; else they are learnt from the training side. What stops half way leaves nothing that could be taken for
    finished. Raises HeedfulError for whatever is wrong with the data.
    """
    fingerprint = fingerprint_of(recipe, [one for one in given if one is not None]) | {"kinds": list(kinds)}
    ready, row = folder / "data", kinds[0] if kinds[1] == "name" else "pair"
    if same(ready, fingerprint):
        prepared = opened(ready)
        say(f"data as prepared before: {count(len(prepared.train), f'training {row}')}")
        return prepared
    with written_aside(ready) as partial:
        notes, bad = Notes(say, row), BadRows(partial / "bad_rows.jsonl")
        Preparation(recipe, partial, notes, bad, kinds).run(given)
        bad.close(folder / "bad_rows.jsonl")
        write_json(partial / "prepared.json", {"fingerprint": fingerprint, "notes": notes.said, "kinds": kinds})
    return opened(ready)


def wrong_kind(task: str, file: str, found: Kind) -> HeedfulError:
    """The error for pictures where texts are needed, or the other way round."""
    if found == "picture":
        cure = "Pictures are for: classify, caption, draw, match."
        return HeedfulError(f"{file} holds pictures, and {task} reads texts.", cure)
    cure = "Its first column should name picture files (file_name), or it should be a folder of pictures."
    return HeedfulError(f"{file} holds no pictures, and {task} needs them.", cure)


def kind_of_source(data: DataSettings) -> Kind:
    """Whether the first training row's source is a picture or a text."""
    first = next(read_pairs(data.train, replace(data, bad_rows="skip"), lambda bad: None), None)
    return "picture" if first and is_pictured(first, data.train, data) else "text"


def examples(
    files: Sequence[str],
    data: DataSettings,
    on_bad: Callable[[BadRow], None],
    pictures: bool = False,
    exchanged: bool = False,
) -> list[Example]:
    """What to answer and everything that counts as right, in the order of the files: one example a source.

    `pictures`: what files call the source is one, and a bad row if it cannot be read. `exchanged`: it is the target.
    Raises HeedfulError as `read_pairs` does, and if there is none at all.
    """
    pairs = read_pairs(files, data, on_bad)
    if pictures:
        pairs = readable(pairs, data, on_bad)
    if exchanged:
        pairs = (replace(pair, source=pair.target, target=pair.source) for pair in pairs)
    found = split.grouped(pairs)
    if not found:
        raise HeedfulError(f"There are no pairs in {', '.join(files)}.")
    return found


class Preparation:
    """The steps of `prepare`, on one recipe."""

    def __init__(
        self, recipe: Recipe, folder: Path, notes: Notes, bad: BadRows, kinds: tuple[Kind, Kind] = ("text", "text")
    ) -> None:
        self.task, self.data, self.seed = recipe.task, recipe.data, recipe.data_seed
        self.folder, self.note, self.bad = folder, notes, bad
        self.kinds, self.pictured = kinds, Pictured(folder, recipe.data, "picture" in kinds, kinds[1] == "picture")

    def run(self, given: tuple[Any, Any]) -> None:
        """Writes everything that `opened` reads."""
        if not self.data.train:
            raise HeedfulError("There is no file to learn from.", f"As heedful train {self.task} pairs.tsv")
        expected, found = "picture" if self.pictured.any else "text", kind_of_source(self.data)
        if found != expected:
            raise wrong_kind(self.task, self.data.train[0], found)
        given_valid = [] if self.data.valid == "auto" else self.data.valid
        for note in file_notes([*self.data.train, *given_valid, *self.data.test], self.data):
            self.note(note)
        if self.data.normalize != "none":
            self.note(f"every text is given the Unicode form {self.data.normalize}")
        self.pictured.begin(given[self.kinds.index("picture")] if self.pictured.any else None, self.note)
        valid = self.read(given_valid)
        test = self.read(self.data.test)
        scanned = split.scan(self.pictured.pairs(self.data.train, self.bad), self.seed)
        self.say_bad()
        self.pictured.end(self.note)
        sides = split.Parting(self.data, self.seed, self.note, self.bad.first).sides(scanned, valid, test)

        def part(side: int) -> Iterator[Pair]:
            return split.select(self.again(scanned), sides, side)

        if self.data.valid == "auto":
            valid = list(part(split.VALID))
        sample = [pair for row, pair in scanned.sample if sides[row] == split.TRAIN]
        rows = int((sides == split.TRAIN).sum())
        corpus = vocabulary.Corpus(sample, rows, lambda: part(split.TRAIN), self.seed)
        source, target = self.coders(corpus, given)
        self.encode(part(split.TRAIN), source, target)
        for coder, side in ((source, "source"), (target, "target")):
            coders.save(coder, self.folder, side)
        self.save_held("valid", valid, source, target)
        self.save_held("test", test, source, target)

    def coders(self, corpus: vocabulary.Corpus, given: tuple[Any, Any]) -> tuple[Coder, Coder]:
        """Each side's coder: given, or learnt from the training side."""
        if self.kinds == ("text", "text") and given == (None, None):
            return vocabulary.learn_both(self.data, corpus, self.note)
        both = [self.coder(kind, side, corpus, given) for kind, side in zip(self.kinds, vocabulary.SIDES, strict=True)]
        return both[0], both[1]

    def coder(self, kind: Kind, side: str, corpus: vocabulary.Corpus, given: tuple[Any, Any]) -> Coder:
        """One side's."""
        if kind == "picture":
            return Album(self.folder)
        kept = given[vocabulary.SIDES.index(side)]
        if kept is not None:
            return vocabulary.kept(kept, (side,), self.data, self.note)
        if kind == "name":
            names = coders.learn_names(corpus.texts((side,), whole=True))
            more = ", …" if names.size > SHOWN else ""
            self.note(f"{side}: {names.size:,} classes: {', '.join(names.names[:SHOWN])}{more}")
            return names
        asked = self.data.source_tokenizer if side == "source" else self.data.target_tokenizer
        return vocabulary.learn_side(asked, (side,), self.data, corpus, self.note)

    def read(self, files: Sequence[str]) -> list[Pair]:
        """The pairs of files to be scored on, those with an empty side counted and left out."""
        pairs = list(self.pictured.pairs(files, self.bad)) if files else []
        full = [pair for pair in pairs if not split.is_empty(pair)]
        first = next((pair.where for pair in pairs if split.is_empty(pair)), "")
        self.note.left_out(len(pairs) - len(full), "with an empty side", first)
        if files and not full:
            raise HeedfulError(f"There are no {self.note.row}s in {', '.join(files)}.", self.bad.first)
        return full

    def again(self, scanned: split.Scan) -> Iterator[Pair]:
        """All training pairs once more; few are still in memory, many are read again, their bad rows now listed."""
        if len(scanned.sample) == len(scanned.sources):
            return (pair for _, pair in scanned.sample)
        return self.pictured.pairs(self.data.train, lambda bad: None)

    def say_bad(self) -> None:
        """One line about the bad rows."""
        if self.bad.count:
            bad = count(self.bad.count, "bad row")
            self.note(f"left out: {bad}, listed in bad_rows.jsonl (first: {self.bad.first})")

    def encode(self, pairs: Iterable[Pair], source: Coder, target: Coder) -> None:
        """Writes the training store, chunk by chunk, leaving out what the recipe's filters say."""
        writer = Writer(self.folder / "train", (source.size, target.size))
        dropped: dict[str, tuple[int, str]] = {}
        unknown = 0
        while chunk := list(islice(pairs, CHUNK)):
            unknown += sum(coders.strangers(coder, texts)[0] for coder, texts in sides_of(chunk, source, target))
            ids = [coder.encode_batch(texts) for coder, texts in sides_of(chunk, source, target)]
            kept = []
            for place, (one, other) in enumerate(zip(*ids, strict=True)):
                lengths = [len(ids) for ids, kind in zip((one, other), self.kinds, strict=True) if kind == "text"]
                why = reason(lengths, self.data) if lengths else ""
                if why:
                    number, first = dropped.get(why, (0, chunk[place].where))
                    dropped[why] = number + 1, first
                else:
                    kept.append(place)
            sources, targets = ([side[place] for place in kept] for side in ids)
            writer.extend(sources, targets, ((chunk[place].file, chunk[place].line) for place in kept))
        writer.close()
        for why, (number, first) in dropped.items():
            self.note.left_out(number, why, first)
        if not writer.rows:
            cure = "See data.min_tokens, data.max_tokens and data.max_ratio."
            raise HeedfulError(f"The length filters leave no {self.note.row} to learn from.", cure)
        if unknown:
            self.note(f"train: {count(unknown, 'token')} without an entry in the vocabulary (<unk>)")
        self.note(f"train: {count(writer.rows, self.note.row)}")

    def save_held(self, name: str, pairs: list[Pair], source: Coder, target: Coder) -> None:
        """Writes the examples of valid or test, and says how much of them the vocabulary does not know."""
        held = split.grouped(pairs)
        write_json(self.folder / f"{name}.json", [asdict(example) for example in held])
        if not held:
            return
        texts = [e.source for e in held], [text for e in held for text in e.references]
        self.note(f"{name}: {count(len(held), 'source')} with {count(len(texts[1]), 'reference')}")
        for side, coder, some in (("sources", source, texts[0]), ("references", target, texts[1])):
            unknown, what = coders.strangers(coder, some)
            if unknown:
                self.note(f"{name}: {count(unknown, what)} of the {side} never seen in training")


def sides_of(
    chunk: list[Pair], source: Coder, target: Coder
) -> tuple[tuple[Coder, list[str]], tuple[Coder, list[str]]]:
    """Each coder with its texts."""
    return (source, [pair.source for pair in chunk]), (target, [pair.target for pair in chunk])


def reason(lengths: Sequence[int], data: DataSettings) -> str:
    """Why a pair whose texts have so many tokens is left out, or ""."""
    short, long = min(lengths), max(lengths)
    if not short:
        return "with a side of no tokens"
    if short < data.min_tokens:
        return f"with a side under {count(data.min_tokens, 'token')} (data.min_tokens)"
    if data.max_tokens and long > data.max_tokens:
        return f"with a side over {count(data.max_tokens, 'token')} (data.max_tokens)"
    if data.max_ratio and long > data.max_ratio * short:
        return f"with one side over {data.max_ratio:g} times as long as the other (data.max_ratio)"
    return ""


def opened(ready: Path) -> Prepared:
    """What `prepare` wrote."""
    about = json.loads((ready / "prepared.json").read_text(encoding="utf-8"))
    source, target = (
        coders.load(kind, ready, side) for kind, side in zip(about["kinds"], vocabulary.SIDES, strict=True)
    )
    valid, test = (read_held(ready / f"{name}.json") for name in ("valid", "test"))
    return Prepared(source, target, Store(ready / "train"), valid, test, about["notes"], about["fingerprint"])


def standing(folder: Path) -> Prepared | None:
    """The data that was prepared in a run's folder, if it is still there."""
    return opened(folder / "data") if (folder / "data" / "prepared.json").exists() else None


def read_held(path: Path) -> list[Example]:
    """The examples in a file of ours."""
    listed = json.loads(path.read_text(encoding="utf-8"))
    return [Example(e["source"], tuple(e["references"]), e["where"]) for e in listed]
