"""A study whose cells are counted as they are measured, and which is killed between two of them."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from heedful.studies.study import Axes, Cell, Claim, Curves, Measurement, Options, Study, run
from heedful.training.progress import Listener, Quiet

CELLS = 5


@dataclass
class KilledAtCell(Quiet):
    """Killed for good when a cell begins."""

    cells_left: int

    def step(self, done: float, text: str) -> None:
        self.cells_left -= 1
        if not self.cells_left:
            os.kill(os.getpid(), signal.SIGKILL)


def counting_study(diary: Path) -> Study:
    """Squares, each measured once a seed; every measurement is a letter more in the diary."""

    def cells(options: Options, folder: Path) -> list[Cell]:
        return [
            Cell({"number": number, "seed": seed}, 1.0, partial(measure, diary, number, seed))
            for seed in options.seeds
            for number in range(CELLS)
        ]

    def grows(curves: Curves) -> tuple[bool, str]:
        curve = curves["squares"]["squares"]
        return curve.end.y > curve.points[0].y, f"It ends at {curve.end.y:g}."

    def lacks(curves: Curves) -> tuple[bool, str]:
        return bool(curves["squares"]["cubes"]), ""

    return Study(
        name="counting",
        question="Do squares grow?",
        axes=(Axes("squares", "Squares", "number", "square", "They bend upwards."),),
        claims=(
            Claim("They do.", "Euclid", "the last is larger than the first", grows),
            Claim("Cubes do, too.", "Euclid", "as above", lacks),
        ),
        cells=cells,
        done=lambda options: ("Numbers were squared.",),
        to_try=("heedful study gradients",),
        seeds=(0, 1),
    )


def measure(diary: Path, number: int, seed: int, folder: Path, listener: Listener) -> Iterator[Measurement]:
    """One square, with a little noise by seed."""
    assert folder.is_dir() and not any(folder.iterdir())
    (folder / "left").touch()
    with diary.open("a") as file:
        file.write("x")
    yield Measurement("squares", "squares", number, number**2 + seed / 10)


def run_counting(diary: Path, folder: Path, listener: Listener) -> None:
    """Runs it as it is asked for where nobody says how."""
    run(counting_study(diary), Options(), folder, listener)
