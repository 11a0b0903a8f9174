"""heedful export: its mistakes, and what it says where a library is not there."""

import sys
from pathlib import Path

import pytest

from heedful.api.train import run
from heedful.training.progress import Quiet
from support.command_line import heedful
from support.letter_pairs import short
from support.sampling import SEED
from support.tiny_networks import tiny
from support.tiny_tasks import recipe, written

# As in test_cli.py: what was typed, and words that must stand in the answer on stderr.
MISTAKES = {
    "misspelt format": ("export run --to onxn", ['no format "onxn"', 'Did you mean "onnx"?', "onnx, ct2"]),
    "format left out": ("export run", ["--to"]),
    "not a run": ("export runs/help --to onnx", ["runs/help is not a run"]),
    "several runs": ("export run,run --to onnx", ["Several runs"]),
    "folder that holds something": ("export run --to onnx -o run", ["The folder run is not empty", "-o FOLDER"]),
    "file for a folder": ("export run --to onnx -o train.tsv", ["train.tsv is a file"]),
    "another era": ("export run --to ct2", ["CTranslate2 runs Transformers alone", "heedful export run --to onnx"]),
    "another task": ("export seen --to ct2", ["runs models of translate alone", "heedful export seen --to onnx"]),
    "turned positions": ("export turned --to ct2", ["network.positions", "heedful export turned --to onnx"]),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of which none can go everywhere."""
    folder = tmp_path_factory.mktemp("place")
    run(short(folder, tiny("gru"), train__steps=2), folder / "run", Quiet())
    run(short(folder, tiny("vaswani2017", positions="rotary"), train__steps=2), folder / "turned", Quiet())
    files = written(folder, SEED)
    run(recipe(files, "classify", "gru", train__steps=2), folder / "seen", Quiet())
    return folder


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, place: Path) -> None:
    line, expected = MISTAKES[case]
    before = sorted(place.rglob("*"))
    told = heedful(line, place)
    assert told.code == 2 and told.out == ""
    assert [words for words in expected if words not in told.err] == []
    assert "Traceback" not in told.err and len(told.err.splitlines()) <= 3
    assert sorted(place.rglob("*")) == before, "something was left behind"


@pytest.mark.parametrize(("to", "package"), [("onnx", "onnxscript"), ("ct2", "ctranslate2")])
def test_what_is_not_installed_is_told(to: str, package: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    told = heedful(f"export run --to {to}", place)
    assert told.code == 2 and package in told.err and 'pip install "heedful[export]"' in told.err


def test_without_an_engine_nothing_is_said_to_be_checked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    told = heedful("export run --to onnx -o unchecked", place)
    assert told.code == 0 and "not checked: onnxruntime is not installed" in told.out
    assert {"encoder.onnx", "step.onnx", "export.json"} < {path.name for path in (place / "unchecked").iterdir()}
