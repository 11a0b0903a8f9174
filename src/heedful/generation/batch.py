"""The batch that is being searched: sources join it, and leave it when they are answered.

N sources   K beams   T tokens so far
"""

from dataclasses import dataclass, fields

import numpy as np

from heedful.generation.constraints import ConstraintProgress
from heedful.generation.stepper import Bools, Floats, Ints


@dataclass(frozen=True)
class Hypothesis:
    """One answer: token ids without the end, and its log probability under the unmodified network, end included.

    `normalised` is what answers are ordered by: penalised score / length ** penalty. Not complete: `max_length` was
    reached before the end token, whose probability is then not in the score.
    """

    tokens: tuple[int, ...]
    score: float
    normalised: float
    complete: bool = True


@dataclass
class SearchBatch:
    """The batch as it stands. Every field is source-first. Dead rows have a ranking score of -inf."""

    numbers: Ints  # (N,) of requests
    costs: Ints  # (N,)
    limits: Ints  # (N,) longest answers
    steps: Ints  # (N,) tokens so far
    last: Ints  # (N, K) newest token
    history: Ints  # (N, K, capacity) tokens so far
    draws: Floats  # (N, K, capacity) what decides each draw, in [0, 1); capacity 0 where nothing is drawn
    score: Floats  # (N, K) log probability under the unmodified network
    ranking_score: Floats  # (N, K) the same with penalties, by which the beam chooses
    growing: Ints  # (N,) hypotheses still growing
    is_answered: Bools  # (N,) sources that are done and take up their rows until the batch is packed
    progress: list[list[ConstraintProgress]]  # N lists, one a beam where there are constraints
    finished: list[list[Hypothesis]]  # N lists, best first

    def __len__(self) -> int:
        return len(self.numbers)

    def join(self, other: "SearchBatch") -> None:
        """Takes in the sources of another batch, behind its own."""
        for field in fields(self):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            setattr(self, field.name, ours + theirs if isinstance(ours, list) else stack(ours, theirs))

    def keep(self, sources: Ints) -> None:
        """Lets all but these sources go."""
        for field in fields(self):
            values = getattr(self, field.name)
            if not isinstance(values, list):
                setattr(self, field.name, values[sources])
        self.progress = [self.progress[source] for source in sources]
        self.finished = [self.finished[source] for source in sources]


def stack(ours: Ints, theirs: Ints) -> Ints:
    """(N, ...) and (N', ...) -> (N + N', ...), the shorter last dimension filled up with zeros."""
    capacity = max(ours.shape[-1], theirs.shape[-1])
    if ours.ndim < 3 or ours.shape[-1] == theirs.shape[-1]:
        return np.concatenate((ours, theirs))
    padded = [np.pad(part, ((0, 0), (0, 0), (0, capacity - part.shape[-1]))) for part in (ours, theirs)]
    return np.concatenate(padded)
