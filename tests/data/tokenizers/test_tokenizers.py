"""Tokenizers: exact round trips of any text, the same every time, and no text that turns into a special token."""

import subprocess
import sys
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from heedful.data.tokenizers.choose import unit_of
from heedful.data.tokenizers.learn import KINDS, learn
from heedful.data.tokenizers.load import load_tokenizer, parse_tokenizer
from heedful.data.tokenizers.special_tokens import SPECIALS, UNK
from heedful.errors import HeedfulError

SENTENCES = [
    "The quick brown fox jumps over the lazy dog.",
    " two  spaces, a tab\tand a\nnew line \r\n",
    "naïve façade, Ünïcödé; 漢字かな交じり文",
    "<pad> </s> <0x0A> <s><unk> < pad >",
    "▁ Ġ underscores of other tokenizers",
] * 20
SIZES = {"characters": 0, "symbols": 0, "bpe": 400, "unigram": 400}
TOKENIZERS = {kind: learn(kind, SENTENCES, size) for kind, size in SIZES.items()}
LOWERED = {kind: learn(kind, SENTENCES, size, lowercase=True) for kind, size in SIZES.items()}
TOKENIZERS_OF_SMALL = {kind: learn(kind, [text.lower() for text in SENTENCES], size) for kind, size in SIZES.items()}
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from(
        [*SPECIALS, "<0x41>", " ", "  ", "\n", "\u0301", "e", "▁", "fox", "🏴\u200d☠\ufe0f", "\x85", "\u2028"]
    )
).map("".join)


@given(TEXTS)
def test_any_text_comes_back_from_bytes(text: str) -> None:
    for kind in ("bpe", "unigram"):
        tokenizer = TOKENIZERS[kind]
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert not ids or (min(ids) > UNK and max(ids) < tokenizer.size)
        assert tokenizer.unknown(text) == []
        assert len(tokenizer.tokens(ids)) == len(ids)


@given(TEXTS)
def test_any_text_comes_back_from_characters(text: str) -> None:
    tokenizer = learn("characters", [text], 0)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) == len(text) and all(i > UNK for i in ids)
    trained = TOKENIZERS["characters"]
    assert trained.unknown(text) == [c for c in text if c not in "".join(SENTENCES)]
    assert trained.decode(trained.encode(text)) == "".join(c if c in "".join(SENTENCES) else "<unk>" for c in text)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1), min_size=1))
def test_any_symbols_come_back(symbols: list[str]) -> None:
    text = " ".join(symbols)
    tokenizer = learn("symbols", [text], 0)
    assert [i == UNK for i in tokenizer.encode(text)] == [symbol in SPECIALS for symbol in symbols]
    assert tokenizer.tokens(tokenizer.encode(text)) == ["<unk>" if s in SPECIALS else s for s in symbols]
    if not set(symbols) & set(SPECIALS):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.unknown(f"{text} \x01new") == [*(s for s in symbols if s in SPECIALS), "\x01new"]


@pytest.mark.parametrize("kind", KINDS)
@given(TEXTS)
def test_capitals_are_read_as_small_letters(kind: str, text: str) -> None:
    """By what was learnt so, before and after it is kept; and no capitals spell a special token."""
    tokenizer, small = LOWERED[kind], normalizers.Lowercase().normalize_str(text)
    ids = tokenizer.encode(text)
    assert tokenizer.encode(small) == TOKENIZERS_OF_SMALL[kind].encode(small) == ids
    assert parse_tokenizer(tokenizer.dump(), None).encode(text) == ids
    assert UNK in ids or kind == "symbols" or tokenizer.decode(ids) == small
    assert all(i >= UNK for i in tokenizer.encode(text + " <PAD> </S>"))


@pytest.mark.parametrize("kind", KINDS)
def test_saved_is_the_same(kind: str, tmp_path: Path) -> None:
    TOKENIZERS[kind].save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    assert loaded.encode_batch(SENTENCES) == TOKENIZERS[kind].encode_batch(SENTENCES)
    assert (loaded.kind, loaded.size, loaded.dump()) == (kind, TOKENIZERS[kind].size, TOKENIZERS[kind].dump())
    assert [loaded.inner.token_to_id(special) for special in SPECIALS] == [0, 1, 2, 3]
    assert UNK not in loaded.encode("<pad></s>") or kind == "symbols"


def test_learning_is_the_same_in_another_process() -> None:
    program = "import test_tokenizers as t; print([t.TOKENIZERS[kind].dump() for kind in t.KINDS])"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == str([TOKENIZERS[kind].dump() for kind in KINDS])


def test_tokens_can_be_read_by_people() -> None:
    bpe = TOKENIZERS["bpe"]
    assert bpe.tokens([0, 1, 2, 3]) == list(SPECIALS)
    assert bpe.tokens(bpe.encode(" fox 🏴")) == ["▁fox", "▁", "<0xF0>", "<0x9F>", "<0x8F>", "<0xB4>"]
    assert TOKENIZERS["unigram"].tokens(TOKENIZERS["unigram"].encode("🏴")) == ["<0xF0>", "<0x9F>", "<0x8F>", "<0xB4>"]
    assert TOKENIZERS["characters"].tokens(TOKENIZERS["characters"].encode("a \n")) == ["a", "▁", "⏎"]


def test_specials_fall_away_when_decoding() -> None:
    for tokenizer in TOKENIZERS.values():
        ids = tokenizer.encode("fox")
        assert tokenizer.decode([1, *ids, 2, 0, 0]) == tokenizer.decode(ids)


def test_anothers_tokenizer_keeps_its_ids_above_ours(tmp_path: Path) -> None:
    words = {"[UNK]": 0, "hello": 1, "world": 2, "[PAD]": 3}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    inner.enable_padding(length=7)
    inner.enable_truncation(1)
    inner.save(str(tmp_path / "own.json"))
    tokenizer = learn(str(tmp_path / "own.json"), [], 0)
    assert tokenizer.encode("hello new world") == [5, UNK, 6]
    assert tokenizer.size == 8 and tokenizer.unknown("hello new world") == ["new"]
    assert tokenizer.decode([1, 5, 6, 2]) == "hello world"
    assert tokenizer.decode([5, UNK]) == "hello [UNK]"
    tokenizer.save(tmp_path / "saved.json")
    assert load_tokenizer(tmp_path / "saved.json").encode("world") == [6]


def test_anothers_unigram_names_its_unknown_by_number(tmp_path: Path) -> None:
    inner = tokenizers.Tokenizer(tokenizers.models.Unigram([("a", -1.0), ("b", -1.0), ("?", -9.0)], unk_id=2))
    inner.save(str(tmp_path / "own.json"))
    tokenizer = load_tokenizer(tmp_path / "own.json")
    assert tokenizer.encode("abz") == [4, 5, UNK] and tokenizer.unknown("abz") == ["z"]


def test_anothers_tokenizer_without_an_unknown_entry(tmp_path: Path) -> None:
    inner = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1, "ab": 9}, [("a", "b")]))
    inner.save(str(tmp_path / "own.json"))
    tokenizer = load_tokenizer(tmp_path / "own.json")
    assert tokenizer.size == 14 and tokenizer.encode("abba") == [13, 5, 4]
    assert tokenizer.decode([1, UNK, 13, 2]) == "ab"


def test_choice_follows_the_data() -> None:
    assert unit_of(["HH AH L OW"] * 3) == "symbols"
    assert unit_of(["3 1 4 1 5", "1", "5 3 4"]) == "symbols"
    assert unit_of(["hello", "low", "naïve"]) == "words"
    assert unit_of(["The cat sat.", "A dog ran off.", "The dog sat."]) == "sentences"
    assert unit_of([f"{n} {n}" for n in range(301)]) == "sentences"
    assert unit_of(["x" * 400] * 3) == "sentences"


@pytest.mark.parametrize(
    ("kind", "size", "start"),
    [
        ("bpee", 1000, 'There is no tokenizer "bpee". Did you mean "bpe"?'),
        ("bpe", 260, "A bpe vocabulary of 260 is too small"),
        ("unigram", 270, "A unigram vocabulary of 270 is too small: The vocabulary is not large enough"),
        ("none.json", 0, "The tokenizer none.json cannot be read"),
    ],
)
def test_mistakes_are_named(kind: str, size: int, start: str) -> None:
    with pytest.raises(HeedfulError) as caught:
        learn(kind, SENTENCES, size)
    assert str(caught.value).startswith(start)


def test_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(HeedfulError, match=r"x\.json is not a tokenizer\.json"):
        load_tokenizer(tmp_path / "x.json")
