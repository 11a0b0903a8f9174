"""heedful export: its mistakes, and what it says where a library is not there."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from heedful.api.export import export
from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.exporters import TARGETS
from heedful.training.progress import Quiet
from support import published
from support.command_line import heedful
from support.letter_pairs import short_recipe
from support.sampling import SEED
from support.tiny_networks import tiny
from support.tiny_tasks import recipe, write_data

# As in test_cli.py: what was typed, and words that must stand in the answer on stderr.
MISTAKES = {
    "misspelt format": ("export run --to onxn", ['no format "onxn"', 'Did you mean "onnx"?', "onnx, ct2"]),
    "format left out": ("export run", ["--to"]),
    "not a run": ("export runs/help --to onnx", ["runs/help is not a run"]),
    "several runs": ("export run,run --to onnx", ["Several runs"]),
    "runs for a format of one": ("export run run --to onnx", ["--to onnx takes one run", "--to page"]),
    "two questions": ("export run seen --to page", ["run was trained to translate", "seen to classify (picture)"]),
    "file that is there": ("export run --to page -o train.tsv", ["train.tsv is a file"]),
    "folder that holds something": ("export run --to onnx -o run", ["The folder run is not empty", "-o FOLDER"]),
    "file for a folder": ("export run --to onnx -o train.tsv", ["train.tsv is a file"]),
    "another era": ("export run --to ct2", ["CTranslate2 runs Transformers alone", "heedful export run --to onnx"]),
    "another task": ("export seen --to ct2", ["runs models of translate alone", "heedful export seen --to onnx"]),
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of which none can go everywhere."""
    folder = tmp_path_factory.mktemp("workspace")
    run(short_recipe(folder, tiny("gru"), train__steps=2), folder / "run", Quiet())
    files = write_data(folder, SEED)
    run(recipe(files, "classify", "gru", train__steps=2), folder / "seen", Quiet())
    return folder


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, workspace: Path) -> None:
    line, expected = MISTAKES[case]
    before = sorted(workspace.rglob("*"))
    outcome = heedful(line, workspace)
    assert outcome.code == 2 and outcome.out == ""
    assert [words for words in expected if words not in outcome.err] == []
    assert "Traceback" not in outcome.err and len(outcome.err.splitlines()) <= 3
    assert sorted(workspace.rglob("*")) == before, "something was left behind"


@pytest.mark.parametrize(("name", "taken"), [("run", {"onnx", "page", "heedful"}), ("my encoder", {"hf"})])
def test_the_way_out_of_a_refusal_is_one(name: str, taken: set[str], workspace: Path) -> None:
    """Each format that takes the model is named there, and no other; below, graphs are written of `run`, too."""
    if name != "run":
        published.bert(workspace / name, "BertModel")
    for to in sorted(taken - {"onnx"}):
        assert "FOLDER" not in " ".join(export(workspace / name, to, workspace / f"{to} of {name}").notes)
    for to in sorted(TARGETS.keys() - taken):
        with pytest.raises(HeedfulError) as error:
            export(workspace / name, to, workspace / "refused")
        command = shlex.join(["heedful", "export", str(workspace / name), "--to"])
        assert set(re.findall("|".join(TARGETS), error.value.cure.partition(command)[2])) == taken


@pytest.mark.parametrize(("to", "package"), [("onnx", "onnxscript"), ("ct2", "ctranslate2")])
def test_what_is_not_installed_is_told(to: str, package: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    outcome = heedful(f"export run --to {to}", workspace)
    assert outcome.code == 2 and package in outcome.err and 'pip install "heedful[export]"' in outcome.err


def test_without_an_engine_nothing_is_said_to_be_checked(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    outcome = heedful("export run --to onnx -o unchecked", workspace)
    assert outcome.code == 0 and "not checked: onnxruntime is not installed" in outcome.out
    assert {"encoder.onnx", "step.onnx", "export.json"} < {path.name for path in (workspace / "unchecked").iterdir()}
