"""Tasks that are made up by a rule, as much of them as is wanted, and networks that learn them by the house's loop.

N examples   S source positions   T target positions   D width   V vocabulary
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from heedful.blocks.loss import cross_entropy
from heedful.data.batch import Batch
from heedful.data.batching import Rows
from heedful.networks.build import Spec, build
from heedful.networks.joins import EncoderDecoder, LanguageModel
from heedful.networks.settings import Join, resolve
from heedful.networks.sources import TextSource
from heedful.schema import NetworkSettings, TrainSettings
from heedful.training import decide
from heedful.training.loop import Loop
from heedful.training.progress import Listener
from heedful.training.work import Work

START = 0  # the token before the first one that is written
UNCOUNTED = -1  # the distance of what is not asked for
EXAM, TRAINING = 1, 0  # streams of random numbers: what is asked at the end was never learnt from
EXAM_BATCHES = 8

RATES = {"rnn": 3e-3, "lstm": 1e-2, "gru": 1e-2, "cho2014": 1e-2, "sutskever2014": 1e-2, "bahdanau2015": 1e-2}
RATE = 2e-3
"""Peak learning rates by row, and that of all others: those at which each learns to copy (law 8)."""

Writer = EncoderDecoder | LanguageModel


@dataclass(frozen=True)
class Examples:
    """N examples of one length: what is read, what is written behind which tokens, and how far back each of it stood.

    `distance` is UNCOUNTED where nothing is asked. Without a source (a language model) all stands in `tokens`.
    """

    tokens: np.ndarray  # (N, T)
    targets: np.ndarray  # (N, T)
    distance: np.ndarray  # (N, T)
    source: np.ndarray | None = None  # (N, S)


@dataclass(frozen=True)
class Puzzle:
    """A task made up by a rule: so many tokens, drawn of a length for so many rows.

    `lengths`: the least and the largest that is learnt from; each batch has one, drawn anew.
    """

    vocabulary: int
    lengths: tuple[int, int]
    draw: Callable[[np.random.Generator, int, int], Examples]

    def batch(self, stream: int, seed: int, number: int, rows: int, length: int | None = None) -> Batch:
        """Batch `number` of a stream, of a length or of one that is drawn."""
        rng = np.random.default_rng((stream, seed, number))
        least, most = self.lengths
        examples = self.draw(rng, rows, length or int(rng.integers(least, most + 1)))
        tensors = {"tokens": examples.tokens, "targets": examples.targets, "distance": examples.distance}
        if examples.source is not None:
            lengths = np.full(rows, examples.source.shape[1])
            tensors |= {"source": examples.source, "lengths": lengths}
        return Batch({name: torch.from_numpy(values.astype(np.int64)) for name, values in tensors.items()})


@dataclass(frozen=True)
class Lessons:
    """How a puzzle is learnt: steps of so many rows, the peak learning rate, and the clipping of gradients (0: none).

    `watch_every`: steps after which somebody may look at the network.
    """

    steps: int
    rows: int = 32
    rate: float = 3e-3
    warmup: float = 0.1
    clip: float = 1.0
    watch_every: int = 0


def build_writer(name: str, puzzle: Puzzle, seed: int, join: Join = "encoder_decoder", **settings: object) -> Writer:
    """A small network of a row that writes, with fresh weights and without dropout."""
    network = NetworkSettings(name=name, **({"size": "tiny", "dropout": 0.0} | settings))  # pyright: ignore[reportArgumentType]
    sources = (TextSource(puzzle.vocabulary),) if join == "encoder_decoder" else ()
    torch.manual_seed(seed)
    writer = build(Spec(join, resolve(network, join), sources, puzzle.vocabulary))
    assert isinstance(writer, EncoderDecoder | LanguageModel)
    return writer


def learn(
    network: Writer,
    puzzle: Puzzle,
    lessons: Lessons,
    seed: int,
    folder: Path,
    listener: Listener,
    watch: Callable[[], object] = lambda: None,
) -> None:
    """Trains a network on a puzzle by the loop of all tasks; `watch` is called at every look at it."""
    Loop(work_of(network, puzzle, lessons, seed, watch), settings_of(lessons), seed, folder, listener).run()


def work_of(
    network: Writer, puzzle: Puzzle, lessons: Lessons, seed: int, watch: Callable[[], object] = lambda: None
) -> Work:
    """What the loop needs."""

    def score(few: int | None = None) -> dict[str, float]:
        watch()
        return {"accuracy": accuracy(network, exam(puzzle, seed, lessons.rows, batches=1))}

    return Work(
        network=network,
        plan=lambda epoch: [
            Rows(epoch, np.arange(lessons.rows) + step * lessons.rows) for step in range(lessons.steps)
        ],
        collate=lambda rows: puzzle.batch(TRAINING, seed, int(rows.rows[0]) // lessons.rows, lessons.rows),
        loss=loss,
        score=score,
        primary="accuracy",
        where=lambda rows: [f"batch of row {rows.rows[0]}"],
    )


def settings_of(lessons: Lessons) -> TrainSettings:
    """How the loop trains: plain AdamW, so that networks differ in their parts alone."""
    settings = TrainSettings(
        steps=lessons.steps,
        learning_rate=lessons.rate,
        optimizer="adamw",
        warmup=lessons.warmup,
        clip=lessons.clip,
        average=0.0,
        weight_decay=0.0,
        precision="float32",
        valid_every=lessons.watch_every,
        threads=torch.get_num_threads(),
    )
    return decide.resolve(settings)


def outputs(network: Writer, batch: Batch) -> Tensor:
    """What a network writes behind each token of a batch (N, T, D), the right ones before it given."""
    if isinstance(network, EncoderDecoder):
        return network(batch["source"], batch["lengths"], batch["tokens"])
    return network(batch["tokens"])


def loss(network: Writer, batch: Batch) -> tuple[Tensor, int]:
    """The sum of the cross entropy over all that is asked for, and how much that is."""
    asked = batch["distance"] != UNCOUNTED
    vectors, targets = outputs(network, batch)[asked], batch["targets"][asked]
    return cross_entropy(vectors, network.decoder.logits, targets, network.decoder.vocabulary), len(targets)


def exam(
    puzzle: Puzzle, seed: int, rows: int, length: int | None = None, batches: int = EXAM_BATCHES
) -> Iterator[Batch]:
    """Batches that were never learnt from."""
    return (puzzle.batch(EXAM, seed, number, rows, length) for number in range(batches))


def accuracy(network: Writer, batches: Iterable[Batch]) -> float:
    """The share of what is asked for that a network gets right, in percent."""
    right, asked = count_right(network, batches)
    return 100 * sum(right.values()) / sum(asked.values())


def by_distance(network: Writer, batches: Iterable[Batch]) -> dict[int, float]:
    """The same by distance."""
    right, asked = count_right(network, batches)
    return {distance: 100 * right[distance] / asked[distance] for distance in sorted(asked)}


@torch.no_grad()
def count_right(network: Writer, batches: Iterable[Batch]) -> tuple[Counter[int], Counter[int]]:
    """How much is right, and how much was asked, at each distance."""
    device, was_training = next(network.parameters()).device, network.training
    network.eval()
    right, asked = Counter[int](), Counter[int]()
    for batch in batches:
        guesses = network.decoder.logits(outputs(network, batch.to(device))).argmax(-1).cpu()
        counted = batch["distance"] != UNCOUNTED
        hits = counted & (guesses == batch["targets"])
        asked.update(batch["distance"][counted].tolist())
        right.update(batch["distance"][hits].tolist())
    network.train(was_training)
    return right, asked


def behind_start(targets: np.ndarray) -> np.ndarray:
    """What stands before each target: START, then the targets before it."""
    return np.concatenate([np.full((len(targets), 1), START), targets[:, :-1]], axis=1)
