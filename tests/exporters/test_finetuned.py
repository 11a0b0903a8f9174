"""Published weights that were trained on here go out again: transformers reads and says what the model does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import heedful
from heedful.api.model import Model
from heedful.api.train import run
from heedful.recipe import build
from heedful.tasks.training_sources import batch_of
from heedful.training.progress import Quiet
from support import published
from support.families import oracle
from support.onnx_sessions import assert_close
from support.sampling import SEED
from support.tiny_tasks import write_data
from support.trained_models import first_trained

TEXTS = ("The cat sat on the old house.", "Zwei Hunde", "who sleeps, who <s> eats?")
GREEDY = {"generate.sample": False, "generate.beam": 1}


def gone_out(task: str, start: Path, train: str, folder: Path, **changes: Any) -> tuple[Model, Path]:
    """A model of a few steps that began with what was published, as it is loaded again, and where it went out."""
    about = {"data.train": [train], "data.valid": [train], "data.overlap": "keep", "start": str(start)}
    settled = {"train.steps": 3, "train.threads": 1, "train.precision": "float32", "train.valid_every": 3}
    run(build(task, about | settled | {"train.learning_rate": 1e-2} | changes), folder / "run", Quiet())
    assert heedful.export(folder / "run", "hf", folder / "out").files["model.safetensors"][0] > 0
    model = heedful.load(folder / "run")
    first_trained(model).network.eval()
    return model, folder / "out"


def lines(path: Path, rows: list[str]) -> str:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return str(path)


def assert_learnt(ours: Tensor, before: Tensor) -> None:
    """The few steps changed what is said, by far more than engines differ."""
    assert (ours - before).abs().max() > 1e-2 * before.abs().max()


def ids_of(words: Any, text: str) -> Tensor:
    return words(text, return_tensors="pt")["input_ids"]


@torch.no_grad()
def test_gpt2(tmp_path: Path) -> None:
    """The same ids, the same logits, the same answers."""
    start = published.gpt2(tmp_path / "gpt2")
    with torch.enable_grad():
        model, out = gone_out("complete", start, lines(tmp_path / "lines.txt", [*published.LINES]), tmp_path)
    theirs, before = (oracle.AutoModelForCausalLM.from_pretrained(folder).eval() for folder in (out, start))
    words, trained = oracle.AutoTokenizer.from_pretrained(out), first_trained(model)
    again = heedful.load(out)
    for text in TEXTS:
        ids = ids_of(words, text)
        assert ids[0].tolist() == trained.tokenizer.encode(text)
        logits = theirs(ids).logits
        assert_close(trained.network.decoder.logits(trained.network(ids)).numpy(), logits)
        assert_learnt(logits, before(ids).logits)
        tokens = theirs.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.size(1) :]
        for loaded in (model, again):
            answer = loaded.answer([text], GREEDY | {"generate.max_length": 6})[0][0].output
            assert answer == words.decode(tokens, skip_special_tokens=True)


@torch.no_grad()
def test_bert_that_fills(tmp_path: Path) -> None:
    start = published.bert(tmp_path / "bert")
    with torch.enable_grad():
        model, out = gone_out("fill", start, lines(tmp_path / "lines.txt", [*published.LINES]), tmp_path)
    theirs, before = (oracle.AutoModelForMaskedLM.from_pretrained(folder).eval() for folder in (out, start))
    words, network = oracle.AutoTokenizer.from_pretrained(out), first_trained(model).network
    again = heedful.load(out)
    for text in ("The [MASK] sat, unbelievably, on the [MASK].", "[MASK]"):
        ids = ids_of(words, text)
        logits = theirs(ids).logits
        assert_close(network.logits(network(ids, torch.tensor([ids.size(1)]))).numpy(), logits)
        assert_learnt(logits, before(ids).logits)
        shares = logits[0, ids[0] == words.mask_token_id].softmax(-1)
        shares[:, words.all_special_ids] = -1
        for loaded in (model, again):
            track = loaded.answer([text], {"generate.whole_words": False})[0][0].track
            assert track and track.probabilities == pytest.approx(shares.amax(-1, keepdim=True).numpy(), abs=1e-5)


@torch.no_grad()
def test_bert_that_classifies(tmp_path: Path) -> None:
    """It only filled gaps before: the classes' head is new, and their names go out with it."""
    start, names = published.bert(tmp_path / "bert"), ("deutsch", "english")
    rows = [f"{line}\t{names[number % 2 == 0]}" for number, line in enumerate(published.LINES)]
    with torch.enable_grad():
        model, out = gone_out("classify", start, lines(tmp_path / "rows.tsv", rows), tmp_path)
    theirs = oracle.AutoModelForSequenceClassification.from_pretrained(out).eval()
    words, trained = oracle.AutoTokenizer.from_pretrained(out), first_trained(model)
    assert tuple(theirs.config.id2label.values()) == trained.names == names
    for text in TEXTS:
        ids = ids_of(words, text)
        assert ids[0].tolist() == trained.preprocessor.arrays([text])[0].tolist()
        logits = theirs(ids).logits
        assert_close(trained.network(ids, torch.tensor([ids.size(1)])).numpy(), logits)
        for loaded in (model, heedful.load(out)):
            track = loaded.answer([text])[0][0].track
            assert track and track.probabilities[0] == pytest.approx(logits[0].softmax(-1).tolist(), abs=1e-5)


@torch.no_grad()
def test_vit(tmp_path: Path) -> None:
    """Other classes than before, and pictures of another size, which their preprocessing makes the same of."""
    start, files = published.vit(tmp_path / "vit"), write_data(tmp_path, SEED)
    with torch.enable_grad():
        model, out = gone_out("classify", start, files["train-labels"], tmp_path)
    theirs = oracle.AutoModelForImageClassification.from_pretrained(out).eval()
    processor, trained = published.ViTImageProcessorPil.from_pretrained(out), first_trained(model)
    assert tuple(theirs.config.id2label.values()) == trained.names == ("bar", "cross", "dot", "frame")
    images = np.load(files["valid-labels"])["images"]
    logits = theirs(processor([Image.fromarray(image) for image in images], return_tensors="pt")["pixel_values"]).logits
    sources = [f"{files['valid-labels']}#{number}" for number in range(len(images))]
    batch = batch_of(trained.preprocessor, trained.preprocessor.arrays(sources))
    assert_close(trained.network(batch["source"], batch["lengths"]).numpy(), logits)
    for loaded in (model, heedful.load(out)):
        for [answer], expected in zip(loaded.answer(sources), logits.softmax(-1), strict=True):
            assert answer.track and answer.track.probabilities[0] == pytest.approx(expected.tolist(), abs=1e-5)


@torch.no_grad()
def test_marian(tmp_path: Path) -> None:
    """Both vocabularies of sentencepiece, and how answers begin and end."""
    start = published.marian(tmp_path / "marian")
    rows = [f"{published.LINES[number]}\t{published.LINES[number + 1]}" for number in range(0, 6, 2)]
    with torch.enable_grad():
        model, out = gone_out("translate", start, lines(tmp_path / "rows.tsv", rows), tmp_path)
    theirs, before = (oracle.MarianMTModel.from_pretrained(folder).eval() for folder in (out, start))
    words, trained = oracle.MarianTokenizer.from_pretrained(out), first_trained(model)
    again = heedful.load(out)
    for text in (*published.LINES[:3], ">>de<< The river"):
        ids = ids_of(words, text)
        assert ids[0].tolist() == trained.preprocessor.arrays([text])[0].tolist()
        target = torch.tensor([[trained.target.special_tokens.begin, *trained.target.encode("Das Haus")]])
        assert target[0, 0] == theirs.config.decoder_start_token_id
        logits = theirs(input_ids=ids, decoder_input_ids=target).logits
        outputs = trained.network(ids, torch.tensor([ids.size(1)]), target)
        assert_close(trained.network.decoder.logits(outputs).numpy(), logits)
        assert_learnt(logits, before(input_ids=ids, decoder_input_ids=target).logits)
        tokens = theirs.generate(ids, num_beams=1, max_length=12)[0]
        for loaded in (model, again):
            answer = loaded.answer([text], GREEDY | {"generate.max_length": 11})[0][0]
            answer_tokens = answer.tokens[:10]  # theirs is made to end with the next
            assert answer_tokens == tuple(trained.target.tokens(tokens.tolist()[1:])[: len(answer_tokens)])
            if answer.complete:
                assert answer.output == words.decode(tokens, skip_special_tokens=True)
