"""Hostile pictures and videos through the real commands: named with their row, or left out and counted, never cut."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.command_line import heedful
from support.hostile_files import lengthen_header, write, write_bomb, write_silence

SMALL = "--size tiny --network gru --steps 2 network.width=16 train.threads=1 train.valid_limit=2 data.valid_rows=2"
PICTURES = {
    "cut.jpg": "cut.jpg is cut off or damaged: ",
    "bomb.png": "bomb.png has 400,000,000 pixels, and at most 120,000,000 are decoded.",
    "lines.png": "lines.png is SVG (lines, not pixels), and no picture that can be read.",
}
CLIPS = {
    "none.avi": "none.avi has no frames",
    "sound.mp4": "sound.mp4 has no pictures, only audio",
    "cut.mp4": "cut.mp4 is damaged or cut off: ",
}


def hostile_picture(path: Path) -> None:
    if path.name == "bomb.png":
        write_bomb(str(path), 20_000, 20_000, complete=True)
    elif path.name == "lines.png":
        path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    else:
        noise(0, 64).save(path)
        path.write_bytes(path.read_bytes()[:1500])


def hostile_clip(path: Path) -> None:
    if path.name == "sound.mp4":
        write_silence(str(path))
    elif path.name == "none.avi":
        write(str(path), levels=[], codec="mpeg4")
    else:
        write(str(path), movflags="faststart")
        path.write_bytes(path.read_bytes()[:-150])
    path.with_suffix(".txt").write_text("dark\n" * 20, encoding="utf-8")


def noise(seed: int, side: int = 8) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good pictures and clips, among them an animation and a clip whose header lies; beside them, worse."""
    folder = tmp_path_factory.mktemp("media")
    for task, files in (("classify", PICTURES), ("label", CLIPS)):
        for name in ("good", "bad", *files):
            data = folder / task / Path(name).stem
            data.mkdir(parents=True)
            fill(data, task)
            for file in files if name == "bad" else {name} & files.keys():
                (hostile_picture if task == "classify" else hostile_clip)(spot(data, task) / file)
    for task in ("classify", "label"):
        outcome = heedful(f"train {task} {task}/good -o {task}/run {SMALL}", folder)
        assert outcome.code == 0, outcome.err
    return folder


def fill(data: Path, task: str) -> None:
    """What is good."""
    if task == "label":
        for number in range(6):
            np.save(data / f"{number}.npy", np.full((6, 8, 8), 40 * number, np.uint8))
            (data / f"{number}.txt").write_text("dark\nlight\n" * 3, encoding="utf-8")
        write(str(data / "whole.webm"), codec="libvpx-vp9", size=(16, 16))
        lengthen_header(str(data / "whole.webm"), str(data / "long.webm"))
        (data / "whole.webm").unlink()
        (data / "long.webm").with_suffix(".txt").write_text("dark\n" * 20, encoding="utf-8")
        return
    for number in range(12):
        kind = data / ("cat" if number % 2 else "dog")
        kind.mkdir(exist_ok=True)
        noise(number).save(kind / f"{number}.png")
    noise(50).save(data / "cat" / "moving.gif", save_all=True, append_images=[noise(51), noise(52)])


def spot(data: Path, task: str) -> Path:
    return data / "cat" if task == "classify" else data


@pytest.mark.parametrize(
    ("task", "name"), [*(("classify", name) for name in PICTURES), *(("label", name) for name in CLIPS)]
)
def test_one_bad_file_stops_every_command_by_name_and_row(task: str, name: str, workspace: Path) -> None:
    data, problem = f"{task}/{Path(name).stem}", (PICTURES | CLIPS)[name]
    file, before = spot(Path(data), task) / name, sorted(workspace.rglob("*"))
    for command in (f"train {task} {data} {SMALL}", f"evaluate {task}/run {data}"):
        outcome = heedful(command, workspace)
        assert outcome.code == 2 and outcome.out == "" and "Traceback" not in outcome.err
        row = f"{data} line " if task == "classify" else f"{data}/{Path(name).stem}.txt line 1: "
        assert outcome.err.startswith(row) or f"\n{row}" in outcome.err
        assert f"{file.parent}/{problem}" in outcome.err and "data.bad_rows=skip" in outcome.err
    outcome = heedful(f"{task} {task}/run {file}", workspace)
    assert (
        outcome.code == 2
        and outcome.out == ""
        and f"{file.parent}/{problem}" in outcome.err
        and "Traceback" not in outcome.err
    )
    assert sorted(workspace.rglob("*")) == before, "something was left behind"
    outcome = heedful(f"check {task} {data} -o checked", workspace)
    assert outcome.code == 1 and f"{file.parent}/{problem}" in outcome.out and "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("task", "files", "remark", "good_count"),
    [
        ("classify", PICTURES, "of 1 animation the first frame is taken", 13),
        ("label", CLIPS, "1 video with another length than the header says", 7),
    ],
)
def test_bad_files_are_left_out_and_counted_where_that_is_asked_for(
    task: str, files: dict[str, str], remark: str, good_count: int, workspace: Path
) -> None:
    """By training and scoring alike; and what is odd, yet good, is said."""
    outcome = heedful(f"train {task} {task}/bad data.bad_rows=skip -o {task}/skipped {SMALL}", workspace)
    assert outcome.code == 0 and remark in outcome.err and "Traceback" not in outcome.err, outcome.err
    assert "left out: 3 bad rows, listed in bad_rows.jsonl (first: " in outcome.err
    lines = (workspace / task / "skipped" / "bad_rows.jsonl").read_text(encoding="utf-8").splitlines()
    problems = [json.loads(line)["problem"] for line in lines]
    assert len(problems) == 3 and all(any(expected in problem for problem in problems) for expected in files.values())
    outcome = heedful(f"evaluate {task}/run {task}/bad data.bad_rows=skip", workspace)
    assert outcome.code == 0 and "left out: 3 bad rows (first: " in outcome.err, outcome.err
    assert f"{good_count} examples" in outcome.out


def test_a_question_about_pictures_is_answered_for_all_that_can_be_read(workspace: Path) -> None:
    """A picture of a folder that cannot be read is left out, and said; one that was named is an error at the end."""
    whole = heedful("classify classify/run classify/good", workspace)
    part = heedful("classify classify/run classify/bad", workspace)
    assert part.code == whole.code == 0 and part.out == whole.out.replace("classify/good", "classify/bad") != ""
    assert "left out: 3 pictures that cannot be read\n  classify/bad/cat/bomb.png has 400,000,000 pixels" in part.err
    named = heedful("classify classify/run classify/bad/cat/cut.jpg classify/good/cat/1.png none.png", workspace)
    assert named.code == 2 and len(named.out.splitlines()) == 1 and "2 pictures cannot be read:" in named.err


PHONE = b"\0\0\0\x18ftypheic\0\0\0\0"
UNREADABLE = {
    "t.csv": ("t.csv", "file_name,label\na/1.HEIC,sun\na/2.heic,sea\n", "t.csv line 2: a/1.HEIC"),
    "t.tsv": ("t.tsv", "a/1.avif\tsun\na/2.avif\tsea\n", "t.tsv line 1: a/1.avif"),
    "a column": ("a/t.csv data.columns=photo,what", "photo,what\n1.heif,sun\n", "a/t.csv line 2: a/1.heif"),
    "no ending": ("t.jsonl", '{"file_name": "a/1", "text": "a sun"}\n', "t.jsonl line 1: a/1"),
    "a size": ("t.csv data.picture=8 data.colours=rgb", "file_name,text\na/1.heic,sun\n", "t.csv line 2: a/1.heic"),
    "a folder": ("b", "", "The folder b has 1 file and no picture that can be read (first: b/1.jxl)."),
}


@pytest.mark.parametrize("task", ["classify", "caption", "match", "draw"])
@pytest.mark.parametrize("case", UNREADABLE)
def test_pictures_that_cannot_be_read_are_not_taken_for_texts(case: str, task: str, tmp_path: Path) -> None:
    """By file and line, with what is allowed and what to do; a network learns nothing from their names."""
    words, text, problem = UNREADABLE[case]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.jxl").write_bytes(PHONE)
    for name in ("1.HEIC", "1.heic", "2.heic", "1.avif", "1.heif", "1"):
        (tmp_path / "a" / name).write_bytes(PHONE)
    if text:
        (tmp_path / words.split()[0]).write_text(text, encoding="utf-8")
    outcome = heedful(f"train {task} {words} -o run {SMALL}", tmp_path)
    assert outcome.code == 2 and problem in outcome.err, outcome.err
    assert "PNG, JPEG" in outcome.err or ".png, .jpg" in outcome.err
    assert case == "no ending" or "must be converted first, as to JPEG" in outcome.err
    assert not (tmp_path / "run").exists()


def test_of_a_folder_that_can_be_read_in_part_the_rest_is_said(tmp_path: Path) -> None:
    """And a HEIC file that is a JPEG in truth, as some telephones write it, is one."""
    for number in range(8):
        name = tmp_path / "p" / ("sun" if number % 2 else "sea") / f"{number}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        noise(number).save(name)
    (tmp_path / "p/sea/IMG_1.jxl").write_bytes(PHONE)
    outcome = heedful(f"train classify p -o run {SMALL}", tmp_path)
    assert outcome.code == 0, outcome.err
    assert "passed over 1 picture in a format that cannot be read (first: p/sea/IMG_1.jxl); pictures" in outcome.err
    (tmp_path / "p/sea/0.jpg").rename(tmp_path / "p/sea/0.heic")
    rows = "".join(
        f"{path.relative_to(tmp_path)},{path.parent.name}\n" for path in sorted(tmp_path.glob("p/*/[0-9].*"))
    )
    (tmp_path / "t.csv").write_text(f"file_name,label\n{rows}", encoding="utf-8")
    outcome = heedful(f"train classify t.csv -o named {SMALL}", tmp_path)
    assert outcome.code == 0 and "8 pictures of 8×8" in outcome.err, outcome.err
