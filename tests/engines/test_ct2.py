"""The engine of CTranslate2: its search has the rules of ours wherever it answers, and it says where it has not."""

import random
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from heedful.api import speeds
from heedful.api.loading import load
from heedful.api.model import Model
from heedful.api.opened import Opened, Question
from heedful.api.speeds import Speed, Speeds
from heedful.api.train import run
from heedful.engines.ct2_search import lacks
from heedful.errors import HeedfulError
from heedful.schema import GenerateSettings
from heedful.training.progress import Quiet
from support.answers import assert_same, without_torch
from support.letter_pairs import LETTERS, short_recipe
from support.sampling import SEED, sample
from support.tiny_networks import tiny

CLOSE = 1e-5
FULL = {"generate.finish": "full", "generate.renormalize": True}
SEARCHES = [
    {"generate.beam": 1},
    {"generate.beam": 1, "generate.max_length": 3, "generate.renormalize": True},
    {"generate.beam": 4, "generate.n_best": 3, **FULL},
    {"generate.beam": 2, "generate.max_length": 3, "generate.length_penalty": 0.0, **FULL},
    {"generate.beam": 3, "generate.batch_tokens": 12, "generate.length_penalty": 2.0, **FULL},
]
TEXTS = ["", *(" ".join(random.Random(SEED + n).choices(LETTERS, k=n % 9 + 1)) for n in range(40))]


@pytest.fixture(scope="module", params=sample(["vaswani2017", "touvron2023"], 1))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translator")
    run(short_recipe(folder, tiny(request.param), train__steps=40), folder / "run", Quiet())
    return folder / "run"


@pytest.fixture(scope="module")
def models(folder: Path) -> tuple[Model, Model]:
    return load(folder, engine="torch"), load(folder, engine="ct2", precision="float32")


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_it_answers_as_the_search_of_ours(models: tuple[Model, Model], search: dict[str, object]) -> None:
    plain, fast = models
    assert_same(*(model.answer(TEXTS, search) for model in (plain, fast)))


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_a_neighbour_never_matters(models: tuple[Model, Model], search: dict[str, object]) -> None:
    _, fast = models
    assert_same([fast.answer([text], search)[0] for text in TEXTS], fast.answer(TEXTS, search))


def test_scores_are_teacher_forced(models: tuple[Model, Model]) -> None:
    """Law 3: of each that ended, as the network and as the engine itself score given answers."""
    plain, fast = models
    answers = [best for [best] in fast.answer(TEXTS, {"generate.beam": 1}) if best.complete]
    assert answers
    pairs = [(answer.source, answer.output) for answer in answers]
    for model in (plain, fast):
        assert model.score(pairs) == pytest.approx([answer.score for answer in answers], abs=CLOSE)


@pytest.mark.parametrize(
    "changes",
    [
        {"generate.beam": 2},
        {"generate.beam": 2, "generate.finish": "full"},
        {"generate.sample": True},
        {"generate.beam": 1, "generate.required": ["c b"]},
        {"generate.beam": 1, "generate.repetition_penalty": 2.0},
    ],
    ids=str,
)
def test_what_it_searches_for_otherwise_is_refused(models: tuple[Model, Model], changes: dict[str, object]) -> None:
    with pytest.raises(HeedfulError, match="CTranslate2 searches otherwise"):
        models[1].answer(["a b"], changes)


def test_several_together_and_all_hypotheses_are_refused(folder: Path) -> None:
    both = load(folder, folder, engine="ct2")
    with pytest.raises(HeedfulError, match="several models"):
        both.answer(["a b"], {"generate.beam": 1})
    with pytest.raises(HeedfulError, match="every hypothesis"):
        load(folder, engine="ct2").tree("a b", {"generate.beam": 1})


def test_it_is_taken_where_its_rules_are_the_run_s(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEEDFUL_ENGINE", "auto")
    opened, greedy = Opened(folder), GenerateSettings(beam=1)
    taken_as_fast(opened, ct2=3, onnx=2)
    assert opened.choose("auto", Question(greedy)) == "ct2"
    assert opened.choose("auto", Question(greedy, inputs=1000)) == "ct2"
    for other in (
        Question(GenerateSettings(beam=4)),
        Question(greedy, models=2),
        Question(greedy, watched=True),
        Question(greedy, longest=10_000),
    ):
        assert opened.choose("auto", other) == "onnx"
    assert lacks(GenerateSettings(beam=4, finish="full", renormalize=True)) is None
    run(short_recipe(tmp_path, tiny("gru"), train__steps=2), tmp_path / "run", Quiet())
    with pytest.raises(HeedfulError, match="CTranslate2 runs Transformers alone"):
        load(tmp_path / "run", engine="ct2")


def test_the_fastest_is_taken(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what was measured when each was made; of many inputs another may be the fastest than of one."""
    monkeypatch.setenv("HEEDFUL_ENGINE", "auto")
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path))
    load(folder).predict("a b", engine="torch")
    assert not list(tmp_path.iterdir()), "to open a model, or to ask it by torch, makes no engine"
    opened, greedy = Opened(folder), Question(GenerateSettings(beam=1))
    assert opened.choose("auto", greedy) in ("ct2", "onnx", "torch")
    measured = speeds.kept(opened.place, "ct2")
    assert measured is not None and measured.torch.first > 0 < measured.engine.first
    opened.choose("onnx", greedy)
    for ct2, onnx, fastest in ((3, 2, "ct2"), (2, 3, "onnx"), (0.5, 1.1, "onnx"), (0.5, 0.9, "torch")):
        taken_as_fast(opened, ct2=ct2, onnx=onnx)
        assert opened.choose("auto", greedy) == fastest
    speeds.keep(opened.place, "onnx", Speeds(Speed(2, 1), Speed(1, 1.5)))
    assert [opened.choose("auto", replace(greedy, inputs=n)) for n in (1, 2, 3, 4)] == ["onnx"] * 2 + ["torch"] * 2


def taken_as_fast(opened: Opened, **gains: float) -> None:
    """Engines so many times as fast as torch."""
    for name, gain in gains.items():
        speeds.keep(opened.place, name, Speeds(Speed(gain, gain), Speed(1, 1)))  # type: ignore[arg-type]


def test_the_command_line_needs_no_torch(folder: Path) -> None:
    load(folder, engine="ct2", precision="float32").predict("a b", beam=1)
    answered = without_torch("translate", str(folder), "a b c", "d", "beam=1", "engine=ct2", "precision=float32")
    assert answered.stderr == ""
    assert answered.stdout.splitlines() == load(folder, engine="torch").predict(["a b c", "d"], beam=1)


def test_a_text_beyond_its_positions_is_refused(models: tuple[Model, Model]) -> None:
    _, fast = models
    [engine] = (model.engine for model in fast.trained)  # type: ignore[attr-defined]
    too_long = pytest.raises(HeedfulError, match="has positions for 2,048 tokens")
    with nullcontext() if engine.room is None else too_long:  # one that turns its vectors needs no table of them
        fast.answer(["a " * 2100], {"generate.beam": 1, "generate.max_length": 3})
