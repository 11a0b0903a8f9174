"""Pairs: a source and a target, each of a kind: text, the name of a class, or a picture."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from heedful.data.corpus import SIDES, Corpus
from heedful.data.facts import SideFacts, TextFacts, TokenizerSettings
from heedful.data.fingerprint import digest_of_pictures
from heedful.data.kind import DataKind, Preparation
from heedful.data.notes import ignore
from heedful.data.pairs import coders
from heedful.data.pairs.coders import ClassNames, Coder, Kind, class_name, name_notes
from heedful.data.pairs.pictured import PicturedPairs
from heedful.data.pairs.prepared import Prepared, open_pairs
from heedful.data.pairs.read import Pair, column_notes
from heedful.data.pairs.soft_labels import write_soft_labels
from heedful.data.pairs.sources import SourceCount, count_sources, kind_at_first, kind_of_source
from heedful.data.pictures.album import Album
from heedful.data.pictures.read import Form, is_picture
from heedful.data.readers.files import all_files, file_notes
from heedful.data.readers.rows import count
from heedful.data.split import Traits
from heedful.data.store import TextWriter, Writer
from heedful.data.tokenizers.choose import common_kind, keep_pretrained, learn_tokenizer, text_facts
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings

CHUNK = 10_000
MAX_NAMES = 10  # names in a note


class PairKind(DataKind[Prepared]):
    """Pairs whose sides are of these kinds.

    `pretrained` has, for each side, the tokenizer or form of pictures that goes with the weights to start from, if
    there is one; else they are learnt from the training side.
    """

    example = "pairs.tsv"

    def __init__(
        self,
        kinds: tuple[Kind, Kind] = ("text", "text"),
        pretrained: tuple[Tokenizer | Form | None, Tokenizer | Form | None] = (None, None),
    ) -> None:
        self.row = kinds[0] if kinds[1] == "name" else "pair"
        self.nothing, self.kinds, self.sides = f"There are no {self.row}s", kinds, kinds
        self.has_names, self.has_named_pictures = kinds == ("text", "name"), kinds == ("picture", "name")
        self.merges_sources = kinds[1] != "name"  # several classes of a source are rows of their own
        self.pretrained_coders, self.pretrained_by_side = (
            [coder for coder in pretrained if coder is not None],
            pretrained,
        )
        self.coders: tuple[Coder, ...] = ()
        self.written_names, self.source_count = Counter[str](), Counter[bool]()

    def fingerprint(self, data: DataSettings, form: int) -> dict[str, Any]:
        """The pictures that tables name count too; the first format did not know them."""
        facts = super().fingerprint(data, form)
        return facts | {"pictures": digest_of_pictures(data)} if "picture" in self.sides and form > 1 else facts

    def about(self) -> dict[str, Any]:
        """What the sides are, by which their coders are found."""
        return {"kinds": self.sides}

    def begin(self, preparation: Preparation) -> None:
        """As `DataKind.begin`."""
        self.preparation, data = preparation, preparation.data
        self.pictured_pairs = PicturedPairs(
            preparation.folder, data, "picture" in self.sides, self.sides[1] == "picture"
        )
        expected_kind = "picture" if self.pictured_pairs.has_pictures else "text"
        if kind_at_first(data) != expected_kind and kind_of_source(data) != expected_kind:
            raise wrong_kind(preparation.recipe.task, data.train[0], kind_of_source(data))
        if self.sides[1] == "name":
            preparation.note(count_sources(data).note())
        for note in (*file_notes(all_files(data), data), *column_notes(all_files(data), data, SIDES)):
            preparation.note(note)
        if data.normalize != "none":
            preparation.note(f"every text is given the Unicode form {data.normalize}")
        form = self.pretrained_by_side[self.sides.index("picture")] if self.pictured_pairs.has_pictures else None
        assert not isinstance(form, Tokenizer), "of pictures, a form is given"
        may_be_few = self.has_named_pictures and preparation.picture_method > 1
        self.pictured_pairs.begin(form, preparation.note, preparation.decisions, may_be_few)

    def read(self, files: Sequence[str], second_pass: bool = False) -> Iterator[Pair]:
        """As `DataKind.read`."""
        pairs = self.pictured_pairs.pairs(files, ignore if second_pass else self.preparation.bad)
        if self.sides == ("text", "text") and not second_pass:
            return self.count_pictures(pairs)
        return self.name_classes(pairs, not second_pass) if self.sides[1] == "name" else pairs

    def traits(self) -> Traits:
        """Names of classes are classes."""
        return Traits(classes=classes_of) if self.sides[1] == "name" else Traits()

    def count_pictures(self, pairs: Iterator[Pair]) -> Iterator[Pair]:
        """The pairs, of which it is counted how many have a picture's name as source."""
        for pair in pairs:
            self.source_count[is_picture(pair.source)] += 1
            yield pair

    def name_classes(self, pairs: Iterator[Pair], counted: bool) -> Iterator[Pair]:
        """Each pair with its class's name in its one form; how names are written is counted."""
        for pair in pairs:
            if counted:
                self.written_names[pair.target] += 1
            yield replace(pair, target=class_name(pair.target))

    def end_reading(self) -> None:
        """How large the album is, which texts are names of pictures, and which classes have several names.

        Raises HeedfulError if most texts are names of pictures.
        """
        counted = SourceCount(self.source_count[True], self.source_count.total())
        if counted.kind == "picture":
            raise wrong_kind(self.preparation.recipe.task, self.preparation.data.train[0], "picture")
        if counted.pictures:
            self.preparation.note(counted.note())
        self.pictured_pairs.end(self.preparation.note)
        for note in name_notes(self.written_names):
            self.preparation.note(note)

    def describe_sides(self, corpus: Corpus) -> tuple[SideFacts, SideFacts]:
        """As `DataKind.describe_sides`."""
        return self.describe_side(corpus, 0), self.describe_side(corpus, 1)

    def describe_side(self, corpus: Corpus, side: int) -> SideFacts:
        """One of them."""
        kind, texts = self.sides[side], list(corpus.texts((SIDES[side],), False))
        if kind != "text":
            return SideFacts(kind, 1, 1, len(set(texts)) if kind == "name" else 0)
        median, percentile = np.percentile([len(text) for text in texts], (50, 99), method="nearest")
        return SideFacts(kind, int(median), int(percentile))

    def texts_to_learn(self, corpus: Corpus) -> Iterable[TextFacts]:
        """As `DataKind.texts_to_learn`."""
        data = self.preparation.data
        if self.shares(data):
            problem = "One shared tokenizer cannot be both {}."
            requested_kind = common_kind(data, problem, "Give one kind, or data.shared_tokenizer=false.")
            return [text_facts(corpus, SIDES, requested_kind)]
        requested_kind = {"source": data.source_tokenizer, "target": data.target_tokenizer}
        sides = zip(SIDES, self.sides, self.pretrained_by_side, strict=True)
        sides_to_learn = [side for side, kind, coder in sides if kind == "text" and coder is None]
        all_facts = [text_facts(corpus, (side,), requested_kind[side]) for side in sides_to_learn]
        named = self.has_names and self.preparation.vocabulary_method > 1
        return [replace(facts, named=named) for facts in all_facts]

    def shares(self, data: DataSettings) -> bool:
        """Whether one tokenizer is learnt for both sides."""
        return data.shared_tokenizer and self.sides == ("text", "text") and not self.pretrained_coders

    def learn(self, corpus: Corpus, tokenizers: Sequence[TokenizerSettings]) -> None:
        """Each side's coder: given, or learnt from the training side."""
        data, note = self.preparation.data, self.preparation.note
        if self.shares(data):
            tokenizer = learn_tokenizer(SIDES, tokenizers[0], corpus, note)
            self.coders = tokenizer, tokenizer
            return
        settings = iter(tokenizers)
        side_coders: list[Coder] = []
        for side, kind, coder in zip(SIDES, self.sides, self.pretrained_by_side, strict=True):
            if kind == "picture":
                side_coders.append(Album(self.preparation.folder))
            elif isinstance(coder, Tokenizer):
                keep_pretrained(coder, (side,), data, note)
                side_coders.append(coder)
            elif kind == "name":
                side_coders.append(self.learn_names(side, corpus))
            else:
                side_coders.append(learn_tokenizer((side,), next(settings), corpus, note))
        self.coders = tuple(side_coders)

    def learn_names(self, side: str, corpus: Corpus) -> ClassNames:
        """The classes of a side."""
        names = coders.learn_names(corpus.texts((side,), all_rows=True))
        ellipsis = ", …" if names.size > MAX_NAMES else ""
        self.preparation.note(
            f"{side}: {count(names.size, 'class', 'classes')}: {', '.join(names.names[:MAX_NAMES])}{ellipsis}"
        )
        return names

    def write(self, corpus: Corpus) -> None:
        """The training store, and both coders."""
        self.write_rows(corpus.read_all())
        if isinstance(self.coders[1], ClassNames):
            train = self.preparation.folder / "train"
            write_soft_labels(train, self.preparation.data, self.coders[1], self.preparation.note)
        for coder, side in zip(self.coders, SIDES, strict=True):
            coders.save(coder, self.preparation.folder, side)

    def write_rows(self, pairs: Iterator[Pair]) -> None:
        """Writes the training store, chunk by chunk, leaving out what the recipe's filters say."""
        note, writer = (
            self.preparation.note,
            Writer(self.preparation.folder / "train", (self.coders[0].size, self.coders[1].size)),
        )
        pictured = {"text", "picture"} == set(self.sides)  # whose texts are answers, and shown as they were written
        text_writer = TextWriter(writer.folder) if pictured else None
        drop_counts: dict[str, tuple[int, str]] = {}
        unknown_count = 0
        while chunk := list(islice(pairs, CHUNK)):
            texts = [pair.source for pair in chunk], [pair.target for pair in chunk]
            for coder, side in zip(self.coders, texts, strict=True):
                unknown_count += coders.count_unknown(coder, side)[0]
            sources, targets = (coder.encode_batch(side) for coder, side in zip(self.coders, texts, strict=True))
            indices = []
            for index, pair in enumerate(chunk):
                why = self.reason_to_drop(sources[index], targets[index])
                if why:
                    number, first = drop_counts.get(why, (0, pair.where))
                    drop_counts[why] = number + 1, first
                else:
                    indices.append(index)
                    self.preparation.hashes.add(self.pictured_pairs.content(pair.source))
            origins = ((chunk[index].file, chunk[index].line) for index in indices)
            writer.extend([sources[index] for index in indices], [targets[index] for index in indices], origins)
            if text_writer:
                text_writer.extend(texts[self.sides.index("text")][index] for index in indices)
        writer.close()
        if text_writer:
            text_writer.close()
        for why, (number, first) in drop_counts.items():
            note.report_left_out(number, why, first)
        if not writer.rows:
            cure = "See data.min_tokens, data.max_tokens and data.max_ratio."
            raise HeedfulError(f"The length filters leave no {note.row} to learn from.", cure)
        if unknown_count:
            note(f"train: {count(unknown_count, 'token')} without an entry in the vocabulary (<unk>)")
        note(f"train: {count(writer.rows, note.row)}")

    def reason_to_drop(self, source: list[int], target: list[int]) -> str:
        """Why a row is left out, or ""."""
        lengths = [len(ids) for ids, kind in zip((source, target), self.sides, strict=True) if kind == "text"]
        return reason(lengths, self.preparation.data) if lengths else ""

    def note_held_out(self, name: str, examples: Sequence[Example], rows: Sequence[Pair]) -> None:
        """As `DataKind.note_held_out`."""
        sources = [example.source for example in examples]
        references = [text for example in examples for text in example.references]
        if self.merges_sources:
            held_out = f"{count(len(examples), 'source')} with {count(len(references), 'reference')}"
        else:
            held_out = f"{count(len(examples), self.row)} of {count(len({*references}), 'class', 'classes')}"
        self.preparation.note(f"{name}: {held_out}")
        for side, coder, texts in zip(("sources", "references"), self.coders, (sources, references), strict=True):
            unknown, noun = coders.count_unknown(coder, texts)
            if unknown:
                self.preparation.note(f"{name}: {count(unknown, noun)} of the {side} never seen in training")

    def open(self, folder: Path) -> Prepared:
        """What was prepared."""
        return open_pairs(folder)


def classes_of(pair: Pair) -> list[str]:
    """The class of a pair, if it has one."""
    return [pair.target] if pair.target.strip() else []


def wrong_kind(task: str, file: str, kind: Kind) -> HeedfulError:
    """The error for pictures where texts are needed, or the other way round."""
    if kind == "picture":
        cure = "heedful --help says which tasks read pictures."
        return HeedfulError(f"{file} holds pictures, and {task} reads texts.", cure)
    cure = "Its first column should name picture files (file_name), or it should be a folder of pictures."
    return HeedfulError(f"{file} holds no pictures, and {task} needs them.", cure)


def reason(lengths: Sequence[int], data: DataSettings) -> str:
    """Why a pair whose texts have so many tokens is left out, or ""."""
    shortest, longest = min(lengths), max(lengths)
    if not shortest:
        return "with a side of no tokens"
    if shortest < data.min_tokens:
        return f"with a side under {count(data.min_tokens, 'token')} (data.min_tokens)"
    if data.max_tokens and longest > data.max_tokens:
        return f"with a side over {count(data.max_tokens, 'token')} (data.max_tokens)"
    if data.max_ratio and longest > data.max_ratio * shortest:
        return f"with one side over {data.max_ratio:g} times as long as the other (data.max_ratio)"
    return ""
