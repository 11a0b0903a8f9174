"""Is data that does not fit into memory prepared and read well? Minutes and peak memory on a file of made-up pairs.

    python benchmarks/large_file.py                     # 5,000,000 pairs, about 600 MB
    python benchmarks/large_file.py --pairs 200000      # a quick look

The words are made up and drawn as words of real texts are (Zipf), so that a BPE tokenizer has something to learn.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from heedful import recipe
from heedful.data.batching import plan
from heedful.tasks.translate import TASK

CHUNK = 50_000
TOKENS = 4_000
BATCHES = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="where to write (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        run(Path(folder), options.pairs)


def run(folder: Path, pairs: int) -> None:
    """Writes the file, prepares it, opens it again, reads batches; a line of figures after each."""
    file, clock = folder / "pairs.tsv", Clock()
    write(file, pairs)
    clock.lap(f"written: {pairs:,} pairs, {file.stat().st_size / 1e6:,.0f} MB")
    settings = {"data.train": [str(file)], "data.source_tokenizer": "bpe", "data.target_tokenizer": "bpe"}
    plans = recipe.build("translate", settings)
    TASK.learning.prepare(plans, folder / "run", lambda note: print(f"  {note}"))
    clock.lap("prepared")
    store = TASK.learning.prepare(plans, folder / "run", lambda note: print(f"  {note}")).train
    clock.lap(f"opened again: {sum(path.stat().st_size for path in store.folder.iterdir()) / 1e6:,.0f} MB on disk")
    batches = plan(store.lengths, TOKENS, seed=0, epoch=0)
    clock.lap(f"planned: {len(batches):,} batches of {TOKENS:,} tokens")
    tokens = sum(len(side) for batch in batches[:BATCHES] for row in batch.rows for side in store[int(row)])
    clock.lap(f"read: {min(BATCHES, len(batches)):,} batches, {tokens:,} tokens")


class Clock:
    """Minutes since the last lap, and the most memory the process has ever held (mapped files included)."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        # Linux counts in kibibytes, macOS in bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1 / 1024)
        print(f"{stage}: {(now - self.start) / 60:.2f} minutes, peak memory {peak / 1e6:,.0f} MB", flush=True)
        self.start = time.perf_counter()


def write(file: Path, pairs: int) -> None:
    """Pairs of 4 to 16 made-up words a side, chunk by chunk; the target has other words for the same ranks."""
    rng = np.random.default_rng(0)
    words = [made_up(rng, 30_000, letters) for letters in ("aeioubdgklmnprst", "aeiouäöüchfjlqvwxyz")]
    weights = 1 / np.arange(10, 30_010)
    with file.open("w", encoding="utf-8") as stream:
        for start in range(0, pairs, CHUNK):
            number = min(CHUNK, pairs - start)
            lengths = rng.integers(4, 17, number)
            ranks = rng.choice(len(weights), lengths.sum(), p=weights / weights.sum())
            ends = np.cumsum(lengths)
            for low, high in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
                stream.write("\t".join(" ".join(side[i] for i in ranks[low:high]) for side in words) + "\n")


def made_up(rng: np.random.Generator, number: int, letters: str) -> list[str]:
    """Words of 2 to 9 letters."""
    return ["".join(rng.choice(list(letters), size)) for size in rng.integers(2, 10, number)]


if __name__ == "__main__":
    main()
