"""Plain results of explaining: what was read, what was answered, and how much of the one is in the other.

No tensor, no network, no HTML: what `heedful.explain` computes and the report draws.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from heedful.computations import AddedPositions, Computation, plain
from heedful.results import Alignment, Result, shown

Kind = Literal["words", "patches", "frames", "series", "codes", "parts"]
"""What units are: `parts` are those of a network, as its gates."""
Scale = Literal["shares", "amounts", "lengths", "openings"]
"""What numbers of a map mean: shares of 1 in each row, signed amounts of a target, norms, gates from 0 (shut) to 1."""
METHOD_NAMES = (
    *("attention", "step-by-step", "rollout", "value-zeroing", "gates", "gradient-reach"),
    *("integrated-gradients", "leave-one-out"),
)
"""In the order in which they are shown; what each is stands in `explain/methods.py`."""


@dataclass(frozen=True)
class Units:
    """What stands along one side of a map, in order.

    `grid`: rows and columns of patches or codes, which stand behind `lead` other units (a class token). `picture`: the
    PNG file that they lie over. `seconds`: when each frame begins. `values`: the numbers of each step of a series.
    `places`: where those that were picked stand among all.
    """

    kind: Kind
    names: tuple[str, ...]
    grid: tuple[int, int] | None = None
    lead: int = 0
    picture: bytes = field(default=b"", repr=False)
    seconds: tuple[float, ...] = ()
    values: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    places: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Map:
    """One matrix of numbers. `rows` and `columns` name units of its explanation.

    `answers`: for each answer that has one, its row; those of what was read stand among them. Names are the same in
    all networks: `decoder.attention` for one map, `decoder.2.memory.head3` where there are layers and heads.
    """

    name: str
    rows: str
    columns: str
    scale: Scale
    weights: Sequence[Sequence[float]] = field(repr=False)
    answers: tuple[int, ...] = ()

    @property
    def largest(self) -> float:
        """The largest absolute number."""
        return max((abs(weight) for row in self.weights for weight in row), default=0.0)


@dataclass(frozen=True)
class Area:
    """The area under a curve of a target over the share of units replaced, with its 95 % interval, and the curve."""

    value: float
    low: float
    high: float
    curve: tuple[float, ...] = ()


@dataclass(frozen=True)
class Faithfulness:
    """Whether a map's order of units is the network's own (Samek et al. 2017; Petsiuk et al. 2018).

    The units that have most are replaced first (`deletion`: a small area is good) or put back first (`insertion`: a
    large one is), by the map, by leave-one-out and at random. `gain`: how far the map is ahead of random orders,
    deletion and insertion together, with an interval that leaves 0 out where it is not luck.
    """

    units: str
    deletion: dict[str, Area]
    insertion: dict[str, Area]
    gain: Area
    outputs: int
    orders: int
    measured: str


@dataclass(frozen=True, repr=False)
class Explanation(Result):
    """What a method says of one answer: maps, the most telling first, and whether they are faithful.

    `units` by name: `read` (or `read.0`, `read.1` where there are two sources), `answered`, and `decoded`, what a
    decoder had read when it wrote each of them. `instead`: what the answer was held against. `computations`: what
    weights were computed from, where that was asked for, and `positions` what was added to which units before.
    """

    task: str
    question: str
    answer: str
    method: str
    units: dict[str, Units]
    maps: tuple[Map, ...]
    faithfulness: tuple[Faithfulness, ...] = ()
    instead: str = ""
    notes: tuple[str, ...] = ()
    computations: tuple[Computation, ...] = ()
    positions: dict[str, AddedPositions] = field(default_factory=dict)

    def _repr_png_(self) -> bytes:
        return shown().png_of(self)

    def plain(self) -> dict[str, Any]:
        """As JSON has it, without pictures."""
        maps = [
            {key: getattr(map_, key) for key in ("name", "rows", "columns", "scale", "answers")}
            | {"weights": [list(row) for row in map_.weights]}
            for map_ in self.maps
        ]
        units = {
            name: {key: value for key, value in asdict(units).items() if key != "picture" and value}
            for name, units in self.units.items()
        }
        scores = [asdict(score) for score in self.faithfulness]
        fields = {key: getattr(self, key) for key in ("task", "question", "answer", "instead", "method", "notes")}
        steps = {"computations": [plain(computation) for computation in self.computations]}
        steps |= {"positions": {name: plain(added) for name, added in self.positions.items()}}
        return fields | {"units": units, "maps": maps, "faithfulness": scores} | (steps if self.computations else {})

    def alignment(self) -> Alignment:
        """The maps that have a row for each answer, as reports of runs draw them beside each other."""
        chosen = [map_ for map_ in self.maps if map_.answers and map_.name.partition(".")[0] != "mean"]
        columns = chosen[0].columns if chosen else "read"
        maps = {
            map_.name: [list(map_.weights[row]) for row in map_.answers] for map_ in chosen if map_.columns == columns
        }
        names = self.units[columns].names if columns in self.units else ()
        return Alignment(names, self.units["answered"].names, maps)


@dataclass(frozen=True)
class Watched:
    """An answer that is looked into again and again while a network learns: `accepted` is what would be right, the
    first of which the maps are of.

    Maps have no weights of their own: those of a moment belong to them. They are `shares` and `openings`, which lie
    between 0 and 1 at all times.
    """

    question: str
    accepted: tuple[str, ...]
    units: dict[str, Units]
    maps: tuple[Map, ...] = ()


@dataclass(frozen=True)
class Moment:
    """What a network was at a step: its own answers to what is watched (`pictures`: where they are drawn, PNG files),
    and a byte for each weight of all maps, 255 for 1.
    """

    step: int
    answers: tuple[str, ...]
    weights: bytes = field(repr=False)
    pictures: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class History:
    """A few answers through all of a training."""

    watched: tuple[Watched, ...]
    moments: tuple[Moment, ...]
