"""The frame of all studies: cells are measured one after another and kept, claims are held against what they measured.

A cell is the smallest thing that is measured as a whole. Each is a line of cells.jsonl, known by its key, so that a
study that was killed goes on behind the last one, and another seed or network measures what is new alone.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from heedful.api.lock import lock_folder
from heedful.api.outlook import in_minutes
from heedful.data.folders import write_file
from heedful.errors import HeedfulError, count
from heedful.report import curves
from heedful.report.curves import Chart, Curve
from heedful.report.studied import StudyResult, Verdict, study_page, study_table
from heedful.schema import Size
from heedful.training.progress import Listener
from heedful.training.signals import Stopped, stop_at_once

CELLS, SCRATCH = "cells.jsonl", "scratch"
NAMED = 3  # values of a key
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t for 95 % intervals of a mean of 2, 3, … measurements."""
NORMAL = 1.96  # of more
YARDSTICK = 0.038  # seconds that `machine_time` took where the seconds of cells were noted

Key = Mapping[str, str | int | float]
Curves = Mapping[str, Mapping[str, Curve]]
"""By the key of their chart, then by name."""


@dataclass(frozen=True)
class Options:
    """How a study is asked for. No `seeds`: the study's own. `everything`: with the rows that it leaves out else."""

    size: Size = "small"
    seeds: tuple[int, ...] = ()
    everything: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """One value: of which chart and curve, and where on it."""

    chart: str
    curve: str
    x: float
    y: float


@dataclass(frozen=True)
class Cell:
    """What is measured as a whole: its key, about how many seconds it takes, and what measures it.

    `measure` is given an empty folder to work in. `by_clock`: what is measured is given so much time, on any machine.
    """

    key: Key
    seconds: float
    measure: Callable[[Path, Listener], Iterable[Measurement]]
    by_clock: bool = False

    @property
    def name(self) -> str:
        """What a progress bar calls it: the first values of its key."""
        return " ".join(map(str, list(self.key.values())[:NAMED]))


@dataclass(frozen=True)
class Axes:
    """A chart before it has curves. `least` and `most` bound what can be measured."""

    key: str
    title: str
    x_label: str
    y_label: str
    see: str
    log: Literal["", "x", "y", "xy"] = ""
    least: float = -np.inf
    most: float = np.inf


@dataclass(frozen=True)
class Claim:
    """What a paper says, the rule that it is held to, and the rule itself: whether it is met, and by which numbers.

    `judge` says None where the numbers cannot tell: nothing was learnt, or (by KeyError) a curve was not measured.
    """

    text: str
    reference: str
    rule: str
    judge: Callable[[Curves], tuple[bool | None, str]]


@dataclass(frozen=True)
class Study:
    """A question, what papers say of it, and how it is asked here.

    `cells` are what is to be measured by the options, in a folder where data may be written; `done` says it in
    sentences. The first of `axes` is the chart whose ends readers guess. `seeds`: those where nobody names any.
    """

    name: str
    question: str
    axes: tuple[Axes, ...]
    claims: tuple[Claim, ...]
    cells: Callable[[Options, Path], list[Cell]]
    done: Callable[[Options], tuple[str, ...]]
    to_try: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    takes_data: bool = False

    def with_seeds(self, options: Options) -> Options:
        """The options with seeds; raises HeedfulError for files where the study makes its own."""
        if options.files and not self.takes_data:
            raise HeedfulError(f"study {self.name} makes its own data, so --data has no meaning.", "Leave it out.")
        return replace(options, seeds=options.seeds or self.seeds)


def run(study: Study, options: Options, folder: Path, listener: Listener) -> StudyResult:
    """Measures what is not yet measured in `folder`, and writes page, plots, table and JSON there.

    Raises Stopped where a signal asked for it; the same command goes on behind the last cell.
    """
    options = study.with_seeds(options)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with lock_folder(folder), stop_at_once():
            cells = study.cells(options, folder)
            measure(study, cells, folder, listener)
            result = conclude(study, options, read_cells(folder), [cell.key for cell in cells])
            write_study(result, folder)
    except Stopped as stop:
        listener.note(f"stopped by {stop.name}. The same command goes on from what is measured.")
        stop.saved = True
        raise
    listener.note(f"page: {folder / 'study.html'}")
    return result


def measure(study: Study, cells: Sequence[Cell], folder: Path, listener: Listener) -> None:
    """Measures the cells that the folder does not hold, one line for each."""
    waiting = unmeasured(cells, folder)
    if not waiting:
        listener.note(f"{study.name}: all {count(len(cells), 'measurement')} stand in {folder}")
        return
    total = sum(cell.seconds for cell in waiting)
    there = f", {len(cells) - len(waiting)} are there" if len(waiting) < len(cells) else ""
    listener.begin(study.name, f"in all {whole_time(waiting)}: {count(len(waiting), 'measurement')}{there}")
    before = 0.0
    for cell in waiting:
        share = cell.seconds / total
        start = time.perf_counter()
        part = Part(listener, before, share, cell.name)
        part.step(0.0, "")
        points = list(cell.measure(scratch(folder), part))
        append(folder / CELLS, cell.key, points, time.perf_counter() - start)
        before += share
    shutil.rmtree(folder / SCRATCH, ignore_errors=True)
    listener.end(count(len(waiting), "measurement"))


def unmeasured(cells: Sequence[Cell], folder: Path) -> list[Cell]:
    """The cells that a folder does not hold."""
    known = {identity(line["key"]) for line in read_cells(folder)}
    return [cell for cell in cells if identity(cell.key) not in known]


def whole_time(cells: Sequence[Cell]) -> str:
    """About how long cells take on this machine, in words."""
    slower = machine_time() / YARDSTICK
    return in_minutes(sum(cell.seconds * (1 if cell.by_clock else slower) for cell in cells))


@dataclass(frozen=True)
class Part:
    """The listener of a cell: its steps are a share of the study's, and what it says beside them stays with it."""

    listener: Listener
    before: float
    share: float
    name: str

    def note(self, text: str) -> None: ...

    def begin(self, title: str, total: str) -> None: ...

    def step(self, done: float, text: str) -> None:
        self.listener.step(self.before + self.share * min(done, 1.0), f"{self.name}  {text}".rstrip())

    def end(self, text: str = "") -> None: ...


def scratch(folder: Path) -> Path:
    """An empty folder for a cell: what a killed one left there is gone."""
    shutil.rmtree(folder / SCRATCH, ignore_errors=True)
    (folder / SCRATCH).mkdir()
    return folder / SCRATCH


def append(path: Path, key: Key, points: Sequence[Measurement], seconds: float) -> None:
    """Adds a cell to a file, and has it on the disk before the next one begins.

    What a killed writer left of a line is ended first, so that it does not spoil this one.
    """
    rows = [[point.chart, point.curve, point.x, point.y] for point in points]
    line = json.dumps({"key": dict(key), "seconds": round(seconds, 3), "points": rows}, ensure_ascii=False)
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * torn + line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_cells(folder: Path) -> list[dict[str, Any]]:
    """The cells of a folder, in the order in which they were measured; what is no whole line is measured again."""
    lines = []
    with suppress(FileNotFoundError):
        for text in (folder / CELLS).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                lines.append(json.loads(text))
    return [line for line in lines if is_cell(line)]


def is_cell(line: object) -> bool:
    """Whether this is a cell as `append` writes them."""
    if not isinstance(line, dict) or not isinstance(line.get("key"), dict):
        return False
    points = line.get("points")
    return isinstance(points, list) and all(
        isinstance(point, list) and list(map(type, point[:2])) == [str, str] and is_pair(point[2:]) for point in points
    )


def is_pair(values: Sequence[object]) -> bool:
    """Whether these are two numbers."""
    return len(values) == 2 and all(isinstance(value, int | float) for value in values)


def identity(key: Key) -> str:
    """A key as one text."""
    return json.dumps(dict(key), sort_keys=True)


def conclude(study: Study, options: Options, lines: Sequence[Mapping[str, Any]], keys: Sequence[Key]) -> StudyResult:
    """What the cells of these keys say: curves, and of each claim whether it was seen."""
    wanted = {identity(key) for key in keys}
    points = [Measurement(*point) for line in lines if identity(line["key"]) in wanted for point in line["points"]]
    by_chart = {axes.key: curves_of(axes, points) for axes in study.axes}
    charts = tuple(
        Chart(axes.key, axes.title, axes.x_label, axes.y_label, tuple(named.values()), axes.see, axes.log)
        for axes in study.axes
        if (named := by_chart[axes.key])
    )
    verdicts = tuple(judge(claim, by_chart) for claim in study.claims)
    return StudyResult(study.name, study.question, charts, verdicts, study.done(options), study.to_try)


def judge(claim: Claim, by_chart: Curves) -> Verdict:
    """A claim held against the curves by its rule."""
    try:
        seen, evidence = claim.judge(by_chart)
    except KeyError as error:
        seen, evidence = None, f"{error.args[0]} was not measured."
    return Verdict(claim.text, claim.reference, claim.rule, seen, evidence)


def curves_of(axes: Axes, points: Iterable[Measurement]) -> dict[str, Curve]:
    """The curves of a chart by name, each point the mean of what was measured there."""
    values: dict[str, dict[float, list[float]]] = {}
    for point in points:
        if point.chart == axes.key:
            values.setdefault(point.curve, {}).setdefault(point.x, []).append(point.y)
    return {
        name: Curve(name, tuple(mean_of(x, of_curve[x], axes) for x in sorted(of_curve)))
        for name, of_curve in values.items()
    }


def mean_of(x: float, values: Sequence[float], axes: Axes) -> curves.Point:
    """The mean with its 95 % interval by Student's t, within what is possible; over a logarithmic axis of logarithms.

    >>> axes = Axes("a", "", "", "", "", most=100)
    >>> point = mean_of(1, [90, 98, 100], axes)
    >>> point.y, round(point.low, 1), point.high
    (96.0, 82.9, 100)
    """
    logarithmic = "y" in axes.log and min(values) > 0
    numbers = np.log(values) if logarithmic else np.asarray(values, float)
    mean, half = float(numbers.mean()), 0.0
    if len(values) > 1:
        times = STUDENT[len(values) - 2] if len(values) - 2 < len(STUDENT) else NORMAL
        half = times * float(numbers.std(ddof=1)) / len(values) ** 0.5
    y, low, high = (float(np.exp(v)) if logarithmic else v for v in (mean, mean - half, mean + half))
    return curves.Point(x, y, max(low, axes.least), min(high, axes.most), len(values))


def write_study(result: StudyResult, folder: Path) -> None:
    """Writes a study's page, plots, table and JSON, the last of all; what says the same already stays as it is."""
    text, file = json.dumps(plain(result), ensure_ascii=False, indent=1), folder / "study.json"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    for name in ("plot.svg", "plot.png"):
        curves.plot(result.charts, folder / name)
    for name, content in (("table.tsv", study_table(result)), ("study.html", study_page([result])), (file.name, text)):
        write_file(folder / name, lambda path, content=content: path.write_text(content, encoding="utf-8"))


def plain(result: StudyResult) -> dict[str, Any]:
    """A study as JSON has it, with its finding and the version that wrote it."""
    return {"finding": result.finding, "heedful": metadata.version("heedful"), **asdict(result)}


def machine_time() -> float:
    """The seconds that a fixed piece of work takes on this machine: what the seconds of cells are scaled by."""
    rows = torch.ones(64, 64)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(1000):
            rows = torch.tanh(rows @ rows) * 0.01
        seconds.append(time.perf_counter() - start)
    return min(seconds)
