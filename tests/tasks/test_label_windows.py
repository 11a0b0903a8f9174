"""What is too long to be answered at once is answered in windows, and held in little more than its numbers."""

import copy
import json
import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from heedful import recipe as recipes
from heedful.api.choose import choose_network, settle
from heedful.api.run_folder import decided_in
from heedful.cli.label import as_object
from heedful.data.fingerprint import without_window
from heedful.data.steps.store import PreparedClips
from heedful.results import Answer, Rows, Track
from heedful.tasks.label import learn, windows
from heedful.tasks.label.ask import reach_of
from heedful.tasks.label.learnable import LearnableLabeller
from heedful.tasks.label.windows import Reach, disagreement, probabilities, probabilities_by_windows
from heedful.tasks.task import find_task
from heedful.training import decide


class StepByStep:
    """An engine that answers each step by itself, so that windows change nothing."""

    limit = None

    def __init__(self) -> None:
        self.longest = 0

    def __call__(self, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        self.longest = max(self.longest, source.shape[0] * source.shape[1])
        share = 1 / (1 + np.exp(-source))
        return np.concatenate([share, 1 - share], axis=2)


def test_a_long_sequence_is_answered_in_windows_of_which_few_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "LONGEST", 64)
    monkeypatch.setattr(windows, "WINDOW", 16)
    engine, random = StepByStep(), np.random.default_rng(0)
    series = [random.normal(size=(steps, 1)).astype(np.float32) for steps in (640, 64, 3)]
    reach = Reach(0, longest=64)
    assert [len(reach.windows(steps)) for steps in series] == [46, 1, 1]
    answers = probabilities_by_windows([engine], series, reach, 8)
    assert engine.longest == 64
    for expected, answer in zip(probabilities([engine], series, 8), answers, strict=True):
        assert np.array_equal(expected, answer)
    assert disagreement([engine], series[0], answers[0], reach, 8) is None
    assert disagreement([engine], series[1], answers[1], Reach(16), 8) == 0


def test_colours_of_clips_that_memory_does_not_hold_as_fractions_are_those_of_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    clips = [random.integers(0, 256, (frames, 4, 4, 3), np.uint8) for frames in (300, 1, 99)]
    train = cast(Any, [(clip, np.zeros(len(clip))) for clip in clips])
    shares = np.concatenate(clips) / 255.0
    mean, std = learn.colours(train)
    assert mean == tuple(shares.mean((0, 1, 2))) and std == tuple(shares.std((0, 1, 2)))
    monkeypatch.setattr(learn, "COLOUR_BYTES", 400 * 48 // 3)
    part = np.concatenate([clip[::3] for clip in clips]) / 255.0
    assert learn.colours(train)[0] == tuple(part.mean((0, 1, 2)))


def test_rows_are_as_tuples_of_tuples_in_eight_bytes_a_number() -> None:
    values = np.random.default_rng(1).random((50_000, 4))
    tracemalloc.start()
    rows = Rows(values.tobytes(), 4)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1.1 * values.nbytes
    tuples = tuple(map(tuple, values.tolist()))
    assert rows == tuples and rows[-1] == tuples[-1] and rows[3:9:2] == tuples[3:9:2] and list(rows) == list(tuples)
    assert np.array_equal(np.array(rows), values) and copy.deepcopy(rows) == rows and rows != tuples[1:]
    with pytest.raises(IndexError):
        rows[50_000]


def test_an_object_of_an_answer_has_its_probabilities_in_their_place() -> None:
    rows = Rows(np.array([[0.25, 0.75], [1 / 3, 2 / 3]]).tobytes(), 2)
    source = 'a "probabilities": [] b'
    track = Track(("a", "b"), ("b", "b"), rows, (0.0, 0.5))
    record = json.loads(as_object(Answer(source, "b\tb", -1.0, -0.5, track=track)))
    assert record["source"] == source and record["probabilities"] == [[0.25, 0.75], [0.333333, 0.666667]]
    in_steps = [name for name in asdict(track) if name not in ("words", "spans")]
    assert list(record) == ["source", "unknown", "engine", "device", "precision", *in_steps]
    plain = Answer(source, "b", -1.0, -0.5, track=track).plain()
    assert json.loads(json.dumps(plain))["track"]["probabilities"][0] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("keys", "steps", "window", "answers", "tokens"),
    [
        ({}, 300, 128, 0, 2048),
        ({"network.name": "vaswani2017"}, 300, 128, 128, 2048),
        ({}, 128, 0, 0, 1024),
        ({"data.window": 0}, 300, 0, 0, 2048),
        ({"data.window": 50, "train.batch_tokens": 99}, 300, 50, 50, 99),
        ({"data.window": 50, "data.answer_window": 0}, 300, 50, 0, 2048),
    ],
)
def test_long_series_are_learnt_from_in_windows_and_a_recurrent_network_answers_them_whole(
    keys: dict[str, Any], steps: int, window: int, answers: int, tokens: int, tmp_path: Path
) -> None:
    (tmp_path / "series").mkdir()
    for number in range(3):
        lines = "".join(f"{step % 7},{'ab'[step // 50 % 2]}\n" for step in range(steps - number))
        (tmp_path / "series" / f"{number}.csv").write_text(f"x,label\n{lines}")
    base = {"data.train": [str(tmp_path / "series")], "train.steps": 1, "train.device": "cpu"}
    asked = recipes.build("label", base | keys)
    learning = find_task("label").learning
    data = learning.prepare(settle(learning, asked), tmp_path / "run", lambda note: None)
    assert isinstance(data, PreparedClips)
    recipe = learning.resolve_for_data(choose_network(learning, asked, data)[0], data)
    model = learning.build(recipe, data)
    assert (recipe.data.window, recipe.data.answer_window, recipe.train.batch_tokens) == (window, answers, tokens)
    assert isinstance(model, LearnableLabeller) and model.window == answers
    assert reach_of([model, replace(model, window=7)]).window == 7  # beside another that reads no more at once
    work = learning.work(model, data, recipe)
    longest = max(work.collate(rows)["source"].shape[1] for rows in work.plan(0))
    assert longest == (window or max(data.train.lengths[:, 0]))
    notes = learning.fit(model, data, recipe)[1]
    assert bool(notes) == bool(window)
    recipe_file = tmp_path / "run" / recipes.COMPLETE
    recipe_file.write_text(recipes.dump(recipe))
    decided = decided_in(tmp_path / "run", asked)
    assert decided and decided.data.window == window and decided.data.answer_window == answers
    told = list[str]()
    learning.prepare(decided, tmp_path / "run", told.append)
    assert told == ["data as prepared before: 2 training clips"]


def test_a_run_of_0_1_0_that_goes_on_reads_whole_clips(tmp_path: Path) -> None:
    """Its recipe says so with a 0, as does nothing that was asked; a window in its fingerprint is none of the data."""
    asked = recipes.build("label", {"data.train": [str(tmp_path)]})
    (tmp_path / recipes.REQUESTED).write_text(recipes.dump(asked, complete=False))
    text = recipes.dump(
        recipes.build("label", {"data.train": [str(tmp_path)], "data.window": 0, "network.name": "gru"})
    )
    (tmp_path / recipes.COMPLETE).write_text(text.replace('answer_window = "auto"\n', ""))
    decided = decided_in(tmp_path, asked)
    assert decided and decide.clip_windows(decided.data, "series", 9000, "gru").window == 0
    old = {"data": {"window": 8, "long": "auto", "fit": "crop"}, "seed": 0}
    assert without_window(old) == {"data": {"fit": "crop"}, "seed": 0} and without_window(None) is None
