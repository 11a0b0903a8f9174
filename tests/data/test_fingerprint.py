"""Which data this is goes by contents: neither times nor places nor a system's own files make data others."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heedful.data.fingerprint import FORMAT, changed_files, digest_of_clips, fingerprint_of, identity
from heedful.data.pairs.kind import PairKind
from heedful.data.pairs.prepared import Prepared
from heedful.data.pictures.album import Album
from heedful.data.prepare import Methods, fingerprint_in, prepare
from heedful.data.steps.kind import StepKind
from heedful.tasks.recipes import build
from heedful.training import decide
from support.video_clips import frames, put, recipe


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_same_size(path: str) -> None:
    """Another content of the same length, with the times of the old one."""
    file, status = Path(path), Path(path).stat()
    file.write_bytes(bytes(255 - byte for byte in file.read_bytes()))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def copy_and_back() -> None:
    shutil.copytree("photos", "copy")
    shutil.rmtree("photos")
    Path("copy").rename("photos")


def rename(old: str, new: str) -> None:
    Path(old).rename(new)


SAME: dict[str, Callable[[], object]] = {
    "touched": lambda: [os.utime(path, (1, 1)) for path in Path("photos").rglob("*")],
    "copied": copy_and_back,
    "hidden": lambda: [put(f"photos/{name}", "x") for name in (".DS_Store", "cat/._a.txt", ".git/a.txt", "Thumbs.db")],
    "written again": lambda: put("photos/cat/a.txt", "aaaa"),
}
OTHER: dict[str, Callable[[], object]] = {
    "same size and time": lambda: write_same_size("photos/cat/a.txt"),
    "behind a link": lambda: write_same_size("elsewhere/c.txt"),
    "renamed": lambda: rename("photos/cat/a.txt", "photos/cat/z.txt"),
    "exchanged": lambda: [put("photos/cat/a.txt", "bbbb"), put("photos/dog/b.txt", "aaaa")],
    "new": lambda: put("photos/cat/new.txt", ""),
    "gone": lambda: Path("photos/cat/a.txt").unlink(),
}


@pytest.mark.parametrize(("happen", "is_changed"), [*((one, False) for one in SAME), *((one, True) for one in OTHER)])
def test_a_folder_is_known_by_its_contents(happen: str, is_changed: bool) -> None:
    for name, text in (("photos/cat/a.txt", "aaaa"), ("photos/dog/b.txt", "bbbb"), ("elsewhere/c.txt", "cccc")):
        put(name, text)
    Path("photos/more").symlink_to(Path("elsewhere").absolute())
    before = identity("photos")
    (SAME | OTHER)[happen]()
    assert (identity("photos") != before) == is_changed
    assert (identity("photos/cat") == identity("photos/dog")) is False


def test_odd_things_in_a_folder_stop_nobody() -> None:
    """Links that lead upwards or nowhere, a pipe that nobody writes to, a name that is no UTF-8."""
    put("photos/a.txt", "a")
    Path("photos/up").symlink_to("..")
    Path("photos/nowhere").symlink_to("gone")
    os.mkfifo("photos/pipe")
    Path(os.fsdecode(b"photos/caf\xe9")).write_text("e", encoding="utf-8")
    assert identity("photos")["files"] == 4 and identity("photos") == identity("photos")


@pytest.mark.parametrize("change", ["touch", "content"])
def test_clips_that_a_list_names_are_known_by_their_contents(change: str) -> None:
    """Files and folders of frames."""
    clips = [frames("films/0.npy", 2), frames("films/1", 2, seed=1)]
    put("list.csv", "file_name,labels\n" + "".join(f"{clip},walk run\n" for clip in clips))
    settings = recipe("list.csv").data
    before = digest_of_clips(settings)
    for file in ("films/0.npy", str(min(Path("films/1").iterdir()))):
        known = digest_of_clips(settings)
        os.utime(file, (1, 1)) if change == "touch" else write_same_size(file)
        assert (digest_of_clips(settings) != known) == (change == "content")
    assert (digest_of_clips(settings) == before) == (change == "touch")


@pytest.mark.parametrize("change", ["touch", "content"])
def test_pictures_that_a_table_names_are_known_by_their_contents(change: str) -> None:
    for number in range(12):
        array = np.full((8, 8, 3), 20 * number, np.uint8)
        put(f"photos/{number}.txt", "")
        Image.fromarray(array).save(f"photos/{number}.png")
    put("list.csv", "file_name,label\n" + "".join(f"photos/{number}.png,{number % 2}\n" for number in range(12)))
    asked, notes = build("classify", {"data.train": ["list.csv"], "data.valid_rows": 4}), list[str]()
    first = prepare(PairKind(("picture", "name")), asked, Path("run"), notes.append, decide)
    if change == "touch":
        os.utime("photos/3.png", (1, 1))
    else:
        Image.fromarray(np.full((8, 8, 3), 61, np.uint8)).save("photos/3.png")
    changed = changed_files(first.fingerprint, asked.data)
    assert changed == ([] if change == "touch" else ["a picture that list.csv names"])
    notes.clear()
    prepare(PairKind(("picture", "name")), asked, Path("run"), notes.append, decide)
    assert (len(notes) == 1) == (change == "touch"), notes


def test_stamps_of_0_1_0_hold_while_sizes_and_times_do() -> None:
    """Data that it prepared are opened, and are others when a time is."""
    for number in range(4):
        frames(f"films/{number}.npy", 2, seed=number)
        put(f"films/{number}.txt", "walk\nrun\n")
    put("list.csv", "file_name,labels\nfilms/0.npy,walk run\n")
    asked, notes = recipe("films", test=["list.csv"]), list[str]()
    asked = replace(asked, data=replace(asked.data, valid=["films"], overlap="keep"))
    first = prepare(StepKind(), asked, Path("run"), notes.append, decide)
    assert first.fingerprint["format"] == 2
    old = fingerprint_of(asked, [], 1) | StepKind().fingerprint(asked.data, 1)
    assert old["files"]["films"].keys() == {"files", "sha256"}
    Path("run/data/checksums.json").unlink()
    about = Path("run/data/prepared.json")
    about.write_text(json.dumps(json.loads(about.read_text("utf-8")) | {"fingerprint": old}), "utf-8")
    notes.clear()
    again = prepare(StepKind(), asked, Path("run"), notes.append, decide)
    assert notes == ["data as prepared before: 4 training clips"] and again.fingerprint == old
    assert changed_files(old, asked.data) == []
    os.utime("films/0.npy", (1, 1))
    assert changed_files(old, asked.data) == ["films"]
    assert changed_files(first.fingerprint, asked.data) == []


def test_few_named_pictures_are_read_small_and_those_of_0_1_0_as_large_as_they_were() -> None:
    """Prepared again, too, as spoilt data are."""
    for number in range(12):
        Path(f"photos/{'ab'[number % 2]}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((72, 90, 3), 20 * number, np.uint8)).save(f"photos/{'ab'[number % 2]}/{number}.png")
    asked = build("classify", {"data.train": ["photos"], "data.valid_rows": 4})

    def prepared_after(stamp: dict | None, folder: Path) -> Prepared:
        folder.mkdir()
        if stamp:
            (folder / "fingerprint.json").write_text(json.dumps({"data": stamp}))
        return prepare(PairKind(("picture", "name")), asked, folder, lambda line: None, decide)

    new = prepared_after(None, Path("new"))
    assert isinstance(new.source, Album) and new.source.form.size == 32 and new.fingerprint["picture"] == 2
    stamp = fingerprint_in(PairKind(("picture", "name")), asked, FORMAT, Methods(picture_method=1))
    old = prepared_after(stamp, Path("old"))
    assert isinstance(old.source, Album) and old.source.form.size == 64 and old.fingerprint == stamp
    assert "picture" not in fingerprint_in(PairKind(("picture", "text")), asked, FORMAT, Methods())
