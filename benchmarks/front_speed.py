"""One system of front.py in a process of its own: its answers to a test side, and how fast they come.

    python benchmarks/front_speed.py RUN TEST --engine onnx --shortlist 100      # prints a line of JSON

`--engine peer`: RUN is an export for CTranslate2, which answers in int8 by the loop of docs/export.md, in those batches
in which it is the quickest. From text to text, on one thread.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from front_data import read
from peers_loops import CTranslate2

SEARCHES = {"greedy": 1, "beam 4": 4}
ONE, WARM, TRIED = 100, 5, 256

Answer = Callable[[list[str]], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--shortlist", type=int, default=0)
    parser.add_argument("--limit", type=int, help="sentences of the test side that are answered")
    options = parser.parse_args()
    sources = [source for source, _ in read(options.test)][: options.limit]
    measured = {}
    for name, beam in SEARCHES.items():
        if options.engine == "peer":
            answer = of_peer(options.run, beam, sources[:TRIED])
        else:
            answer = of_run(options.run, options.engine, beam, options.shortlist)
        measured[name] = measure(answer, sources)
    print(json.dumps(measured, ensure_ascii=False))


def measure(answer: Answer, sources: Sequence[str]) -> dict[str, Any]:
    """Milliseconds of one sentence, sentences a second of all together, and the answers."""
    answer(list(sources[:WARM]))
    ones = list(sources[:ONE])
    for source in ones[:WARM]:
        answer([source])
    start = time.perf_counter()
    for source in ones:
        answer([source])
    milliseconds = 1000 * (time.perf_counter() - start) / len(ones)
    start = time.perf_counter()
    outputs = answer(list(sources))
    return {"ms": milliseconds, "rate": len(sources) / (time.perf_counter() - start), "outputs": outputs}


def of_run(run: Path, engine: Any, beam: int, shortlist: int) -> Answer:
    """A run as Heedful answers by an engine."""
    import torch

    import heedful

    torch.set_num_threads(1)
    model = heedful.load(run, engine=engine)
    keys: dict[str, Any] = {"generate.beam": beam, "generate.shortlist": shortlist}
    keys |= {"generate.finish": "full", "generate.renormalize": True} if beam > 1 else {}
    return lambda texts: [best.output for best, *_ in model.answer(texts, keys, scored=False)]


def of_peer(folder: Path, beam: int, sources: Sequence[str]) -> Answer:
    """An export in CTranslate2's int8, in those batches in which it answers some of these soonest."""
    peer = CTranslate2(folder)
    peer.batches[beam] = peer.quickest(list(sources), beam)
    return lambda texts: peer(texts, beam)


if __name__ == "__main__":
    main()
