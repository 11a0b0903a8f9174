"""Quality against speed: a large network as the best engine runs it, and the small ones that it taught, on one thread.

    pip install "heedful[bench,demo,export]"
    python benchmarks/front.py --core 0                 # trains and measures what is not done yet, a line a row
    python benchmarks/front.py --core 0 --only help     # the systems whose name this pattern matches
    python benchmarks/front.py --table                  # docs/results/front.md and .svg of what is done

On each set the teachers are networks that CTranslate2 runs, and the better one on valid teaches students of other kinds
(`heedful distil`), which may have a quarter of its weights. Each system is scored on test, which nothing was chosen by,
and timed from text to text beside CTranslate2 in int8 on the teacher, in turn, each in a process of its own: one
sentence after another, and all of test together. What is done stands in docs/results/front.jsonl; the same command goes
on from there. Minutes are those of a core of 59 GFLOP/s (machine.py), in float32.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cells import ROOT, add_line, claimed, commit, measured_scale, read_lines
from front_data import Files, sets
from front_speed import SEARCHES
from machine import processor

from heedful.metrics.scores import evaluate
from heedful.metrics.significance import paired_test
from heedful.results import Scores

RESULTS = ROOT / "docs/results/front.jsonl"
WORK = ROOT / "runs/front"
ENGINES = ("torch", "onnx", "ct2")
SHORTLIST = 100
ROUNDS = 3
ASKED = ("generate.beam=4", "generate.finish=full", "generate.renormalize=true")  # as CTranslate2 searches
USUAL = ("train.threads=1", "train.precision=float32", "train.device=cpu")
Answers = dict[str, dict[str, Any]]
"""By search: milliseconds, rate and outputs of a system."""


@dataclass(frozen=True)
class Choice:
    """A network with its settings, and the share of the teacher's minutes that it is trained for."""

    name: str
    network: str
    keys: tuple[str, ...] = ()
    share: float = 0.5


def sized(width: int, encoder: int, decoder: int) -> tuple[str, ...]:
    """A width, with so many layers on either side: the source is read once, and the decoder asked for each token."""
    return f"network.width={width}", f"network.depth={encoder}", f"network.decoder_depth={decoder}"


def shared(vocabulary: int) -> tuple[str, ...]:
    """So many pieces for both sides together: for the weights of one table, sentences of fewer steps."""
    return "data.shared_tokenizer=true", f"data.vocabulary={vocabulary}"


TEACHERS = (Choice("vaswani2017", "vaswani2017", share=1.0), Choice("touvron2023", "touvron2023", share=1.0))
STUDENTS = (  # with a quarter of the weights of a teacher of 2,000 pieces a side; those likeliest to win first
    Choice("vaswani2017 4+1", "vaswani2017", (*sized(128, 4, 1), *shared(4000))),
    Choice("vaswani2017 6+1", "vaswani2017", (*sized(96, 6, 1), *shared(8000))),
    Choice("gru", "gru", ("network.width=160", *shared(4000))),
    Choice("bahdanau2015", "bahdanau2015", ("network.width=144", *shared(4000))),
    Choice("ssru2019 4+1", "ssru2019", (*sized(128, 4, 1), *shared(4000))),
    Choice("ssru2019 6+1", "ssru2019", (*sized(96, 6, 1), *shared(8000))),
    Choice("cho2014", "cho2014", ("network.width=144", *shared(4000))),
    Choice("touvron2023 4+1", "touvron2023", (*sized(128, 4, 1), *shared(4000))),
    Choice("mingru2024 6+1", "mingru2024", (*sized(96, 6, 1), *shared(4000))),
)


@dataclass(frozen=True)
class Options:
    """How much is done: `minutes` a teacher of the yardstick, `scale` of them here, `limit` sentences of test."""

    minutes: float
    scale: float
    limit: int | None
    work: Path = WORK
    results: Path = RESULTS
    teachers: Sequence[Choice] = field(default=TEACHERS)
    students: Sequence[Choice] = field(default=STUDENTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, help="run on this core alone")
    parser.add_argument("--only", default="", help="systems whose set and name (help/gru) this pattern matches")
    parser.add_argument("--until", type=float, default=1e9, help="begin no system after so many minutes")
    parser.add_argument("--scale", type=float, help="minutes here for each minute of the yardstick, where it is known")
    parser.add_argument("--minutes", type=float, default=120, help="of training a teacher; a student has half")
    parser.add_argument("--limit", type=int, help="sentences of test that are answered")
    parser.add_argument("--table", action="store_true", help="write table and plot, and train nothing")
    given = parser.parse_args()
    if given.table:
        from front_table import write

        write(RESULTS)
        return
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    options = Options(given.minutes, given.scale or measured_scale(), given.limit)
    work(options, given.only, time.time() + given.until * 60)


def work(options: Options, only: str, until: float) -> None:
    """Trains and measures systems until none is left, or it is late; what another process has begun is passed over."""
    options.work.mkdir(parents=True, exist_ok=True)
    for name, files in sets(options.work / "sets").items():
        bench = Bench(name, files, options)
        for choice in (*options.teachers, *options.students):
            if time.time() > until or not re.match(only, f"{name}/{choice.name}") or choice.name in bench.done():
                continue
            with claimed(options.work / f"{name}-{choice.name}.lock") as mine:
                if mine and choice.name not in bench.done():
                    for line in bench.lines(choice):
                        add_line(options.results, line)


@dataclass(frozen=True)
class Bench:
    """The systems of one set, each in a folder of its own."""

    name: str
    files: Files
    options: Options

    def done(self) -> set[str]:
        """The systems that have their lines."""
        return {line["system"] for line in read_lines(self.options.results) if line["set"] == self.name}

    def folder(self, name: str) -> Path:
        """Where the run of a choice is, or will be."""
        return self.options.work / self.name / name.replace(" ", "-")

    def lines(self, choice: Choice) -> Iterator[dict[str, Any]]:
        """Trains a system and asks it in turn with CTranslate2 on its teacher: a line for each way of asking."""
        print(f"{time.strftime('%H:%M:%S')} {self.name}/{choice.name}", flush=True)
        is_teacher, folder = choice in self.options.teachers, self.folder(choice.name)
        self.train(choice) if is_teacher else self.distil(choice)
        facts = self.facts(choice)
        peer = export(folder if is_teacher else self.teacher())
        runs = {"peer": (peer, "peer", 0)} | {
            f"{engine}/{shortlist}": (folder, engine, shortlist) for engine in ENGINES for shortlist in (0, SHORTLIST)
        }
        measured = self.in_turn(runs)
        for search in SEARCHES:
            ways = {name: answers[search] for name, answers in measured.items()}
            yield from self.compared(ways, facts | {"search": search}, is_teacher)

    def compared(self, ways: Answers, facts: dict[str, Any], is_teacher: bool) -> Iterator[dict[str, Any]]:
        """A line for CTranslate2, if it is this very system that it runs, and for the system without and with a
        shortlist, by the engines that are the quickest at one sentence and at all of them.
        """
        peer, theirs = ways["peer"], scored(self.files, ways["peer"]["outputs"])
        speed = {"peer_ms": peer["ms"], "peer_rate": peer["rate"]}
        if is_teacher:
            yield facts | quality(theirs) | {"by": "CTranslate2 int8", "shortlist": 0} | fast(peer, peer) | speed
        plain: dict[str, Any] = {}
        for shortlist in (0, SHORTLIST):
            able = {name: way for name, way in ways.items() if name.endswith(f"/{shortlist}")}
            if not able:
                continue
            one, many = min(able, key=lambda name: able[name]["ms"]), max(able, key=lambda name: able[name]["rate"])
            chosen, scores = able[many], scored(self.files, able[many]["outputs"])
            plain = plain or chosen
            pairs = zip(chosen["outputs"], plain["outputs"], strict=True)
            test = paired_test(
                chosen["outputs"], peer["outputs"], [case.references for case in scores.cases], "text", "chrf"
            )
            by = {"one_by": one.partition("/")[0], "many_by": many.partition("/")[0], "shortlist": shortlist}
            yield (
                facts
                | quality(scores)
                | {"by": "Heedful"}
                | by
                | fast(able[one], chosen)
                | speed
                | {
                    "difference": test.difference,
                    "difference_low": test.low,
                    "difference_high": test.high,
                    "p": test.p,
                    "changed": sum(output != other for output, other in pairs) / len(chosen["outputs"]),
                }
            )

    def train(self, choice: Choice) -> None:
        """Trains a teacher, which may take two calls; a finished one is left as it is."""
        named = ["--network", choice.network, "--size", "small", *self.minutes(choice)]
        sides = [str(self.files.train), "--valid", str(self.files.valid)]
        heedful("train", "translate", *sides, *named, *USUAL, *ASKED, *choice.keys, "-o", str(self.folder(choice.name)))

    def distil(self, choice: Choice) -> None:
        """Trains a student on what its teacher answers, which is asked for once for all students."""
        folder, teacher = self.folder(choice.name), self.teacher()
        others = (self.folder(other.name) / "teacher" for other in self.options.students)
        answered = next((place for place in others if is_answered(place)), None)
        if answered and not (folder / "teacher").exists():
            shutil.copytree(answered, folder / "teacher")
        named = ["--network", choice.network, "--size", "tiny", *self.minutes(choice)]
        heedful("distil", str(teacher), *named, *USUAL, *choice.keys, "-o", str(folder))

    def minutes(self, choice: Choice) -> list[str]:
        """The budget of a training."""
        return ["--minutes", f"{self.options.minutes * choice.share * self.options.scale:.4f}"]

    def teacher(self) -> Path:
        """The run of the better teacher on valid."""
        folders = [self.folder(choice.name) for choice in self.options.teachers]
        finished = [folder for folder in folders if (folder / "scores.json").exists()]
        if not finished:
            raise SystemExit(f"{self.name}: no teacher is trained yet")
        return max(finished, key=chrf_on_valid)

    def facts(self, choice: Choice) -> dict[str, Any]:
        """What is known of a system beside its measures."""
        kept = json.loads((self.folder(choice.name) / "scores.json").read_text(encoding="utf-8"))["facts"]
        taught = {} if choice in self.options.teachers else {"teacher": self.teacher().name}
        return {
            "set": self.name,
            "system": choice.name,
            "weights": kept["weights"],
            "steps": kept["steps"],
            "minutes": round(self.options.minutes * choice.share, 4),
            "scale": round(self.options.scale, 4),
            "keys": choice.keys,
            "commit": commit(),
            "processor": processor(),
        } | taught

    def in_turn(self, runs: dict[str, tuple[Path, str, int]]) -> dict[str, Answers]:
        """Medians of some rounds, in each of which every one is asked; those that refuse are left out."""
        rounds: dict[str, list[Answers]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, (run, engine, shortlist) in list(runs.items()):
                answers = self.ask(run, engine, shortlist)
                if answers is None:
                    del runs[name]
                else:
                    rounds[name].append(answers)
        return {name: medians(rounds[name]) for name in runs}

    def ask(self, run: Path, engine: str, shortlist: int) -> Answers | None:
        """What one process measures; None where the engine refuses."""
        command = [sys.executable, str(ROOT / "benchmarks/front_speed.py"), str(run), str(self.files.test)]
        command += ["--engine", engine, "--shortlist", str(shortlist)]
        command += [] if self.options.limit is None else ["--limit", str(self.options.limit)]
        process = subprocess.run(command, capture_output=True, text=True)
        refused = [line for line in process.stderr.splitlines() if "HeedfulError" in line]
        if process.returncode and refused:
            print(f"    {engine}, shortlist {shortlist}: {refused[-1].partition(': ')[2]}", flush=True)
            return None
        process.check_returncode()
        return json.loads(process.stdout.splitlines()[-1])


def heedful(*words: str) -> None:
    """A command, whose lines stand in the terminal."""
    subprocess.run([sys.executable, "-m", "heedful", *words], check=True)


def export(run: Path) -> Path:
    """A run as CTranslate2 reads it."""
    folder = run.with_name(f"{run.name}-ct2")
    if not folder.exists():
        heedful("export", str(run), "--to", "ct2", "-o", str(folder))
    return folder


def is_answered(place: Path) -> bool:
    """Whether a teacher's answers stand there, all of them."""
    about = place / "teacher.json"
    return about.exists() and json.loads(about.read_text(encoding="utf-8"))["done"]


def chrf_on_valid(run: Path) -> float:
    """How good a teacher is by what nothing else is measured on."""
    return json.loads((run / "scores.json").read_text(encoding="utf-8"))["scores"]["measures"]["chrf"]["value"]


def medians(rounds: Sequence[Answers]) -> Answers:
    """The middle of what was measured, with the answers, which are the same each time."""
    return {
        search: {
            "outputs": rounds[0][search]["outputs"],
            **{key: statistics.median(answers[search][key] for answers in rounds) for key in ("ms", "rate")},
        }
        for search in SEARCHES
    }


def scored(files: Files, outputs: Sequence[str]) -> Scores:
    """Answers to the first sentences of test beside what is right."""
    pairs = files.pairs("test")[: len(outputs)]
    sources, targets = [source for source, _ in pairs], [(target,) for _, target in pairs]
    return evaluate("text", sources, outputs, targets, ter=False)


def quality(scores: Scores) -> dict[str, float]:
    """chrF with its interval."""
    chrf = scores.measures["chrf"]
    return {"chrf": round(chrf.value, 3), "low": round(chrf.low, 3), "high": round(chrf.high, 3)}


def fast(one: dict[str, Any], many: dict[str, Any]) -> dict[str, float]:
    """How long one sentence takes, and how many of all are answered in a second."""
    return {"ms": one["ms"], "rate": many["rate"]}


if __name__ == "__main__":
    main()
