"""Trainings that are broken off at a step, and what a training leaves behind."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.training.progress import Quiet

FIRST = "codebook"
"""What draw learns before the rest."""


def training_artifacts(folder: Path) -> dict[str, Any]:
    """What the loop leaves behind."""
    newest = max((folder / "checkpoints").glob("step-*"))
    weight_files = [*newest.glob("*.safetensors"), folder / "model.safetensors"]
    artifacts: dict[str, Any] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in weight_files}
    artifacts |= json.loads((newest / "values.json").read_text()) | {"seconds": None, "validating": None}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return artifacts | {"valid": [line | {"seconds": None} for line in lines if line["kind"] == "valid"]}


class PowerCut(Exception):
    """In place of a power cut."""


@dataclass
class Interruption(Quiet):
    """Breaks a run off after some steps of its parts, and sees in which order they are learnt."""

    at: set[tuple[bool, int]]  # whether it is the part that is learnt first, and the step
    stop: Callable[[], None]
    learning: list[bool] = field(default_factory=list)
    is_stopped: bool = False

    def begin(self, title: str, total: str) -> None:
        assert not self.is_stopped, "asked to stop, it went on to the next part"
        self.first = title == FIRST

    def step(self, done: float, text: str) -> None:
        step = int(text.split(" · ")[0].removeprefix("step ").replace(",", ""))
        self.learning.append(self.first)
        if (self.first, step) in self.at:
            self.at.remove((self.first, step))
            self.is_stopped = True
            self.stop()


def die() -> None:
    raise PowerCut
