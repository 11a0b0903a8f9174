"""The law that memory decides nothing: a step that runs out of it, and goes on in parts, is the step in one piece."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from heedful.data.batch import Batch
from heedful.errors import HeedfulError
from heedful.schema import Recipe, TrainSettings
from heedful.tasks import TASKS
from heedful.tasks.task import find_task
from heedful.training import decide
from heedful.training.loop import Loop
from heedful.training.progress import Quiet
from heedful.training.work import Work
from support.letter_pairs import short_recipe
from support.sampling import SEED
from support.tiny_networks import tiny
from support.tiny_tasks import recipe, write_data

NETWORKS = {
    "classify": "vit",
    "caption": "gru",
    "draw": "gru",
    "translate": "vaswani2017",
    "label": "gru",
    "complete": "gpt",
    "fill": "bert",
    "match": "clip",
}
EXTRA_SETTINGS = {"classify": {"train__mix": 1.0}, "label": {"train__smooth_steps": 0.15, "data__window": 8}}
CODEBOOK = "codebook"
EVERY = 3  # batches of a step


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


def learning(name: str, files: dict[str, str], folder: Path, dropout: float) -> tuple[Work, TrainSettings]:
    """What a loop needs to learn a task, or the codebook of draw."""
    verb = "draw" if name == CODEBOOK else name
    task: Any = find_task(verb).learning
    settings: dict[str, Any] = {"train__accumulate": EVERY, "train__steps": 2, **EXTRA_SETTINGS.get(verb, {})}
    if verb == "translate":
        settled: Recipe = short_recipe(folder / "letters", tiny("vaswani2017", dropout=dropout), **settings)
    else:
        small = {"network__dropout": dropout, "train__batch_tokens": 256}
        settled = recipe(files, verb, NETWORKS[verb], **small | settings)
    settled = task.resolve(settled)
    settled = replace(settled, train=decide.resolve(settled.train))
    prepared = task.prepare(settled, folder, lambda text: None)
    settled = task.resolve_for_data(settled, prepared)
    model = task.build(settled, prepared)
    if name == CODEBOOK:
        first = task.first(model, prepared, settled)
        return first.work, replace(first.train, accumulate=EVERY)
    return task.work(model, prepared, settled), settled.train


@dataclass
class NoteKeeper(Quiet):
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass
class Scarce:
    """A loss on a device whose memory runs out at calls of this number that read so many rows at once."""

    loss: Callable[[Any, Batch], tuple[Tensor, int]]
    runs_out: Callable[[int, int], bool]
    calls: int = 0

    def __call__(self, network: Any, batch: Batch) -> tuple[Tensor, int]:
        loss = self.loss(network, batch)
        self.calls += 1
        if self.runs_out(self.calls, -(-len(batch) // batch.parts)):
            raise torch.cuda.OutOfMemoryError("no room")
        return loss


def step(work: Work, train: TrainSettings, folder: Path, parts: int = 1) -> tuple[dict[str, Tensor], Loop, NoteKeeper]:
    """The gradients that the optimizer is given in a first step; the network is left as it was."""
    before = {name: value.clone() for name, value in work.network.state_dict().items()}
    notes, gradients = NoteKeeper(), dict[str, Tensor]()
    loop = Loop(work, train, SEED, folder, notes)
    loop.position.parts = parts

    def keep(*_: Any) -> None:
        weights = work.network.named_parameters()
        gradients.update({name: weight.grad.clone() for name, weight in weights if weight.grad is not None})

    loop.optimizers[0].register_step_pre_hook(keep)
    loop.step(loop.batches())
    work.network.load_state_dict(before)
    return gradients, loop, notes


@pytest.mark.parametrize("name", [*TASKS, CODEBOOK])
def test_a_step_that_runs_out_of_memory_is_the_same_step(name: str, files: dict[str, str], tmp_path: Path) -> None:
    """In a later batch, when the gradients of the first are there already: none is lost, and none counts twice."""
    work, train = learning(name, files, tmp_path, dropout=0.0)
    largest = max(len(rows) for rows in work.plan(0)[1:EVERY])
    assert largest > 1
    expected, loop, _ = step(work, train, tmp_path)
    for rows_that_fit in (largest - 1, 1):
        loss = Scarce(work.loss, lambda call, rows, limit=rows_that_fit: call > 1 and rows > limit)
        scarce, after, notes = step(replace(work, loss=loss), train, tmp_path)
        assert after.position.parts > 1 and notes.notes[-1].startswith("out of memory")
        assert after.tokens == loop.tokens
        assert_close(scarce, expected)


@pytest.mark.parametrize("name", [*TASKS, CODEBOOK])
def test_where_memory_runs_out_decides_nothing(name: str, files: dict[str, str], tmp_path: Path) -> None:
    """To the bit, dropout too: so a run that goes on from before that step learns the same."""
    work, train = learning(name, files, tmp_path, dropout=0.2)
    expected, _, _ = step(work, train, tmp_path, parts=2)
    for last in range(1, EVERY + 1):
        loss = Scarce(work.loss, lambda call, rows, last=last: call == last)
        scarce, after, _ = step(replace(work, loss=loss), train, tmp_path)
        assert after.position.parts == 2
        assert all(torch.equal(scarce[key], expected[key]) for key in expected)


@pytest.mark.parametrize(("name", "cure"), [("translate", "Set data.max_tokens."), ("match", "train.batch_tokens")])
def test_one_example_too_large_is_refused(name: str, cure: str, files: dict[str, str], tmp_path: Path) -> None:
    work, train = learning(name, files, tmp_path, dropout=0.0)
    with pytest.raises(HeedfulError, match="A single example does not fit") as error:
        step(replace(work, loss=Scarce(work.loss, lambda call, rows: True)), train, tmp_path)
    assert cure in str(error.value)


@pytest.mark.parametrize("name", TASKS)
def test_a_batch_says_which_tensors_have_a_row_for_each_example(
    name: str, files: dict[str, str], tmp_path: Path
) -> None:
    work, _ = learning(name, files, tmp_path, dropout=0.0)
    rows = work.plan(1)[0]
    batch = work.collate(rows)
    assert len(batch) == len(rows) == len(work.where(rows))
    for key, tensor in batch.tensors.items():
        assert tensor.shape[:2] == (len(rows), len(rows)) if key in batch.pairwise else len(tensor) == len(rows)
    assert batch.pairwise == ({"same"} if name == "match" else set())


def assert_close(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    largest = max(gradient.abs().max() for gradient in expected.values())
    assert largest > 0
    for name, gradient in expected.items():
        assert (actual[name] - gradient).abs().max() <= 1e-4 * gradient.abs().max() + 1e-6 * largest, name
