"""Training on another device than the processor: the same gradients, and no step has the host wait for a number."""

from pathlib import Path

from heedful.tasks import TASKS
from heedful.tasks.joins import allowed
from support.own_process import exit_code
from support.sampling import SEED, sample
from support.tiny_tasks import write_data
from support.two_devices import CODEBOOK, compare_pieces, compare_training

CASES = [(task, row) for task in TASKS for row in allowed(task)]


def test_gradients_are_the_same_and_no_step_waits(tmp_path: Path) -> None:
    """Of tasks and rows that are drawn, and of the codebook of pictures."""
    cases = [*sample(CASES, 5), (CODEBOOK, "gru")]
    assert exit_code(compare_training, cases, write_data(tmp_path, SEED), tmp_path) == 0, f"of {cases}"


def test_pieces_of_words_are_laid_out_without_waiting() -> None:
    assert exit_code(compare_pieces) == 0
