"""Documents as a kind of data: each is coded whole, between the tokens that begin and end it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from heedful.data.corpus import Corpus
from heedful.data.documents.prepared import PreparedDocuments, open_documents
from heedful.data.documents.read import document_notes, read_documents
from heedful.data.facts import SideFacts, TextFacts, TokenizerSettings
from heedful.data.kind import DataKind, Preparation
from heedful.data.notes import ignore
from heedful.data.pairs.read import Pair
from heedful.data.readers.files import all_files
from heedful.data.readers.rows import count
from heedful.data.row_hashes import lines_of_document
from heedful.data.split import Traits
from heedful.data.store import Writer
from heedful.data.texts import encode_texts
from heedful.data.tokenizers.choose import common_kind, keep_pretrained, learn_tokenizer, text_facts
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.results import Example

CHUNK = 1000
WINDOW = 1000  # characters that are scored together, about
ONLY_PART = 0.1  # of a document that stands alone, its end


class DocumentKind(DataKind[PreparedDocuments]):
    """Documents and their tokenizer: `pretrained`, with the weights to start from, or learnt from the training side."""

    example = "book.txt"
    row, nothing, kinds = "document", "There is no document", ("document",)

    def __init__(self, pretrained: Tokenizer | None = None) -> None:
        self.pretrained_coders, self.pretrained_tokenizer = [pretrained] if pretrained else [], pretrained
        self.ends = True

    def begin(self, preparation: Preparation) -> None:
        """As `DataKind.begin`."""
        self.preparation = preparation
        for note in document_notes(all_files(preparation.data), preparation.data):
            preparation.note(note)

    def read(self, files: Sequence[str], second_pass: bool = False) -> Iterator[Pair]:
        """The documents of files that hold something, the blank ones counted."""
        blank_count, first = 0, ""
        for document in read_documents(files, self.preparation.data, ignore if second_pass else self.preparation.bad):
            if document.source.strip():
                yield document
            else:
                blank_count, first = blank_count + 1, first or document.where
        if not second_pass:
            self.preparation.note.report_left_out(blank_count, "with nothing but blanks in it", first)

    def traits(self) -> Traits:
        """Documents are scored window by window, and few long ones are much to learn from."""
        return Traits(lambda pair: max(1, len(pair.source) // WINDOW), by_examples=True)

    def cut_only_row(self, row: Pair) -> tuple[list[Pair], Pair]:
        """Of the only document the beginning is learnt from, and the end held out; neither is read to its end."""
        part, windows = ONLY_PART, max(1, len(row.source) // WINDOW)
        if self.preparation.split_method > 1:
            part = self.preparation.decisions.held_out_part(windows, ONLY_PART)
        beginning, end = cut_document(row, part)
        self.ends = False
        self.preparation.note(
            f"valid: the last {count(len(end.source), 'character')} of the only document (none given); "
            f"its first {len(beginning.source):,} are learnt from"
        )
        return [beginning], end

    def cut_into(self, row: Pair, number: int) -> list[Pair]:
        """The only document in pieces of about one length, which do not end where they are cut."""
        self.ends = False
        pieces = pieces_of(row, number)
        self.preparation.note(f"the only document is cut into {count(len(pieces), 'piece')}, so that there are folds")
        return pieces

    def describe_sides(self, corpus: Corpus) -> tuple[SideFacts, SideFacts]:
        """As `DataKind.describe_sides`; both sides are the text."""
        median, percentile = np.percentile([len(row.source) for row in corpus.sample], (50, 99), method="nearest")
        facts = SideFacts("text", int(median), int(percentile))
        return facts, facts

    def texts_to_learn(self, corpus: Corpus) -> Iterable[TextFacts]:
        """As `DataKind.texts_to_learn`."""
        if self.pretrained_tokenizer:
            return []
        problem, cure = "Documents have one tokenizer, and {} are asked for.", "Set data.source_tokenizer alone."
        return [text_facts(corpus, ("source",), common_kind(self.preparation.data, problem, cure))]

    def learn(self, corpus: Corpus, tokenizers: Sequence[TokenizerSettings]) -> None:
        """The tokenizer, given or learnt from the training side."""
        preparation = self.preparation
        if self.pretrained_tokenizer:
            keep_pretrained(self.pretrained_tokenizer, ("source", "target"), preparation.data, preparation.note)
            self.tokenizer = self.pretrained_tokenizer
        else:
            self.tokenizer = learn_tokenizer(("source",), tokenizers[0], corpus, self.preparation.note)

    def write(self, corpus: Corpus) -> None:
        """Writes the tokenizer and the training store, chunk by chunk."""
        self.tokenizer.save(self.preparation.folder / "tokenizer.json")
        data, note, special_tokens = self.preparation.data, self.preparation.note, self.tokenizer.special_tokens
        writer, short_count, long_count, unknown_count, token_count = (
            Writer(self.preparation.folder / "train", (self.tokenizer.size, 1)),
            0,
            0,
            0,
            0,
        )
        documents = corpus.read_all()
        while chunk := list(islice(documents, CHUNK)):
            rows, origins = [], []
            for document, ids in zip(chunk, encode_texts(self.tokenizer, [d.source for d in chunk]), strict=True):
                too_short, too_long = len(ids) < max(1, data.min_tokens), 0 < data.max_tokens < len(ids)
                short_count, long_count = short_count + too_short, long_count + too_long
                if not too_short and not too_long:
                    rows.append(special_tokens.document(ids, self.ends))
                    origins.append((document.file, document.line))
                    for _, line in lines_of_document(document.source):
                        self.preparation.hashes.add(line)
                    unknown_count, token_count = unknown_count + self.tokenizer.unknowns(ids), token_count + len(ids)
            writer.extend(rows, [[] for _ in rows], origins)
        writer.close()
        note.report_left_out(short_count, f"of fewer than {max(1, data.min_tokens)} tokens (data.min_tokens)", "")
        note.report_left_out(long_count, f"of more than {data.max_tokens:,} tokens (data.max_tokens)", "")
        if not writer.rows:
            raise HeedfulError("No document is left to learn from.", "See data.min_tokens and data.max_tokens.")
        if unknown_count:
            note(f"train: {count(unknown_count, 'token')} without an entry in the vocabulary (<unk>)")
        note(f"train: {count(writer.rows, 'document')} of {count(token_count, 'token')}")

    def examples(self, rows: Sequence[Pair]) -> list[Example]:
        """Each document is one, though it may stand there twice."""
        return [Example(row.source, (), row.where) for row in rows]

    def note_held_out(self, name: str, examples: Sequence[Example], rows: Sequence[Pair]) -> None:
        """As `DataKind.note_held_out`."""
        ids = encode_texts(self.tokenizer, [example.source for example in examples])
        self.preparation.note(f"{name}: {count(len(ids), 'document')} of {count(sum(map(len, ids)), 'token')}")
        unknown = sum(map(self.tokenizer.unknowns, ids))
        if unknown:
            self.preparation.note(f"{name}: {count(unknown, 'token')} never seen in training")

    def open(self, folder: Path) -> PreparedDocuments:
        """What was prepared."""
        return open_documents(folder)


def pieces_of(document: Pair, number: int) -> list[Pair]:
    """A document in about so many pieces, cut behind lines where there are enough of them; without blank ones."""
    text = document.source
    ends = [len(text) * part // number for part in range(1, number + 1)]
    if text.count("\n") >= 2 * number:
        ends = [text.find("\n", end) + 1 or len(text) for end in ends]
    pieces, start = [], 0
    for end in dict.fromkeys([*ends[:-1], len(text)]):
        if text[start:end].strip():
            line = document.line + text.count("\n", 0, start)
            pieces.append(Pair(text[start:end], text[start:end], "", document.file, line))
        start = end
    return pieces


def cut_document(document: Pair, part: float) -> tuple[Pair, Pair]:
    """The only document, cut in two: what is learnt from, and a part at the end, which is held out.

    Raises HeedfulError if it is too short to be cut.
    """
    boundary = int((1 - part) * len(document.source))
    texts = document.source[:boundary], document.source[boundary:]
    if not all(text.strip() for text in texts):
        raise HeedfulError(
            f"{document.where}: the only document is too short for a part of it to be held out.",
            "Give a file to choose by, as --valid valid.txt, or a longer text.",
        )
    lines = document.line, document.line + texts[0].count("\n")
    beginning, end = (Pair(text, text, "", document.file, line) for text, line in zip(texts, lines, strict=True))
    return beginning, end
