"""Plain results of one attention's arithmetic: what its weights were computed from, and what was summed by them.

T queries   S keys   E width of queries and keys   W width of values
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

ScoreKind = Literal["additive", "dot", "general", "scaled dot"]
Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Norm:
    """A norm of each query or key: x / √(mean(x²) + epsilon) ∘ scales + shifts; `centred`: behind x - mean(x)."""

    scales: tuple[float, ...]
    epsilon: float
    centred: bool = False
    shifts: tuple[float, ...] = ()

    def __call__(self, vector: Sequence[float]) -> list[float]:
        """A vector normed."""
        mean = math.fsum(vector) / len(vector) if self.centred else 0.0
        centred = [value - mean for value in vector]
        length = math.sqrt(math.fsum(value * value for value in centred) / len(centred) + self.epsilon)
        shifts = self.shifts or (0.0,) * len(centred)
        return [
            value / length * scale + shift for value, scale, shift in zip(centred, self.scales, shifts, strict=True)
        ]


@dataclass(frozen=True)
class Head:
    """One head's numbers as the network had them. `map`: the map that holds its weights (T, S).

    Queries and keys are as they were projected, before any norm and rotation; `sums` (T, W) is what the kernel gave.
    """

    map: str
    queries: Matrix = field(repr=False)  # (T, E)
    keys: Matrix = field(repr=False)  # (S, E)
    values: Matrix = field(repr=False)  # (S, W)
    sums: Matrix = field(repr=False)  # (T, W)


@dataclass(frozen=True)
class Computation:
    """One attention. `rows` and `columns` name units, `asked` those at which its queries were made.

    `causal`: query t may look at keys up to t. `real`: which keys are no padding, (): all. `vector`: v of additive
    attention. `angles` (S, E / 2): by what each pair of numbers (i, i + E / 2) is rotated at each position.
    """

    name: str
    score: ScoreKind
    rows: str
    columns: str
    asked: str
    heads: tuple[Head, ...]
    causal: bool = False
    real: tuple[bool, ...] = ()
    vector: tuple[float, ...] = ()
    query_norm: Norm | None = None
    key_norm: Norm | None = None
    angles: Matrix = field(default=(), repr=False)

    @property
    def scale(self) -> float:
        """What scores are divided by (Vaswani et al. 2017, equation 1)."""
        return math.sqrt(len(self.heads[0].keys[0])) if self.score == "scaled dot" else 1.0

    def why_masked(self, row: int, column: int) -> str:
        """Why a query may not look at a key; "": it may."""
        if self.causal and column > row:
            return "later"
        return "padding" if self.real and not self.real[column] else ""

    def scores(self, head: Head, row: int) -> list[float]:
        """The score of each key with one query, neither scaled nor masked.

        >>> head = Head("h", [[1.0, 2.0]], [[3.0, 0.5], [0.0, 1.0]], [[1.0], [3.0]], [[1.24]])
        >>> computation = Computation("h", "scaled dot", "read", "read", "read", (head,))
        >>> computation.scores(head, 0), [round(weight, 2) for weight in computation.weights(head, 0)]
        ([4.0, 2.0], [0.8, 0.2])
        """
        query = self.prepare(head.queries[row], self.query_norm, row)
        keys = (self.prepare(key, self.key_norm, column) for column, key in enumerate(head.keys))
        if self.score == "additive":
            return [
                math.fsum(v * math.tanh(q + k) for v, q, k in zip(self.vector, query, key, strict=True)) for key in keys
            ]
        return [math.fsum(q * k for q, k in zip(query, key, strict=True)) for key in keys]

    def weights(self, head: Head, row: int) -> list[float]:
        """The softmax of one query's scaled scores over the keys that it may look at; none: all zero."""
        scaled = [score / self.scale for score in self.scores(head, row)]
        allowed = [not self.why_masked(row, column) for column in range(len(scaled))]
        largest = max((score for score, may in zip(scaled, allowed, strict=True) if may), default=0.0)
        powers = [math.exp(score - largest) if may else 0.0 for score, may in zip(scaled, allowed, strict=True)]
        total = math.fsum(powers) or 1.0
        return [power / total for power in powers]

    def prepare(self, vector: Sequence[float], norm: Norm | None, position: int) -> Sequence[float]:
        """A query or a key normed and rotated, where the network does so."""
        normed = norm(vector) if norm else vector
        return rotate(normed, self.angles[position]) if self.angles else normed


def rotate(vector: Sequence[float], angles: Sequence[float]) -> list[float]:
    """Each pair of numbers (i, i + E / 2) rotated by its angle (Su et al. 2021, equation 34).

    >>> [round(value, 6) for value in rotate([1.0, 0.0], [math.pi / 2])]
    [0.0, 1.0]
    """
    first, second = vector[: len(angles)], vector[len(angles) :]
    turns = [(math.cos(angle), math.sin(angle)) for angle in angles]
    pairs = list(zip(first, second, turns, strict=True))
    return [x * cos - y * sin for x, y, (cos, sin) in pairs] + [y * cos + x * sin for x, y, (cos, sin) in pairs]


@dataclass(frozen=True)
class AddedPositions:
    """What tells a stack of layers where its units stand: `added` (S, D) to their `vectors` (S, D), the first numbers
    of each where these are many. `width`: D.
    """

    kind: Literal["sinusoidal", "learned"]
    width: int
    vectors: Matrix = field(repr=False)
    added: Matrix = field(repr=False)


def plain(value: Any) -> Any:
    """A result of this file as JSON has it."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if is_dataclass(value):
        return {part.name: plain(getattr(value, part.name)) for part in fields(value)}
    return [plain(part) for part in value]
