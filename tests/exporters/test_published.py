"""Published weights in other engines: what onnxruntime and CTranslate2 say is what the model says."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession

import heedful
from heedful.api.model import Model
from heedful.data.pictures.read import read_pictures
from support import published
from support.families import oracle
from support.onnx_sessions import assert_close, loop
from support.onnx_sessions import run_session as run_session
from support.onnx_texts import assert_continues, assert_fills, assert_same_answers
from support.published import LINES, NAMES, classes
from support.trained_models import first_trained

GREEDY = {"generate.sample": False, "generate.beam": 1}


def written(folder: Path, to: str, out: Path) -> Model:
    """A published model that went out; what was written has been checked there."""
    heedful.export(folder, to, out)
    model = heedful.load(folder)
    first_trained(model).network.eval()
    return model


def test_gpt2_goes_on(tmp_path: Path) -> None:
    """As far as it can read."""
    model = written(published.gpt2(tmp_path / "gpt2"), "onnx", tmp_path / "out")
    assert_continues(model, tmp_path / "out")
    texts = ["Hello world, this is", "The café — don't", "<|endoftext|>", ""]
    answers = [best.output for [best, *_] in model.answer(texts, GREEDY | {"generate.max_length": 12})]
    assert loop("complete")(str(tmp_path / "out"), texts, 12) == answers


def test_bert_fills(tmp_path: Path) -> None:
    model = written(published.bert(tmp_path / "bert"), "onnx", tmp_path / "out")
    assert_fills(model, tmp_path / "out")
    assert_same_answers(
        model, tmp_path / "out", ["The [MASK] sat, unbelievably, on the [MASK].", "[MASK]", "[CLS] [MASK]"]
    )


@torch.no_grad()
@pytest.mark.parametrize("kind", ["BertForSequenceClassification", "BertForTokenClassification"])
def test_bert_names(kind: str, tmp_path: Path) -> None:
    """Classes of texts, and labels of words by their first pieces, from what export.json tells."""
    model = written(published.bert(tmp_path / "bert", kind, **classes(NAMES)), "onnx", tmp_path / "out")
    about = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert about["source"]["limit"] == 40 and about["long"] == ("windows" if "Token" in kind else "cut")
    side, texts = about["source"], ["A man reads a book, unbelievably.", "Two dogs"]
    words = oracle.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "out" / side["tokenizer"]))
    pieces_of_texts = [[words(word, add_special_tokens=False)["input_ids"] for word in text.split()] for text in texts]
    rows = [[*side["before"], *(piece for word in text for piece in word), *side["after"]] for text in pieces_of_texts]
    lengths = np.array([len(row) for row in rows])
    source = np.array([row + [0] * (max(lengths) - len(row)) for row in rows])
    [logits] = run_session(
        InferenceSession(tmp_path / "out" / "model.onnx"), {"source": source, "lengths": lengths}
    ).values()
    answers = model.answer(["\t".join(text.split()) if "Token" in kind else text for text in texts])
    for text, pieces, text_logits, [answer] in zip(texts, pieces_of_texts, logits, answers, strict=True):
        first = 1 + np.cumsum([0, *(len(word) for word in pieces[:-1])])
        shares = torch.from_numpy(text_logits[first] if "Token" in kind else text_logits[None]).softmax(-1)
        assert answer.track and about["names"] == list(first_trained(model).names), text
        assert_close(np.array(answer.track.probabilities), shares)


@torch.no_grad()
@pytest.mark.parametrize("family", ["vit", "clip", "captioner"])
def test_pictures_are_seen(family: str, tmp_path: Path) -> None:
    model = written(published.MODELS[family](tmp_path / family), "onnx", tmp_path / "out")
    trained, out = first_trained(model), tmp_path / "out"
    sources = [str(published.picture(tmp_path / f"{number}.png", number)) for number in range(3)]
    sessions = {path.stem: InferenceSession(path) for path in out.glob("*.onnx")}
    reading = getattr(trained, "pictures", None) or trained.preprocessor
    inputs = {"source": np.stack(list(read_pictures(sources, reading.form)))}
    about = json.loads((out / "export.json").read_text("utf-8"))
    if family == "vit":
        shares = torch.from_numpy(run_session(sessions["model"], inputs)["logits"]).softmax(-1)
        answers = [best.track for [best, *_] in model.answer(sources)]
        assert_close(np.array([track.probabilities[0] for track in answers if track]), shares)
    elif family == "clip":
        texts = ["a red bar", "two green dots, and more", "blue"]
        pictures = run_session(sessions["pictures"], inputs)["vectors"]
        side, encode = about["texts"], trained.words.tokenizer.encode
        rows = [side["before"] + encode(text) + side["after"] for text in texts]
        lengths = np.array([len(row) for row in rows])
        source = np.array([row + [0] * (max(lengths) - len(row)) for row in rows])
        vectors = run_session(sessions["texts"], {"source": source, "lengths": lengths})["vectors"]
        scores = torch.tensor(model.score(list(zip(sources, texts, strict=True))))
        assert_close((pictures * vectors).sum(-1), scores)
    else:
        state, tokens, rows = run_session(sessions["encoder"], inputs), np.full(3, about["begin"]), []
        for _ in range(about["slack"]):
            outputs = run_session(sessions["step"], state | {"tokens": tokens})
            outputs["logits"][:, about["never"]] = -np.inf
            tokens = outputs["logits"].argmax(-1)
            rows.append(tokens)
            state |= {name.removeprefix("new."): part for name, part in outputs.items()}
        for row, [answer] in zip(np.stack(rows, 1).tolist(), model.answer(sources, {"generate.beam": 1}), strict=True):
            tokens_to_end = row[: row.index(about["end"])] if about["end"] in row else row
            assert trained.target.decode(tokens_to_end) == answer.output


@pytest.mark.parametrize(("to", "engine"), [("onnx", "onnxruntime"), ("ct2", "ctranslate2")])
def test_marian_translates(to: str, engine: str, tmp_path: Path) -> None:
    """By the loops of the docs, with its own pieces in place of the tokenizer."""
    model = written(published.marian(tmp_path / "marian"), to, tmp_path / "out")
    translate: Callable[..., list[str]] = loop("translate", engine)
    names: dict[str, Any] = translate.__globals__
    names["Tokenizer"] = SimpleNamespace(from_file=loop("Pieces", "sentencepiece"))
    texts = [*LINES, ">>de<< The river", "xyz"]
    answers = [best for [best, *_] in model.answer(texts, {"generate.beam": 1})]
    outputs = translate(str(tmp_path / "out"), texts, *([1, ("<pad>",)] if to == "ct2" else []))
    for answer, text in zip(answers, outputs, strict=True):  # the loops know no end that a longest answer must have
        assert text == answer.output or (not answer.complete and text.startswith(answer.output))
    assert any(answer.complete for answer in answers)
