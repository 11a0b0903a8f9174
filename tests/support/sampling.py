"""How much of a population is tried: the size and the seed of this run of the tests."""

import os
import random
import secrets
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

SIZE = os.environ.setdefault("HEEDFUL_TEST_SIZE", "sample")
# Written to the environment, so that the workers of pytest-xdist draw the same sample as the process that prints it.
SEED = int(os.environ.setdefault("HEEDFUL_TEST_SEED", str(secrets.randbelow(2**31))))


def sample(population: Iterable[T], n: int) -> list[T]:
    """`n` of the population, in its order, drawn by the printed seed; all of it where everything is to be tried."""
    items = list(population)
    if SIZE == "all" or n >= len(items):
        return items
    chosen = random.Random(f"{SEED} {len(items)} {n}").sample(range(len(items)), n)
    return [items[index] for index in sorted(chosen)]
