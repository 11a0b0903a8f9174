"""The folder of a run is a run's: what others keep is never touched, and a run that was killed early goes on."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from heedful import recipe as recipes
from heedful.api.lock import GIVEN_UP_AFTER, lock_folder, start_of
from heedful.api.run_folder import open_run_folder, write_fingerprint
from heedful.api.train import run
from heedful.data.folders import write_atomically
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.tasks.recipes import build
from heedful.training.progress import Quiet
from support.command_line import heedful
from support.own_process import compare_by_weights, is_killed_at_note
from support.sampling import SEED
from support.tiny_tasks import recipe, write_data

SMALL = "--steps 2 --size tiny train.threads=1"
RUN_FILES = ("kept/run/asked.toml", "kept/gru/notes.txt")
PAIRS = "".join(f"{a}{b}{c}\t{a.upper()} {b.upper()} {c.upper()}\n" for a in "abcdef" for b in "abc" for c in "def")


def content(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "line",
    [
        f"train translate pairs.tsv {SMALL} -o .",
        f"train recipe.toml {SMALL} -o .",
        f"train translate pairs.tsv {SMALL} -o README.md",
        f"compare translate pairs.tsv --networks gru,rnn {SMALL} -o data",
        f"compare translate pairs.tsv --networks gru,rnn {SMALL} --weights 2e4 -o mine",
        f"compare translate pairs.tsv --networks gru,rnn {SMALL} --weights 2e4 -o kept",
    ],
)
def test_a_folder_of_other_things_is_refused_and_left_as_it_is(line: str, tmp_path: Path) -> None:
    """A project with data, a README and a recipe of its own. In `mine` a network's name means something else, and in
    `kept`, where a run lies, too.
    """
    for name in (
        "data/pairs.tsv",
        "pairs.tsv",
        "README.md",
        "data.partial/kept",
        "mine/gru/data/notes.txt",
        *RUN_FILES,
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(PAIRS, encoding="utf-8")
    (tmp_path / "recipe.toml").write_text('task = "translate"\n[data]\ntrain = ["pairs.tsv"]\n', encoding="utf-8")
    before = content(tmp_path)
    outcome = heedful(line, tmp_path)
    assert outcome.code == 2 and ("Nothing was touched" in outcome.err or "is a file" in outcome.err), outcome.err
    assert content(tmp_path) == before


def test_only_prepared_data_are_replaced(tmp_path: Path) -> None:
    """Not even in a run's folder are data of others taken for those of the run; an empty folder is nobody's."""
    (tmp_path / "data").mkdir()
    with write_atomically(tmp_path / "data") as partial:
        (partial / "prepared.json").write_text('{"fingerprint": {}}')
    with write_atomically(tmp_path / "data") as partial:
        (partial / "notes.txt").write_text("mine")
    with pytest.raises(HeedfulError, match="data holds what is not"), write_atomically(tmp_path / "data"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "notes.txt"]


@pytest.mark.parametrize("from_start", [False, True])
def test_killed_while_data_are_prepared_it_goes_on(from_start: bool, tmp_path: Path) -> None:
    """At every note before the first step; the same command goes on, with weights to start from too; others do not."""
    files, folder = write_data(tmp_path, SEED), tmp_path / "run"
    user_recipe = recipe(files, "classify", "gru")
    if from_start:
        run(user_recipe, tmp_path / "start", Quiet())
        user_recipe = recipes.change(
            user_recipe, {"start": str(tmp_path / "start"), "network.width": None, "network.size": None}
        )
    note = 0
    while not (folder / "recipe.toml").exists():
        note += 1
        assert is_killed_at_note(note, run, user_recipe, folder)
        assert recipes.load(folder / "asked.toml") == user_recipe
        if not (folder / "recipe.toml").exists():
            with pytest.raises(HeedfulError, match="another recipe") as error:
                run(recipes.change(user_recipe, {"seed": 5}), folder, Quiet())
            assert "seed: 0 here, 5 asked for" in error.value.cure
    assert note > 3
    assert run(user_recipe, folder, Quiet()).recipe.start == user_recipe.start
    assert run(recipes.load(folder / "asked.toml"), folder, Quiet()).folder == folder, "it is finished"
    for name in ("asked.toml", "scores.json"):  # a run of 0.1.0, stopped before its end
        (folder / name).unlink()
    run(user_recipe, folder, Quiet())
    assert (folder / "scores.json").exists() and not (folder / "asked.toml").exists()


@dataclass
class InTheWay(Quiet):
    """Puts a folder where a file is to be written, at the last note before reports and scores are."""

    folder: Path

    def note(self, text: str) -> None:
        if text.startswith("scoring"):
            self.folder.mkdir()


@pytest.mark.parametrize("name", ["report.html", "README.md", "scores.json"])
def test_a_run_is_finished_when_it_is_reported(name: str, tmp_path: Path) -> None:
    """Whatever file could not be written at the end, the same command writes it and learns nothing again."""
    user_recipe, folder = recipe(write_data(tmp_path, SEED), "classify", "gru"), tmp_path / "run"
    with pytest.raises(IsADirectoryError):
        run(user_recipe, folder, InTheWay(folder / name))
    steps = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    (folder / name).rmdir()
    run(user_recipe, folder, Quiet())
    assert all((folder / file).is_file() for file in ("report.html", "README.md", "scores.json"))
    assert (folder / "metrics.jsonl").read_text(encoding="utf-8") == steps


def test_a_mistake_in_the_data_leaves_nothing_behind(tmp_path: Path) -> None:
    """In an empty folder as in a new one, so that the command can be mended and given again."""
    files, folder = write_data(tmp_path, SEED), tmp_path / "empty"
    user_recipe = recipe(files, "classify", "gru")
    folder.mkdir()
    for run_folder in (folder, tmp_path / "new" / "run"):
        with pytest.raises(HeedfulError):
            run(recipes.change(user_recipe, {"data.columns": ["nothing", "labels"]}), run_folder, Quiet())
    assert not (tmp_path / "new").exists() and not any(folder.iterdir())
    run(user_recipe, folder, Quiet())


def test_a_mistake_takes_away_no_run_beside_it(tmp_path: Path) -> None:
    """Two runs begin at once where there was no folder; one of them has bad data."""
    with pytest.raises(HeedfulError), open_run_folder(tmp_path / "runs" / "bad"):
        (tmp_path / "runs" / "good").mkdir()
        raise HeedfulError("bad data")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["good"]


def test_a_comparison_goes_on_among_its_runs(tmp_path: Path) -> None:
    """Killed at any note before the first network learns: while data are prepared to find widths, or lent."""
    files, folder = write_data(tmp_path, SEED), tmp_path / "compared"
    user_recipe = recipes.change(recipe(files, "classify", "gru"), {"network.width": None})

    for note in (2, 5, 8):
        assert is_killed_at_note(note, compare_by_weights, user_recipe, folder)
    compare_by_weights(user_recipe, folder, Quiet())
    for name in ("gru", "rnn"):
        (folder / name).rename(tmp_path / name)
    (folder / "notes.txt").write_text("mine")
    compare_by_weights(user_recipe, folder, Quiet())  # the page and its numbers are ours
    assert (folder / "notes.txt").exists()


def test_a_second_command_is_told_and_the_dead_are_succeeded(tmp_path: Path) -> None:
    """Of many that want a folder at once one has it; who was killed has it no more, be its number taken again."""
    message = f"Another command .* process {os.getpid()}"
    with lock_folder(tmp_path), pytest.raises(HeedfulError, match=message), lock_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
    here = {"pid": os.getpid(), "started": "long ago", "host": platform.node()}
    elsewhere = {"pid": 1, "started": "1", "host": f"not {platform.node()}"}
    for holder, age, alive in ((here, 0, False), (elsewhere, 0, True), (elsewhere, 2 * GIVEN_UP_AFTER, False)):
        (tmp_path / "lock").write_text(json.dumps(holder))
        touched = time.time() - age
        os.utime(tmp_path / "lock", (touched, touched))
        if alive:
            with pytest.raises(HeedfulError, match=f"on {elsewhere['host']}"), lock_folder(tmp_path):
                pass
            continue
        with lock_folder(tmp_path):
            assert json.loads((tmp_path / "lock").read_text())["started"] == start_of(os.getpid())
    run = subprocess.run([sys.executable, "-c", RIVALS, tmp_path], capture_output=True, text=True, timeout=100)
    assert (run.stdout.split(), run.stderr) == (["1"] * 20, "") and not list(tmp_path.iterdir())


# Eight at once, twenty times, from a process without threads: one that has them may leave a lock behind in its forks.
RIVALS = """
import json, multiprocessing, os, platform, sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from heedful.api.lock import lock_folder
from heedful.errors import HeedfulError

def rival(folder, gate, done, winners):
    gate.wait()
    with suppress(HeedfulError), lock_folder(folder):
        with winners.get_lock():
            winners.value += 1
        done.wait(60)
        return
    done.wait(60)

folder, context = Path(sys.argv[1]), multiprocessing.get_context("fork")
for _ in range(20):
    (folder / "lock").write_text(json.dumps({"pid": os.getpid(), "started": "long ago", "host": platform.node()}))
    gate, winners, done = context.Barrier(8), context.Value("i", 0), context.Barrier(8)
    rivals = [context.Process(target=rival, args=(folder, gate, done, winners)) for _ in range(8)]
    for process in rivals:
        process.start()
    for process in rivals:
        process.join()
    print(winners.value)
"""


@pytest.mark.parametrize("task", ["classify", "draw"])
def test_a_finished_run_keeps_no_checkpoints(task: str, tmp_path: Path) -> None:
    """Also where it was killed before they went, and of what is learnt before the rest; only ours go, if at all."""
    files, folder = write_data(tmp_path, SEED), tmp_path / "run"
    asked = recipes.change(recipe(files, task, "gru"), {"train.keep": False})
    run(recipe(files, task, "gru"), tmp_path / "kept", Quiet())
    assert list((tmp_path / "kept").rglob("step-*"))
    run(asked, folder, Quiet())
    assert not list(folder.rglob("checkpoints"))
    shutil.copytree(tmp_path / "kept" / "checkpoints", folder / "checkpoints")
    (folder / "checkpoints" / "notes.txt").write_text("mine")
    run(asked, folder, Quiet())
    assert [path.name for path in folder.rglob("checkpoints/*")] == ["notes.txt"]


def test_a_lock_needs_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a USB stick, or a share: the first has the folder, the second is told, and nothing stays."""

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    message = f"Another command .* process {os.getpid()}"
    with lock_folder(tmp_path), pytest.raises(HeedfulError, match=message), lock_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


DATA = {"files": {}}


def test_a_run_that_goes_on_elsewhere_says_so_and_keeps_both_fingerprints(tmp_path: Path) -> None:
    asked: Recipe = recipes.build("translate")
    assert write_fingerprint(tmp_path, asked, DATA) == write_fingerprint(tmp_path, asked, DATA) == ""
    file = tmp_path / "fingerprint.json"
    first = json.loads(file.read_text())
    assert "earlier" not in first
    here = first["versions"]["torch"]
    first["versions"]["torch"], first["threads"] = "1.0", 77
    file.write_text(json.dumps(first))
    told = write_fingerprint(tmp_path, asked, DATA)
    assert told.startswith(f"this run began with torch 1.0, now {here}, threads 77, now ")
    assert write_fingerprint(tmp_path, asked, DATA) == ""
    kept = json.loads(file.read_text())
    assert kept["versions"]["torch"] == here
    assert [earlier["versions"]["torch"] for earlier in kept["earlier"]] == ["1.0"]


def test_a_name_that_no_recipe_can_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    asked = build("translate", {"data.train": ["p\udcfe.tsv"]})
    for folder, user_recipe, name in ((tmp_path / "n\udcff", None, "udcff"), (tmp_path / "run", asked, "udcfe.tsv")):
        with pytest.raises(HeedfulError, match=f"{name}' is not UTF-8"), open_run_folder(folder, user_recipe):
            pass
    assert not [*tmp_path.iterdir()]
