"""Greedy search by what writes many tokens in one call, and is asked nothing between them.

The same answers as those of search.py with one beam, which is its readable twin.

N sources   T tokens
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from heedful.generation.batch import Hypothesis
from heedful.generation.stepper import Floats, Ints, Request, Source, SpecialIds
from heedful.schema import GenerateSettings

TOGETHER = 128
"""Requests that are written together: of more the processor's caches do not hold what a step needs."""
AT_ONCE = 8
"""Tokens that are written before the rows that have ended are left out, where there are several."""
PLAIN = (
    "sample",
    "repetition_penalty",
    "no_repeat_ngram",
    "prefix",
    "required",
    "forbidden",
    "stop",
    "shortlist",
)
"""Settings that say how tokens are chosen, beside beams: as they usually stand, the likeliest token is taken."""


class GreedyRows(Protocol):
    """The answers to some sources, as they grow."""

    def write(self, most: int) -> tuple[Ints, Floats]:
        """The next tokens (N, T) of each, T at most `most`, with their log probabilities; it stops when each row has
        its end, and what stands behind that has no meaning.
        """
        ...

    def keep(self, rows: Ints) -> None:
        """Only these rows go on."""
        ...


GreedyWriter = Callable[[Sequence[Source], SpecialIds], GreedyRows]
"""Reads sources, and writes behind them."""


def unusual(settings: GenerateSettings) -> str | None:
    """What is asked for that tokens are chosen by, beside beams; None: nothing.

    >>> unusual(GenerateSettings(beam=4)), unusual(GenerateSettings(prefix="a"))
    (None, 'generate.prefix=a')
    """
    usual = GenerateSettings()
    for name in PLAIN:
        if (value := getattr(settings, name)) != getattr(usual, name):
            return f"generate.{name}={value}"
    return None


def is_greedy(settings: GenerateSettings) -> bool:
    """Whether each token is the likeliest, and its own log probability is its score."""
    one = max(settings.beam, settings.n_best) == 1
    return one and not settings.close and not settings.renormalize and unusual(settings) is None


def write_all(
    begin: GreedyWriter[Source], requests: Sequence[Request[Source]], settings: GenerateSettings, special: SpecialIds
) -> list[list[Hypothesis]]:
    """The answer to each request, as by search.py."""
    answers: dict[int, Hypothesis] = {}
    for indices in groups([request.cost for request in requests], settings.batch_tokens):
        written = write(begin, [requests[index] for index in indices], special)
        answers |= {index: answer(*row, settings, special.end) for index, row in zip(indices, written, strict=True)}
    return [[answers[index]] for index in range(len(requests))]


def groups(costs: Sequence[int], budget: int) -> list[list[int]]:
    """Which requests are written together: those of like cost, and no more positions than a budget, padding counted.

    >>> groups([3, 90, 2, 80], 100)
    [[2, 0], [3], [1]]
    """
    found: list[list[int]] = []
    for index in sorted(range(len(costs)), key=costs.__getitem__):
        size = len(found[-1]) + 1 if found else 0
        if not 0 < size <= min(TOGETHER, budget // max(1, costs[index])):
            found.append([])
        found[-1].append(index)
    return found


def write(
    begin: GreedyWriter[Source], requests: Sequence[Request[Source]], special: SpecialIds
) -> list[tuple[list[int], list[float]]]:
    """The tokens of each answer, up to its end or its longest, and their log probabilities."""
    answers: list[tuple[list[int], list[float]]] = [([], []) for _ in requests]
    rows, going = begin([request.source for request in requests], special), np.arange(len(requests))
    left = np.array([request.max_length for request in requests])
    while len(going):
        most = int(left.max())
        tokens, gained = rows.write(most if len(going) == 1 else min(AT_ONCE, most))
        ended = tokens == special.end
        has_end = ended.any(1)
        sizes = np.minimum(np.where(has_end, ended.argmax(1) + 1, tokens.shape[1]), left)
        for index, size, ids, gains in zip(going, sizes.tolist(), tokens.tolist(), gained.tolist(), strict=True):
            answers[index][0].extend(ids[:size])
            answers[index][1].extend(gains[:size])
        stay = np.flatnonzero(~has_end & (sizes < left))
        if len(stay) < len(going):
            rows.keep(stay)
        going, left = going[stay], (left - sizes)[stay]
    return answers


def answer(tokens: list[int], gains: list[float], settings: GenerateSettings, end: int) -> Hypothesis:
    """What was written, as the search has it."""
    complete, score = tokens[-1] == end, 0.0
    for gain in gains:  # one after another, as the search adds them up
        score += gain
    length = len(tokens)
    return Hypothesis(tuple(tokens[: length - complete]), score, score / length**settings.length_penalty, complete)
