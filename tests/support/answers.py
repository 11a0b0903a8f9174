"""Answers of two engines side by side, and of a command that may not import torch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heedful.results import Answer

CLOSE = 1e-5


def without_torch(*words: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """A command line in a process in which nobody can import torch."""
    command = "import sys; sys.modules['torch'] = None; from heedful.cli import main; sys.argv[0] = 'heedful'; main()"
    environment = os.environ | {"HEEDFUL_ENGINE": "auto"}
    asked = [sys.executable, "-c", command, *words]
    return subprocess.run(asked, env=environment, capture_output=True, text=True, cwd=folder)


def assert_same(expected: list[list[Answer]], actual: list[list[Answer]]) -> None:
    """The same answers with the same scores; of two that are as good as one another either may be first."""
    for best, others in zip(expected, actual, strict=True):
        scores = [answer.score for answer in best]
        assert [answer.score for answer in others] == pytest.approx(scores, abs=CLOSE, rel=1e-6)
        if min(np.diff(sorted(scores)), default=1) > CLOSE:
            assert [answer.output for answer in others] == [answer.output for answer in best]
