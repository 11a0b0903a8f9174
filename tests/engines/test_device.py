"""Answers on another device than the processor: whatever a model can be asked, it answers there as here."""

from pathlib import Path

from heedful.tasks import TASKS
from heedful.tasks.joins import allowed
from support.own_process import exit_code
from support.sampling import SEED, sample
from support.tiny_tasks import write_data
from support.two_devices import compare_answers


def test_tasks_answer_there_as_here(tmp_path: Path) -> None:
    rows = {task: sample(allowed(task), 1)[0] for task in sample(TASKS, 2)}
    assert exit_code(compare_answers, rows, write_data(tmp_path, SEED), tmp_path) == 0, f"of {rows}"
