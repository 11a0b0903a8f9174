"""The law that resumed = uninterrupted, bit for bit, for every task: after any step, and killed at any instant."""

import json
import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from heedful.api.train import run
from heedful.blocks.codebook import Codebook, GrayLevels
from heedful.schema import Recipe
from heedful.tasks.joins import allowed
from heedful.training.progress import Quiet
from support.interrupted_training import FIRST, Interruption, PowerCut, die, training_artifacts
from support.letter_pairs import short_recipe
from support.own_process import is_killed_after
from support.sampling import SEED, sample
from support.tiny_networks import tiny
from support.tiny_tasks import TASKS, recipe, write_data
from support.trained_models import first_trained

PLANS: dict[str, dict[str, Any]] = {
    "steps": {"train__steps": 24},
    "epochs": {"train__epochs": 2.6},
    "accumulated": {"train__steps": 14, "train__accumulate": 3},
    "another schedule": {"train__steps": 24, "train__schedule": "inverse_sqrt", "train__warmup": 5.0},
    "layers apart": {"train__steps": 24, "train__layer_decay": 0.7},
    "no average": {"train__steps": 24, "train__average": 0.0},
    "patience": {"train__steps": 24, "train__patience": 2, "train__learning_rate": 1e-6},
    "bfloat16": {"train__steps": 12, "train__precision": "bfloat16"},
    "workers": {"train__epochs": 3.0, "train__workers": 2},
}
EVERY = 3  # steps between two validations, and so checkpoints
EXTRA_SETTINGS: dict[str, dict[str, Any]] = {
    "classify": {"train__mix": 0.5},
    "draw": {"train__codebook": 0.5},
    "label": {"data__window": 8, "train__smooth_steps": 0.15},
    "fill": {"train__whole_words": True},
}
"""What a task has beside the others: random draws, or a part that is learnt first."""


def recipe_for(folder: Path, task: str, network: str, **changes: Any) -> Recipe:
    """A recipe that trains for moments."""
    if task == "translate":
        return short_recipe(folder, tiny(network, dropout=0.2), **changes)
    small = {"network__dropout": 0.2, "train__batch_tokens": 256, "train__valid_every": EVERY, "train__valid_limit": 4}
    folder.mkdir()
    return recipe(write_data(folder, SEED), task, network, **small | EXTRA_SETTINGS.get(task, {}) | changes)


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run leaves behind but what the clock says."""
    table = json.loads((folder / "scores.json").read_text())
    # The speed is that of the whole training, however many sittings it had.
    tokens = table["facts"]["train_tokens_per_second"] * table["facts"]["training_seconds"]
    first = training_artifacts(folder / FIRST) if (folder / FIRST).exists() else {}
    return training_artifacts(folder) | {FIRST: first, "scores": table["scores"], "tokens": round(tokens)}


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


CASES = sample(product(["translate"], allowed("translate"), PLANS, [die, stop]), 12)
for name in TASKS:
    CASES += sample(product([name], allowed(name), PLANS, [die, stop]), 4 if name == "draw" else 2)


@pytest.mark.parametrize(("task", "network", "plan", "interrupt"), CASES)
def test_resumed_is_uninterrupted(
    task: str, network: str, plan: str, interrupt: Callable[[], None], tmp_path: Path
) -> None:
    """Broken off after any steps, with and without time to save: the same bytes in the end, nothing learnt twice."""
    recipe, draw = recipe_for(tmp_path / "files", task, network, **PLANS[plan]), random.Random(f"{SEED}")
    run(recipe, tmp_path / "whole", Quiet())
    expected = outcome(tmp_path / "whole")
    breaks = {(False, step) for step in (draw.randint(1, 4), *draw.sample(range(5, 13), 2))}
    if task == "draw":
        last = expected[FIRST]["step"]
        breaks |= {(True, step) for step in (1, draw.randint(1, last), last)}
    fate = Interruption(set(breaks), interrupt)
    for _ in range(len(breaks) + 1):
        fate.is_stopped = False
        with suppress(PowerCut, KeyboardInterrupt):
            run(recipe, tmp_path / "broken", fate)
    assert {first for first, _ in breaks - fate.at} == {first for first, _ in breaks}
    assert fate.learning == sorted(fate.learning, reverse=True), "what is learnt first was learnt again"
    assert outcome(tmp_path / "broken") == expected


@pytest.mark.parametrize(("codes", "kind"), [("auto", GrayLevels), (256, Codebook)])
def test_what_the_data_decide_is_no_other_recipe(codes: Any, kind: type, tmp_path: Path) -> None:
    """Tiny gray pictures need no codebook; who asks for one gets it, and the same command is the same recipe."""
    tiny = {"data__picture": 8, "data__colours": "gray", "network__codes": codes}
    recipe = recipe_for(tmp_path / "files", "draw", "gru", train__steps=2, **tiny)
    assert isinstance(first_trained(run(recipe, tmp_path / "run", Quiet())).network.codebook, kind)
    (tmp_path / "run" / "scores.json").unlink()  # as if stopped before the last of it
    fate = Interruption(set(), die)
    run(recipe, tmp_path / "run", fate)
    assert not fate.learning and (tmp_path / "run" / "scores.json").exists()


KILLED = sample(product(["translate"], allowed("translate")), 3)
KILLED += sample(((name, network) for name in TASKS if name != "draw" for network in allowed(name)), 2)
KILLED += sample(product(["draw"], allowed("draw")), 1)


@pytest.mark.parametrize(("task", "network"), KILLED)
def test_killed_at_any_instant_it_goes_on(task: str, network: str, tmp_path: Path) -> None:
    """By SIGKILL, again and again, a while after a random step: while it computes, validates or saves."""
    codebook = {"train__codebook": 0.2} if task == "draw" else {}
    recipe = recipe_for(tmp_path / "files", task, network, train__steps=30, **codebook)
    run(recipe, tmp_path / "whole", Quiet())
    draw, kills = random.Random(f"{SEED}"), 0
    for _ in range(8):
        kills += is_killed_after(draw.randint(1, 2 * EVERY), draw.uniform(0, 0.03), run, recipe, tmp_path / "broken")
    assert kills > 0
    run(recipe, tmp_path / "broken", Quiet())
    assert outcome(tmp_path / "broken") == outcome(tmp_path / "whole")
