"""What is too long to be answered at once is answered in windows, and held in little more than its numbers."""

import copy
import json
import tracemalloc
from dataclasses import asdict

import numpy as np
import pytest

from heedful.cli.label import as_object
from heedful.results import Answer, Rows, Track
from heedful.tasks.label import windows
from heedful.tasks.label.windows import Reach, disagreement, probabilities, probabilities_by_windows


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
    assert [len(reach.windows(steps)) for steps in series] == [79, 1, 1]
    answers = probabilities_by_windows([engine], series, reach, 8)
    assert engine.longest == 64
    for expected, answer in zip(probabilities([engine], series, 8), answers, strict=True):
        assert np.array_equal(expected, answer)
    assert disagreement([engine], series[0], answers[0], reach, 8) is None
    assert disagreement([engine], series[1], answers[1], Reach(16), 8) == 0


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
    assert list(record) == ["source", "unknown", *(name for name in asdict(track) if name not in ("words", "spans"))]
    plain = Answer(source, "b", -1.0, -0.5, track=track).plain()
    assert json.loads(json.dumps(plain))["track"]["probabilities"][0] == [0.25, 0.75]
