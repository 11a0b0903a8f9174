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
from support.letter_pairs import recipe, reverse, words

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
    work.network.eval()
    with torch.no_grad():
        losses = [work.loss(work.network, work.collate(rows)) for rows in work.plan(0)]
    mean = math.fsum(float(total) for total, _ in losses) / sum(count for _, count in losses)
    values = work.score()
    assert values["loss"] == pytest.approx(mean, rel=1e-5) and work.score(3)["loss"] != values["loss"]
