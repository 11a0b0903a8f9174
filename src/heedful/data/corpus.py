"""The rows to learn from, as the survey leaves them: counted, a bounded sample in memory, all of them at hand."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from heedful.data.pairs.read import Pair

SIDES = ("source", "target")


@dataclass(frozen=True)
class Corpus:
    """`rows` pairs to learn from: a seeded sample of them (all, if they are few), and a way to read all of them."""

    sample: list[Pair]
    rows: int
    read_all: Callable[[], Iterator[Pair]]
    seed: int

    def texts(self, sides: tuple[str, ...], all_rows: bool) -> Iterable[str]:
        """The texts of these sides, of the sample or of all rows."""
        pairs = self.read_all() if all_rows and self.rows > len(self.sample) else self.sample
        return (getattr(pair, side) for pair in pairs for side in sides)
