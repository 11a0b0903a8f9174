"""Steps whose losses the host has not read: on a GPU, training does not wait until each step is done.

The host reads what several steps came to at once. Where one was not finite, neither it nor any behind it has moved the
weights: as if training had stopped there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor

EVERY = 10  # steps that a GPU may be behind
Before = TypeVar("Before")


@dataclass(frozen=True)
class Step(Generic[Before]):
    """What a step came to: the sum of its losses and the norm of its gradient; `before`: where training stood."""

    before: Before
    loss: float
    norm: float


@dataclass
class Unread(Generic[Before]):
    """The steps of which only the device knows the numbers, at most `every` (1: each is read at once).

    `stop` is a number on the device, 1 where one of them was not finite; None where there are none.
    """

    every: int
    stop: Tensor | None = None
    steps: list[tuple[Before, list[Tensor]]] = field(default_factory=list)

    def add(self, before: Before, losses: Sequence[Tensor], norm: Tensor) -> None:
        """Takes in a step whose gradients are there: the losses of its parts and the norm, one number each."""
        numbers = [value.detach().float() for value in (*losses, norm)]
        self.steps.append((before, numbers))
        if self.every > 1:
            bad = (~torch.stack(numbers).isfinite().all()).float()
            self.stop = bad if self.stop is None else self.stop.maximum(bad)

    def read(self) -> list[Step[Before]]:
        """All of them, in their order, by one copy: here the host waits for the device."""
        if not self.steps:
            return []
        numbers = iter(torch.stack([number for _, step in self.steps for number in step]).cpu().tolist())
        read = [(before, [next(numbers) for _ in step]) for before, step in self.steps]
        self.steps, self.stop = [], None
        return [Step(before, sum(losses), norm) for before, (*losses, norm) in read]
