"""CTranslate2 goes on with texts as the search of ours does: networks of ours, and GPT-2 as it is published."""

from pathlib import Path

import pytest

from heedful.api.loading import load
from heedful.api.model import Model
from heedful.api.opened import Opened, Question
from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.schema import GenerateSettings
from heedful.training.progress import Quiet
from support import published
from support.answers import assert_same, without_torch
from support.sampling import SEED, sample
from support.tiny_tasks import recipe, write_data

CLOSE = 1e-4
FULL = {"generate.finish": "full", "generate.renormalize": True}
GREEDY = {"generate.sample": False, "generate.beam": 1, "generate.max_length": 9}
SEARCHES = [
    GREEDY,
    GREEDY | {"generate.max_length": 35},  # more than is read at once
    GREEDY | {"generate.beam": 4, "generate.n_best": 3, **FULL},
    GREEDY | {"generate.beam": 2, "generate.max_length": 20, "generate.length_penalty": 0.5, **FULL},
]
TEXTS = ["", "a", "ab", "abc12", "Hello", "one two three", "x", "abc abc", *(chr(97 + n) * n for n in range(4, 11))]


@pytest.fixture(scope="module", params=sample(["gpt", "touvron2023", "published"], 2))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language")
    if request.param == "published":
        return published.gpt2(folder / "run")
    run(recipe(write_data(folder, SEED), "complete", request.param, train__steps=60), folder / "run", Quiet())
    return folder / "run"


@pytest.fixture(scope="module")
def models(folder: Path) -> tuple[Model, Model]:
    return load(folder, engine="torch"), load(folder, engine="ct2", precision="float32")


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_it_answers_as_the_search_of_ours(models: tuple[Model, Model], search: dict[str, object]) -> None:
    """And what it answers to a text does not depend on the others."""
    plain, fast = models
    answers = fast.answer(TEXTS, search)
    assert_same(plain.answer(TEXTS, search), answers)
    assert_same([fast.answer([text], search)[0] for text in TEXTS], answers)


def test_scores_are_those_of_the_network(models: tuple[Model, Model]) -> None:
    plain, fast = models
    pairs = [(text, "abc one 12 and more than is read at once" * (n % 2) + "b") for n, text in enumerate(TEXTS)]
    assert fast.score(pairs) == pytest.approx(plain.score(pairs), abs=CLOSE, rel=1e-5)


def test_an_answer_is_sent_as_it_grows(models: tuple[Model, Model]) -> None:
    for model in models:
        pieces: list[str] = []
        [[answer]] = model.stream("abc", pieces.append, GREEDY | {"generate.max_length": 25})
        assert "".join(pieces) == answer.output and len(pieces) > 5


def test_draws_are_refused_and_not_taken(
    models: tuple[Model, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sampler draws by numbers of its own."""
    plain, fast = models
    with pytest.raises(HeedfulError, match="asked for generate"):
        fast.answer(["a"], {"generate.sample": True})
    monkeypatch.setenv("HEEDFUL_ENGINE", "auto")
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path))  # where nothing was measured
    opened = Opened(plain.folder)
    assert opened.candidates(Question(GenerateSettings(beam=1))) == ["ct2", "onnx"]
    assert opened.candidates(Question(GenerateSettings(beam=1, sample=True))) == ["onnx"]


def test_the_command_line_needs_no_torch(tmp_path: Path) -> None:
    run(recipe(write_data(tmp_path, SEED), "complete", "gpt"), tmp_path / "run", Quiet())
    expected = load(tmp_path / "run", engine="ct2").predict("abc", beam=1, sample=False)
    answered = without_torch("complete", str(tmp_path / "run"), "abc", "beam=1", "sample=false", "engine=ct2")
    assert (answered.stdout, answered.stderr) == (f"abc{expected}\n", "")
