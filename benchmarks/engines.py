"""How fast runs answer, by each engine: from cold, one input at a time, and many together.

    heedful demo
    python benchmarks/engines.py runs/demo/* sample://cmudict/test            # all runs answer the same inputs
    python benchmarks/engines.py runs/demo/* sample://cmudict/test --beam 1 --threads 1
    python benchmarks/engines.py runs/demo/vaswani2017 sample://cmudict/test --engines torch,onnx,ct2-float32,ct2-int8
    python benchmarks/engines.py runs/topics-gpt sample://topics        # runs of complete go on with beginnings

Engines take turns within each repetition, in processes of their own; the table has medians. Whether all answer alike
is counted beside the speed. Beams are searched with finish=full and renormalize=true, as every engine can; texts go on
with the likeliest token. `ct2` is CTranslate2 in the precision that a run's verdict says (docs/engines.md).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ONE, MANY, COLD = 60, 1600, 5
HEADS = ("run", "engine", "cold, s", "CPU, s", "MB", "one at a time, tokens/s", "together, tokens/s", "same answers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="runs, and last what they are asked with: a file, or a sample")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--engines", default="torch,onnx", help="the first is what others are compared with")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processor", action="store_true", help="speeds by processor time, on a core that others use")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    clock = time.process_time if options.processor else time.perf_counter
    if options.child:
        print(json.dumps(measure(options.runs[0], options.runs[1], options.child, options.beam, clock)))
        return
    *runs, data = options.runs
    engines = options.engines.split(",")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(" | ".join(HEADS))
    for run in runs:
        lines = {engine: list[dict]() for engine in engines}
        colds = {engine: list[tuple[float, float, float]]() for engine in engines}
        for _ in range(options.repeats):
            for engine in engines:
                command = [sys.executable, __file__, run, data, "--child", engine, "--beam", str(options.beam)]
                command += ["--threads", str(options.threads), *(["--processor"] if options.processor else [])]
                lines[engine].append(json.loads(subprocess.check_output(command, text=True).splitlines()[-1]))
        task, word = (lines[engines[0]][0][key] for key in ("task", "first"))
        for _ in range(COLD):
            for engine in engines:
                colds[engine].append(ask_from_cold(task, run, word, engine, options.beam))
        outputs = lines[engines[0]][0]["outputs"]
        for engine in engines:
            wall, cpu, memory = (statistics.median(column) for column in zip(*colds[engine], strict=True))
            one, many = (statistics.median(line[key] for line in lines[engine]) for key in ("one", "many"))
            same = sum(a == b for a, b in zip(outputs, lines[engine][0]["outputs"], strict=True)) / len(outputs)
            cells = (f"{wall:.2f}", f"{cpu:.2f}", f"{memory:.0f}", f"{one:,.0f}", f"{many:,.0f}", f"{same:.2%}")
            print(" | ".join((Path(run).name, engine, *cells)), flush=True)


def measure(run: str, data: str, named: str, beam: int, clock: Callable[[], float]) -> dict:
    """Tokens (or, where answers have none, answers) a second of a clock, one at a time and together."""
    import heedful

    engine, precision = parts_of(named)
    model: Any = heedful.load(run, engine=engine, precision=precision)  # type: ignore[arg-type]
    sources = list(dict.fromkeys(example.source for example in model.read([data])))[:MANY]
    asked = [prompt for source in sources for prompt in model.prompts([source])]
    changes = changes_of(model.task, beam)
    model.answer(asked[:3], changes, scored=False)
    start, count = clock(), 0
    for source in asked[:ONE]:
        count += size(model.answer(source, changes, scored=False))
    one = count / (clock() - start)
    start = clock()
    answers = model.answer(asked, changes, scored=False)
    many = size(answers) / (clock() - start)
    outputs = [best[0].output for best in answers]
    return {"one": one, "many": many, "outputs": outputs, "first": asked[0], "task": model.task}


def parts_of(engine: str) -> tuple[str, str]:
    """An engine and its precision: of `ct2-int8` ct2 and int8."""
    name, _, precision = engine.partition("-")
    return name, precision or "auto"


def changes_of(task: str, beam: int) -> dict:
    """How all are asked."""
    drawn = {"generate.sample": False} if task == "complete" else {}
    beams = {"generate.finish": "full", "generate.renormalize": True} if beam > 1 else {}
    return {"generate.beam": beam} | beams | drawn


def size(answers: list) -> int:
    """How many tokens were written, ends counted; answers, where nothing is."""
    return sum(len(best[0].tokens) + 1 for best in answers)


def ask_from_cold(task: str, run: str, source: str, engine: str, beam: int) -> tuple[float, float, float]:
    """Seconds, seconds of the processor and megabytes of one command that asks for one answer."""
    name, precision = parts_of(engine)
    environment = os.environ | {"HEEDFUL_ENGINE": name}
    start = time.perf_counter()
    command = [sys.executable, "-m", "heedful", task, run, source]
    changes = changes_of(task, beam) | ({} if precision == "auto" else {"generate.precision": precision})
    command += [f"{key}={json.dumps(value)}".replace('"', "") for key, value in changes.items()]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, f"{' '.join(command)} failed"
    wall = time.perf_counter() - start
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
