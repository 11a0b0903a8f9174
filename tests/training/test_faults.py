"""What the disk refuses while a run trains: it is said, nothing that was saved is lost, and training goes on."""

import resource
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from heedful.api.loading import load
from heedful.api.train import run
from heedful.cli.output import open_output
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.tasks.recipes import build
from heedful.training.checkpoint import are_finite, newest_checkpoint, read_tensors
from heedful.training.progress import Quiet
from support.command_line import HEEDFUL
from support.interrupted_training import PowerCut, die, training_artifacts
from support.letter_pairs import short_recipe
from support.trained_models import first_trained

THE_ONE_BEFORE = "and the one before it taken"
BYTES = 4000  # the longest file of a disk that is full: no weights fit


@contextmanager
def full_disk() -> Iterator[None]:
    """No file grows beyond a few bytes: what a process meets on a full disk, without one."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@dataclass
class Fault(Quiet):
    """Has something happen at a step of a run, and something else three steps later."""

    at: int
    happen: Callable[[], object]
    mend: Callable[[], object] = lambda: None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, done: float, text: str) -> None:
        step = int(text.split(" · ")[0].removeprefix("step "))
        if step == self.at:
            self.happen()
        elif step == self.at + 4:
            self.mend()


def recipe(folder: Path) -> Recipe:
    network = build("translate", {"network.name": "gru", "network.size": "tiny", "network.width": 16}).network
    return short_recipe(folder, network, train__steps=9)


def test_a_disk_that_was_full_for_a_while_changes_nothing_that_is_learnt(tmp_path: Path) -> None:
    whole, faulty = tmp_path / "whole", tmp_path / "faulty"
    run(recipe(tmp_path / "data"), whole, Quiet())
    with ExitStack() as stack:
        fault = Fault(2, lambda: stack.enter_context(full_disk()), stack.close)
        run(recipe(tmp_path / "data"), faulty, fault)
    assert training_artifacts(whole) == training_artifacts(faulty)
    assert any("cannot be saved" in line and "nothing is saved yet" in line for line in fault.notes), fault.notes


def test_a_disk_that_stays_full_ends_a_run_and_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    """The same command finishes it."""
    with pytest.raises((HeedfulError, OSError), match=r"cannot be written|File too large"), ExitStack() as stack:
        run(recipe(tmp_path / "data"), tmp_path / "run", Fault(4, lambda: stack.enter_context(full_disk())))
    checkpoint = newest_checkpoint(tmp_path / "run" / "checkpoints", print)
    assert checkpoint and checkpoint.values["step"] == 3
    run(recipe(tmp_path / "data"), tmp_path / "run", Quiet())
    run(recipe(tmp_path / "data"), tmp_path / "whole", Quiet())
    assert training_artifacts(tmp_path / "run") == training_artifacts(tmp_path / "whole")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a bit of the weights": ("network.safetensors", flip),
    "an empty file": ("optimizer.safetensors", empty),
    "a missing file": ("best.safetensors", Path.unlink),
    "no position": ("values.json", Path.unlink),
    "no manifest": ("manifest.json", Path.unlink),
    "an empty manifest": ("manifest.json", empty),
}


def test_a_spoilt_checkpoint_gives_way_to_the_one_before_it(tmp_path: Path) -> None:
    """Which is said, and in the end nothing differs; where none is whole, nothing begins anew unasked."""
    with pytest.raises(PowerCut):
        run(recipe(tmp_path / "data"), tmp_path / "broken", Fault(8, die))
    for kind, (name, spoil) in DAMAGES.items():
        folder = shutil.copytree(tmp_path / "broken", tmp_path / f"my {kind}")
        first, second = sorted((folder / "checkpoints").iterdir())
        spoil(second / name)
        notes: list[str] = []
        checkpoint = newest_checkpoint(folder / "checkpoints", notes.append)
        assert checkpoint and checkpoint.values["step"] == 3 and not second.exists()
        assert notes == [f"{second / name} is not as it was written: that checkpoint is removed, {THE_ONE_BEFORE}"]
        spoil(first / name)
        with pytest.raises(HeedfulError, match="The only checkpoint is damaged") as caught:
            newest_checkpoint(folder / "checkpoints", notes.append)
        assert f"rm -r {shlex.quote(str(folder / 'checkpoints'))}" in caught.value.cure.splitlines()[-1]
        assert f"--from {shlex.quote(str(folder))} " in caught.value.cure
        assert len(first_trained(load(folder)).network.state_dict()), "there is nothing to begin with"
        assert first.exists()
    spoil(max((tmp_path / "broken" / "checkpoints").iterdir()) / name)
    fault = Fault(0, die)
    run(recipe(tmp_path / "data"), tmp_path / "broken", fault)
    assert [line for line in fault.notes if THE_ONE_BEFORE in line] and "goes on from step 3" in fault.notes
    run(recipe(tmp_path / "data"), tmp_path / "whole", Quiet())
    assert training_artifacts(tmp_path / "broken") == training_artifacts(tmp_path / "whole")


def test_a_folder_that_vanished_ends_a_run_in_words(tmp_path: Path) -> None:
    fault = Fault(4, lambda: shutil.rmtree(tmp_path / "run"))
    with pytest.raises(HeedfulError, match="is gone"):
        run(recipe(tmp_path / "data"), tmp_path / "run", fault)
    assert not (tmp_path / "run").exists()


def test_weights_that_are_saved_are_finite(tmp_path: Path) -> None:
    """A learning rate at which training diverges: it is said, or what is saved is finite all the same."""
    network = build("translate", {"network.name": "vaswani2017", "network.size": "tiny"}).network
    hot = short_recipe(tmp_path / "data", network, train__steps=30, train__learning_rate=1000.0, train__clip=0.0)
    try:
        run(hot, tmp_path / "run", Quiet())
    except HeedfulError as error:
        assert "finite" in str(error)
    files = [*(tmp_path / "run").rglob("*.safetensors")]
    assert files and all(are_finite(read_tensors(path)) for path in files)


def test_answers_replace_a_file_only_when_all_are_written(tmp_path: Path) -> None:
    """And what is there before a failure is kept beside it; a link and the rights of a file stay."""
    path, link = tmp_path / "answers.tsv", tmp_path / "link.tsv"
    path.write_text("old\n")
    path.chmod(0o640)
    link.symlink_to(path)
    with pytest.raises(OSError), open_output(link) as stream, full_disk():
        stream.write("new\n" * BYTES)
        stream.flush()
    assert path.read_text() == "old\n"
    with open_output(link) as stream:
        stream.write("new \udcff\n")
    assert (path.read_bytes(), link.is_symlink()) == (b"new \xff\n", True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_full_standard_output_is_said_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run([*HEEDFUL, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (2, "The output cannot be written: No space left on device.\n")
