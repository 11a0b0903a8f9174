"""Documents: how they are read, parted and cut; which gaps are made in them; what counting alone can say of them."""

import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from heedful import recipe as recipes
from heedful.data.documents.check import check_documents
from heedful.data.documents.kind import DocumentKind
from heedful.data.documents.prepared import examples
from heedful.data.documents.read import read_documents
from heedful.data.prepare import prepare
from heedful.data.readers.rows import BadRow
from heedful.data.store import Store, Writer
from heedful.data.texts import cut_into_parts
from heedful.data.tokenizers.learn import learn
from heedful.data.tokenizers.special_tokens import BOS, EOS
from heedful.errors import HeedfulError
from heedful.metrics.ngrams import KneserNey, NeighbourNgrams
from heedful.networks.build import language_model
from heedful.schema import DataSettings, NetworkSettings, parse_settings
from heedful.tasks.complete.learn import Loss, next_token_batch
from heedful.tasks.fill.masks import Masking, ends_inside, join_parts, mask_window, parse_masked
from heedful.tasks.joins import allowed, resolve
from heedful.tasks.language import passages
from heedful.tasks.task import find_task
from heedful.tasks.training_documents import DocumentPieces
from heedful.training import decide

SENTENCES = ["The cat sat on the mat.", "A dog, an owl: two animals!", "What is it that we see here?"] * 9


def store(folder: Path, lengths: list[int]) -> Store:
    """Documents of so many different tokens."""
    writer = Writer(folder, (1 << 20, 1))
    rows = [list(range(sum(lengths[:n]), sum(lengths[: n + 1]))) for n in range(len(lengths))]
    writer.extend(rows, [[] for _ in rows], [("a.txt", n + 1) for n in range(len(rows))])
    writer.close()
    return Store(folder)


@pytest.mark.parametrize("ahead_too", [False, True])
def test_each_epoch_has_every_token_once_at_its_own_places(ahead_too: bool, tmp_path: Path) -> None:
    """Pieces are of one document and at most a window; what is planned is what is given; another epoch cuts anew."""
    lengths = [2, 100, 16, 17, 18, 33, 5, 1000]
    pieces = DocumentPieces(store(tmp_path / "s", lengths), 16, seed=3, ahead=ahead_too)
    epochs = []
    for epoch in (0, 1, 5):
        batches = pieces.plan(64, epoch)
        texts = [pieces.tokens(batch) for batch in batches]
        rows = [row for text in texts for row in text]
        assert all((np.diff(row) == 1).all() and len(row) <= 16 + ahead_too for row in rows)
        assert max(len(text) * max(map(len, text)) for text in texts) <= 64 + 4 * ahead_too
        foreseen = sorted(int(token) for row in rows for token in row[int(ahead_too) :])
        begins = np.cumsum([0, *lengths[:-1]])
        assert foreseen == [token for token in range(sum(lengths)) if not ahead_too or token not in begins]
        where = [place for batch in batches for place in pieces.where(batch)]
        assert where == [f"a.txt line {int(np.searchsorted(begins, row[0], side='right'))}" for row in rows]
        epochs.append(sorted(int(row[0]) for row in rows))
    assert epochs[0] != epochs[1]
    assert [b.rows.tolist() for b in pieces.plan(64, 1)] == [b.rows.tolist() for b in pieces.plan(64, 1)]


def test_next_to_nothing_of_a_batch_is_empty(tmp_path: Path) -> None:
    """Documents of all lengths, short ones too: rows of like lengths stand together."""
    rng = np.random.default_rng(0)
    pieces = DocumentPieces(
        store(tmp_path / "s", np.exp(rng.normal(4, 1.5, 3000)).astype(int).clip(2).tolist()), 128, 0, True
    )
    sizes = [[len(row) - 1 for row in pieces.tokens(batch)] for batch in pieces.plan(2048, 0)]
    assert sum(map(sum, sizes)) / sum(max(lengths) * len(lengths) for lengths in sizes) > 0.97


@pytest.mark.parametrize("name", allowed("complete"))
def test_a_document_costs_the_same_alone_and_beside_others(name: str) -> None:
    """Loss and gradient: no document is seen, carried or counted into another."""
    torch.manual_seed(0)
    settings = parse_settings(NetworkSettings, {"name": name, "size": "tiny", "width": 16, "dropout": 0.0})
    model = language_model(resolve(settings, "complete"), 30).eval()
    rng = np.random.default_rng(1)
    documents = [np.array([BOS, *rng.integers(4, 30, length), EOS]) for length in (9, 1, 4, 30)]
    loss = Loss(0.0)

    def cost(batch) -> tuple[float, int, torch.Tensor]:
        model.zero_grad()
        total, count = loss(model, next_token_batch(batch))
        total.backward()
        return total.item(), count, torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None])

    alone, together = [cost([document]) for document in documents], cost(documents)
    assert together[0] == pytest.approx(sum(total for total, _, _ in alone), rel=1e-5)
    assert together[1] == sum(count for _, count, _ in alone) == sum(len(document) - 1 for document in documents)
    summed = torch.stack([gradient for _, _, gradient in alone]).sum(0)
    assert (together[2] - summed).abs().max() <= 1e-4 * summed.abs().max()


def test_files_folders_tables_and_lines_are_documents(tmp_path: Path) -> None:
    """A whole file with its blank lines, as it stands; every .txt of a folder; a row, or a line, each."""
    (tmp_path / "f" / "sub").mkdir(parents=True)
    (tmp_path / "f" / "b.txt").write_text("two\n\n  lines\n", encoding="utf-8")
    (tmp_path / "f" / "sub" / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\nline")
    (tmp_path / "f" / "c.md").write_text("another", encoding="utf-8")
    (tmp_path / "t.csv").write_text('name,text\nx,"one\n\ntwo"\ny,three\n', encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"good\nb\xffd\nend\n")

    def read(name: str, **settings) -> list[str]:
        return [
            document.source for document in read_documents([str(tmp_path / name)], DataSettings(**settings), bad.append)
        ]

    bad: list[BadRow] = []
    assert read("f") == ["two\n\n  lines\n", "one\nline"]
    assert read("f/c.md") == ["another"]
    assert read("f/b.txt", format="lines") == ["two", "  lines"]
    assert read("t.csv") == ["one\n\ntwo", "three"] and read("t.csv", columns={"text": "name"}) == ["x", "y"]
    assert read("bad.txt", bad_rows="skip") == ["good\nend\n"] and [row.where[-6:] for row in bad] == ["line 2"]
    with pytest.raises(HeedfulError, match="line 2"):
        read("bad.txt")


@given(st.text(alphabet="ab\n ", max_size=60), st.integers(1, 9))
def test_parts_make_the_text(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("heedful.data.texts.PART", size)
        parts = cut_into_parts(text)
    assert "".join(parts) == text and all(0 < len(part) <= size for part in parts)


def prepare_documents(folder: Path, **settings):
    notes: list[str] = []
    recipe = recipes.build("complete", {"data.source_tokenizer": "characters"} | settings)
    return prepare(DocumentKind(), recipe, folder / "run", notes.append, decide), notes


@pytest.mark.parametrize("task", ["complete", "fill"])
def test_the_sheet_and_the_column_are_said(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in training, by check and where files are scored on."""
    monkeypatch.chdir(tmp_path)
    book = openpyxl.Workbook()
    for row in (["id", "Review"], *([n, f"a text of number {n}"] for n in range(12))):
        book.worksheets[0].append(row)
    book.create_sheet("Old")
    book.save("t.xlsx")
    said = ["t.xlsx: the first sheet, Sheet, is read, and not Old", "t.xlsx: text is the column Review"]
    recipe, lines, chosen = recipes.build(task, {"data.train": ["t.xlsx"]}), list[str](), find_task(task)
    chosen.learning.prepare(recipe, tmp_path / "run", lines.append)
    assert lines[:2] == said
    assert [finding.text for finding in check_documents(recipe.data).findings if finding.text in said] == said
    model: Any = None  # of which these notes do not depend
    assert chosen.answering.example_notes(model, ["t.xlsx"], recipe.data) == said


def test_one_document_is_cut_and_several_are_parted(tmp_path: Path) -> None:
    """The end of the only one is held out; of several whole ones, and no text stands on both sides."""
    text = "".join(random.Random(0).choices("abcde \n", k=1000))
    (tmp_path / "one.txt").write_text(text, encoding="utf-8")
    data, notes = prepare_documents(tmp_path / "a", **{"data.train": [str(tmp_path / "one.txt")]})
    ids = data.train[0][0]
    assert data.tokenizer.decode(ids) + data.valid[0].source == text and len(data.valid[0].source) == 100
    assert int(ids[0]) == BOS and EOS not in ids and "the last 100 characters of the only document" in notes[0]
    texts = [f"document {number % 40}" for number in range(60)]
    (tmp_path / "many.txt").write_text("\n \n".join(texts) + "\n", encoding="utf-8")
    settings = {"data.train": [str(tmp_path / "many.txt")], "data.format": "lines"}
    data, notes = prepare_documents(tmp_path / "b", **settings)
    learnt = {data.tokenizer.decode(data.train[row][0]) for row in range(len(data.train))}
    held_out = {example.source for example in data.valid}
    assert held_out and not held_out & learnt and held_out | learnt == set(texts)
    assert all(int(data.train[row][0][-1]) == EOS for row in range(len(data.train)))


def test_windows_share_out_all_tokens_and_characters(tmp_path: Path) -> None:
    """Bits per character are over the characters of the text, though a window may cut one of them in two."""
    tokenizer = learn("bpe", ["plain text"], 300)
    (tmp_path / "d.txt").write_text("naïve café ✓ 日本語 " * 5, encoding="utf-8")
    documents = examples([str(tmp_path / "d.txt")], DataSettings(), lambda bad: None)
    windows = list(passages(documents, tokenizer, 5, ahead=True, ends=True))
    assert sum(window.characters for window in windows) == pytest.approx(len(documents[0].source))
    ids = [BOS, *tokenizer.encode(documents[0].source), EOS]
    assert [int(i) for window in windows for i in window.ids[1:]] == ids[1:] and all(
        len(window.ids) <= 6 for window in windows
    )


# Masked tokens.


def test_masked_tokens_are_a_share_seeded_and_mostly_hidden() -> None:
    """15 % of the words, never a mark; of those eight in ten hidden, one another word, one as it was."""
    row, size, masking = np.array([BOS, *range(4, 1000), EOS]), 1000, Masking(0.15, False)
    none = np.zeros((2, size), bool)
    masks = [masking.choose(row, none, seed) for seed in range(40)]
    assert {int(mask.sum()) for mask in masks} == {149} and not any(mask[[0, -1]].any() for mask in masks)
    assert (masks[0] == masking.choose(row, none, 0)).all() and (masks[0] != masks[1]).any()
    corrupted_rows = [masking.corrupt(row, mask, size, seed) for seed, mask in enumerate(masks)]
    assert all((corrupted == row)[mask == 0].all() for corrupted, mask in zip(corrupted_rows, masks, strict=True))
    hidden_fraction, kept_fraction = (
        np.mean(
            [(corrupted == reference)[mask > 0].mean() for corrupted, mask in zip(corrupted_rows, masks, strict=True)]
        )
        for reference in (size, row)
    )
    assert hidden_fraction == pytest.approx(0.8, abs=0.02) and kept_fraction == pytest.approx(0.1, abs=0.02)
    assert int(masking.choose(np.array([BOS, 7, EOS]), none, 0).sum()) == 1


def test_whole_words_are_masked_whole() -> None:
    tokenizer = learn("bpe", SENTENCES, 270)
    masking, row = Masking(0.3, True), np.array([BOS, *tokenizer.encode(SENTENCES[1]), EOS])
    inside = ends_inside(tokenizer, masking)
    for seed in range(20):
        marks = masking.choose(row, inside, seed)
        words: list[set[bool]] = [set()]
        for before, token, mark in zip(row, row[1:-1], marks[1:-1], strict=False):
            if not (tokenizer.decode([before])[-1:].isalnum() and tokenizer.decode([token])[:1].isalnum()):
                words.append(set())
            words[-1].add(bool(mark))
        assert all(len(word) <= 1 for word in words) and any(word == {True} for word in words)


@pytest.mark.parametrize("kind", ["bpe", "unigram", "characters", "symbols"])
def test_a_text_with_masks_is_written_and_read_back(kind: str) -> None:
    """As people write it; filled with what stood there it is the text."""
    text = SENTENCES[1] if kind != "symbols" else "HH AH L OW W ER L D"
    tokenizer = learn(kind, SENTENCES if kind != "symbols" else [text], 400)
    row, masking = np.array([BOS, *tokenizer.encode(text), EOS]), Masking(0.2, False)
    window = mask_window(row, tokenizer, masking, ends_inside(tokenizer, masking))
    assert join_parts(tokenizer, window.parts, [tokenizer.decode([token]) for token in window.truth]) == text
    parsed_window = parse_masked(window.text(tokenizer), tokenizer, "none", ends=True)
    assert parsed_window.text(tokenizer).replace(" ", "") == window.text(tokenizer).replace(" ", "")
    if kind in ("characters", "symbols"):  # pieces of words join otherwise around a gap
        assert (parsed_window.ids == window.ids).all() and (parsed_window.masked == window.masked).all()
    probabilities = np.full((len(window.truth), tokenizer.size + 1), 0.25)
    assert window.log_probability(probabilities, "", text, tokenizer) == pytest.approx(
        len(window.truth) * math.log(0.25)
    )


# What counting can say.


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_kneser_ney_is_what_its_equations_say(order: int) -> None:
    """Against dictionaries and loops; and its probabilities add up to 1."""
    rng, size = random.Random(order), 5
    learnt = [np.array([rng.choice([0, 1, 1, 2, 3, 4]) for _ in range(rng.randint(2, 9))]) for _ in range(12)]
    held_out = [np.array([rng.randrange(size) for _ in range(rng.randint(2, 9))]) for _ in range(6)]
    surprise = np.concatenate(KneserNey(learnt, order, size).surprise(held_out))
    tables = count_events([row.tolist() for row in learnt], order)
    expected = [plain_probability(tables, row[index], row[max(0, index - order + 1) : index], size)
           for row in (ids.tolist() for ids in held_out) for index in range(1, len(row))]  # fmt: skip
    assert np.exp(-surprise) == pytest.approx(expected)
    for context in ([], [1], [1, 2], [4, 4, 1]):
        suffix = context[len(context) - min(len(context), order - 1) :]
        assert sum(plain_probability(tables, token, suffix, size) for token in range(size)) == pytest.approx(1)


def count_events(rows: list[list[int]], order: int) -> list[Counter]:
    """How often each (context, token) counts, by the length of the context."""
    events = [(tuple(row[max(0, i - order + 1) : i]), row[i]) for row in rows for i in range(1, len(row))]
    tables: list[Counter] = []
    for length in reversed(range(order)):
        tables.insert(0, Counter((context, token) for context, token in events if len(context) == length))
        shorter_events = [event for event in events if len(event[0]) < length]
        events = [(context[1:], token) for context, token in tables[0]] + shorter_events
    return tables


def plain_probability(tables: list[Counter], token: int, context: list[int], size: int) -> float:
    """Interpolated Kneser-Ney, from the shortest context up."""
    probability = 1 / size
    for length in range(min(len(tables), len(context) + 1)):
        suffix, counts = tuple(context[len(context) - length :]), tables[length]
        singletons, doubletons = (sum(number == n for number in counts.values()) for n in (1, 2))
        discount = singletons / (singletons + 2 * doubletons) if singletons and doubletons else 0.5
        total = sum(number for (prefix, _), number in counts.items() if prefix == suffix)
        types = sum(prefix == suffix for prefix, _ in counts)
        if total:
            probability = (max(counts[suffix, token] - discount, 0) + discount * types * probability) / total
    return probability


def test_a_gap_is_guessed_from_both_its_neighbours() -> None:
    between = NeighbourNgrams([np.array([1, 5, 2, 6, 1, 5, 2, 7, 3])], 9)
    assert int(between.probabilities(1, 2).argmax()) == 5
    assert int(between.probabilities(2, 3).argmax()) == 7 and int(between.probabilities(-1, 2).argmax()) == 5
    for pair in ((1, 2), (-1, 3), (-1, -1)):
        assert between.probabilities(*pair).sum() == pytest.approx(1)
