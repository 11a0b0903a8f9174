"""The batch that is being searched: sources join it, and leave it when they are answered.

N sources   K beams   R = N * K rows
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from heedful.blocks.state import State, join
from heedful.generation.constraints import Track


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
class Running:
    """The batch as it stands. Dead rows have order -inf."""

    states: tuple[State, ...]
    jobs: list[int]  # N numbers of jobs
    limits: list[int]  # N longest answers
    last: Tensor  # (N, K) newest token
    history: Tensor  # (N, K, room) tokens so far
    draws: Tensor  # (N, K, room) what decides each draw, in [0, 1); room 0 where nothing is drawn
    score: Tensor  # (N, K) log probability under the unmodified network
    order: Tensor  # (N, K) the same with penalties, by which the beam chooses
    growing: Tensor  # (N, 1) hypotheses still growing
    steps: list[int]  # N tokens so far
    tracks: list[list[Track]]  # N lists, one a beam where there are constraints
    done: list[list[Hypothesis]] = field(default_factory=list)  # N lists, best first


def merge(one: Running, two: Running) -> Running:
    """Two batches as one."""
    return Running(
        tuple(State.cat(pair) for pair in zip(one.states, two.states, strict=True)),
        one.jobs + two.jobs,
        one.limits + two.limits,
        torch.cat((one.last, two.last)),
        side_by_side(one.history, two.history),
        side_by_side(one.draws, two.draws),
        torch.cat((one.score, two.score)),
        torch.cat((one.order, two.order)),
        torch.cat((one.growing, two.growing)),
        one.steps + two.steps,
        one.tracks + two.tracks,
        one.done + two.done,
    )


def side_by_side(one: Tensor, two: Tensor) -> Tensor:
    """(N, K, room) and (N', K, room') -> (N + N', K, the larger room)."""
    return join((one.flatten(0, 1), two.flatten(0, 1))).unflatten(0, (-1, one.size(1)))


def pack(running: Running, stay: list[int]) -> Running:
    """The batch with only the sources that stay."""
    if len(stay) == len(running.jobs):
        return running
    sources = torch.tensor(stay, device=running.last.device)
    beams = running.last.size(1)
    rows = sources.unsqueeze(1) * beams + torch.arange(beams, device=sources.device)

    def some(values: list) -> list:
        return [values[source] for source in stay]

    return Running(
        tuple(state.select(rows, sources) for state in running.states),
        some(running.jobs),
        some(running.limits),
        running.last[sources],
        running.history[sources],
        running.draws[sources],
        running.score[sources],
        running.order[sources],
        running.growing[sources],
        some(running.steps),
        some(running.tracks),
        some(running.done),
    )
