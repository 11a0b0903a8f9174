"""Steps that are read late, as on a GPU: one that is not finite leaves all as it was before it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from heedful.data.batch import Batch
from heedful.errors import HeedfulError
from heedful.schema import TrainSettings
from heedful.tasks.translate import TASK
from heedful.training import decide
from heedful.training.loop import Loop
from heedful.training.progress import Quiet
from heedful.training.work import Work
from support.letter_pairs import short_recipe
from support.sampling import SEED
from support.tiny_networks import tiny

BEHIND = 4  # steps at most


@dataclass
class Poisoned:
    """A loss that is not finite, or has a gradient that is not, in the call of this number."""

    loss: Callable[[Any, Batch], tuple[Tensor, int]]
    at: int
    how: Callable[[Tensor], Tensor]
    calls: int = 0

    def __call__(self, network: Any, batch: Batch) -> tuple[Tensor, int]:
        loss, count = self.loss(network, batch)
        self.calls += 1
        return (self.how(loss) if self.calls == self.at else loss), count


POISON: dict[str, Callable[[Tensor], Tensor]] = {
    "loss": lambda loss: loss * torch.nan,
    "gradient": lambda loss: loss + (loss - loss.detach()).sqrt(),  # of the root at 0 it is infinite
}


def work_of(folder: Path, optimizer: str) -> tuple[Work, TrainSettings]:
    folder.mkdir()
    settled = TASK.learning.resolve(
        short_recipe(folder.parent / "letters", tiny("vaswani2017"), train__optimizer=optimizer, train__average=0.9)
    )
    settled = replace(settled, train=replace(decide.resolve(settled.train), steps=100, valid_every=0))
    prepared = TASK.learning.prepare(settled, folder, lambda text: None)
    settled = TASK.learning.resolve_for_data(settled, prepared)
    torch.manual_seed(0)
    return TASK.learning.work(TASK.learning.build(settled, prepared), prepared, settled), settled.train


def loop_of(folder: Path, optimizer: str, every: int, at: int = 0, poison: str = "loss") -> Loop:
    """A loop whose steps are read so seldom; that of a number is not finite."""
    work, train = work_of(folder, optimizer)
    loop = Loop(replace(work, loss=Poisoned(work.loss, at, POISON[poison])), train, SEED, folder, Quiet())
    loop.unread.every = every
    return loop


def learnt(loop: Loop) -> list[Tensor]:
    """All that the next step depends on."""
    assert loop.average is not None
    states = [value for each in loop.optimizers for state in each.state.values() for value in state.values()]
    return [*loop.network.state_dict().values(), *loop.average.weights.values(), *states]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize(("at", "poison"), [(2, "loss"), (3, "gradient"), (4, "loss"), (6, "loss")])
def test_a_step_that_is_not_finite_is_as_if_it_had_not_been_made(
    at: int, poison: str, optimizer: str, tmp_path: Path
) -> None:
    """The weights, what the optimizer and the average keep, and the place in the data; nor are those behind it."""
    late = loop_of(tmp_path / "late", optimizer, BEHIND, at, poison)
    batches, before = late.batches(), list[list[Tensor]]()
    with pytest.raises(HeedfulError, match=rf"Step {at}: .*not finite") as late_error:
        for _ in range(2 * BEHIND):
            before.append([value.clone() for value in learnt(late)])
            late.step(batches)
    assert len(before) == (BEHIND if at <= BEHIND else 2 * BEHIND), "it was to be read later"
    assert all(torch.equal(*pair) for pair in zip(learnt(late), before[at - 1], strict=True))
    at_once = loop_of(tmp_path / "at_once", optimizer, 1, at, poison)
    batches = at_once.batches()
    with pytest.raises(HeedfulError) as error:
        for _ in range(at):
            at_once.step(batches)
    assert late_error.value.cure == error.value.cure, "other rows were named"
    assert {**asdict(late.position), "seconds": 0} == {**asdict(at_once.position), "seconds": 0}
    assert late.tokens == at_once.tokens and late.saved_step == at_once.saved_step
