"""The loss on the validation split, beside the one that is learnt by."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from heedful.schema import NetworkSettings
from heedful.tasks.task import find_task
from heedful.training import decide
from heedful.training.work import Work
from support.letter_pairs import recipe, reverse, words
from support.tiny_tasks import recipe as recipe_of
from support.tiny_tasks import write_data

WORDS = [(word, reverse(word)) for word in words(20, 5, seed=3)]


@pytest.mark.parametrize("network", ["gru", "bahdanau2015", "vaswani2017"])
def test_loss_on_the_validation_split_is_that_of_training(network: str, tmp_path: Path) -> None:
    """Of the same pairs, without dropout and smoothing: by batches as they are learnt from, and by scored answers."""
    learning: Any = find_task("translate").learning
    small = NetworkSettings(name=network, size="tiny", dropout=0.1)
    changes = {"train__label_smoothing": 0.0, "train__valid_limit": len(WORDS), "train__steps": 1}
    settled = learning.resolve(recipe(tmp_path, small, WORDS, WORDS, **changes))
    settled = replace(settled, train=decide.resolve(settled.train))
    data = learning.prepare(settled, tmp_path / "run", lambda note: None)
    settled = learning.resolve_for_data(settled, data)
    work = learning.work(learning.build(settled, data), data, settled)
    check(work)


@pytest.mark.parametrize("task", ["classify", "label", "draw", "match"])
def test_so_is_that_of_tasks_which_are_scored_otherwise(task: str, tmp_path: Path) -> None:
    """The same of classes, steps, drawings, and of what is matched; there one batch has all pairs."""
    learning: Any = find_task(task).learning
    files = write_data(tmp_path, seed=0)
    for column in ("labels", "texts", "steps"):
        files[f"train-{column}"] = files[f"valid-{column}"]
    changes = {"train__label_smoothing": 0.0, "train__augment": [], "train__batch_tokens": 10_000, "train__mix": 0.0}
    changes |= {"train__drop_source": 0.0} if task == "draw" else {}
    settled = learning.resolve(recipe_of(files, task, "gru", **changes))
    settled = replace(settled, train=decide.resolve(settled.train))
    data = learning.prepare(settled, tmp_path / "run", lambda note: None)
    settled = learning.resolve_for_data(settled, data)
    check(learning.work(learning.build(settled, data), data, settled))


def check(work: Work) -> None:
    """The loss of validation is that of the batches, and another one of fewer examples."""
    work.network.eval()
    with torch.no_grad():
        losses = [work.loss(work.network, work.collate(rows)) for rows in work.plan(0)]
    mean = math.fsum(float(total) for total, _ in losses) / sum(count for _, count in losses)
    values = work.score()
    assert values["loss"] == pytest.approx(mean, rel=1e-5) and work.score(3)["loss"] != values["loss"]
