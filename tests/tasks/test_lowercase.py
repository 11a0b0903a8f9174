"""Texts that are read in lower case: capitals change no answer, in runs, folders or graphs; what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from onnxruntime import InferenceSession

import heedful
from heedful import recipe as recipes
from heedful.api.export import export
from heedful.api.loading import load
from heedful.api.model import Model
from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.tasks.recipes import build
from heedful.tasks.task import find_task
from heedful.training.progress import Quiet
from support.onnx_sessions import run_session
from support.tiny_tasks import write_data

ROWS = [(f"{colour} {thing}.", thing) for colour in ("Red", "a GREEN", "The blue") for thing in ("apple", "Car")] * 12
ASKED = ["red apple.", "The GREEN car, and Blue.", "Ünder a CAR"]
OTHERWISE = ["RED aPPLE.", "the Green CAR, AND BLUE.", "ünder A car"]
SHORT: dict[str, Any] = {"data.lowercase": True, "data.source_tokenizer": "bpe", "network.width": 16}
SHORT |= {"train.steps": 3, "train.threads": 1, "train.precision": "float32"}


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("texts.tsv").write_text("".join(f"{text}\t{name}\n" for text, name in ROWS), encoding="utf-8")
    return "texts.tsv"


def recipe(texts: str, **changes: Any) -> Recipe:
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    return build("classify", {"data.train": [texts]} | SHORT | changed)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A classifier of all that is the default for texts that have classes: counted pieces too."""
    return heedful.train("classify", ROWS, settings=SHORT, output=tmp_path_factory.mktemp("lower") / "run")


def test_capitals_change_no_answer(model: Model, tmp_path: Path) -> None:
    """Live, saved and loaded, and in the exported graph, with nothing of Heedful but the files."""
    live = np.asarray(model.predict_proba(ASKED))
    model.save(tmp_path / "saved")
    for one in (model, load(tmp_path / "saved")):
        assert np.array_equal(np.asarray(one.predict_proba(OTHERWISE)), live)
    export(model.folder, "onnx", tmp_path / "onnx")
    source = json.loads((tmp_path / "onnx/export.json").read_text(encoding="utf-8"))["source"]
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / "onnx" / source["tokenizer"]))
    session = InferenceSession(tmp_path / "onnx/model.onnx")
    for text, probabilities in zip(OTHERWISE, live, strict=True):
        ids = [*source["before"], *tokenizer.encode(text, add_special_tokens=False).ids, *source["after"]]
        logits = run_session(session, {"source": np.array([ids]), "lengths": np.array([len(ids)])})["logits"][0]
        assert np.exp(logits - np.logaddexp.reduce(logits)) == pytest.approx(probabilities, abs=1e-5)


def test_only_data_that_are_read_so_are_known_by_it(texts: str) -> None:
    """Those of runs that are older than the key stay as they are; data in lower case are others, and others again."""
    learning, tokenizers = find_task("classify").learning, list[str]()
    for folder, lowercase in (("run", False), ("lower", True), ("lower", True)):
        notes: list[str] = []
        data = learning.prepare(recipe(texts, data__lowercase=lowercase), Path(folder), notes.append)
        assert ("lowercase" in data.fingerprint["data"]) == lowercase
        tokenizers.append(Path(folder, "data/source.tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizers[0] != tokenizers[1] == tokenizers[2]
    assert notes == ["data as prepared before: 58 training texts"]
    recipe_of_run = recipes.dump(recipe(texts)).replace("lowercase = true\n", "")
    Path("old.toml").write_text(recipe_of_run, encoding="utf-8")
    assert recipes.load("old.toml").data.lowercase is False


def test_what_is_not_learnt_here_cannot_be_lower_cased(texts: str, model: Model) -> None:
    shutil.copy(model.folder / "tokenizer.json", "own.json")
    pictures = write_data(Path(), 0)["train-labels"]
    refused = {
        "the tokenizer own.json is not learnt here": recipe(texts, data__source_tokenizer="own.json"),
        "the weights to start from have a tokenizer": recipe(
            texts, data__source_tokenizer="auto", start=str(model.folder)
        ),
        "data.lowercase is of texts; these sources are pictures": recipe(pictures, data__source_tokenizer="auto"),
    }
    for why, asked in refused.items():
        with pytest.raises(HeedfulError, match=why):
            run(asked, Path("run"), Quiet())
    with pytest.raises(HeedfulError, match=r"data\.lowercase is for classify, and the task is translate"):
        build("translate", {"data.train": [texts], "data.lowercase": True})
