"""What the hub reads beside tensors, and writes again: tokenizers, and how pictures are prepared."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from PIL import Image

from heedful.data.pictures.resizing import Resizing
from heedful.data.tokenizers.sentencepiece import SentencePieceTokenizer
from heedful.data.tokenizers.special_tokens import SpecialTokens
from heedful.errors import HeedfulError
from heedful.hub import files as hub_files
from heedful.hub import pictures, words
from heedful.hub.marian import Pieces, read_words, write_words
from support import families, published
from support.families import oracle
from support.packaged_weights import GPT3, MINILM, TEXTS

# Tokenizers.


def test_what_is_no_model_of_pieces_is_refused() -> None:
    special = {"unknown": "<unk>", "end": "</s>"}
    with pytest.raises(HeedfulError, match="sentencepiece cannot be read"):
        Pieces(b"nothing", b"nothing", {"<unk>": 0}, {"<unk>": 0}, special).encode("a")
    with pytest.raises(HeedfulError, match="sentencepiece cannot be read"):
        SentencePieceTokenizer(b"nothing", {"<unk>": 0}, SpecialTokens()).encode("a")


def bytes_folder(folder: Path) -> Path:
    """GPT-2's vocabulary and merges as they were first published."""
    (folder / "vocab.json").write_bytes((GPT3 / "encoder.json").read_bytes())
    (folder / "merges.txt").write_bytes((GPT3 / "vocab.bpe").read_bytes())
    return folder


def pieces_folder(folder: Path) -> Path:
    """A BERT's vocabulary alone."""
    (folder / "vocab.txt").write_bytes((MINILM / "vocab.txt").read_bytes())
    return folder


def test_entries_of_a_vocabulary_may_look_like_ends_of_lines(tmp_path: Path) -> None:
    """U+2028, U+0085 and U+001C end no line: the ids behind them are those of the library."""
    odd = ["\u2028", "\x85", "\x1c", "\x0b"]
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", *odd, "old", "mat", "##s"]
    (tmp_path / "vocab.txt").write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    ours, theirs = words.read(tmp_path, words.PIECES), oracle.BertTokenizer.from_pretrained(tmp_path)
    assert ours is not None
    assert ours.encode("the old mats") == theirs("the old mats")["input_ids"] == [2, 5, 10, 11, 12, 3]


def clip_folder(folder: Path) -> Path:
    """A small vocabulary in CLIP's form."""
    letters = [chr(code) for code in range(33, 127)]
    merges = ["t h", "th e</w>", "l l"]
    entries = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        "th",
        "the</w>",
        "ll",
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    (folder / "vocab.json").write_text(json.dumps({entry: number for number, entry in enumerate(entries)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return folder


def roberta_folder(folder: Path) -> Path:
    """GPT-2's pieces between RoBERTa's special tokens."""
    published.roberta(folder)
    return folder


TOKENIZERS: dict[str, tuple[Callable[[Path], Path], dict[str, str], str]] = {
    "gpt2": (bytes_folder, words.BYTES, "GPT2Tokenizer"),
    "roberta": (roberta_folder, words.ROBERTA, "RobertaTokenizer"),
    "bert": (pieces_folder, words.PIECES, "BertTokenizer"),
    "clip": (clip_folder, words.CLIP, "CLIPTokenizer"),
}


@pytest.mark.parametrize("family", TOKENIZERS)
def test_a_tokenizer_of_bare_files_reads_as_theirs_does(family: str, tmp_path: Path) -> None:
    make, special, name = TOKENIZERS[family]
    ours, theirs = words.read(make(tmp_path), special), getattr(oracle, name).from_pretrained(tmp_path)
    assert ours is not None
    for text in TEXTS:
        assert ours.encode(text) == theirs(text)["input_ids"]
        ids = ours.encode(text, special=False)
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    theirs.save_pretrained(tmp_path / "saved")
    saved = words.read(tmp_path / "saved", special)
    assert saved is not None and [saved.encode(text) for text in TEXTS] == [ours.encode(text) for text in TEXTS]
    for role in special:
        assert ours.id(role) == saved.id(role) is not None


@pytest.mark.parametrize("family", TOKENIZERS)
def test_a_tokenizer_that_is_written_is_read_by_theirs(family: str, tmp_path: Path) -> None:
    """Files as they came; and those that are made where none came."""
    make, special, name = TOKENIZERS[family]
    ours = words.read(make(tmp_path), special)
    assert ours is not None
    files = words.write(ours, name)
    assert all((tmp_path / file).read_bytes() == content for file, content in files.items())
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for file, content in words.write(words.Words(ours.json, ours.special, 77), name).items():
        (fresh / file).write_bytes(content)
    theirs = oracle.AutoTokenizer.from_pretrained(fresh)
    assert theirs.model_max_length == 77
    assert [theirs(text)["input_ids"] for text in TEXTS] == [ours.encode(text) for text in TEXTS]


def test_texts_of_roberta_and_xlm_r_are_cut_as_theirs(tmp_path: Path) -> None:
    """Pairs, and masks, whose blank before is theirs; a tokenizer.json of a unigram model."""
    ours = words.read(roberta_folder(tmp_path / "roberta"), words.ROBERTA)
    theirs = oracle.RobertaTokenizer.from_pretrained(tmp_path / "roberta")
    assert ours is not None and ours.inner.encode("a b", "c d").ids == theirs("a b", "c d")["input_ids"]
    assert ours.encode("The <mask> sat.") == [0, *ours.encode("The", False), ours.id("mask"), *ours.encode(" sat.")[1:]]
    read = words.read(published.xlm_roberta(tmp_path / "xlm"), words.ROBERTA)
    theirs = oracle.AutoTokenizer.from_pretrained(tmp_path / "xlm")
    for text in (*TEXTS, *published.LINES, "The <mask> sat."):
        assert read is not None and read.encode(text) == theirs(text)["input_ids"]


def test_gpt2s_own_tokens(tmp_path: Path) -> None:
    ours = words.read(bytes_folder(tmp_path), words.BYTES)
    assert ours is not None and ours.encode(TEXTS[0]) == [15496, 995, 0, 6416, 1366, 13]


def test_marian_cuts_texts_as_theirs_does(tmp_path: Path) -> None:
    lines = [
        f"{first} {second} the old {noun}"
        for first in TEXTS
        for second in TEXTS
        for noun in ("house", "haus", "Häuser")
    ]
    (tmp_path / "lines.txt").write_text("\n".join(lines).replace("\n\n", "\n"), encoding="utf-8")
    vocabulary = {"</s>": 0, "<unk>": 1}
    for side, size in (("source", 55), ("target", 50)):
        sentencepiece.SentencePieceTrainer.train(
            input=str(tmp_path / "lines.txt"), model_prefix=str(tmp_path / side), vocab_size=size, minloglevel=2
        )
        (tmp_path / f"{side}.model").rename(tmp_path / f"{side}.spm")
        model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / f"{side}.spm"))
        for number in range(3, model.get_piece_size()):
            vocabulary.setdefault(model.id_to_piece(number), len(vocabulary))
    vocabulary |= {">>deu<<": len(vocabulary), "<pad>": len(vocabulary) + 1}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    ours = read_words(tmp_path)
    assert isinstance(ours, Pieces)
    theirs = oracle.MarianTokenizer(*(str(tmp_path / name) for name in ("source.spm", "target.spm", "vocab.json")))
    for text in (*TEXTS[:4], ">>deu<< the old house"):
        assert ours.encode(text) == theirs(text)["input_ids"]
        ids = theirs(text_target=text)["input_ids"]
        assert ours.encode(text, target=True) == ids
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True, use_source_tokenizer=False)
    assert all((tmp_path / name).read_bytes() == content for name, content in write_words(ours).items())


# Pictures.


@pytest.mark.parametrize("shape", [(40, 40), (31, 57), (57, 31), (9, 12)])
@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("kind", [families.ViTImageProcessorPil, families.CLIPImageProcessorPil])
def test_pictures_are_prepared_as_theirs_are(kind: Any, resample: int, shape: tuple[int, int], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    crops = kind is families.CLIPImageProcessorPil
    size = {"shortest_edge": 24} if crops else {"height": 24, "width": 20}
    more = {"crop_size": {"height": 22, "width": 22}} if crops else {}
    theirs = kind(size=size, resample=resample, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.3, 0.4], **more)
    theirs.save_pretrained(tmp_path)
    file = json.loads((tmp_path / "preprocessor_config.json").read_text())
    ours = pictures.parse(file, "here", "")
    expected = theirs(image, return_tensors="np")["pixel_values"][0].transpose(1, 2, 0)
    pixels = (prepared(ours, image) / 255 - np.array(ours.mean)) / np.array(ours.std)
    assert np.abs(pixels - expected).max() < 1e-5
    assert ours.plain() == file
    file_again = pictures.Preprocessing(**{**vars(ours), "file": {}}).plain()
    assert np.array_equal(prepared(pictures.parse(file_again, "here", ""), image), prepared(ours, image))


def prepared(ours: pictures.Preprocessing, image: Image.Image) -> np.ndarray:
    return np.asarray(Resizing(ours.shorter, ours.sides, ours.crop, ours.resample)(image))


def test_files_beside_weights_are_refused_by_their_size_or_depth(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"a":' * 100_000, encoding="utf-8")
    with pytest.raises(HeedfulError, match=r"config\.json cannot be read: its values are nested too deeply"):
        hub_files.read_json(tmp_path / "config.json")
    for name, read in (
        ("config.json", hub_files.read_json),
        ("tokenizer.json", lambda path: words.read(path.parent, {})),
    ):
        with (tmp_path / name).open("wb") as sink:
            sink.truncate(2_000_000_000)
        with pytest.raises(HeedfulError, match=f"{name} has 2,000,000,000 bytes, and at most"):
            read(tmp_path / name)


def test_a_model_of_sentencepiece_alone_is_refused_with_the_way_to_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"\n")
    with pytest.raises(HeedfulError, match=r"in sentencepiece\.bpe\.model alone") as raised:
        words.read(tmp_path, words.ROBERTA)
    assert f'save_pretrained("{tmp_path}")' in raised.value.cure and words.read(tmp_path / "none", {}) is None
