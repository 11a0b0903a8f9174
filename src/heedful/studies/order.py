"""How a Transformer knows the order: without positions, with each kind, and beyond the length that it has learnt."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from heedful.blocks.embedding import Positions
from heedful.networks.decoders import TransformerDecoder
from heedful.networks.encoders import TransformerEncoder
from heedful.networks.settings import Join
from heedful.schema import Size
from heedful.studies.puzzles import (
    UNCOUNTED,
    Examples,
    Lessons,
    Puzzle,
    Writer,
    accuracy,
    behind_start,
    build_writer,
    exam,
    learn,
)
from heedful.studies.rules import LEARNT, each, find, learnt
from heedful.studies.study import Axes, Cell, Claim, Curves, Measurement, Options, Study
from heedful.training.progress import Listener

KINDS = ("none", "sinusoidal", "learned", "rotary")
LETTERS = 8
BATCH = 32
BEYOND = 2  # times the length that is learnt


@dataclass(frozen=True)
class Scale:
    """The longest that is learnt, and how long."""

    letters: int
    steps: int
    seconds: float  # of a cell


SCALES: dict[Size, Scale] = {
    "tiny": Scale(3, 4, 0.5),
    "small": Scale(8, 600, 12.0),
    "base": Scale(32, 4000, 120.0),
}


def mirrored(rng: np.random.Generator, rows: int, length: int) -> Examples:
    """Letters, to be written backwards behind a source."""
    letters = rng.integers(1, LETTERS + 1, (rows, length))
    targets = letters[:, ::-1]
    return Examples(behind_start(targets), targets, np.full_like(targets, length), letters)


def continued(rng: np.random.Generator, rows: int, length: int) -> Examples:
    """Letters, a sign, and the letters backwards, as one text: asked is what stands behind the sign."""
    letters = rng.integers(1, LETTERS + 1, (rows, length))
    text = np.concatenate([letters, np.full((rows, 1), LETTERS + 1), letters[:, ::-1]], axis=1)
    distance = np.full((rows, 2 * length), UNCOUNTED)
    distance[:, length:] = length
    return Examples(text[:, :-1], text[:, 1:], distance)


def puzzle(join: Join, scale: Scale) -> Puzzle:
    """The same task for both joins: behind a source, and as one text."""
    return Puzzle(LETTERS + 2, (1, scale.letters), mirrored if join == "encoder_decoder" else continued)


JOINS: dict[str, Join] = {"source": "encoder_decoder", "text": "decoder"}
"""By chart: a Transformer with both sides, and a decoder alone."""


def cells(options: Options, folder: Path) -> list[Cell]:
    """A cell for each kind of positions, join and seed."""
    scale = SCALES[options.size]
    return [
        Cell(
            {"positions": kind, "chart": chart, "seed": seed, "letters": scale.letters, "steps": scale.steps},
            scale.seconds,
            partial(measure, chart, kind, scale, seed),
        )
        for seed in options.seeds
        for chart in JOINS
        for kind in KINDS
    ]


def measure(chart: str, kind: str, scale: Scale, seed: int, folder: Path, listener: Listener) -> Iterator[Measurement]:
    """Trains a Transformer with a kind of positions, and asks it at each length, up to twice what it has learnt."""
    join = JOINS[chart]
    task = puzzle(join, scale)
    network = transformer(join, kind, task, scale, seed)
    learn(network, task, Lessons(scale.steps, BATCH, rate=2e-3), seed, folder, listener)
    for length in range(1, BEYOND * scale.letters + 1):
        yield Measurement(chart, kind, length, accuracy(network, exam(task, seed, BATCH, length, batches=4)))


def transformer(join: Join, kind: str, task: Puzzle, scale: Scale, seed: int) -> Writer:
    """vaswani2017 with a kind of positions, enough of them where they are learned; "none" takes them out."""
    room = {"context": 2 * BEYOND * scale.letters + 1} if kind == "learned" else {}
    network = build_writer("vaswani2017", task, seed, join, positions="sinusoidal" if kind == "none" else kind, **room)
    if kind == "none":
        for part in network.modules():
            if isinstance(part, TransformerEncoder | TransformerDecoder):
                part.positions = Positions()
    return network


def learnt_length(curves: Curves, chart: str) -> float:
    """The longest that was learnt: half of the longest that was asked."""
    return find(curves[chart], "sinusoidal")[0].end.x / BEYOND


def needs_positions(curves: Curves) -> tuple[bool | None, str]:
    """Whether a Transformer without positions fails at what one with them learns."""
    without, sinusoidal = found = find(curves["source"], "none", "sinusoidal")
    x = learnt_length(curves, "source")
    evidence = f"Letters right at length {x:g}, %: {each(found, lambda curve: curve.at(x).y)}."
    return (without.at(x).y <= sinusoidal.at(x).y - 20) if learnt(sinusoidal, x) else None, evidence


def kinds_are_alike(curves: Curves) -> tuple[bool | None, str]:
    """Whether learned positions do as well as sinusoids within the length that was learnt."""
    sinusoidal, learned = found = find(curves["source"], "sinusoidal", "learned")
    x = learnt_length(curves, "source")
    evidence = f"Letters right at length {x:g}, %: {each(found, lambda curve: curve.at(x).y)}."
    return (abs(sinusoidal.at(x).y - learned.at(x).y) <= 5) if learnt(sinusoidal, x) else None, evidence


def sinusoids_go_on(curves: Curves) -> tuple[bool | None, str]:
    """Whether sinusoids carry on beyond the length that was learnt."""
    found = find(curves["source"], "sinusoidal", "learned", "rotary")
    x = learnt_length(curves, "source")
    further = round(1.5 * x)
    evidence = (
        f"Letters right at length {further}, where {x:g} were learnt, %: "
        f"{each(found, lambda curve: curve.at(further).y)}; within: {each(found, lambda curve: curve.at(x).y)}."
    )
    sinusoidal = found[0]
    return (sinusoidal.at(further).y >= 0.8 * sinusoidal.at(x).y) if learnt(sinusoidal, x) else None, evidence


def masks_tell_the_order(curves: Curves) -> tuple[bool | None, str]:
    """Whether a decoder alone learns the order without being told."""
    without, sinusoidal = found = find(curves["text"], "none", "sinusoidal")
    x = learnt_length(curves, "text")
    evidence = f"Decoder alone, letters right at length {x:g}, %: {each(found, lambda curve: curve.at(x).y)}."
    return (without.at(x).y >= sinusoidal.at(x).y - 10) if learnt(sinusoidal, x) else None, evidence


def done(options: Options) -> tuple[str, ...]:
    """What was done."""
    scale = SCALES[options.size]
    return (
        f"vaswani2017 (size tiny: width 64, two layers a side) mirrors 1 to {scale.letters} random letters: behind a "
        f"source, and as a decoder alone that reads them, a sign, and goes on. Each kind of positions learns for "
        f"{scale.steps} steps of {BATCH} examples; none: nothing tells the order but the mask by which a decoder sees "
        "no later position.",
        f"Asked are lengths up to {BEYOND * scale.letters}, each letter behind the right ones. Positions beyond "
        f"{scale.letters} are never trained, learned ones too. Seeds: {', '.join(map(str, options.seeds))}. By chance "
        f"{100 / LETTERS:.1f} %. Where sinusoidal has less than {LEARNT} % right at the longest, nothing is said.",
    )


STUDY = Study(
    name="order",
    question="How does a Transformer know the order?",
    axes=(
        Axes(
            "source", "Mirrored behind a source", "letters", "letters right, %", "Learnt up to the middle.", "", 0, 100
        ),
        Axes("text", "By a decoder alone", "letters", "letters right, %", "Learnt up to the middle.", "", 0, 100),
    ),
    claims=(
        Claim(
            "Without recurrence and convolution, positions have to be told.",
            "Vaswani et al. 2017, section 3.5",
            "behind a source, at the longest length that was learnt, none is 20 points below sinusoidal",
            needs_positions,
        ),
        Claim(
            "Learned positions and sinusoids do nearly the same.",
            "Vaswani et al. 2017, table 3, row E",
            "at the longest length that was learnt they are within 5 points",
            kinds_are_alike,
        ),
        Claim(
            "Sinusoids may allow longer sequences than those of training.",
            "Vaswani et al. 2017, section 3.5, a hypothesis; Press et al. 2022 doubt it",
            "at 1.5 times the longest length that was learnt, sinusoidal keeps 80 % of what it has there",
            sinusoids_go_on,
        ),
        Claim(
            "A decoder alone learns the order without positions: its mask tells it.",
            "Haviv et al. 2022",
            "as a decoder alone, at the longest length that was learnt, none is at most 10 points below sinusoidal",
            masks_tell_the_order,
        ),
    ),
    cells=cells,
    done=done,
    to_try=(
        "heedful study order --size base",
        "heedful train translate pairs.tsv --network vaswani2017 network.positions=rotary",
        "heedful study distance",
    ),
    seeds=(0, 1),
)
