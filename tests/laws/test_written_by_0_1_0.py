"""Runs that 0.1.0 wrote: they answer, score, go on and are exported as they were by the version that wrote them.

They lie in `written_by_0_1_0`, where `make.py` tells how they came to be. They are never made anew. Two expectations
are others than 0.1.0's: its config.json of a fine-tuned ViT still had a class that only the network before it knew, and
some measures that say nothing of words are no longer counted (see `recorded_scores`).
"""

import io
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from heedful.data.folders import write_json
from laws.written_by_0_1_0.record import (
    HERE,
    QUESTIONS,
    answers,
    command,
    digest,
    engines,
    export_hashes,
    machine,
    outcome,
    scores,
    workplace,
)
from support.sampling import sample

RUNS = [*QUESTIONS]
EXPECTED = {name: json.loads((HERE / name / "expected.json").read_text("utf-8")) for name in RUNS}
WRITERS = json.loads((HERE / "machine.json").read_text("utf-8"))
EXPORTS = [(name, target) for name in RUNS for target in EXPECTED[name]["exports"] if target != "onnx"]
EXPORTS += sample(((name, "onnx") for name in RUNS), 2)
PNG = "iVBORw0KGgo"  # how the base64 of a PNG file begins
SCORE_TOLERANCE = 1e-5  # of log probabilities and measures, absolute and as a share
WEIGHT_TOLERANCE = 2e-5
"""Of weights after the second half of a training on another kind of machine: with the instructions of older processors
they differ by at most 2e-6.
"""
KEY_BIAS_TOLERANCE = 0.1
"""Of the biases of attention's keys, to which the softmax is blind: their gradient is rounding, of which Adam makes
whole steps.
"""


@pytest.mark.parametrize("name", RUNS)
def test_answers_as_before(name: str, tmp_path: Path) -> None:
    with workplace(tmp_path, name) as run:
        assert_alike(answers(name, run / "finished"), EXPECTED[name]["answers"])


@pytest.mark.parametrize("name", RUNS)
def test_scores_as_before(name: str, tmp_path: Path) -> None:
    with workplace(tmp_path, name) as run:
        assert_alike(scores(run / "finished"), of_the_network(recorded_scores(run / "finished")))


@pytest.mark.parametrize("name", RUNS)
def test_half_finished_run_goes_on_to_the_same_end(name: str, tmp_path: Path) -> None:
    """On the kind of machine that wrote it to the same bytes, elsewhere to nearly the same weights."""
    with workplace(tmp_path, name) as run:
        half = run / "half"
        [checkpoint] = half.rglob("step-*")
        code, _, errors = command(["train", str(half / "recipe.toml"), "-o", str(half), "train.keep=true"])
        assert code == 0, errors
        step = int(checkpoint.name.removeprefix("step-"))
        assert re.search(rf"from step {step}\b", errors), "it began anew"
        if machine() == WRITERS["machine"]:
            assert outcome(half) == EXPECTED[name]["outcome"]
            assert_alike(recorded_scores(half), of_the_network(recorded_scores(run / "finished")))
        else:
            assert_near(half / "model.safetensors", run / "finished" / "model.safetensors")


@pytest.mark.parametrize("name", RUNS)
def test_finished_run_stays_as_it_is(name: str, tmp_path: Path) -> None:
    """But for report and card, which 0.1.0 wrote last, and which are written where they are missing."""
    with workplace(tmp_path, name) as run:
        finished = run / "finished"
        before = contents(finished)
        code, _, errors = command(["train", str(run / "recipe.toml"), "-o", str(finished)])
        assert code == 0 and "is finished" in errors, errors
        added = contents(finished).keys() - before.keys()
        assert {path.name for path in added} == {"report.html", "README.md"}
        assert {path: digest for path, digest in contents(finished).items() if path not in added} == before
        again = contents(finished)
        assert command(["train", str(run / "recipe.toml"), "-o", str(finished)])[0] == 0
        assert contents(finished) == again


@pytest.mark.parametrize(("name", "target"), EXPORTS)
def test_exports_as_before(name: str, target: str, tmp_path: Path) -> None:
    """The same files with the same bytes; those of a graph where the same libraries wrote it on such a machine.

    Of long texts 0.1.0 said nothing in an export: that stands there now beside what it said.
    """
    with workplace(tmp_path, name) as run:
        files = export_hashes(run / "finished", target, Path("exported"))
        about = Path("exported", "export.json")
        if files and about.exists():
            write_json(about, without_long(json.loads(about.read_text(encoding="utf-8"))))
            files["export.json"] = digest(about)
    expected = EXPECTED[name]["exports"][target]
    assert files is not None and files.keys() == expected.keys()
    if {"machine": machine(), "engines": engines()} != WRITERS:
        files, expected = (
            {path: value for path, value in hashes.items() if not path.endswith(".onnx")}
            for hashes in (files, expected)
        )
    assert files == expected


def of_the_network(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores without what stands beside a network's own: baselines of 0.1.0 were weaker, and shares of 0 and 100 %
    had no interval there.
    """
    measures = {
        name: {key: value for key, value in measure.items() if key not in ("low", "high")}
        if measure["low"] == measure["high"]
        else measure
        for name, measure in scores["measures"].items()
    }
    own = {key: value for key, value in scores.items() if key not in ("baseline", "baseline_name")}
    return own | {"measures": measures}


def without_long(about: dict[str, Any]) -> dict[str, Any]:
    """What an export says, without what is decided of long texts and limits that 0.1.0 did not tell."""
    new = ("long", "limit") if about["task"] == "label" else ("long",)
    tables = {key: value for key, value in about.items() if key not in new}
    return {
        key: {inner: part for inner, part in value.items() if inner != "limit"}
        if isinstance(value, dict) and "before" in value
        else value
        for key, value in tables.items()
    }


def assert_alike(actual: Any, expected: Any, where: str = "") -> None:
    """Asserts that all that was recorded is there again, numbers within the tolerance; new keys may have come."""
    if isinstance(expected, dict):
        assert expected.keys() <= actual.keys(), where
        for key, value in expected.items():
            assert_alike(actual[key], value, f"{where}/{key}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for number, pair in enumerate(zip(actual, expected, strict=True)):
            assert_alike(*pair, f"{where}/{number}")
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=SCORE_TOLERANCE, abs=SCORE_TOLERANCE, nan_ok=True), where
    elif isinstance(expected, str) and re.fullmatch(r"-?\d+\.\d+", expected):
        assert_alike(float(actual), float(expected), where)
    elif isinstance(expected, str) and expected.startswith(PNG):
        assert_same_picture(actual, expected, where)
    else:
        assert actual == expected, where


def assert_same_picture(actual: str, expected: str, where: str) -> None:
    """Asserts that two PNG files in base64 show the same: what lies between two levels goes to either."""
    pixels = [np.asarray(Image.open(io.BytesIO(b64decode(text)))).astype(int) for text in (actual, expected)]
    assert pixels[0].shape == pixels[1].shape and np.abs(pixels[0] - pixels[1]).max() <= 1, where


def assert_near(actual: Path, expected: Path) -> None:
    """Asserts that two files hold tensors of the same names and nearly the same values."""
    tensors, references = load_file(actual), load_file(expected)
    assert tensors.keys() == references.keys()
    for name, value in references.items():
        tolerance = KEY_BIAS_TOLERANCE if name.endswith("key.bias") else WEIGHT_TOLERANCE
        assert np.allclose(tensors[name], value, rtol=0, atol=tolerance), name


def recorded_scores(run: Path) -> dict[str, Any]:
    """What was measured at the end of a run, but for what is counted no longer: of words what is meant for clips, and
    BLEU where no text has the four words of its n-grams.
    """
    recorded = json.loads((run / "scores.json").read_text("utf-8"))["scores"]
    config, gone = json.loads((run / "config.json").read_text("utf-8")), set[str]()
    if config["task"] == "label" and config["form"]["kind"] == "tokens":
        recorded["kind"] = "tags"
        gone = recorded["measures"].keys() - {"accuracy", "macro_f1"}
    elif all(len(text.split()) < 4 for case in recorded["cases"] for text in case["references"]):
        gone = {"bleu"}
    for table in ("measures", "baseline"):
        recorded[table] = {name: value for name, value in recorded[table].items() if name not in gone}
    return recorded


def contents(folder: Path) -> dict[Path, str]:
    """The sha256 of every file of a folder."""
    return {path: digest(path) for path in folder.rglob("*") if path.is_file()}
