"""What is said of pictures without a network: what belongs to the nearest training picture, by pixels or by colours."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from heedful.data import batching
from heedful.data.pairs.prepared import Prepared
from heedful.metrics.baselines import LOOKS, NearestPicture
from heedful.results import Example

CHOSEN_BY = 500  # validation examples, by which the better way to compare is chosen

Choose = Callable[[Sequence[Example], Mapping[str, Sequence[str]]], str]
"""Examples and answers to them by name -> the name of the best answers."""


def nearest_picture(data: Prepared, targets: Sequence[str], choose: Choose) -> tuple[str, NearestPicture]:
    """The better way to compare pictures on the validation side, and its name; `targets` belong to training rows."""
    numbers = np.concatenate([data.train[row][0] for row in range(len(data.train))]).astype(np.int64)
    pixels, valid = data.source.pixels(numbers), batching.sample(data.valid, CHOSEN_BY, 0)
    ways = {name: NearestPicture(pixels, targets, look) for name, look in LOOKS.items()}
    if not valid:
        return next(iter(ways.items()))
    queries = data.source.pixels([data.source.number(example.source) for example in valid])
    name = choose(valid, {name: way.answers(queries) for name, way in ways.items()})
    return name, ways[name]
