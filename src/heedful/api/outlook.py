"""How long a run will take beside its budget of minutes: its validations, and the scores at its end."""

import time

import torch

from heedful.schema import TrainSettings
from heedful.training.decide import VALIDATING, VALIDATIONS
from heedful.training.work import Work

TRIED = 64  # examples that are scored to see how long that takes
WARM = 4  # examples that are scored before
BEAM = 2.5  # what a beam takes of greedy search's time, about: rows of a batch are computed together


def seconds_beside(work: Work, train: TrainSettings, examples: int, beam: int) -> float:
    """The seconds that are spent beside a budget in minutes, about, by how long the network takes for a few examples.

    `examples` are answered at the end with a `beam` (1: greedily, or without a search).
    """
    assert train.minutes is not None
    work.network.to(torch.device(train.device)).eval()
    work.score(few=WARM)
    start = time.perf_counter()
    work.score(few=TRIED)
    each = (time.perf_counter() - start) / max(1, min(TRIED, work.scored))
    validation = each * work.scored
    validations = min(VALIDATIONS * validation, VALIDATING * train.minutes * 60 + 2 * validation)
    return validations + each * examples * (BEAM if beam > 1 else 1)


def in_minutes(seconds: float) -> str:
    """So many seconds, roughly.

    >>> [in_minutes(seconds) for seconds in (4, 40, 75, 400)]
    ['some seconds', 'about half a minute', 'about 1 minute', 'about 7 minutes']
    """
    if seconds < 15:
        return "some seconds"
    if seconds < 45:
        return "about half a minute"
    minutes = max(1, round(seconds / 60))
    return f"about {minutes:,} minute{'s' * (minutes != 1)}"
