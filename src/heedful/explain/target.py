"""What is explained of an answer: the logit of each step, or how far it is ahead of something else.

R copies   T answers   D width   V vocabulary   K answers that are explained
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from heedful.errors import HeedfulError
from heedful.tasks.trace import Trace

MOST = 32
"""Answers of one explanation, by methods that go back from each of them: of more, some at equal distances."""


@dataclass(frozen=True)
class Target:
    """The answers `steps` that are explained, and what each is held against (K,), if anything is.

    `head` makes logits of outputs.
    """

    steps: tuple[int, ...]
    chosen: Tensor
    head: Callable[[Tensor], Tensor]
    instead: Tensor | None = None

    def of(self, outputs: Tensor) -> Tensor:
        """Of outputs (R, T, D) what is explained, (R, K): the logit of an answer, less that of the other."""
        places = torch.arange(len(self.steps), device=outputs.device)
        return self.difference(self.head(outputs[:, list(self.steps)]).float(), places)

    def difference(self, logits: Tensor, places: Tensor) -> Tensor:
        """The same of logits (..., V), each of the answer at its place."""
        values = pick(logits, self.chosen[places])
        return values if self.instead is None else values - pick(logits, self.instead[places])

    def probability(self, outputs: Tensor, places: Tensor) -> Tensor:
        """How likely the answer at the place of each row (R,) is: among all, or of the two; where there is but one,
        the logit itself.
        """
        steps = torch.tensor(self.steps, device=outputs.device)[places]
        logits = self.head(outputs[torch.arange(len(outputs), device=outputs.device), steps]).float()
        if self.instead is not None:
            return self.difference(logits, places).sigmoid()
        return self.difference(logits if logits.size(-1) == 1 else logits.softmax(-1), places)

    def only(self, places: list[int]) -> "Target":
        """Some of what is explained."""
        instead = None if self.instead is None else self.instead[places]
        return Target(tuple(self.steps[place] for place in places), self.chosen[places], self.head, instead)


def pick(values: Tensor, numbers: Tensor) -> Tensor:
    """Of values (..., K, V) those with these numbers (K,)."""
    return values.gather(-1, numbers.expand(values.shape[:-1]).unsqueeze(-1)).squeeze(-1)


def target_of(trace: Trace, instead: str | None = None, most: int = MOST) -> Target:
    """The target of an answer; `instead`: what each step could have been, or another answer, of which the first
    difference counts. Raises HeedfulError for what is no other.
    """
    if instead is None:
        steps = spread(len(trace.answered), most)
        return Target(tuple(steps), trace.chosen[steps], trace.head)
    ids, chosen = list(trace.find(instead)), trace.chosen.tolist()
    if len(ids) == 1:
        steps = [step for step, number in enumerate(chosen) if number != ids[0]]
        others = ids * len(steps)
    else:
        steps = [step for step, (own, other) in enumerate(zip(chosen, ids, strict=False)) if own != other][:1]
        others = [ids[step] for step in steps]
    if not steps:
        raise HeedfulError(f"{instead!r} is what was answered.", "Hold it against something else.")
    kept = spread(len(steps), most)
    steps, others = [steps[place] for place in kept], [others[place] for place in kept]
    return Target(tuple(steps), trace.chosen[steps], trace.head, torch.tensor(others, device=trace.device))


def spread(count: int, most: int) -> list[int]:
    """At most so many of `count` numbers, at equal distances.

    >>> spread(3, 4), spread(9, 3)
    ([0, 1, 2], [0, 4, 8])
    """
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / max(1, most - 1)) for place in range(most)]
