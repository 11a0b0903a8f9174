"""Why the Transformer trains quickly, what it pays for that, and why recurrence came back: time against length."""

import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from platform import machine, node

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from heedful import errors
from heedful.blocks.recording import record
from heedful.networks.decoders import RecurrentDecoder, ScanDecoder
from heedful.networks.settings import Join
from heedful.schema import Size
from heedful.studies.puzzles import (
    Examples,
    Lessons,
    Puzzle,
    Writer,
    behind_start,
    build_writer,
    outputs,
    settings_of,
    work_of,
)
from heedful.studies.rules import each, exponent, find, ratio
from heedful.studies.study import Axes, Cell, Claim, Curves, Measurement, Options, Study
from heedful.training.progress import Listener
from heedful.training.speed import seconds_per_step

RECURRENT = ("rnn", "lstm", "gru")
SCANS = ("ssru2019", "mingru2024")
ROWS = (*RECURRENT, "vaswani2017", *SCANS)
MORE_ROWS = ("gpt", "touvron2023")
VOCABULARY = 64
TOKENS = 9  # that are generated behind a prefix; the first is not timed


@dataclass(frozen=True)
class Scale:
    """How large the study is: lengths, width and rows of a batch."""

    lengths: tuple[int, ...]
    width: int
    rows: int
    seconds: float  # of a cell


SCALES: dict[Size, Scale] = {
    "tiny": Scale((8, 16), 16, 1, 0.3),
    "small": Scale((16, 32, 64, 128, 256, 512), 64, 4, 1.4),
    "base": Scale((16, 32, 64, 128, 256, 512, 1024, 2048), 256, 4, 60.0),
}
REPEATS = {"tiny": 2, "small": 5, "base": 5}
"""Measurements of each, in place of seeds: weights do not matter here."""


def cells(options: Options, folder: Path) -> list[Cell]:
    """A cell for each network and repeat; and one in which its operations are counted."""
    scale, rows = SCALES[options.size], ROWS + MORE_ROWS * options.everything
    where = {"machine": f"{node()} {machine()}", "threads": torch.get_num_threads(), "size": options.size}
    seeds = options.seeds if len(options.seeds) > 1 else range(REPEATS[options.size])
    # repeats go round all networks, so that what a busy machine takes is taken from each
    timed = [
        Cell({"network": row, "repeat": seed} | where, scale.seconds, partial(timings, row, scale, seed))
        for seed in seeds
        for row in rows
    ]
    counted = [
        Cell({"network": row, "counted": "millions"} | where, scale.seconds / 2, partial(count, row, scale))
        for row in rows
    ]
    return counted + timed


def timings(row: str, scale: Scale, seed: int, folder: Path, listener: Listener) -> Iterator[Measurement]:
    """The time of a training step, and of a token behind a prefix, at each length, in milliseconds."""
    for index, length in enumerate(scale.lengths):
        listener.step(index / len(scale.lengths), f"length {length}")
        puzzle, lessons = text(length), Lessons(steps=8, rows=scale.rows)
        work = work_of(writer(row, scale, puzzle), puzzle, lessons, seed)
        yield Measurement("step", row, length, 1000 * seconds_per_step(work, settings_of(lessons)))
        yield Measurement("token", row, length, 1000 * seconds_per_token(writer(row, scale, puzzle), length))


def text(length: int) -> Puzzle:
    """Random tokens of one length, each to be told from those before it: only time matters."""

    def draw(rng: np.random.Generator, rows: int, length: int) -> Examples:
        targets = rng.integers(1, VOCABULARY, (rows, length))
        return Examples(behind_start(targets), targets, np.ones_like(targets))

    return Puzzle(VOCABULARY, (length, length), draw)


def writer(row: str, scale: Scale, puzzle: Puzzle) -> Writer:
    """A language model of a row."""
    join: Join = "decoder"
    context = {"context": scale.lengths[-1] + TOKENS} if row == "gpt" else {}
    return build_writer(row, puzzle, 0, join, width=scale.width, **context)


@torch.no_grad()
def seconds_per_token(network: Writer, length: int) -> float:
    """The median time of one more token of one text, behind a prefix of a length."""
    network.eval()
    decoder = network.decoder
    state = decoder.start(None, rows=1, capacity=length + TOKENS)
    _, state = decoder(torch.ones(1, length, dtype=torch.long), state)
    token, seconds = torch.ones(1, 1, dtype=torch.long), list[float]()
    for _ in range(TOKENS):
        start = time.perf_counter()
        written, state = decoder(token, state)
        decoder.logits(written).argmax(-1)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def count(row: str, scale: Scale, folder: Path, listener: Listener) -> Iterator[Measurement]:
    """The multiplications of a forward pass of one text, counted in the readable equations; and its longest chain."""
    for index, length in enumerate(scale.lengths):
        listener.step(index / len(scale.lengths), f"counting, length {length}")
        puzzle = text(length)
        network = writer(row, scale, puzzle)
        with torch.no_grad(), record(network), FlopCounterMode(display=False) as counter:
            outputs(network, puzzle.batch(0, 0, 0, 1))
        yield Measurement("operations", row, length, counter.get_total_flops() / 2e6)
        yield Measurement("depth", row, length, sequential_depth(network, length))


def sequential_depth(network: Writer, length: int) -> float:
    """Layers times the steps of a layer that wait for one another: all of a recurrence, one of attention, and the
    logarithm of a scan, whose halves are joined pairwise.
    """
    decoder = network.decoder
    layers = len(decoder.layer_modules())
    if isinstance(decoder, RecurrentDecoder):
        return layers * length
    return layers * (math.ceil(math.log2(length)) if isinstance(decoder, ScanDecoder) else 1)


def trains_quicker(curves: Curves) -> tuple[bool, str]:
    """Whether the Transformer's step is the quickest at the largest length."""
    transformer, *others = found = find(curves["step"], "vaswani2017", *RECURRENT)
    x = transformer.end.x
    evidence = f"A training step at length {x:g}, in ms: {each(found, lambda curve: curve.end.y)}."
    fitted = f" It grows with these powers of the length: {each(found, exponent)}."
    return all(transformer.end.y < other.at(x).y for other in others), evidence + fitted


def grows_faster(curves: Curves) -> tuple[bool, str]:
    """Whether its operations grow by more than those of recurrences do."""
    transformer, *others = found = find(curves["operations"], "vaswani2017", *RECURRENT)
    evidence = f"Counted multiplications grow with these powers of the length: {each(found, exponent)}."
    return exponent(transformer) >= max(map(exponent, others)) + 0.1, evidence


def pays_per_token(curves: Curves) -> tuple[bool, str]:
    """Whether a token becomes dearer with length in a Transformer, and not where the state has one size."""
    transformer, *others = found = find(curves["token"], "vaswani2017", *SCANS)
    first, last = transformer.points[0].x, transformer.end.x
    times = {curve.name: ratio(curve, last, first) for curve in found}
    evidence = f"A token behind {last:g} takes, as a multiple of one behind {first:g}: " + ", ".join(
        f"{name} {value:.2f}" for name, value in times.items()
    )
    constant = all(times[other.name] <= 1.25 for other in others)
    return times[transformer.name] >= 1.5 and constant, f"{evidence}."


def scans_are_quicker(curves: Curves) -> tuple[bool, str]:
    """Whether the recurrence of 2024 trains faster than that of 2014 at the largest length."""
    gru, mingru = find(curves["step"], "gru", "mingru2024")
    evidence = f"At length {gru.end.x:g} a step of gru takes {gru.end.y / mingru.end.y:.2f} times that of mingru2024"
    return mingru.end.y < gru.end.y, f"{evidence} (powers of the length: {each([gru, mingru], exponent)})."


def done(options: Options) -> tuple[str, ...]:
    """What was done."""
    scale = SCALES[options.size]
    return (
        f"Language models of width {scale.width}, as deep as their rows are at size tiny, on random tokens: a step of "
        f"training (forward, backward, AdamW) on {scale.rows} texts of {scale.lengths[0]} to {scale.lengths[-1]} "
        f"tokens, and one more token of one text behind as many, with states or keys and values kept.",
        f"Measured on this machine ({machine()}, {errors.count(torch.get_num_threads(), 'thread')}); another has other "
        "numbers, and a GPU other winners. Multiplications of matrices are counted in the readable equations, not "
        "derived; the sequential depth is by construction: all steps of a recurrence, one of attention, log2 of them "
        "for a scan.",
    )


STUDY = Study(
    name="parallelism",
    question="Why does the Transformer train quickly, what does it pay, and why did recurrence come back?",
    axes=(
        Axes("step", "A training step", "tokens", "milliseconds", "Lower is quicker.", "xy"),
        Axes(
            "token", "One more token", "tokens before it", "milliseconds", "A flat line costs the same for ever.", "xy"
        ),
        Axes(
            "operations",
            "Counted operations",
            "tokens",
            "million multiplications",
            "A line that bends upwards pays for every pair of tokens.",
            "xy",
        ),
        Axes("depth", "What has to wait", "tokens", "sequential steps", "What no number of cores can shorten.", "xy"),
    ),
    claims=(
        Claim(
            "Without recurrence, all positions are computed at once: the Transformer trains faster.",
            "Vaswani et al. 2017, section 4 and table 1",
            "at the largest length its training step takes less time than that of rnn, lstm and gru",
            trains_quicker,
        ),
        Claim(
            "Self-attention costs the square of the length, a recurrent layer the length.",
            "Vaswani et al. 2017, table 1",
            "over the upper half of the lengths the power by which its counted operations grow is 0.1 above that of "
            "rnn, lstm and gru",
            grows_faster,
        ),
        Claim(
            "Generating, a Transformer looks at all that it has written, a recurrence at one state.",
            "Kim et al. 2019, section 2.2; Katharopoulos et al. 2020",
            "a token at the largest length takes 1.5 times that at the smallest for vaswani2017, and at most 1.25 "
            "times for ssru2019 and mingru2024",
            pays_per_token,
        ),
        Claim(
            "A recurrence whose gates read the input alone is a scan, and trains faster than a GRU.",
            "Feng et al. 2024, section 4",
            "at the largest length a training step of mingru2024 takes less time than that of gru",
            scans_are_quicker,
        ),
    ),
    cells=cells,
    done=done,
    to_try=(
        "heedful study parallelism --size base",
        "heedful info vaswani2017",
        "OMP_NUM_THREADS=1 heedful study parallelism -o runs/study/one-core",
    ),
)
