"""The time machine: what a run sees of a few answers at every validation, and that looking changes nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heedful.api.choose import settle
from heedful.api.loading import at_hand
from heedful.api.model import Model
from heedful.api.moments import MOMENTS, MOST, WATCHED, Watch, read_moments, watch_examples
from heedful.api.train import set_up_run
from heedful.explain.methods import METHODS, explain
from heedful.schema import Recipe
from heedful.tasks.joins import allowed
from heedful.tasks.task import find_task
from heedful.training.loop import Loop
from heedful.training.progress import Quiet
from heedful.training.work import Position
from support.letter_pairs import short_recipe
from support.sampling import SEED, sample
from support.tiny_networks import tiny
from support.tiny_tasks import CASES, recipe, write_data

ALL = [*CASES, *(("translate", name) for name in allowed("translate"))]
FOREVER = 1e9  # seconds of training, beside which looking takes no time


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


def set_up(files: dict[str, str], folder: Path, task: str, network: str) -> tuple[Model, Watch]:
    """A network before its first step, and what looks into it."""
    asked = tiny_recipe(files, folder, task, network)
    setup = set_up_run(asked, None, folder, Quiet())
    watch = watch_examples(find_task(task).learning, setup.model, setup.data, setup.recipe, folder, print)
    assert watch
    return at_hand(folder, setup.recipe, setup.model), watch


def tiny_recipe(files: dict[str, str], folder: Path, task: str, network: str) -> Recipe:
    if task == "translate":
        asked = short_recipe(folder / "pairs", tiny(network), train__steps=3)
    else:
        asked = recipe(files, task, network)
    return settle(find_task(task).learning, asked)


@pytest.mark.parametrize(("task", "network"), sample(ALL, 4))
def test_a_moment_holds_what_explain_shows_of_the_right_answer(
    task: str, network: str, files: dict[str, str], tmp_path: Path
) -> None:
    model, watch = set_up(files, tmp_path, task, network)
    watch(Position(1, seconds=FOREVER))
    [moment] = read_moments(tmp_path).moments
    history = read_moments(tmp_path)
    assert 0 < len(history.watched) <= WATCHED and len(moment.answers) == len(history.watched)
    at = 0
    for example, watched in zip(watch.examples, history.watched, strict=True):
        trace, maps = model.trace(example.source, example.references[0]), {}
        for method in ("attention", "gates"):
            if not METHODS[method].lacks(trace.network):
                maps |= {map_.name: map_ for map_ in explain(task, trace, method, faithfulness=False).maps}
        told = [map_ for map_ in maps.values() if map_.scale == "openings" or map_.rows == "answered"]
        assert bool(watched.maps) == bool(told)
        for map_ in watched.maps:
            size = len(watched.units[map_.rows]) * len(watched.units[map_.columns])
            seen = np.frombuffer(moment.weights[at : at + size], np.uint8) / 255
            assert np.abs(seen - np.asarray(maps[map_.name].weights).ravel()).max() <= 0.5 / 255 + 1e-6
            at += size
    assert at == len(moment.weights)


@pytest.mark.parametrize(("task", "network"), sample(ALL, 2))
def test_looking_changes_nothing_that_is_learnt(task: str, network: str, files: dict[str, str], tmp_path: Path) -> None:
    weights = []
    for name, looks in (("with", True), ("without", False)):
        folder = tmp_path / name
        folder.mkdir()
        setup = set_up_run(tiny_recipe(files, folder, task, network), None, folder, Quiet())
        learning = find_task(task).learning
        watch = watch_examples(learning, setup.model, setup.data, setup.recipe, folder, print) if looks else None
        work = replace(learning.work(setup.model, setup.data, setup.recipe), watch=watch)
        Loop(work, setup.recipe.train, setup.recipe.seed, folder, Quiet()).run()
        assert (folder / MOMENTS).exists() == looks
        weights.append(setup.model.network.state_dict())
    assert all(weights[0][key].equal(weights[1][key]) for key in weights[0])


def test_looking_is_rare_where_it_is_dear_and_goes_on_behind_a_resumed_step(
    files: dict[str, str], tmp_path: Path
) -> None:
    _, watch = set_up(files, tmp_path, "translate", "bahdanau2015")
    for step in (1, 2, 3):
        watch(Position(step))
    assert steps(tmp_path) == [1]  # the first costs more than a hundredth of no time
    watch(Position(4, finished=True))
    assert steps(tmp_path) == [1, 4]
    _, resumed = set_up(files, tmp_path, "translate", "bahdanau2015")
    resumed(Position(3, seconds=FOREVER))
    assert steps(tmp_path) == [1, 3]
    for step in range(4, MOST + 6):
        resumed(Position(step, seconds=FOREVER))
    assert steps(tmp_path)[:2] == [1, 4] and steps(tmp_path)[-1] == MOST + 5  # of many every other one


def test_an_example_that_is_gone_ends_no_training(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = Path(shutil.copy(files["valid-labels"], tmp_path / "pictures.npz"))
    _, watch = set_up(files | {"valid-labels": str(pictures)}, tmp_path, "classify", "bahdanau2015")
    watch(Position(1, seconds=FOREVER))
    pictures.unlink()
    watch(Position(2, seconds=FOREVER))
    assert capsys.readouterr().out.startswith("no answers are looked into from step 2 on: ")
    watch(Position(3, seconds=FOREVER, finished=True))
    assert steps(tmp_path) == [1]


def steps(folder: Path) -> list[int]:
    return [moment.step for moment in read_moments(folder).moments]
