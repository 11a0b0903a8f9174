"""Which network learns most in a budget: what `auto` means for its row and its size, at once.

At equal time quality against size is U-shaped: a wide network learns more from a step and makes fewer of them. The
best number of weights grows about as time ** 0.6 (arXiv 2603.28823). Weights go as width², and steps as time / width²,
so the steps that a width wants go as width ** 4/3. How many it gets is not guessed: a few are made and timed. Of the
larger batches of a GPU it wants fewer.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from heedful.networks.lineage import SIZE
from heedful.schema import NetworkSettings, TrainSettings
from heedful.training.decide import times_larger

WIDTHS = (64, 96, 128, 192, 256, 384, 512)
STEPS_AT_128 = 800  # of some thousand tokens each, with which a network of this width begins to be worth its time
TOKENS_A_WEIGHT = 0.1  # of the training side at least, or the network is wider than what it can learn from
FEW_EPOCHS = 8  # up to here nothing is learnt by heart, and dropout costs more than it brings
MANY_EPOCHS = 30  # from here on pictures of classes are mixed, and texts that are gone on with lose more to dropout
LATER = 128  # the width whose steps a budget has to hold for a row that learns slowly, and more
HOPELESS = 3  # times too few steps: said before training begins


@dataclass(frozen=True)
class Trial:
    """A network of a width before its first step: what it weighs, and what its steps are like.

    `batches`: of an epoch. `seconds`: times a few steps.
    """

    weights: int
    batches: int
    seconds: Callable[[], float]


@dataclass(frozen=True)
class Choice:
    """A network, how many passes over the training side the budget holds of it, and what is to be said of it.

    `is_well_fed`: it gets the steps that its width wants, and those that `LATER` does: what is narrower because its
    data are few wants no fewer to come to anything.
    """

    network: NetworkSettings
    epochs: float
    is_well_fed: bool
    lines: tuple[str, ...]


def choose(
    network: NetworkSettings, train: TrainSettings, reason: str, attempt: Callable[[NetworkSettings], Trial]
) -> Choice:
    """The widest network of a row that gets the steps it wants, no wider than its data are worth.

    `network` has its row; a width or size that it names is taken. `attempt` builds a network. `reason`: why this row.
    """
    is_free = network.size == network.width == "auto"
    chosen = of_width(network, WIDTHS[0]) if is_free else network
    trial, larger = attempt(chosen), times_larger(train)
    steps = steps_in(train, trial)
    for width in WIDTHS[1:] if is_free else ():
        if steps < steps_wanted(width, larger):
            break  # narrower ones make more steps than this one: if those are too few for it, so are its own
        wider = attempt(of_width(network, width))
        wider_steps = steps_in(train, wider)
        if wider_steps < steps_wanted(width, larger) or wider.weights * TOKENS_A_WEIGHT > wider.batches * int(
            train.batch_tokens
        ):
            break
        chosen, trial, steps = of_width(network, width), wider, wider_steps
    epochs = steps / max(1, trial.batches)
    if network.dropout == "auto" and epochs < FEW_EPOCHS:
        chosen = replace(chosen, dropout=0.0)
    lines = explain(chosen, reason, trial, steps, epochs, train, is_free)
    return Choice(chosen, epochs, steps >= steps_wanted(max(width_of(chosen), LATER), larger), tuple(lines))


def steps_wanted(width: int, larger: int = 1) -> float:
    """How many steps a width wants, of batches so many times as large as usual.

    >>> [round(steps_wanted(width)) for width in (64, 128, 256, 512)]
    [317, 800, 2016, 5080]
    """
    return STEPS_AT_128 * (width / 128) ** (4 / 3) / math.sqrt(larger)


def steps_in(train: TrainSettings, trial: Trial) -> float:
    """The steps that a budget holds; only one of minutes takes a clock."""
    if train.steps is not None:
        return float(train.steps)
    if train.epochs is not None:
        return train.epochs * trial.batches / train.accumulate
    return float(train.minutes or 0) * 60 / trial.seconds()


def of_width(network: NetworkSettings, width: int) -> NetworkSettings:
    """A network with this width, and the size of the table whose depth and heads go with it."""
    size = max((name for name in SIZE if SIZE[name].width <= width), key=lambda name: SIZE[name].width)
    return replace(network, width=width, size=size)


def width_of(network: NetworkSettings) -> int:
    """The width of a network whose width or size is named."""
    return int(network.width) if network.width != "auto" else SIZE[network.size].width


def explain(
    network: NetworkSettings,
    reason: str,
    trial: Trial,
    steps: float,
    epochs: float,
    train: TrainSettings,
    is_free: bool,
) -> Sequence[str]:
    """What was chosen and why, and how much of it the budget holds; what cannot come to anything in it."""
    width, lines = width_of(network), list[str]()
    wanted = steps_wanted(width, times_larger(train))
    passes = f"{epochs:,.1f}" if epochs < 10 else f"{epochs:,.0f}"
    holds = f"the budget holds about {steps:,.0f} steps, {passes} passes over the training side"
    if is_free:
        lines.append(f"network: {network.name} of width {width}, {trial.weights / 1e6:.2f} M weights; {holds}")
        lines.append("why: " + "; ".join(filter(None, (reason, why_so_wide(width, steps, wanted)))))
    elif train.minutes is not None:
        lines.append(f"{reason}; {holds}" if reason else holds)
    if train.minutes is None or steps * HOPELESS >= wanted:
        return lines
    if is_free:
        minutes = math.ceil(train.minutes * wanted / max(steps, 1))
        lines.append(f"few steps: this may come to nothing; --minutes {minutes} would hold what even this width wants")
    elif width > WIDTHS[0]:
        lines.append(
            f"few steps: a network of width {width} wants some {wanted:,.0f} to come to anything; "
            "without --size and network.width the width goes by the budget, without --network the row by the data"
        )
    return lines


def why_so_wide(width: int, steps: float, wanted: float) -> str:
    """Why a width was taken of those that there are, for so many steps, of which it wants some.

    >>> why_so_wide(64, 100, wanted=317)
    'no width gets the steps that it wants: this is the least, and wants 317'
    >>> why_so_wide(64, 400, wanted=317)
    'of the widths that get the steps they want (317 for 64) it is the largest'
    """
    if steps < wanted:
        return f"no width gets the steps that it wants: this is the least, and wants {wanted:,.0f}"
    return f"of the widths that get the steps they want ({wanted:,.0f} for {width}) it is the largest"
