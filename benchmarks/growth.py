"""What happens as work grows: longer inputs, more of them together, longer files. Three plots, and no cliff in them.

    heedful demo
    python benchmarks/growth.py runs/demo/cho2014 runs/demo/vaswani2017       # docs/results/growth.jsonl and .svg
    python benchmarks/growth.py runs/demo/vaswani2017 --lines 10000000        # files of up to so many lines
    python benchmarks/growth.py --plot                                        # the plots of what is done

Words of made-up letters are written out by runs that learnt to: as long as they are, greedily, by each engine. Lengths
and batches are timed by the processor's clock, on one thread; files are asked by the command line, with its memory.
"""

import argparse
import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cells import ROOT, add_line, commit, read_lines

if TYPE_CHECKING:
    from heedful import Model

RESULTS = ROOT / "docs/results/growth.jsonl"
LENGTHS = [16 << step for step in range(9)]  # to 4,096 letters, each answered with as many symbols
BATCHES = [1 << step for step in range(9)]  # to 256 words together
WORD, LEAST_LINES, TURNS = 8, 1_000, 3
SOUNDS = ("AH", "K", "S", "IH")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LABELS = {"length": "letters of an input", "batch": "inputs together", "lines": "lines of a file"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", help="runs of spelling to sounds, as heedful demo trains them")
    parser.add_argument("--engines", default="torch,onnx")
    parser.add_argument("--lines", type=int, default=100_000, help="of the longest file")
    parser.add_argument("--plot", action="store_true", help="draw what is done, and measure nothing")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    asked = [(run, engine) for run in options.runs for engine in options.engines.split(",") if not options.plot]
    for run, engine in asked:  # first, while this process is small: what it holds would count as theirs
        lines = LEAST_LINES
        while lines <= options.lines:
            add_line(RESULTS, about(run, engine) | {"what": "lines", "amount": lines} | ask_a_file(run, engine, lines))
            lines *= 10
    for run, engine in asked:
        measure(run, engine)
    plot(read_lines(RESULTS))


def about(run: str, engine: str) -> dict[str, Any]:
    """What is measured, and of which state of the tree."""
    return {"run": Path(run).name, "engine": engine, "commit": commit()}


def measure(run: str, engine: str) -> None:
    """A run by an engine: a line of results for each length and each batch."""
    import torch

    from heedful import load

    torch.set_num_threads(1)
    model, this = load(run, engine=engine), about(run, engine)
    model.predict(words(1, WORD), beam=1)  # what is loaded once
    for length in LENGTHS:
        add_line(RESULTS, this | {"what": "length", "amount": length} | per_token(model, words(1, length), length))
    for batch in BATCHES:
        add_line(RESULTS, this | {"what": "batch", "amount": batch} | per_token(model, words(batch, WORD), WORD))


def per_token(model: "Model", inputs: Sequence[str], longest: int) -> dict[str, float]:
    """Milliseconds of the processor for each symbol of answers that are as long as their inputs, the fewest of some
    turns. What is answered is told, since what no network saw in training it answers briefly.
    """
    prefix = " ".join(itertools.islice(itertools.cycle(SOUNDS), longest))
    settings, best = {"generate.beam": 1, "generate.max_length": longest, "generate.prefix": prefix}, float("inf")
    for _ in range(TURNS):
        start = time.process_time()
        model.answer(list(inputs), settings)
        best = min(best, (time.process_time() - start) / (len(inputs) * longest))
    return {"ms": round(1000 * best, 4)}


def ask_a_file(run: str, engine: str, lines: int) -> dict[str, float]:
    """Seconds of the processor a thousand lines, and the most memory, of a command that answers a file."""
    with tempfile.TemporaryDirectory() as folder:
        texts, answers = Path(folder, "texts.txt"), Path(folder, "answers.txt")
        with texts.open("w") as stream:
            stream.writelines(f"{word}\n" for word in words(lines, WORD))
        command = ["translate", run, "--file", str(texts), "-o", str(answers), "beam=1", f"engine={engine}"]
        process = subprocess.Popen([sys.executable, "-m", "heedful", *command], stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        with answers.open() as stream:
            assert status == 0 and sum(1 for _ in stream) == lines, f"not all of {lines:,} lines were answered"
    seconds = used.ru_utime + used.ru_stime
    return {"ms": round(1000 * seconds / lines, 4), "mb": round(used.ru_maxrss / 1024)}


def words(count: int, length: int) -> list[str]:
    """Made-up words of so many letters."""
    drawn = random.Random(length)
    return ["".join(drawn.choices(LETTERS, k=length)) for _ in range(count)]


def plot(results: Sequence[dict[str, Any]]) -> None:
    """Time by length, by batch and by lines, and memory by lines; a curve a run and engine, the last measurement."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    axes = figure.subplots(1, 4)
    panels = [("length", "ms", "ms a symbol"), ("batch", "ms", "ms a symbol"), ("lines", "ms", "ms a line")]
    for axis, (what, key, label) in zip(axes, [*panels, ("lines", "mb", "MB")], strict=True):
        for name in sorted({(line["run"], line["engine"]) for line in results}):
            found = {
                line["amount"]: line[key]
                for line in results
                if (line["run"], line["engine"], line["what"]) == (*name, what)
            }
            axis.plot(sorted(found), [found[amount] for amount in sorted(found)], marker=".", label=" by ".join(name))
        axis.set(xscale="log", yscale="log" if key == "ms" else "linear", xlabel=LABELS[what], ylabel=label)
        axis.set_ylim(bottom=0 if key == "mb" else None)
    axes[0].legend(fontsize=7)
    figure.savefig(RESULTS.with_suffix(".svg"))


if __name__ == "__main__":
    main()
