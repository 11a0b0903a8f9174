"""The files of a model are those that were written, or it is said which one is not; what can be made again is."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import heedful
from heedful.api.train import run
from heedful.data.checksums import CHECKSUMS, find_damage, read_checksums
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.training.progress import Quiet
from support.interrupted_training import Interruption, PowerCut, die
from support.sampling import SEED
from support.tiny_tasks import recipe, write_data


@dataclass
class Notes(Quiet):
    """Keeps what is said."""

    lines: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """A finished run that kept its checkpoints, and its recipe."""
    folder = tmp_path_factory.mktemp("trained")
    asked = recipe(write_data(folder, SEED), "complete", "gru")
    run(asked, folder / "run", Quiet())
    return asked, folder / "run"


@pytest.fixture
def copied(trained: tuple[Recipe, Path], tmp_path: Path) -> tuple[Recipe, Path]:
    """A copy of it, to be spoilt."""
    shutil.copytree(trained[1], tmp_path / "run")
    return trained[0], tmp_path / "run"


def alter(path: Path) -> None:
    """Another last byte, at the old time."""
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


SPOILING: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: os.truncate(path, path.stat().st_size - 1),
    "altered": alter,
    "gone": lambda path: path.unlink(),
}


def test_whichever_file_of_a_model_is_spoilt_it_is_named(copied: tuple[Recipe, Path], tmp_path: Path) -> None:
    folder = copied[1]
    heedful.load(folder).save(tmp_path / "saved")
    heedful.load(folder).predict("ab")
    assert {*read_checksums(folder)} == {"config.json", "tokenizer.json", "model.safetensors"}
    assert read_checksums(tmp_path / "saved") == read_checksums(folder)
    for name in read_checksums(folder):
        for spoil in SPOILING.values():
            content = (folder / name).read_bytes()
            spoil(folder / name)
            with pytest.raises(HeedfulError) as error:
                heedful.load(folder)
            assert name in error.value.problem and error.value.cure, error.value.problem
            (folder / name).write_bytes(content)
    alter(folder / "model.safetensors")
    with pytest.raises(HeedfulError, match="is not what was written") as error:
        heedful.load(folder)
    assert f"remove {folder / CHECKSUMS}" in error.value.cure
    (folder / CHECKSUMS).unlink()  # as in a run of 0.1.0
    heedful.load(folder).predict("ab")


def test_spoilt_data_of_a_finished_run_are_named_and_made_again(copied: tuple[Recipe, Path]) -> None:
    asked, folder = copied
    before = {path: path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()}
    alter(folder / "data" / "valid.json")
    with pytest.raises(HeedfulError, match=r"valid\.json is not what was written") as error:
        heedful.load(folder).evaluate()
    assert "This prepares the data again: heedful train " in error.value.cure
    notes = Notes()
    run(asked, folder, notes)
    assert [line for line in notes.lines if "valid.json is not what was written" in line]
    assert {path: path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()} == before
    heedful.load(folder).evaluate()
    shutil.rmtree(folder / "data")  # who takes the data away wants them away
    run(asked, folder, notes)
    assert not (folder / "data").exists()


@pytest.mark.parametrize("name", ["report.html", "README.md"])
def test_a_report_that_is_missing_is_written_from_the_scores(
    name: str, trained: tuple[Recipe, Path], copied: tuple[Recipe, Path]
) -> None:
    """As where 0.1.0 was killed, which wrote the scores first; where these are spoilt, it is said."""
    asked, folder = copied
    (folder / name).unlink()
    run(asked, folder, Quiet())
    expected = (trained[1] / name).read_text("utf-8").replace(str(trained[1]), str(folder))
    assert (folder / name).read_text("utf-8") == expected
    (folder / name).unlink()
    (folder / "scores.json").write_text("{", "utf-8")
    notes = Notes()
    run(asked, folder, notes)
    assert notes.lines[-1].startswith(f"no report can be written: {folder / 'scores.json'} is not as it was written")


@pytest.mark.parametrize("spoil", SPOILING)
def test_weights_are_written_again_from_the_last_checkpoint(spoil: str, copied: tuple[Recipe, Path]) -> None:
    """Of a run that was killed before it was scored."""
    asked, folder = copied
    weights, checksums = (folder / "model.safetensors").read_bytes(), (folder / CHECKSUMS).read_bytes()
    (folder / "scores.json").unlink()
    SPOILING[spoil](folder / "model.safetensors")
    notes = Notes()
    run(asked, folder, notes)
    assert any("missing or spoilt, and written again" in line for line in notes.lines)
    assert ((folder / "model.safetensors").read_bytes(), (folder / CHECKSUMS).read_bytes()) == (weights, checksums)
    assert (folder / "scores.json").exists()


def test_weights_that_may_become_better_have_no_hash_yet(trained: tuple[Recipe, Path], tmp_path: Path) -> None:
    """A model answers while it is trained, whatever is being written."""
    with pytest.raises(PowerCut):
        run(trained[0], tmp_path / "run", Interruption({(False, 2)}, die))
    assert "tokenizer.json" in json.loads((tmp_path / "run" / CHECKSUMS).read_text("utf-8"))
    assert "model.safetensors" not in read_checksums(tmp_path / "run") and find_damage(tmp_path / "run") == ""
