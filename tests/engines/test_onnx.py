"""The engine of ONNX: its answers are those of the network it was made of, and it needs no torch to give them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heedful.api.loading import load
from heedful.api.train import run
from heedful.engines import built
from heedful.engines.host_stepper import likeliest
from heedful.errors import HeedfulError
from heedful.training.progress import Quiet
from support.answers import assert_same
from support.letter_pairs import short_recipe
from support.sampling import SEED, sample
from support.small_environment import ask_there, make_environment
from support.tiny_networks import rows
from support.tiny_tasks import CASES, TASKS, write_data
from support.tiny_tasks import recipe as shaped

LARGEST = 210_000_000  # bytes of all that answering takes
ASKED = {
    "classify": ["1.png"],
    "caption": ["1.png"],
    "draw": ["a red bar", "-o", "drawn.png"],
    "complete": ["abc"],
    "fill": ["abc[MASK]efgh 123"],
    "label": ["1.csv"],
    "match": ["1.png", "--among", "a red bar", "a blue dot"],
}
SEARCH = {"generate.beam": 3, "generate.n_best": 2, "generate.sample": False}
cases = sample([case for task in TASKS for case in sample([pair for pair in CASES if pair[0] == task], 1)], 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What answering takes, which is to stay small."""
    folder = tmp_path_factory.mktemp("environment")
    assert make_environment(folder) < LARGEST
    return folder


@pytest.fixture(scope="module")
def translators(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two runs of one network with two seeds."""
    network, folder = sample(rows(), 1)[0], tmp_path_factory.mktemp("translators")
    for seed in ("0", "1"):
        recipe = short_recipe(folder / f"data{seed}", network, train__steps=12, seed=int(seed))
        run(recipe, folder / seed, Quiet())
    return [str(folder / seed) for seed in ("0", "1")]


@pytest.mark.parametrize(("task", "network"), cases)
def test_every_task_answers_as_by_torch(files: dict[str, str], task: str, network: str, tmp_path: Path) -> None:
    run(shaped(files, task, network, network__dropout=0.3), tmp_path / "run", Quiet())
    plain, fast = (load(tmp_path / "run", engine=engine) for engine in ("torch", "onnx"))
    sources = [example.source for example in plain.read()][:7]
    if task == "match":
        assert_same(*(model.among(sources, []) for model in (plain, fast)))
    else:
        asked = plain.prompts(sources)
        for changes in ({}, SEARCH if task in ("caption", "draw", "complete") else {"generate.n_best": 2}):
            assert_same(*(model.answer(asked, changes) for model in (plain, fast)))
    expected, actual = ({name: m.value for name, m in model.evaluate().measures.items()} for model in (plain, fast))
    assert actual == pytest.approx(expected, abs=1e-3)


def test_every_search_is_the_same(translators: list[str]) -> None:
    """Beams, phrases, draws, guidance away from nothing, several together, and given answers."""
    texts = ["a b c", "h", "d d e f g", "b a d"]
    searches = [
        {"beam": 1},
        {"beam": 4, "n_best": 3},
        {"beam": 3, "required": ["c b"], "forbidden": ["a a"]},
        {"beam": 2, "finish": "full", "renormalize": True},
        {"sample": True, "n_best": 2, "seed": 7},
        {"beam": 2, "batch_tokens": 8},
    ]
    for runs in (translators[:1], translators):
        plain, fast = (load(*runs, engine=engine) for engine in ("torch", "onnx"))
        for search in searches:
            changes = {f"generate.{key}": value for key, value in search.items()}
            assert_same(*(model.answer(texts, changes) for model in (plain, fast)))
        pairs = [(text, text[::-1]) for text in texts]
        assert fast.score(pairs) == pytest.approx(plain.score(pairs), abs=1e-4)


def test_an_altered_network_answers_itself(tmp_path: Path) -> None:
    """What was made of a network knows nothing of what is held still in it."""
    network = next(row for row in rows() if row.name == "gru")
    run(short_recipe(tmp_path, network, train__steps=12), tmp_path / "run", Quiet())
    fast, plain = (load(tmp_path / "run", engine=engine) for engine in ("onnx", "torch"))
    before = fast.answer(["a b c"])
    with fast.altered(hold="encoder.0.state=frozen"), plain.altered(hold="encoder.0.state=frozen"):
        altered = fast.answer(["a b c"])
        assert_same(plain.answer(["a b c"]), altered)
    assert altered[0][0].score != before[0][0].score
    assert_same(before, fast.answer(["a b c"]))


def test_the_command_line_needs_no_torch(translators: list[str], environment: Path) -> None:
    """Once its engine is there; standard error says nothing then."""
    load(translators[0], engine="onnx").predict("a b")
    answered = ask_there(environment, "translate", translators[0], "a b c", "d", "beam=2")
    assert answered.stderr == ""
    assert answered.stdout.splitlines() == load(translators[0], engine="torch").predict(["a b c", "d"], beam=2)
    [answer] = json.loads(ask_there(environment, "translate", translators[0], "d", "--json", "beam=2").stdout)[
        "answers"
    ]
    assert answer["engine"] == "onnx" and "onnx" in load(translators[0]).engines


@pytest.mark.parametrize("task", sample(sorted(ASKED), 2))
def test_every_verb_needs_no_torch(files: dict[str, str], environment: Path, task: str, tmp_path: Path) -> None:
    """Nor anything else that answering does not take."""
    run(shaped(files, task, "gru"), tmp_path / "run", Quiet())
    load(tmp_path / "run", engine="onnx")
    Image.fromarray(np.random.default_rng(SEED).integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(tmp_path / "1.png")
    (tmp_path / "1.csv").write_text("x,y\n" + "1,0.5\n2,0.1\n" * 4)
    answered = ask_there(environment, task, "run", *ASKED[task], within=tmp_path)
    assert answered.returncode == 0, answered.stderr
    assert answered.stdout


def test_a_changed_recipe_is_read_again(translators: list[str]) -> None:
    path = Path(translators[1]) / "recipe.toml"
    load(translators[1], engine="onnx")
    path.write_text(path.read_text().replace("\nbeam = 2", "\nbeam = 3"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEEDFUL_ENGINE", "auto")
        assert load(translators[1]).recipe.generate.beam == 3
        assert load(translators[0]).recipe.generate.beam == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [(HeedfulError("It has none.", "Take another."), "It has none"), (KeyError("aten::x"), "aten::x")],
)
def test_what_has_no_graphs_is_told(error: Exception, said: str, tmp_path: Path) -> None:
    """Each time, without another try; by another version of torch it is tried again."""

    def refuse(folder: Path) -> None:
        raise error

    place = tmp_path / "engines" / "place"
    built.make(place, "onnx", refuse)
    for _ in range(2):
        with pytest.raises(HeedfulError, match=said):
            built.open_built(place, "onnx")
    reason = place / "onnx" / built.REFUSED
    reason.write_text(reason.read_text().replace(built.torch_version(), "0.4"))
    assert built.open_built(place, "onnx") is None
    assert list(place.iterdir()) == []


def test_where_no_engine_can_be_kept_torch_answers(translators: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEEDFUL_CACHE", str(tmp_path / "file"))
        with pytest.raises(HeedfulError, match="No engine can be kept"):
            load(translators[0], engine="onnx")
        patch.setenv("HEEDFUL_ENGINE", "auto")
        assert load(translators[0]).answer(["a b"]) == load(translators[0], engine="torch").answer(["a b"])
        patch.setenv("HEEDFUL_ENGINE", "onx")
        with pytest.raises(HeedfulError, match='Did you mean "onnx"'):
            load(translators[0])


def test_a_spoilt_engine_is_told(translators: list[str], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEEDFUL_CACHE", str(tmp_path))
        load(translators[0], engine="onnx")
        [graph] = tmp_path.glob("engines/*/onnx/step.onnx")
        graph.write_bytes(graph.read_bytes()[:100])
        with pytest.raises(HeedfulError, match="cannot open"):
            load(translators[0], engine="onnx").predict("a b")


@pytest.mark.parametrize("k", [1, 2, 9])
def test_the_likeliest_are_found(k: int) -> None:
    values = np.random.default_rng(SEED).normal(size=(5, 1000)).astype(np.float32)
    for columns in (10, 700, 1000):
        rows = values[:, :columns]
        assert (likeliest(rows, k) == np.argsort(-rows, 1)[:, :k]).all()
