"""Models that go out in the Hugging Face format: transformers reads the same ids and says the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import heedful
from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.networks.settings import resolve
from heedful.schema import NetworkSettings
from heedful.training.progress import Quiet
from support import published
from support.command_line import heedful as typed
from support.families import CLIPImageProcessorPil, ViTImageProcessorPil, oracle
from support.letter_pairs import short_recipe
from support.published import LINES
from support.tiny_tasks import recipe, write_data
from support.trained_models import first_trained


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("data"), seed=7)


def exported(settled: Any, folder: Path) -> tuple[Any, Path]:
    """A model of a few steps, and the folder that it went out into."""
    with torch.enable_grad():
        model = run(settled, folder / "run", Quiet())
    assert heedful.export(folder / "run", "hf", folder / "out").files["config.json"][0] > 0
    model.learnable[0].network.eval()
    return model, folder / "out"


def close(actual: Any, expected: Any) -> bool:
    return bool(torch.allclose(torch.as_tensor(actual).float(), torch.as_tensor(expected).float(), atol=1e-4))


TOKENIZERS = {
    "characters": {},
    "bpe": {"data__source_tokenizer": "bpe", "data__vocabulary": 270},
    "unigram": {"data__source_tokenizer": "unigram", "data__vocabulary": 283},
    "symbols": {"data__source_tokenizer": "symbols"},
}
GPT = "gpt"
TEXTS = ("abc 1", "gh 8", "b")


@torch.no_grad()
@pytest.mark.parametrize(
    ("network", "tokenizer"), [*((GPT, tokenizer) for tokenizer in TOKENIZERS), ("touvron2023", "bpe")]
)
def test_gpt_and_qwen_go_out(network: str, tokenizer: str, files: dict[str, str], tmp_path: Path) -> None:
    """Ids, logits, and greedy answers token by token; and it comes in again as what it was."""
    context = {"network__context": 16} if network == GPT else {}
    model, out = exported(recipe(files, "complete", network, **context, **TOKENIZERS[tokenizer]), tmp_path)
    words, theirs = oracle.AutoTokenizer.from_pretrained(out), oracle.AutoModelForCausalLM.from_pretrained(out).eval()
    trained = model.learnable[0]
    greedy = {"generate.sample": False, "generate.beam": 1, "generate.max_length": 6}
    again = heedful.load(out)
    for text, [answer], [back] in zip(TEXTS, model.answer(TEXTS, greedy), again.answer(TEXTS, greedy), strict=True):
        ids = words(text + " <s>", return_tensors="pt")["input_ids"]
        assert ids[0].tolist() == [1, *trained.tokenizer.encode(text + " <s>")]
        ids = words(text, return_tensors="pt")["input_ids"]
        ours = trained.network
        assert close(theirs(ids).logits, ours.decoder.logits(ours(ids)))
        tokens = theirs.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.size(1) :].tolist()
        assert trained.tokenizer.decode(tokens) == answer.output == back.output


@torch.no_grad()
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_bert_goes_out(tokenizer: str, files: dict[str, str], tmp_path: Path) -> None:
    model, out = exported(recipe(files, "fill", "bert", network__context=16, **TOKENIZERS[tokenizer]), tmp_path)
    words, theirs = oracle.AutoTokenizer.from_pretrained(out), oracle.AutoModelForMaskedLM.from_pretrained(out).eval()
    again = heedful.load(out)
    text = "abc [MASK] 123"
    inputs = words(text, return_tensors="pt")
    at = inputs["input_ids"][0].tolist().index(words.mask_token_id)
    shares = theirs(**inputs).logits[0, at].softmax(-1)
    for loaded in (model, again):
        [[answer, *_]] = loaded.answer([text])
        ids = first_trained(loaded).tokenizer.encode(answer.output)
        assert answer.track is not None
        [(probability,)] = answer.track.probabilities
        assert probability == pytest.approx(float(shares[4 : words.mask_token_id].max()), abs=1e-5)
        assert ids


@torch.no_grad()
@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_vit_goes_out(fit: str, files: dict[str, str], tmp_path: Path) -> None:
    model, out = exported(recipe(files, "classify", "vit", data__fit=fit), tmp_path)
    theirs = oracle.AutoModelForImageClassification.from_pretrained(out).eval()
    processor = (CLIPImageProcessorPil if fit == "crop" else ViTImageProcessorPil).from_pretrained(out)
    images = np.load(files["valid-labels"])["images"][:5]
    values = processor([Image.fromarray(image) for image in images], return_tensors="pt")["pixel_values"]
    shares = theirs(values).logits.softmax(-1)
    sources = [f"{files['valid-labels']}#{number}" for number in range(5)]
    for loaded in (model, heedful.load(out)):
        tracks = [answers[0].track for answers in loaded.answer(sources)]
        assert close([track.probabilities[0] for track in tracks if track], shares)
        assert list(theirs.config.id2label.values()) == list(first_trained(loaded).names)


@torch.no_grad()
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_clip_goes_out(tokenizer: str, files: dict[str, str], tmp_path: Path) -> None:
    more = {key.replace("source", "target"): value for key, value in TOKENIZERS[tokenizer].items()}
    model, out = exported(recipe(files, "match", "clip", network__context=40, **more), tmp_path)
    theirs, words = oracle.CLIPModel.from_pretrained(out).eval(), oracle.AutoTokenizer.from_pretrained(out)
    processor = CLIPImageProcessorPil.from_pretrained(out)
    images = np.load(files["valid-texts"])["images"][:3]
    values = processor([Image.fromarray(image) for image in images], return_tensors="pt")["pixel_values"]
    texts = ["a red bar", "a green dot", "a blue cross"]
    inputs = words(texts, padding=True, return_tensors="pt")
    assert inputs["input_ids"].amax(1).tolist() == [words.eos_token_id] * 3
    outputs = theirs(pixel_values=values, **inputs)
    cosines = (outputs.image_embeds @ outputs.text_embeds.T).diagonal()
    pairs = [(f"{files['valid-texts']}#{number}", text) for number, text in enumerate(texts)]
    for loaded in (model, heedful.load(out)):
        assert close(loaded.score(pairs), cosines)


@torch.no_grad()
@pytest.mark.parametrize("shared", [True, False])
def test_a_translator_goes_out(shared: bool, tmp_path: Path) -> None:
    network = resolve(NetworkSettings(name="vaswani2017", size="tiny", width=16, decoder_depth=1))
    settled = short_recipe(tmp_path / "data", network, train__steps=4, data__shared_tokenizer=shared)
    model, out = exported(settled, tmp_path)
    theirs = oracle.MarianMTModel.from_pretrained(out).eval()
    words = oracle.AutoTokenizer.from_pretrained(out)
    beside = words if shared else oracle.AutoTokenizer.from_pretrained(out, subfolder="target")
    texts = ["a b c", "d", "e f g h a"]
    inputs = words(texts, padding=True, return_tensors="pt")
    for text, row, real in zip(texts, inputs["input_ids"], inputs["attention_mask"], strict=True):
        assert row[real.bool()].tolist() == [*first_trained(model).preprocessor.tokenizer.encode(text), 2]
    sources = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    outputs = theirs.generate(**sources, num_beams=1, max_length=9)
    answers = model.answer(texts, {"generate.beam": 1, "generate.max_length": 8})
    for [answer], ids in zip(answers, outputs, strict=True):
        if answer.complete:
            assert answer.output == beside.decode(ids, skip_special_tokens=True)
        else:  # theirs is made to end
            assert ids.tolist()[1:8] == first_trained(model).target.encode(answer.output)[:7]
    assert json.loads((out / "generation_config.json").read_text())["decoder_start_token_id"] == 1
    again = heedful.load(out)
    for asked_for in ({"generate.beam": 3}, {"generate.beam": 1}):
        asked_for = asked_for | {"generate.max_length": 8, "generate.finish": "likely"}  # theirs, which it is asked by
        assert [best.output for [best, *_] in again.answer(texts, asked_for)] == [
            best.output for [best, *_] in model.answer(texts, asked_for)
        ]
    again.save(tmp_path / "saved")
    for name, folder in (("twice", out), ("thrice", tmp_path / "saved")):
        heedful.export(folder, "hf", tmp_path / name)
        for path in (path for path in out.rglob("*") if path.is_file()):
            if (name, path.name) != ("thrice", "generation_config.json"):  # a saved one tells its longest otherwise
                assert (tmp_path / name / path.relative_to(out)).read_bytes() == path.read_bytes()


@torch.no_grad()
def test_who_never_saw_an_end_goes_out_without_one(tmp_path: Path) -> None:
    """Of a single document the end was cut: no marks stand around a text, and none is said."""
    (tmp_path / "book.txt").write_text("abc abd abe ace " * 20)
    asked_for = {"data__train": [str(tmp_path / "book.txt")], "data__valid": "auto", "network__context": 16}
    for task, network, text in (("fill", "bert", "ab[MASK] a"), ("complete", "gpt", "abc")):
        settled = recipe(dict.fromkeys(("train-documents", "valid-documents"), ""), task, network, **asked_for)
        model, out = exported(settled, tmp_path / task)
        again = heedful.load(out)
        assert not first_trained(model).ends and not first_trained(again).ends
        assert first_trained(model).window == first_trained(again).window == 12
        changes = {"generate.n_best": 3} | ({"generate.max_length": 30} if task == "complete" else {})
        for answer, other in zip(model.answer([text], changes)[0], again.answer([text], changes)[0], strict=True):
            assert (answer.output, answer.score) == (other.output, pytest.approx(other.score, abs=1e-4))


@pytest.mark.parametrize("family", published.MODELS)
def test_what_came_in_goes_out_the_same(family: str, tmp_path: Path) -> None:
    """A folder is written as it was, byte by byte but for what a config says twice; and so is a copy saved here."""
    folder = published.MODELS[family](tmp_path / "published")
    heedful.export(folder, "hf", tmp_path / "out")
    for path in folder.iterdir():
        if path.name == "model.safetensors":
            same(path, tmp_path / "out" / path.name)
        elif path.suffix == ".json":
            assert json.loads((tmp_path / "out" / path.name).read_text()) == json.loads(path.read_text()), path.name
        else:
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    heedful.load(folder).save(tmp_path / "saved")
    heedful.export(tmp_path / "saved", "hf", tmp_path / "again")
    same(tmp_path / "again" / "model.safetensors", folder / "model.safetensors")  # but for what no answer uses
    kinds = {"gpt2": "GPT2Tokenizer", "bert": "BertTokenizer", "clip": "CLIPTokenizer", "captioner": "GPT2Tokenizer"}
    for kind in [kinds[family]] if family in kinds else []:
        before, after = (getattr(oracle, kind).from_pretrained(tmp_path / name) for name in ("published", "again"))
        assert [before(text)["input_ids"] for text in LINES] == [after(text)["input_ids"] for text in LINES]
        assert before.special_tokens_map == after.special_tokens_map


def same(actual: Path, expected: Path) -> None:
    """The same tensors, or more in the other that make no answer."""
    tensors, more = load_file(actual), load_file(expected)
    assert all("pooler" in name for name in tensors.keys() ^ more.keys())
    assert all(torch.equal(more[name], tensor) for name, tensor in tensors.items())


def test_what_has_no_place_is_told(files: dict[str, str], tmp_path: Path) -> None:
    run(recipe(files, "complete", "lstm"), tmp_path / "lstm", Quiet())
    run(recipe(files, "label", "frame"), tmp_path / "label", Quiet())
    # every tensor would fit, and another vector of the picture be read
    alike = {"network__norm": "pre", "network__positions": "line", "network__stem": 0, "network__pool": "summary"}
    run(recipe(files, "classify", "vaswani2017", **alike), tmp_path / "mean", Quiet())
    refused = {"lstm": "lstm is not a network that gpt2 has a layout for", "label": "no layout for"}
    refused["mean"] = "vaswani2017 is not a network that vit has a layout for"
    for name, message in refused.items():
        with pytest.raises(HeedfulError, match=message):
            heedful.export(tmp_path / name, "hf", tmp_path / "out")
        assert not (tmp_path / "out").exists()
    folder = published.gpt2(tmp_path / "gpt2")
    ended = typed(f"export {folder} --to hf -o mine", tmp_path)
    assert (ended.code, "generation_config.json" in ended.out) == (0, True)
