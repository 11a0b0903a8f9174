"""How far back a gradient reaches: ∂loss(T)/∂x(t) at the start and through training, by the parts that changed it.

R rows   T positions   D width
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from heedful.blocks.recurrent import Recurrent
from heedful.schema import Size
from heedful.studies.puzzles import (
    EXAM,
    RATE,
    RATES,
    UNCOUNTED,
    Examples,
    Lessons,
    Puzzle,
    Writer,
    accuracy,
    build_writer,
    exam,
    learn,
    loss,
)
from heedful.studies.rules import each, find, ratio
from heedful.studies.study import Axes, Cell, Claim, Curves, Measurement, Options, Study
from heedful.training.progress import Listener

LETTERS = 8
QUERY = 2 * LETTERS + 1
ROWS = 32


@dataclass(frozen=True)
class Scale:
    """How far back the letter stands that is asked for, and how long it is learnt."""

    length: int
    steps: int
    looks: int
    seconds: float  # of a cell


SCALES: dict[Size, Scale] = {
    "tiny": Scale(6, 4, 2, 0.5),
    "small": Scale(32, 240, 6, 3.7),
    "base": Scale(96, 2000, 10, 90.0),
}


def keep_weights(network: Writer) -> None:
    """Nothing is changed."""


def close_forget_gates(network: Writer) -> None:
    """Forget gates as before Gers et al. 2000: their bias is 0, so that half of a cell is lost at each step."""
    for name, weight in network.named_parameters():
        if "bias_ih" in name or "bias_hh" in name:
            nn.init.zeros_(weight.data.chunk(4)[1])


def draw_uniformly(network: Writer) -> None:
    """Recurrent weights drawn uniformly and small, as before orthogonal ones were used (Saxe et al. 2014)."""
    for part in network.modules():
        if isinstance(part, Recurrent):
            for name, weight in part.named_parameters():
                if "weight_hh" in name:
                    nn.init.uniform_(weight, -(part.width**-0.5), part.width**-0.5)


@dataclass(frozen=True)
class Variant:
    """A network and a switch: what is changed of its fresh weights, and whether its gradients are clipped."""

    row: str
    change: Callable[[Writer], None] = keep_weights
    clip: float = 1.0


VARIANTS = {
    "rnn": Variant("rnn"),
    "rnn uniform": Variant("rnn", draw_uniformly),
    "rnn unclipped": Variant("rnn", clip=0.0),
    "lstm": Variant("lstm"),
    "lstm shut": Variant("lstm", close_forget_gates),
    "gru": Variant("gru"),
    "vaswani2017": Variant("vaswani2017"),
}
MORE_VARIANTS = {row: Variant(row) for row in ("ssru2019", "gpt", "touvron2023", "mingru2024")}


def recall_first(length: int) -> Puzzle:
    """A letter, then letters of another kind, then the query: which letter came first?"""

    def draw(rng: np.random.Generator, rows: int, length: int) -> Examples:
        first = rng.integers(1, LETTERS + 1, (rows, 1))
        noise = rng.integers(LETTERS + 1, 2 * LETTERS + 1, (rows, length - 1))
        tokens = np.concatenate([first, noise, np.full((rows, 1), QUERY)], axis=1)
        distance = np.full_like(tokens, UNCOUNTED)
        distance[:, -1] = length
        return Examples(tokens, np.repeat(first, length + 1, axis=1), distance)

    return Puzzle(QUERY + 1, (length, length), draw)


def cells(options: Options, folder: Path) -> list[Cell]:
    """A cell for each variant and seed."""
    scale = SCALES[options.size]
    variants = VARIANTS | (MORE_VARIANTS if options.everything else {})
    settings = {"length": scale.length, "steps": scale.steps}
    return [
        Cell({"network": name, "seed": seed} | settings, scale.seconds, partial(measure, name, variant, scale, seed))
        for seed in options.seeds
        for name, variant in variants.items()
    ]


def measure(
    name: str, variant: Variant, scale: Scale, seed: int, folder: Path, listener: Listener
) -> Iterator[Measurement]:
    """Gradients by distance before and after training; through training how far they reach, and what is recalled."""
    puzzle = recall_first(scale.length)
    network = build_writer(variant.row, puzzle, seed, "decoder")
    variant.change(network)
    every = scale.steps // scale.looks
    looks: list[Look] = []

    def watch() -> None:
        looks.append(look(network, puzzle, seed))

    watch()
    lessons = Lessons(scale.steps, ROWS, RATES.get(variant.row, RATE), clip=variant.clip, watch_every=every)
    learn(network, puzzle, lessons, seed, folder, listener, watch)
    for chart, norms in (("start", looks[0].norms), ("end", looks[-1].norms)):
        yield from (Measurement(chart, name, distance, norm) for distance, norm in enumerate(norms) if distance)
    for number, seen in enumerate(looks[: scale.looks + 1]):
        yield Measurement("reach", name, number * every, seen.norms[-1] / max(seen.norms[1], 1e-30))
        yield Measurement("weights", name, number * every, seen.of_weights)
        yield Measurement("recalled", name, number * every, seen.recalled)


@dataclass(frozen=True)
class Look:
    """One moment: the norm of gradients by distance from the end, that of all weights, and what is recalled, in %."""

    norms: list[float]
    of_weights: float
    recalled: float


def look(network: Writer, puzzle: Puzzle, seed: int) -> Look:
    """The norm of the gradient of the loss at the last position with respect to the vector read at each position
    before it, on average over rows; and that of the mean loss with respect to all weights.
    """
    batch = puzzle.batch(EXAM, seed, 0, ROWS)
    vectors: list[Tensor] = []

    def keep(module: nn.Module, args: object, output: Tensor) -> None:
        vectors.append(output)

    was_training = network.training
    network.train()  # fused recurrences of a GPU have no gradient else; there is no dropout
    hook = network.decoder.tokens.register_forward_hook(keep)
    try:
        total, count = loss(network, batch.to(next(network.parameters()).device))
    finally:
        hook.remove()
        network.train(was_training)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    (of_vectors, *of_weights) = torch.autograd.grad(total, [vectors[0], *weights], allow_unused=True)
    assert of_vectors is not None, "the loss depends on what is read"
    squares = [gradient.square().sum() for gradient in of_weights if gradient is not None]
    norms = of_vectors.norm(dim=-1).mean(0).flip(0)  # (T,), the last position first
    of_weights = float(torch.stack(squares).sum().sqrt()) / count
    return Look(norms.tolist(), of_weights, accuracy(network, exam(puzzle, seed, ROWS)))


def fades(curves: Curves) -> tuple[bool, str]:
    """Whether the gradient of a plain recurrence is lost on the way."""
    plain, uniform = found = find(curves["start"], "rnn", "rnn uniform")
    last = plain.end.x
    evidence = f"At the start, the gradient {last:g} steps back as a share of that one step back: "
    return ratio(uniform, last, 1) < 0.01, evidence + each(found, lambda curve: ratio(curve, last, 1)) + "."


def cell_keeps(curves: Curves) -> tuple[bool, str]:
    """Whether the LSTM's gradient lives where that of the plain recurrence has died."""
    lstm, plain = found = find(curves["start"], "lstm", "rnn uniform")
    last = lstm.end.x
    evidence = f"At the start, {last:g} steps back as a share of one step back: "
    evidence += each(found, lambda curve: ratio(curve, last, 1)) + "."
    return ratio(lstm, last, 1) > 100 * ratio(plain, last, 1), evidence + recalled(curves, "lstm", "rnn")


def open_gates_keep(curves: Curves) -> tuple[bool, str]:
    """Whether it is the bias of the forget gate that keeps the LSTM's gradient."""
    opened, closed = found = find(curves["start"], "lstm", "lstm shut")
    last = opened.end.x
    evidence = f"At the start, {last:g} steps back as a share of one step back: "
    evidence += each(found, lambda curve: ratio(curve, last, 1)) + "."
    seen = ratio(opened, last, 1) > 10 * ratio(closed, last, 1)
    return seen, evidence + recalled(curves, "lstm", "lstm shut")


def attention_is_near(curves: Curves) -> tuple[bool, str]:
    """Whether a Transformer's gradient is as strong far away as nearby."""
    (transformer,) = find(curves["start"], "vaswani2017")
    share = ratio(transformer, transformer.end.x, 1)
    evidence = f"At the start, {transformer.end.x:g} steps back it is {share:.2f} times that one step back."
    return 0.1 <= share <= 10, evidence + recalled(curves, "vaswani2017")


def clipping_tames(curves: Curves) -> tuple[bool, str]:
    """Whether gradients grow large where they are not clipped."""
    clipped, free = find(curves["weights"], "rnn", "rnn unclipped")
    largest = [max(point.y for point in curve.points) for curve in (clipped, free)]
    evidence = f"The largest norm of the whole gradient at a look: {largest[0]:.2f} clipped, {largest[1]:.2f} not."
    return largest[1] >= 3 * largest[0], evidence + recalled(curves, "rnn", "rnn unclipped")


def recalled(curves: Curves, *names: str) -> str:
    """How much networks recalled at the end, in a sentence."""
    return f" Recalled after training, %: {each(find(curves['recalled'], *names), lambda curve: curve.end.y)}."


def done(options: Options) -> tuple[str, ...]:
    """What was done."""
    scale = SCALES[options.size]
    return (
        f"Language models of width 64 read a letter, {scale.length - 1} letters of another kind and a query, and are "
        f"to name the first letter: {scale.steps} steps of {ROWS} texts, which no two steps share. The gradient is "
        "that of the loss at the query with respect to each vector that was read, its norm averaged over texts.",
        f"Seeds: {', '.join(map(str, options.seeds))}. Recurrent weights begin orthogonal and forget gates open, as "
        "everywhere here, which delays what the papers describe; the switches undo it: recurrent weights drawn "
        "uniformly (uniform), forget gates with a bias of 0 (shut), no clipping (unclipped; at norm 1 otherwise).",
    )


STUDY = Study(
    name="gradients",
    question="How far back does a gradient reach?",
    axes=(
        Axes("start", "Before training", "steps back", "norm of the gradient", "A straight fall is exponential.", "y"),
        Axes(
            "end", "After training", "steps back", "norm of the gradient", "What was learnt has a gradient left.", "y"
        ),
        Axes(
            "reach",
            "Through training",
            "training steps",
            "first letter / one step back",
            "1: what is far counts as much as what is near.",
            "y",
        ),
        Axes(
            "weights", "All weights", "training steps", "norm of the gradient", "Where it leaps, a step does harm.", "y"
        ),
        Axes("recalled", "Recalled", "training steps", "letters right, %", "By chance 12.5 %.", "", 0, 100),
    ),
    claims=(
        Claim(
            "In a plain recurrent network gradients vanish exponentially with the number of steps.",
            "Hochreiter 1991; Bengio et al. 1994",
            "before training, that of rnn uniform is less than 1 % at the first letter of what it is one step back",
            fades,
        ),
        Claim(
            "An LSTM's cell lets them pass.",
            "Hochreiter & Schmidhuber 1997",
            "before training, that share is more than 100 times that of rnn uniform",
            cell_keeps,
        ),
        Claim(
            "A forget gate has to begin open.",
            "Gers et al. 2000; Jozefowicz et al. 2015",
            "before training, that share is more than 10 times that of lstm shut",
            open_gates_keep,
        ),
        Claim(
            "Attention joins any two positions by a path of constant length.",
            "Vaswani et al. 2017, section 4",
            "before training, the gradient at the first letter is within a factor of 10 of that one step back",
            attention_is_near,
        ),
        Claim(
            "Gradients explode, and clipping their norm makes training possible.",
            "Pascanu et al. 2013",
            "at the looks, the largest norm without clipping is at least 3 times that with it",
            clipping_tames,
        ),
    ),
    cells=cells,
    done=done,
    to_try=(
        "heedful study gradients --size base",
        "heedful study gradients --all",
        "heedful study distance",
    ),
    seeds=(0, 1, 2),
)
