"""The hub on real weights, on folders that are not as they say, and on networks of our own."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from safetensors.torch import load_file, save_file
from torch import Tensor

from heedful import hub
from heedful.blocks.embedding import Tokens
from heedful.blocks.pixels import Pixels
from heedful.errors import HeedfulError
from heedful.hub.config import merge_config
from heedful.networks.build import build_encoder, encoder_decoder, language_model, masked_language_model
from heedful.networks.embeddings import PictureEmbedding
from heedful.networks.joins import EncoderHead, TwoTowers
from heedful.networks.settings import fit_pictures
from heedful.schema import NetworkSettings, parse_settings
from heedful.tasks.joins import resolve
from support import families
from support.families import oracle
from support.packaged_weights import MINILM, MINILM_INT8
from support.sampling import sample

# Real weights.


@torch.inference_mode()
def test_a_real_bert_knows_a_paraphrase() -> None:
    """One that is near, one that has nothing to do with it, and the vectors that their library computes."""
    texts = ["The new movie is awesome", "The new movie is so great", "A man is eating food"]
    opened = hub.open(MINILM)
    network: Any = hub.network(opened)
    assert opened.words is not None and opened.tasks == ()
    ids = [torch.tensor(opened.words.encode(text)) for text in texts]
    source, lengths = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), torch.tensor([len(row) for row in ids])
    vectors = torch.nn.functional.normalize(network(source, lengths).summary, dim=-1)
    theirs = oracle.AutoModel.from_pretrained(MINILM).eval()
    means = torch.stack([theirs(row.unsqueeze(0)).last_hidden_state[0].mean(0) for row in ids])
    assert (vectors - torch.nn.functional.normalize(means, dim=-1)).abs().max() < 1e-5
    assert vectors[0] @ vectors[1] == pytest.approx(0.8939, abs=0.001)
    assert vectors[1] @ vectors[2] == pytest.approx(-0.018, abs=0.001)
    session = InferenceSession(MINILM_INT8)
    for row, vector in zip(ids, vectors, strict=True):
        ones, zeros = np.ones((1, len(row)), np.int64), np.zeros((1, len(row)), np.int64)
        inputs = {"input_ids": row.numpy()[None], "attention_mask": ones, "token_type_ids": zeros}
        [rounded] = session.run(None, inputs)
        other = torch.from_numpy(np.asarray(rounded)[0].mean(0))
        assert torch.nn.functional.cosine_similarity(vector, other, dim=0) > 0.999  # 8 bits


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


def rounded(tensors: dict[str, Tensor]) -> None:
    tensors["transformer.ln_f.bias"] = tensors["transformer.ln_f.bias"].to(torch.int8)


def unread_words(folder: Path) -> None:
    (folder / "vocab.json").write_text('["a", "b"]')
    (folder / "merges.txt").write_text("a b\n")


def no_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


WRONG: dict[str, tuple[str, Callable[[Path], Any], list[str]]] = {
    "bin": ("gpt2", no_safetensors, ["pytorch_model.bin", "save_pretrained"]),
    "none": ("gpt2", lambda folder: (folder / "model.safetensors").unlink(), ["no weights"]),
    "cut": ("gpt2", lambda folder: (folder / "model.safetensors").write_bytes(b"12345"), ["cannot be read"]),
    "code": ("bert", lambda folder: edit(folder, auto_map={"AutoModel": "x.Y"}), ["auto_map", "runs none"]),
    "family": (
        "bert",
        lambda folder: edit(folder, model_type="modernbert", architectures=["ModernBertForMaskedLM"]),
        [
            "folder/config.json",
            "family modernbert (ModernBertForMaskedLM)",
            "fill), take a model of bert or distilbert",
        ],
    ),
    "no family": ("gpt2", lambda folder: edit(folder, model_type=None), ["folder/config.json", "model_type", "gpt2"]),
    "head": (
        "bert",
        lambda folder: edit(folder, architectures=["BertForQuestionAnswering"]),
        ["folder/config.json", "bert, with the architecture BertForQuestionAnswering", "BertModel.from_pretrained("],
    ),
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
        ["missing: transformer.h.", "h.8.mlp.c_proj.weight"],
    ),
    "inside": ("captioner", lambda folder: edit(folder, encoder={"model_type": "swin"}), ["model_type", "'swin'"]),
    "heads": ("gpt2", lambda folder: edit(folder, n_head=29), ["29 attention heads cannot share the width"]),
    "number": ("bert", lambda folder: edit(folder, layer_norm_eps="1e-12"), ["layer_norm_eps", "'1e-12'", "above 0"]),
    "share": ("gpt2", lambda folder: edit(folder, resid_pdrop=10), ["resid_pdrop is 10", "below 1"]),
    "word": ("gpt2", lambda folder: edit(folder, tie_word_embeddings="no"), ["tie_word_embeddings is 'no'"]),
    "stranger": ("gpt2", lambda folder: edit(folder, model_type=""), ["names no family", "vision-encoder-decoder"]),
    "unnamed": ("gpt2", lambda folder: edit(folder, architectures=None), ["names no architecture", "GPT2LMHeadModel"]),
    "labels": ("vit", lambda folder: edit(folder, id2label={"0": "a", "2": "b"}), ["id2label", "each number from 0"]),
    "kind": ("gpt2", retell(rounded), ["transformer.ln_f.bias", "int8"]),
    "broken": ("gpt2", retell(lambda all: all["transformer.ln_f.bias"].fill_(torch.nan)), ["ln_f.bias", "NaN"]),
    "flat": ("vit", lambda folder: edit(folder, "preprocessor_config.json", image_std=[0, 1, 1]), ["image_std"]),
    "padded": ("vit", lambda folder: edit(folder, "preprocessor_config.json", do_pad=True), ["do_pad is True"]),
    "colour": ("vit", lambda folder: edit(folder, "preprocessor_config.json", image_mean="grey"), ["image_mean"]),
    "search": ("gpt2", lambda folder: edit(folder, "generation_config.json", suppress_tokens="x"), ["suppress_tokens"]),
    "begun": ("gpt2", lambda folder: (folder / "generation_config.json").write_text("{"), ["generation_config.json"]),
    "words": ("gpt2", unread_words, ["The tokenizer in", "cannot be read"]),
    "shared keys": (
        "qwen3",
        lambda folder: edit(folder, num_key_value_heads=7),
        ["num_key_value_heads is 7", "each of"],
    ),
    "wide heads": ("qwen3", lambda folder: edit(folder, head_dim=128), ["head_dim is 128", "share the width"]),
    "wavelength": (
        "qwen3",
        lambda folder: edit(folder, rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
        ["rope_parameters: rope_theta is 1000000.0", "10000"],
    ),
    "stretched": ("qwen3", lambda folder: edit(folder, rope_scaling={"type": "yarn"}), ["rope_scaling", "yarn"]),
    "biases": ("qwen3", lambda folder: edit(folder, attention_bias=True), ["attention_bias is True"]),
    "cut how": ("qwen3", lambda folder: (folder / "vocab.json").write_text("{}"), ["vocab.json and merges.txt alone"]),
    "json": ("vit", lambda folder: (folder / "config.json").write_text("{"), ["config.json cannot be read"]),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_not_as_told_is_refused_by_its_name(mistake: str, tmp_path: Path) -> None:
    family, spoil, words = WRONG[mistake]
    cases = (families.draw_case(family, seed) for seed in range(20))
    bare = ("GPT2Model", "ViTModel")
    model_case = next(case for case in cases if type(case.model).__name__ not in bare)
    spoil(model_case.save(tmp_path / "folder"))
    with pytest.raises(HeedfulError) as error:
        hub.open(tmp_path / "folder")
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "Did you mean" not in str(error.value)  # programs write these names, and nobody mistypes them


OLD = {
    "pruned_heads": {},
    "problem_type": None,
    "tie_encoder_decoder": False,
    "torchscript": False,
    "bad_words_ids": [[3]],
    "length_penalty": 1.0,
    "top_k": 50,
    "_name_or_path": "somewhere",
    "use_bfloat16": False,
}
"""What configs of older libraries tell beside what is computed."""


@pytest.mark.parametrize("family", families.FAMILIES)
def test_what_changes_nothing_is_no_mistake_and_is_kept(family: str, tmp_path: Path) -> None:
    folder = families.draw_case(family, 1).save(tmp_path / "folder")
    table = json.loads((folder / "config.json").read_text())
    inner = {key: table[key] | OLD for key in ("text_config", "vision_config", "encoder", "decoder") if key in table}
    edit(folder, **OLD, **inner)
    hub.write(hub.open(folder), tmp_path / "again")
    assert json.loads((tmp_path / "again" / "config.json").read_text()) == table | OLD | inner
    edit(folder, pruned_heads={"0": [1]})
    with pytest.raises(HeedfulError, match="pruned_heads"):
        hub.open(folder)


@pytest.mark.parametrize("family", sample(families.FAMILIES, 2))
def test_weights_in_several_files_are_one(family: str, tmp_path: Path) -> None:
    model = families.draw_case(family, 2)
    single = hub.open(model.save(tmp_path / "whole"))
    model.model.save_pretrained(tmp_path / "parts", max_shard_size="1KB")
    if model.processor is not None:
        model.processor.save_pretrained(tmp_path / "parts")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    parts = hub.open(tmp_path / "parts")
    assert parts.weights.keys() == single.weights.keys()
    assert all(torch.equal(parts.weights[name], tensor) for name, tensor in single.weights.items())
    next((tmp_path / "parts").glob("*.safetensors")).unlink()
    with pytest.raises(HeedfulError, match="not in the folder"):
        hub.open(tmp_path / "parts")


def old(folder: Path) -> None:
    """As GPT-2 was first published: no prefix, masks among the weights, and the output layer once more."""
    tensors = {
        name.removeprefix("transformer."): tensor for name, tensor in load_file(folder / "model.safetensors").items()
    }
    tensors |= {"h.0.attn.bias": torch.ones(1, 1, 9, 9), "lm_head.weight": tensors["wte.weight"].clone()}
    save_file(tensors, folder / "model.safetensors")


def test_old_names_and_second_names_are_known(tmp_path: Path) -> None:
    config = oracle.GPT2Config(vocab_size=17, n_positions=9, n_embd=6, n_layer=1, n_head=2)
    oracle.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    before = hub.open(tmp_path)
    old(tmp_path)
    after = hub.open(tmp_path)
    assert all(torch.equal(after.weights[name], tensor) for name, tensor in before.weights.items())
    retell(lambda all: all["lm_head.weight"].add_(1))(tmp_path)
    with pytest.raises(HeedfulError, match="but they differ"):
        hub.open(tmp_path)


def test_fewer_classes_than_before_are_all_that_are_written() -> None:
    before = {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}, "text_config": {"x": 1}}
    after = {"id2label": {"0": "d", "1": "a"}, "label2id": {"d": 0, "a": 1}, "text_config": {"y": 2}}
    assert merge_config(before, after) == after | {"text_config": {"x": 1, "y": 2}}


# Networks of our own, given away.


def small(name: str, task: str, **settings: Any) -> NetworkSettings:
    extra = {"patch": "auto", "stem": "auto"} if task in ("classify", "match") else None
    return resolve(
        parse_settings(NetworkSettings, {"name": name, "size": "tiny", "width": 16} | settings), task, own=extra
    )


@torch.inference_mode()
def test_a_gpt_of_our_own_is_theirs_too(tmp_path: Path) -> None:
    network = language_model(small("gpt", "complete", context=12), 30).eval()
    hub.write(
        hub.as_published("gpt2", small("gpt", "complete", context=12), {"vocabulary": 30}, network), tmp_path / "out"
    )
    tokens = torch.randint(0, 30, (2, 12))
    theirs = oracle.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert torch.allclose(network.decoder.logits(network(tokens)), theirs(tokens).logits, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("tied", [True, False])
def test_a_touvron2023_of_our_own_is_theirs_too(tied: bool, tmp_path: Path) -> None:
    settings = small("touvron2023", "complete", tied=tied)
    network = language_model(settings, 30).eval()
    families.randomize_weights(network)
    hub.write(hub.as_published("qwen3", settings, {"vocabulary": 30, "window": 12}, network), tmp_path / "out")
    tokens = torch.randint(0, 30, (2, 12))
    theirs = oracle.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    again: Any = hub.network(hub.open(tmp_path / "out"))
    for ours in (network, again):
        logits = ours.decoder.logits(ours(tokens))
        assert torch.allclose(logits, theirs(tokens).logits, rtol=1e-5, atol=1e-5 * float(logits.abs().max()))


@torch.inference_mode()
def test_a_bert_of_our_own_is_theirs_too(tmp_path: Path) -> None:
    network = masked_language_model(small("bert", "fill", context=12), 30).eval()
    hub.write(
        hub.as_published("bert", small("bert", "fill", context=12), {"vocabulary": 30}, network), tmp_path / "out"
    )
    tokens = torch.randint(0, 30, (2, 12))
    theirs = oracle.AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()
    ours = network.logits(network(tokens, torch.tensor([12, 12])))
    assert torch.allclose(ours, theirs(tokens).logits, atol=1e-5)


@torch.inference_mode()
def test_a_vit_of_our_own_is_theirs_too(tmp_path: Path) -> None:
    settings = fit_pictures(small("vit", "classify", patch=4), 12)
    facts: dict[str, Any] = {"size": 12, "mean": [0.5, 0.4, 0.3], "std": [0.5, 0.6, 0.7], "names": ["a", "b", "c"]}
    sight = PictureEmbedding(Pixels(12, (0.5, 0.4, 0.3), (0.5, 0.6, 0.7)), 16, 4, 0, "line", token=True)
    network = EncoderHead(sight, build_encoder(settings, embeds_positions=True), 3, "summary", 0.0).eval()
    hub.write(hub.as_published("vit", settings, facts, network), tmp_path / "out")
    pictures, values = families.draw_pictures(random.Random(0), 12, families.vit_processor(12))
    theirs = oracle.AutoModelForImageClassification.from_pretrained(tmp_path / "out").eval()
    assert [theirs.config.id2label[number] for number in range(3)] == facts["names"]
    assert torch.allclose(network(pictures, torch.tensor([10] * 3)), theirs(values).logits, atol=1e-5)


@torch.inference_mode()
def test_a_clip_of_our_own_is_theirs_too(tmp_path: Path) -> None:
    """Its patches have a bias, which theirs have not."""
    settings = fit_pictures(small("clip", "match", context=9, patch=4), 12)
    facts = {"vocabulary": 30, "end": 29, "size": 12, "mean": [0.5, 0.4, 0.3], "std": [0.5, 0.6, 0.7]}
    sight = PictureEmbedding(Pixels(12, (0.5, 0.4, 0.3), (0.5, 0.6, 0.7)), 16, 4, 0, "line", token=True)
    towers = build_encoder(settings, embeds_positions=True), build_encoder(settings, for_text=True)
    network = TwoTowers(sight, Tokens(30, 16), towers, 16).eval()
    hub.write(hub.as_published("clip", settings, facts, network), tmp_path / "out")
    pictures, values = families.draw_pictures(random.Random(0), 12, families.vit_processor(12))
    words = torch.randint(3, 29, (3, 9))
    words[:, -1] = 29
    theirs = oracle.CLIPModel.from_pretrained(tmp_path / "out").eval()
    ours = network((pictures, torch.tensor([10] * 3)), (words, torch.tensor([9] * 3)))
    assert torch.allclose(ours, theirs(input_ids=words, pixel_values=values).logits_per_image, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("shared", [True, False])
def test_a_translator_of_our_own_is_theirs_too(shared: bool, tmp_path: Path) -> None:
    settings = resolve(NetworkSettings(name="vaswani2017", size="tiny", width=16), "translate")
    network = encoder_decoder(settings, 30, 30 if shared else 20, shared).eval()
    facts = {"vocabulary": 30, "target": 30 if shared else 20, "shared": shared, "longest": 40}
    ids = {"pad": 0, "eos": 2, "decoder_start": 1}
    hub.write(hub.as_published("marian", settings, facts | ids, network), tmp_path / "out")
    source, target = torch.randint(3, 20, (2, 9)), torch.randint(3, 20, (2, 7))
    theirs = oracle.MarianMTModel.from_pretrained(tmp_path / "out").eval()
    ours = network.decoder.logits(network(source, torch.tensor([9, 9]), target))
    assert torch.allclose(ours, theirs(input_ids=source, decoder_input_ids=target).logits, atol=1e-4)


def test_what_a_layout_has_no_place_for_stays_here(tmp_path: Path) -> None:
    rotary = small("gpt", "complete", positions="rotary")
    with pytest.raises(HeedfulError, match="positions"):
        hub.as_published("gpt2", rotary, {"vocabulary": 30}, language_model(rotary, 30))
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "file").write_text("")
    learned = small("gpt", "complete", context=12)
    with pytest.raises(HeedfulError, match="not empty"):
        hub.write(hub.as_published("gpt2", learned, {"vocabulary": 30}, language_model(learned, 30)), tmp_path / "some")
