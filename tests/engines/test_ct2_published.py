"""CTranslate2 answers for published translators as their files say; beams by its own rules, where it is asked for."""

from math import isnan
from pathlib import Path

import pytest

from heedful.api.loading import load
from heedful.api.opened import Opened, Question
from heedful.errors import HeedfulError
from support.answers import assert_same
from support.published import LINES, marian

RULES = {"generate.finish": "full", "generate.renormalize": True}
TEXTS = [*LINES, "", "Haus", "the the the", LINES[0] + " " + LINES[1]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return marian(tmp_path_factory.mktemp("published") / "marian")


@pytest.mark.parametrize("longest", [2, 30])
def test_it_answers_as_the_search_of_ours(folder: Path, longest: int) -> None:
    """Answers that grow too long are closed by both (generate.close)."""
    plain, fast = load(folder, engine="torch"), load(folder, engine="ct2")
    assert plain.recipe.generate.close
    for beams in ({"generate.beam": 1}, {"generate.beam": 4, "generate.n_best": 3, **RULES}):
        search = beams | {"generate.max_length": longest}
        answers = fast.answer(TEXTS, search)
        assert len({answer.complete for best in answers for answer in best}) == 2 or longest == 2
        assert_same(plain.answer(TEXTS, search), answers)
        assert_same([fast.answer([text], search)[0] for text in TEXTS], answers)


def test_answers_are_the_same_where_nobody_reads_scores(folder: Path) -> None:
    """Whose second call is left out: nothing is told in their place."""
    fast = load(folder, engine="ct2")
    for beams in ({"generate.beam": 1}, {"generate.beam": 4, "generate.n_best": 3, **RULES}):
        scored, unscored = (fast.answer(TEXTS, beams, scored) for scored in (True, False))
        for best, others in zip(scored, unscored, strict=True):
            assert [answer.tokens for answer in best] == [answer.tokens for answer in others]
            assert [answer.complete for answer in best] == [answer.complete for answer in others]
            assert not any(isnan(answer.score) for answer in best) and all(isnan(answer.score) for answer in others)
    plain = load(folder, engine="torch")
    assert not isnan(plain.answer(TEXTS, scored=False)[0][0].score)  # it costs nothing there


def test_its_own_beams_are_taken_where_it_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is said, once; what is asked for otherwise is refused, and unasked the files decide."""
    plain, fast = load(folder, engine="torch"), load(folder, engine="ct2")
    capsys.readouterr()
    answers = [fast.answer(LINES, {"generate.beam": 3}) for _ in range(2)][-1]
    said = "engine=ct2 searches with finish=full renormalize=true, unlike its files"
    assert capsys.readouterr().err.count(said) == 1
    assert_same(plain.answer(LINES, {"generate.beam": 3, **RULES}), answers)
    with pytest.raises(HeedfulError, match="finish=full"):
        fast.answer(LINES, {"generate.beam": 3, "generate.finish": "likely"})
    monkeypatch.setenv("HEEDFUL_ENGINE", "auto")
    model, opened = load(folder), Opened(folder)  # which makes no engine: one is there
    for beam, engines in ((1, ["ct2", "onnx"]), (3, ["onnx"])):
        settings = model.settings({"generate.beam": beam})
        assert (settings.finish, opened.candidates(Question(settings))) == ("likely", engines)
