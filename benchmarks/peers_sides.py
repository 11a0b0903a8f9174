"""One side of peers.py in a process of its own: it opens a model, then answers whenever a line on standard input asks.

    echo '{"inputs": ["any text"], "beam": 1, "alone": false}' | python benchmarks/peers_sides.py '{"who": …}'

A line of JSON has the answers, and the seconds of the clock and of the processor that they took.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers_graphs import graph
from peers_loops import Ask, CTranslate2, transformers_writer


@dataclass(frozen=True)
class Side:
    """Who answers: Heedful by an `engine`, or another library; a `folder`: what it opens; the `limit` of an answer.

    `workers` answer at once, each by so many `threads`.
    """

    who: str
    task: str
    folder: str
    engine: str = "auto"
    precision: str = "float32"
    workers: int = 1
    threads: int = 1
    limit: int = 0

    @property
    def name(self) -> str:
        """As a table calls it."""
        share = "" if self.workers == self.threads == 1 else f" {self.workers}×{self.threads}"
        return f"{self.called}{' int8' * (self.precision == 'int8')}{share}"

    @property
    def called(self) -> str:
        """An engine of ours, or a library."""
        return self.engine if self.is_ours else self.who

    @property
    def is_ours(self) -> bool:
        return self.who == "heedful"


def main() -> None:
    side = Side(**json.loads(sys.argv[1]))
    os.environ["OMP_NUM_THREADS"] = str(side.workers * side.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false" if side.workers * side.threads == 1 else "true"
    ask = opened(side)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(timed(ask, asked["inputs"], asked["beam"], asked["alone"])), flush=True)


def timed(ask: Ask, inputs: list[str], beam: int, alone: bool) -> dict[str, Any]:
    """Answers to all together, or to one after another."""
    parts = [[each] for each in inputs] if alone else [inputs]
    start, processor = time.perf_counter(), time.process_time()
    answers = [answer for part in parts for answer in ask(part, beam)]
    seconds = {"clock": time.perf_counter() - start, "processor": time.process_time() - processor}
    return seconds | {"answers": [each if isinstance(each, str) else [float(n) for n in each] for each in answers]}


def opened(side: Side) -> Ask:
    """What asks it."""
    folder = Path(side.folder)
    if side.is_ours:
        return heedful(side)
    if side.who == "CTranslate2":
        return CTranslate2(folder, side.precision, side.workers, side.threads, side.limit)
    if side.who == "transformers":
        return transformers_writer(folder, side.task, side.threads, side.limit)
    return graph(folder, side.task, side.who, side.threads)


def heedful(side: Side) -> Ask:
    """Heedful as one asks it from Python."""
    from heedful import load

    model = load(side.folder, engine=side.engine, precision=side.precision)  # type: ignore[arg-type]
    if side.task == "match":
        return lambda inputs, _: list(model.embed(inputs).values)
    fixed = SAID.get(side.task, {}) | ({"max_length": side.limit, "close": False} if side.limit else {})

    def ask(inputs: list[str], beam: int) -> list[str]:
        beams = {"beam": beam} if side.task in WRITES else {}
        return model.predict(inputs, **fixed, **beams, **(RULES if beam > 1 else {}))

    return ask


WRITES = ("translate", "complete", "caption", "draw")
SAID: dict[str, dict[str, Any]] = {
    "complete": {"sample": False},
    "draw": {"sample": False, "guidance": 1.0},
}
"""What a task is told, so that each answer is the likeliest."""
RULES: dict[str, Any] = {"finish": "full", "renormalize": True}
"""How CTranslate2 ends beams."""


if __name__ == "__main__":
    main()
