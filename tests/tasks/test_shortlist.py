"""Lexical shortlists: what an answer may be written with, and that nothing else of it changes."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from heedful.api.export import export
from heedful.api.loading import load
from heedful.api.model import Model
from heedful.api.opened import Opened
from heedful.api.train import run
from heedful.data.folders import SHORTLIST
from heedful.engines.ct2_engine import lacks
from heedful.errors import HeedfulError
from heedful.schema import GenerateSettings
from heedful.training.progress import Quiet
from support.answers import assert_same, without_torch
from support.letter_pairs import LETTERS, short_recipe
from support.sampling import SEED, sample
from support.tiny_networks import label, rows
from support.trained_models import first_trained

WHOLE = {"generate.shortlist": 10_000}
FEW = {"generate.shortlist": 1}
SEARCHES = [
    {"generate.beam": 1},
    {"generate.beam": 3, "generate.n_best": 3, "generate.repetition_penalty": 1.5},
    {"generate.beam": 2, "generate.finish": "full", "generate.renormalize": True, "generate.batch_tokens": 40},
    {"generate.sample": True, "generate.n_best": 2},
]
TEXTS = ["", *(" ".join(random.Random(SEED + n).choices(LETTERS, k=n % 5 + 1)) for n in range(30))]


@pytest.fixture(scope="module", params=sample(rows(), 1), ids=label)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translator")
    run(short_recipe(folder, request.param, train__steps=20), folder / "run", Quiet())
    return folder / "run"


@pytest.fixture(scope="module", params=["torch", "onnx"])
def model(folder: Path, request: pytest.FixtureRequest) -> Model:
    return load(folder, engine=request.param)


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_a_shortlist_of_all_tokens_changes_nothing(model: Model, search: dict[str, object]) -> None:
    assert_same(model.answer(TEXTS, search), model.answer(TEXTS, search | WHOLE))


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_a_neighbour_never_matters(model: Model, search: dict[str, object]) -> None:
    """Law 2, though one product serves the whole batch."""
    together = model.answer(TEXTS, search | FEW)
    assert_same([model.answer([text], search | FEW)[0] for text in TEXTS], together)


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_engines_answer_alike(folder: Path, search: dict[str, object]) -> None:
    plain, graphs = (load(folder, engine=engine) for engine in ("torch", "onnx"))
    assert_same(plain.answer(TEXTS, search | FEW), graphs.answer(TEXTS, search | FEW))


def test_answers_hold_what_stands_on_the_list_alone(model: Model) -> None:
    trained = first_trained(model)
    [[commonest], reads] = trained.shortlist.shortlist.tokens(np.array([], np.int64), 1), trained.preprocessor
    assert any(set(answer.tokens) - {trained.target.tokens([commonest])[0]} for [answer] in model.answer(TEXTS, FEW))
    for text, [answer] in zip(TEXTS, model.answer(TEXTS, FEW), strict=True):
        allowed = trained.shortlist.shortlist.tokens(reads.arrays([text])[0], 1)
        assert set(answer.tokens) <= set(trained.target.tokens(allowed.tolist()))


def test_it_is_kept_beside_the_weights_and_taken_along(folder: Path, model: Model, tmp_path: Path) -> None:
    place = Opened(folder).place
    expected = model.answer(TEXTS, FEW)
    assert (folder / SHORTLIST).exists() and Opened(folder).place == place
    export(folder, "heedful", tmp_path / "shared")
    assert_same(expected, load(tmp_path / "shared", engine="torch").answer(TEXTS, FEW))


def test_it_answers_without_torch(folder: Path) -> None:
    [[best]] = load(folder, engine="onnx").answer(["a b"], FEW)
    process = without_torch("translate", str(folder), "a b", "generate.shortlist=1", "engine=onnx")
    assert not process.returncode and process.stdout.strip() == best.output.strip(), process.stderr


def test_where_there_is_none_it_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "run", ignore=shutil.ignore_patterns(SHORTLIST, "data"))
    with pytest.raises(HeedfulError, match="nor the training pairs"):
        load(tmp_path / "run", engine="torch").answer(["a"], FEW)
    (tmp_path / "run" / SHORTLIST).write_bytes(b"spoilt")
    with pytest.raises(HeedfulError, match="is no shortlist"):
        load(tmp_path / "run", engine="torch").answer(["a"], FEW)


def test_what_it_does_not_go_with_is_refused(folder: Path, model: Model) -> None:
    with pytest.raises(HeedfulError, match="may lack"):
        model.answer(["a"], FEW | {"generate.required": ["b"]})
    assert lacks(GenerateSettings(beam=1, shortlist=1)) == "generate.shortlist=1"


def test_evaluate_says_how_many_answers_it_changes(folder: Path, model: Model) -> None:
    few, whole = (model.evaluate(changes=changes).remarks for changes in (FEW, WHOLE))
    outputs = [[best.output for [best] in model.answer(case_sources(model), changes)] for changes in (FEW, {})]
    changed = sum(a != b for a, b in zip(*outputs, strict=True))
    assert any(f"generate.shortlist=1 changes {changed} of {len(outputs[0])} answers" in remark for remark in few)
    assert any("changes 0 of" in remark for remark in whole)


def case_sources(model: Model) -> list[str]:
    return [case.source for case in model.evaluate().cases]
