"""Texts alone in one space: encoders as sentence-transformers publishes them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import heedful
from heedful import hub
from heedful.errors import HeedfulError
from heedful.hub.sentences import read_sentences
from support import published
from support.families import oracle
from support.packaged_weights import MINILM

TEXTS = ["The new movie is awesome", "The new movie is so great", "A man is eating food"]


def test_a_real_encoder_finds_a_paraphrase() -> None:
    model = heedful.load(MINILM)
    cosines = (vectors := model.embed(TEXTS, "texts").values) @ vectors.T
    assert cosines[0, 1] == pytest.approx(0.8939, abs=0.001) and cosines[1, 2] == pytest.approx(-0.018, abs=0.001)
    [[first, second]] = model.search([TEXTS[1]], [TEXTS[2], TEXTS[0]])
    assert (first.output, second.output) == (TEXTS[0], TEXTS[2]) and first.score == pytest.approx(
        cosines[0, 1], abs=1e-5
    )
    [[best]] = model.among([TEXTS[1]], TEXTS[::2], {"generate.n_best": 1})
    assert best.output == TEXTS[0] and best.score == pytest.approx(cosines[0, 1], abs=1e-5)


def sentences(folder: Path, kind: str = "cls_token", **files: Any) -> Path:
    """An encoder with what says how it is pooled."""
    published.bert(folder, "BertModel")
    modules = [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}]
    modules += [{"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{kind}": True}))
    for name, table in {"modules": modules, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(table))
    return folder


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["cls_token", "mean_tokens"])
def test_vectors_are_pooled_prompted_and_cut_as_the_folder_says(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    files = {"sentence_bert_config": {"max_seq_length": 12}, "config_sentence_transformers": prompts}
    folder = sentences(tmp_path / "folder", kind, **files)
    model, words = heedful.load(folder), oracle.AutoTokenizer.from_pretrained(folder)
    theirs = oracle.AutoModel.from_pretrained(folder).eval()
    texts = [*TEXTS, "one two three four five six seven eight nine ten eleven twelve"]
    for side, prompt in (("texts", "passage: "), ("queries", "query: ")):
        ours = model.embed(texts, side).values  # type: ignore[arg-type]
        for text, vector in zip(texts, ours, strict=True):
            inputs = words(prompt + text, return_tensors="pt", truncation=True, max_length=12)
            states = theirs(**inputs).last_hidden_state[0]
            pooled = states[0] if kind == "cls_token" else states.mean(0)
            assert np.allclose(vector, (pooled / pooled.norm()).numpy(), atol=1e-5)
    assert "1 text cut: the network reads 12 tokens" in capsys.readouterr().err
    hub.write(hub.open(folder), tmp_path / "again")
    for name in ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_a_bare_encoder_takes_the_mean_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = heedful.load(published.roberta(tmp_path / "folder", "Model"))
    assert model.embed(["a text"], "texts").values.shape == (1, 24)
    assert "modules.json" in capsys.readouterr().err


def dense(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))


MISTAKES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "module": (dense, ["modules.json", "Dense"]),
    "list": (lambda folder: (folder / "modules.json").write_text("3"), ["modules.json", "types"]),
    "gone": (lambda folder: (folder / "1_Pooling" / "config.json").unlink(), ["1_Pooling/config.json"]),
    "pool": (
        lambda folder: (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}'),
        ["1_Pooling/config.json", "max_tokens"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_pooled_otherwise_is_refused_by_its_name(mistake: str, tmp_path: Path) -> None:
    spoil, expected = MISTAKES[mistake]
    spoil(folder := sentences(tmp_path / "folder"))
    with pytest.raises(HeedfulError) as error:
        read_sentences(folder)
    assert all(word in str(error.value) for word in expected), str(error.value)
