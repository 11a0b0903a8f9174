"""CTranslate2 in 8 bits: where it is asked for, and unasked by a verdict on the run's own validation data alone."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from heedful.api import precisions
from heedful.api.loading import load
from heedful.api.opened import Opened
from heedful.api.precisions import Verdict
from heedful.api.train import run
from heedful.engines.onnx_engine import OnnxEngine
from heedful.errors import HeedfulError
from heedful.training.progress import Quiet
from support.answers import assert_same
from support.command_line import heedful
from support.letter_pairs import LETTERS, short_recipe
from support.sampling import SEED, sample
from support.tiny_networks import tiny
from support.tiny_tasks import recipe, write_data

GREEDY = {"generate.beam": 1, "generate.max_length": 12}
GOOD = Verdict("symbol_error", 40, 34.1, 34.3, 1.2, 1.5)
TEXTS = [" ".join(random.Random(SEED + n).choices(LETTERS, k=n % 12 + 1)) for n in range(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translator")
    network = tiny(*sample(["vaswani2017", "touvron2023"], 1), width=32)
    run(short_recipe(folder, network, train__steps=60), folder / "run", Quiet())
    return folder / "run"


@pytest.mark.parametrize(
    "beams", [{}, {"generate.beam": 4, "generate.finish": "full", "generate.renormalize": True}], ids=str
)
def test_a_neighbour_never_matters(folder: Path, beams: dict[str, object]) -> None:
    """Numbers are scaled by rows: of 300 inputs each has the answer that it has alone, and other scores than before."""
    plain, model = load(folder, engine="ct2", precision="float32"), load(folder, precision="int8")
    answers = model.answer(TEXTS, GREEDY | beams)
    assert_same([model.answer([text], GREEDY | beams)[0] for text in TEXTS], answers)
    assert {(best[0].engine, best[0].precision) for best in answers} == {("ct2", "int8")}
    before = plain.answer(TEXTS, GREEDY | beams)
    assert any(best[0].score != other[0].score for best, other in zip(answers, before, strict=True))


def test_auto_goes_by_the_verdict(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is kept beside the engine, and told; it is on validation examples, in both precisions."""
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path))
    model, opened = load(folder, engine="ct2"), Opened(folder)
    verdict = precisions.kept(opened.place, "ct2")
    assert verdict is not None and verdict.measure == "symbol_error"
    beam = {"generate.beam": 1}  # its other settings are the run's
    scores = [load(folder, engine="ct2", precision=name).evaluate(changes=beam) for name in ("float32", "int8")]
    found = [each.measures["symbol_error"].value for each in scores]
    assert [verdict.float32, verdict.int8] == pytest.approx(found, abs=1e-6)
    for change, precision in (({}, "int8"), ({"int8": 34.5}, "float32"), ({"one": 0.9}, "float32")):
        precisions.keep(opened.place, "ct2", replace(GOOD, **change))
        assert model.answer("a b", GREEDY)[0][0].precision == precision
        assert model.answer("a b", GREEDY | {"generate.precision": "float32"})[0][0].precision == "float32"
    told = "precision=auto is float32: symbol_error 34.30 in 8 bits and 34.10 in float32"
    assert told in " ".join(heedful("info run", folder.parent).out.split())


def test_continuations_have_a_verdict_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path))
    run(recipe(write_data(tmp_path, SEED), "complete", "gpt"), tmp_path / "run", Quiet())
    load(tmp_path / "run", engine="ct2")
    verdict = precisions.kept(Opened(tmp_path / "run").place, "ct2")
    assert verdict is not None and 0 < abs(verdict.int8 - verdict.float32) < 0.05 * verdict.float32


def test_other_engines_refuse_it_by_name(folder: Path) -> None:
    with pytest.raises(HeedfulError, match="engine=torch answers in float32 alone"):
        load(folder, engine="torch", precision="int8").predict("a b", beam=1)
    with pytest.raises(HeedfulError, match="engine=onnx answers in float32 alone"):
        OnnxEngine(folder).in_int8()
