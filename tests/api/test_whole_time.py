"""A run with a budget in minutes: what it takes beside the budget is said first, and bounded."""

import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from heedful import recipe as recipes
from heedful.api.train import scored_at_the_end
from heedful.results import Example
from heedful.schema import TrainSettings
from heedful.training.decide import VALIDATING, validation_due
from support.command_line import heedful


@dataclass
class Rows:
    """Data with so many validation rows, and test rows."""

    valid: list[Example]
    test: list[Example] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fingerprint: dict[str, Any] = field(default_factory=dict)


def rows(number: int) -> list[Example]:
    return [Example(str(each), ("x",)) for each in range(number)]


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.0, 20.0, 100.0])
def test_validations_take_a_quarter_of_the_minutes_and_two_more(seconds: float) -> None:
    settings, spent, validated, steps = TrainSettings(minutes=2.0), 0.0, 0, 240
    for step in range(1, steps + 1):
        done = step / steps
        if done == 1 or validation_due(settings, step, done, validated, spent / (120 * done)):
            spent, validated = spent + seconds, validated + 1
    assert spent <= VALIDATING * 120 + 2 * seconds
    assert validated == 12 if seconds <= 0.5 else 1 < validated <= 12
    assert validation_due(TrainSettings(steps=10), 5, 0.5, 1, cost=9.0), "of steps the same ones on every machine"


def test_short_budgets_score_as_many_searched_answers_as_they_can_pay_for() -> None:
    def scored(task: str, data: Rows, **changes: object) -> tuple[int, str]:
        recipe = recipes.build(task, {f"train.{key}": value for key, value in changes.items()})
        examples, split, said = scored_at_the_end(data, recipe)
        return len(examples), said or split

    few = "scored on 800 of 2,000 validation rows, drawn with seed 0, as the budget is 2 minutes; "
    assert scored("translate", Rows(rows(2000)), minutes=2) == (800, f"{few}heedful evaluate RUN scores all")
    assert scored("translate", Rows(rows(2000)), minutes=5) == (2000, "valid")
    assert scored("translate", Rows(rows(2000)), steps=5) == (2000, "valid")
    assert scored("translate", Rows(rows(9), rows(3000)), minutes=1) == (3000, "test")
    assert scored("classify", Rows(rows(2000)), minutes=1) == (2000, "valid"), "nothing is searched for"
    recipe = recipes.build("translate", {"train.minutes": 1})
    assert scored_at_the_end(Rows(rows(2000)), recipe) == scored_at_the_end(Rows(rows(2000)), recipe)


def test_the_whole_time_is_said_first_and_how_scores_are_measured_last(tmp_path: Path) -> None:
    rng = random.Random(0)
    words = dict.fromkeys("".join(rng.choices("abcdefgh", k=5)) for _ in range(1500))
    lines = [f"{word}\t{' '.join(word.upper())} X" for word in words]
    (tmp_path / "words.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    line = "train translate words.tsv --network gru --size tiny --minutes 0.01 -o run train.threads=1"
    notes = heedful(f"{line} data.valid_rows=220 generate.beam=2 train.valid_limit=20", tmp_path).err.splitlines()
    [whole] = [number for number, note in enumerate(notes) if note.startswith("in all ")]
    assert re.fullmatch(
        r"in all 0\.01 minutes of training \+ (some seconds|about .*): validations on 20 examples, "
        r"and at the end 200 valid examples with beam 2",
        notes[whole],
    )
    assert not any(re.search("step [0-9]", note) for note in notes[:whole])
    alike = "validations in training scored 20 valid examples by greedy search; these scores are of 200 valid examples"
    assert f"{alike} with beam 2" in notes
    assert any(note.startswith("scored on 200 of 220 validation rows, drawn with seed 0") for note in notes)
    assert f"{alike} with beam 2" in (tmp_path / "run/report.html").read_text("utf-8")
