"""What a paired test can tell at all: from how many examples on, and how many a difference would take."""

import math

from heedful.results import Paired

SIGNIFICANCE_LEVEL = 0.05  # a difference whose p is not below it is called a tie
STANDARD_ERRORS = 2 * 1.960  # in a 95 % interval
POWER = 1.960 + 0.842  # standard errors that a difference has if four of five tests find it
DIGITS = 2  # of an estimate


def fewest_examples(level: float = SIGNIFICANCE_LEVEL) -> int:
    """The fewest examples whose exchanges can give a p below the level: of n, the smallest p is 2^(1 - n).

    >>> fewest_examples(), fewest_examples(0.01)
    (6, 8)
    """
    return math.floor(1 - math.log2(level)) + 1


def is_decidable(paired: Paired) -> bool:
    """Whether there were examples enough for any difference to be told; so it is taken where nobody noted how many."""
    return not paired.examples or paired.examples >= fewest_of(paired)


def fewest_of(paired: Paired) -> int:
    """The fewest examples that could have decided this test, which may be one of several."""
    return fewest_examples(SIGNIFICANCE_LEVEL / paired.tests)


def is_decided(paired: Paired) -> bool:
    """Whether one of the two is better."""
    return is_decidable(paired) and paired.p < SIGNIFICANCE_LEVEL


def examples_needed(paired: Paired) -> int | None:
    """How many examples would show a difference as large as the one seen in four tests of five, in two digits.

    None where there is none, where nobody noted of how many examples it is, and for means of several runs, whose
    variation no example takes away.

    >>> examples_needed(Paired("accuracy", 2.0, -2.0, 6.0, 0.4, examples=100))
    820
    """
    if not paired.examples or not paired.difference or paired.runs > 1:
        return None
    standard_error = (paired.high - paired.low) / STANDARD_ERRORS
    number = math.ceil(paired.examples * (POWER * standard_error / paired.difference) ** 2)
    unit = 10 ** max(0, len(str(number)) - DIGITS)
    return max(-(-number // unit) * unit, paired.examples + 1, fewest_of(paired))
