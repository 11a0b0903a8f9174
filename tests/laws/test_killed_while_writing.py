"""The law that the same command finishes whatever is missing: a run is killed before its changes to the disk."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from heedful.api.train import run
from heedful.training.progress import Quiet
from support.disk_changes import is_killed_before_change
from support.sampling import SEED, sample
from support.tiny_tasks import recipe, write_data

CLOCK = ("report.html", "README.md", "scores.json", "metrics.jsonl", "fingerprint.json")
"""Files that tell of seconds, and so differ between two runs; and of times of files."""


def outcome(folder: Path) -> dict[str, Any]:
    """All files of a run with their contents, but for what the clock says."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not is_young_lock(path)]
    files = {str(path.relative_to(folder)): path for path in paths}
    contents = {
        name: "" if path.name in CLOCK else sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }
    lines = map(json.loads, (folder / "metrics.jsonl").read_text("utf-8").splitlines())
    contents["curve"] = json.dumps([line | {"seconds": 0} for line in lines if line["kind"] == "valid"])
    contents["scores"] = json.dumps(json.loads((folder / "scores.json").read_text("utf-8"))["scores"])
    return contents


def is_young_lock(path: Path) -> bool:
    """Whether nobody can tell yet who began to write a lock."""
    return path.name.startswith(".lock.") and not path.stat().st_size


@pytest.mark.parametrize(("task", "network"), [("complete", "gru"), ("draw", "gru")])
def test_killed_before_any_change_to_the_disk_the_same_command_finishes(
    task: str, network: str, tmp_path: Path
) -> None:
    """Before each file is first touched, and at changes in between: the same files in the end, with the same weights,
    and nothing else left in the folder.
    """
    draw = {"train__codebook": 0.5} if task == "draw" else {}
    asked, log = recipe(write_data(tmp_path, SEED), task, network, train__keep=False, **draw), tmp_path / "log"
    assert not is_killed_before_change(asked, tmp_path / "whole", 0, log)
    changes, expected = log.read_text("utf-8").split("\n"), outcome(tmp_path / "whole")
    firsts = {final(name): number for number, name in reversed([*enumerate(changes, start=1)])}
    assert {"asked.toml", "data", "config.json", "checkpoints", "report.html", "README.md", "scores.json"} <= {*firsts}
    chosen = {*sample(firsts.values(), 4), *sample(range(1, len(changes) + 1), 2)}
    for number in sorted(chosen):
        folder = tmp_path / str(number)
        assert is_killed_before_change(asked, folder, number, log)
        run(asked, folder, Quiet())
        assert outcome(folder) == expected, f"killed before {changes[number - 1]}"


def final(name: str) -> str:
    """The file or folder of a run that a change belongs to."""
    return name.partition("/")[0].removeprefix(".").removesuffix(".part").removesuffix(".partial")
