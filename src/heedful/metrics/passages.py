"""Scores of a language model: how surprised it is by a passage, and how often it fills gaps with what stood there.

N passages
"""

import math
from collections.abc import Sequence

import numpy as np

from heedful.errors import HeedfulError
from heedful.metrics.counts import Counts, References, percent


def passage_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """Bits per character, which does not hang on the tokenizer, and perplexity per token, of whole passages.

    An answer is minus the log probability of a passage, in digits; its reference says how many tokens and how many
    characters that were: "64 61.5".

    >>> bits, perplexity = passage_counts(["6.931"], [("5 10",)])
    >>> round(bits.value(), 3), round(perplexity.value(), 3)
    (1.0, 4.0)
    """
    nats = np.array([float(output) for output in outputs])
    sizes = np.array([[float(number) for number in accepted[0].split()] for accepted in references])
    return [
        Counts("bits_per_character", np.stack([nats, sizes[:, 1]], axis=1), bits),
        perplexity_counts(nats, sizes[:, 0]),
    ]


def perplexity_counts(nats: np.ndarray, tokens: np.ndarray) -> Counts:
    """Perplexity from surprise (N,) over so many tokens (N,)."""
    return Counts("perplexity", np.stack([nats, tokens], axis=1).astype(float), perplexity)


def gap_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """The share of gaps that were filled with what stood there, in percent; guesses and truths are joined by tabs.

    Raises HeedfulError if an answer fills more or fewer gaps than there are.
    """
    rows = []
    for number, (output, accepted) in enumerate(zip(outputs, references, strict=True), 1):
        guesses, truth = output.split("\t"), accepted[0].split("\t")
        if len(guesses) != len(truth):
            raise HeedfulError(
                f"Answer {number:,} does not fill as many gaps ({len(guesses):,}) as there are ({len(truth):,})."
            )
        rows.append((sum(map(str.__eq__, guesses, truth)), len(truth)))
    return [Counts("accuracy", np.array(rows, float), percent)]


def bits(sums: np.ndarray) -> float:
    """Bits per character, from nats and characters."""
    nats, characters = sums
    return float(nats / math.log(2) / max(characters, 1e-9))


def perplexity(sums: np.ndarray) -> float:
    """The mean number of equally likely choices that would surprise as much, from nats and tokens."""
    nats, tokens = sums
    return float(np.exp(min(nats / max(tokens, 1), 700.0)))
