"""Recall over distance, to where each network breaks: letters to be copied, and what a key was paired with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from heedful.schema import Size
from heedful.studies.puzzles import (
    RATE,
    RATES,
    START,
    UNCOUNTED,
    Examples,
    Lessons,
    Puzzle,
    accuracy,
    behind_start,
    build_writer,
    by_distance,
    exam,
    learn,
)
from heedful.studies.rules import each, find, reach
from heedful.studies.study import Axes, Cell, Claim, Curves, Measurement, Options, Study
from heedful.training.progress import Listener

ROWS = ("rnn", "lstm", "bahdanau2015", "vaswani2017")
MORE_ROWS = ("gru", "cho2014", "sutskever2014", "luong2015", "ssru2019", "touvron2023", "mingru2024")
LETTERS, KEYS, VALUES, DIGITS = 8, 16, 4, 5
BATCH = 32
HALF = 50  # percent right, below which a network is said to break


@dataclass(frozen=True)
class Scale:
    """The longest that is learnt, in letters, pairs and steps between marks; and for how long."""

    letters: int
    pairs: int
    lag: int
    steps: int
    seconds: float  # of a cell


SCALES: dict[Size, Scale] = {
    "tiny": Scale(4, 3, 6, 4, 0.4),
    "small": Scale(16, 8, 40, 500, 9.0),
    "base": Scale(50, KEYS, 100, 4000, 150.0),
}


def copy(rng: np.random.Generator, rows: int, length: int) -> Examples:
    """Letters, to be written again: each is read as many steps before it is written as there are letters."""
    letters = rng.integers(1, LETTERS + 1, (rows, length))
    return Examples(behind_start(letters), letters, np.full_like(letters, length), letters)


def recall(rng: np.random.Generator, rows: int, length: int) -> Examples:
    """Pairs of a key and its value, each pair a token; then keys in any order, and behind each its value is asked.

    What is asked stands as many pairs before the end as its distance says.
    """
    keys = np.stack([rng.permutation(KEYS)[:length] for _ in range(rows)])
    values = rng.integers(0, VALUES, (rows, length))
    order = np.stack([rng.permutation(length) for _ in range(rows)])
    asked, right = (np.take_along_axis(table, order, 1) for table in (keys, values))
    first_key, first_value = 1, 1 + KEYS
    first_pair = first_value + VALUES
    return Examples(
        interleave(asked + first_key, np.full_like(asked, START)),
        interleave(np.zeros_like(asked), right + first_value),
        interleave(np.full_like(asked, UNCOUNTED), length - order),
        keys * VALUES + values + first_pair,
    )


def temporal_order(rng: np.random.Generator, rows: int, length: int) -> Examples:
    """Two marks among letters, each of two kinds: which came, and in which order? (Hochreiter & Schmidhuber 1997,
    task 6a)
    """
    source = rng.integers(1, LETTERS + 1, (rows, length))
    first, second = two_places(rng, rows, length)
    kinds = rng.integers(0, 2, (rows, 2))
    source[np.arange(rows), first] = LETTERS + 1 + kinds[:, 0]
    source[np.arange(rows), second] = LETTERS + 1 + kinds[:, 1]
    return one_answer(source, LETTERS + 3 + kinds @ [2, 1], length - first)


def marked_addition(rng: np.random.Generator, rows: int, length: int) -> Examples:
    """Digits, two of them marked: their sum (Hochreiter & Schmidhuber 1997, task 4, with digits)."""
    digits, marks = rng.integers(0, DIGITS, (rows, length)), np.zeros((rows, length), int)
    first, second = two_places(rng, rows, length)
    marks[np.arange(rows), first] = marks[np.arange(rows), second] = 1
    return one_answer(1 + digits + DIGITS * marks, 1 + 2 * DIGITS + (digits * marks).sum(1), length - first)


def two_places(rng: np.random.Generator, rows: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Two places in a source of at least two, the first before the second."""
    places = np.stack([np.sort(rng.permutation(length)[:2]) for _ in range(rows)])
    return places[:, 0], places[:, 1]


def one_answer(source: np.ndarray, answers: np.ndarray, distance: np.ndarray) -> Examples:
    """A source with one token to answer, which depends on what stands so far before its end."""
    targets = answers[:, None]
    return Examples(behind_start(targets), targets, distance[:, None], source)


def interleave(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, T), (N, T) -> (N, 2T)."""
    return np.stack([first, second], axis=2).reshape(len(first), -1)


@dataclass(frozen=True)
class Exercise:
    """A puzzle as a chart: how it is made, and whether its distance is the length of its source."""

    draw: Callable[[np.random.Generator, int, int], Examples]
    vocabulary: int
    least: int
    most: Callable[[Scale], int]
    by_length: bool = False


TESTS = {
    "copy": Exercise(copy, LETTERS + 1, 1, lambda scale: scale.letters, by_length=True),
    "recall": Exercise(recall, 1 + KEYS + VALUES + KEYS * VALUES, 1, lambda scale: scale.pairs),
}
MORE_TESTS = {
    "order": Exercise(temporal_order, LETTERS + 7, 2, lambda scale: scale.lag),
    "addition": Exercise(marked_addition, 4 * DIGITS, 2, lambda scale: scale.lag),
}


def cells(options: Options, folder: Path) -> list[Cell]:
    """A cell for each test, network and seed."""
    scale = SCALES[options.size]
    rows = ROWS + MORE_ROWS * options.everything
    tests = TESTS | (MORE_TESTS if options.everything else {})
    return [
        Cell(
            {"test": name, "network": row, "seed": seed, "longest": test.most(scale), "steps": scale.steps},
            scale.seconds,
            partial(measure, name, test, row, scale, seed),
        )
        for seed in options.seeds
        for name, test in tests.items()
        for row in rows
    ]


def measure(
    name: str, test: Exercise, row: str, scale: Scale, seed: int, folder: Path, listener: Listener
) -> Iterator[Measurement]:
    """Trains a network on all lengths together, and asks it for each distance by itself."""
    longest = test.most(scale)
    puzzle = Puzzle(test.vocabulary, (test.least, longest), test.draw)
    network = build_writer(row, puzzle, seed)
    learn(network, puzzle, Lessons(scale.steps, BATCH, RATES.get(row, RATE)), seed, folder, listener)
    if test.by_length:
        for length in spread(test.least, longest):
            yield Measurement(name, row, length, accuracy(network, exam(puzzle, seed, BATCH, length)))
    else:
        for distance, right in by_distance(network, exam(puzzle, seed, BATCH, longest)).items():
            yield Measurement(name, row, distance, right)


def spread(least: int, most: int, count: int = 10) -> list[int]:
    """About so many whole numbers from the least to the most.

    >>> spread(1, 20, 5)
    [1, 6, 10, 15, 20]
    """
    return sorted({round(value) for value in np.linspace(least, most, count)})


def memory_cells_reach_further(curves: Curves) -> tuple[bool, str]:
    """Whether the LSTM copies further than the plain recurrence."""
    lstm, plain = found = find(curves["copy"], "lstm", "rnn")
    evidence = f"Half of the letters are right up to this length: {each(found, lambda curve: reach(curve, HALF))}."
    return reach(lstm, HALF) >= 1.5 * max(1, reach(plain, HALF)), evidence


def attention_does_not_break(curves: Curves) -> tuple[bool, str]:
    """Whether attention copies what one vector cannot hold."""
    attending, one_vector = found = find(curves["copy"], "bahdanau2015", "lstm")
    x = attending.end.x
    evidence = f"Letters right at length {x:g}, %: {each(found, lambda curve: curve.end.y)}."
    return attending.end.y >= 90 and one_vector.end.y <= attending.end.y - 20, evidence


def distance_does_not_matter(curves: Curves) -> tuple[bool, str]:
    """Whether a Transformer recalls what is far as well as what is near."""
    (transformer,) = find(curves["recall"], "vaswani2017")
    near, far = transformer.points[0], transformer.end
    evidence = f"Values right, %: {near.y:.1f} for the last pair, {far.y:.1f} for the one {far.x:g} back"
    others = find(curves["recall"], "rnn", "lstm", "bahdanau2015")
    seen = far.y >= 90 and abs(far.y - near.y) <= 10
    return seen, f"{evidence}; of others there: {each(others, lambda curve: curve.at(far.x).y)}."


def done(options: Options) -> tuple[str, ...]:
    """What was done."""
    scale = SCALES[options.size]
    return (
        f"Copying: up to {scale.letters} random letters are read, and written again; distance is their number. "
        f"Recall by key: up to {scale.pairs} pairs of a key and one of {VALUES} values are read, each pair one token, "
        f"and values are asked for by their keys; distance is how many pairs ago one was read (by chance "
        f"{100 / VALUES:.0f} %).",
        f"Each network (size tiny: width 64) learns all lengths together for {scale.steps} steps of {BATCH} examples "
        "that are drawn anew, by AdamW at the rate at which its row learns to copy; asked are examples that it has not "
        f"seen, each answer behind the right ones. Seeds: {', '.join(map(str, options.seeds))}.",
    )


STUDY = Study(
    name="distance",
    question="How far back can a network remember?",
    axes=(
        Axes("copy", "Copying", "letters", "letters right, %", "Where a line falls, memory is full.", "", 0, 100),
        Axes("recall", "Recall by key", "pairs back", "values right, %", "By chance 25 %.", "", 0, 100),
        Axes("order", "Temporal order", "steps back", "orders right, %", "By chance 25 %.", "", 0, 100),
        Axes("addition", "Marked addition", "steps back", "sums right, %", "By chance about 20 %.", "", 0, 100),
    ),
    claims=(
        Claim(
            "An LSTM bridges lags at which a plain recurrent network fails.",
            "Hochreiter & Schmidhuber 1997",
            "lstm has half of the letters right up to 1.5 times the length at which rnn has",
            memory_cells_reach_further,
        ),
        Claim(
            "One vector cannot hold a long source; attention over all of its positions can.",
            "Bahdanau et al. 2015",
            "at the largest length bahdanau2015 copies 90 % of the letters, and lstm 20 points fewer",
            attention_does_not_break,
        ),
        Claim(
            "Between any two positions a Transformer's path is constant: what is far is learnt as what is near.",
            "Vaswani et al. 2017, section 4",
            "vaswani2017 recalls 90 % of the values of the farthest pair, within 10 points of the nearest",
            distance_does_not_matter,
        ),
    ),
    cells=cells,
    done=done,
    to_try=(
        "heedful study distance --all",
        "heedful study distance --size base",
        "heedful study gradients",
    ),
    seeds=(0, 1, 2),
)
