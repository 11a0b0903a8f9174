"""Steps that become three times slower than they were are told, once in each slow spell, with the likely cause."""

import random
from collections.abc import Iterable

import pytest

from heedful.training.machine import WaitingForCores
from heedful.training.pace import BUSY, IDLE, SECONDS, STEPS, UNKNOWN, Pace


def said(steps: Iterable[tuple[float, int]], waiting: float | None = 0.0) -> list[str]:
    """What is said of steps of (seconds, tokens), while so many threads wait for a core."""
    pace = Pace(lambda: waiting, "train.threads")
    return [line for step in steps if (line := pace.add(*step))]


def steps(number: int, times: float = 1.0, usual: float = 0.1, seed: int = 0) -> list[tuple[float, int]]:
    """Steps of different lengths, whose seconds go by their tokens and by chance."""
    draw = random.Random(seed)
    tokens = [draw.randrange(100, 2000) for _ in range(number)]
    return [(usual * times * number / 1000 * draw.uniform(0.7, 1.3), number) for number in tokens]


@pytest.mark.parametrize("usual", [0.001, 0.1, 3.0])
def test_each_slow_spell_is_told_once(usual: float) -> None:
    number = int(3 * max(STEPS, SECONDS / usual))  # a third of these is judged together, about
    slow = f"steps take 3.4 times as long as before: {IDLE}"
    spells = [*steps(3 * number, 1, usual), *steps(3 * number, 3.4, usual, 1)] * 2
    lines = said(spells)
    assert len(lines) == 2 and all(line.partition(" take ")[2][:1] == "3" for line in lines), lines
    assert lines[0].partition("times")[2] == slow.partition("times")[2]


@pytest.mark.parametrize(
    "harmless",
    [
        steps(1000),
        [*steps(500), *steps(500, 2.5)],
        [*steps(300), (60.0, 1000), *steps(300)],
        [*steps(300), *[(30.0, 500)] * 5, *steps(300)],
        [*steps(400), *[(seconds * 50, tokens * 50) for seconds, tokens in steps(400)]],
        [*steps(400, 10), *steps(400)],
        [(0.3, 0)] * 100,
    ],
    ids=["steady", "2.5 times", "a slow batch", "some slow batches", "larger", "faster", "empty"],
)
def test_what_is_no_slow_spell_is_not_told(harmless: list[tuple[float, int]]) -> None:
    assert said(harmless) == []


def test_a_spell_with_ups_and_downs_is_one_and_does_not_become_usual() -> None:
    spell = [step for times in (4.0, 2.6, 5.0, 2.5, 3.5) * 20 for step in steps(100, times)]
    assert len(said([*steps(400), *spell])) == 1
    assert len(said([*steps(400), *spell, *steps(400), *spell])) == 2


@pytest.mark.parametrize(
    ("waiting", "cause"), [(0.7, f"{BUSY} (train.threads)"), (0.1, IDLE), (None, f"{UNKNOWN} (train.threads)")]
)
def test_the_cause_goes_by_whether_threads_wait_for_a_core(waiting: float | None, cause: str) -> None:
    [line] = said([*steps(200), *steps(200, 3.4)], waiting)
    assert line.endswith(f" times as long as before: {cause}")


def test_the_system_is_asked_how_long_threads_waited() -> None:
    waited = WaitingForCores()()
    assert waited is None or waited >= 0.0
