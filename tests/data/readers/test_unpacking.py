"""Compressed pictures, arrays, videos and annotations are read as those that are not; a bomb ends at the limit."""

import gzip
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from heedful.data.pictures.read import Form, read_picture
from heedful.data.readers.formats import open_rows
from heedful.data.readers.rows import TextRow
from heedful.data.readers.unpacking import content_path
from heedful.data.steps.forms import StepForm, frame_header, kind_of
from heedful.data.steps.read import read_clips
from heedful.errors import HeedfulError
from heedful.recipe import build

from .test_same_table import PACKERS

FORM = Form(4, "gray")
PIXELS = np.arange(96, dtype=np.uint8).reshape(6, 4, 4)
LABELS = build("label", {}).data


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def video() -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("mpeg4", 25)
        track.width = track.height = 16
        for level in (0, 80, 160, 240):
            frame = av.VideoFrame.from_image(Image.new("RGB", (16, 16), (level,) * 3))
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return stream.getvalue()


def stored_pictures() -> bytes:
    pictures = [saved(lambda stream, values=values: Image.fromarray(values).save(stream, "png")) for values in PIXELS]
    table = pyarrow.table({"image": pictures, "label": [str(number) for number in range(6)]})
    return saved(lambda stream: pyarrow.parquet.write_table(table, stream))


PICTURES: dict[str, Callable[[], bytes]] = {
    "p.npz": lambda: saved(lambda stream: np.savez(stream, images=PIXELS, labels=np.arange(6))),
    "p.parquet": stored_pictures,
}
CLIPS: dict[str, tuple[Callable[[], bytes], StepForm]] = {
    "a.npy": (lambda: saved(lambda stream: np.save(stream, PIXELS[:4])), StepForm("frames", FORM)),
    "s.npy": (
        lambda: saved(lambda stream: np.save(stream, np.array([0.5, 1.5, 2.5, 3.5]))),
        StepForm("series", channels=("1",), mean=(0.0,), std=(9.0,)),
    ),
    "film.mp4": (video, StepForm("frames", FORM)),
}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_the_same(name: str, ending: str) -> None:
    Path(name + ending).write_bytes(PACKERS[ending](PICTURES[name]()))
    rows = [row for row in open_rows(name + ending) if isinstance(row, TextRow)]
    assert [row.columns["target"] for row in rows] == [str(number) for number in range(6)]
    assert all(
        (read_picture(row.columns["source"], FORM)[..., 0] == values).all()
        for row, values in zip(rows, PIXELS, strict=True)
    )


@pytest.mark.parametrize("name", CLIPS)
def test_clips_are_the_same_alone_and_in_a_folder_with_their_labels(name: str) -> None:
    write, form = CLIPS[name]
    content = write()

    def read(source: str) -> list[tuple[list[int], tuple[float, ...], tuple[str, ...]]]:
        clips = read_clips([source], LABELS, form, print)
        return [(clip.steps.values.tolist(), clip.steps.seconds, clip.labels) for clip in clips]

    Path(name).write_bytes(content)
    Path(name).with_suffix(".txt").write_text("up\nup\ndown\ndown\n")
    [expected] = read(name)
    assert len(expected[0]) == 4 and expected[2] == ("up", "up", "down", "down")
    for ending, pack in PACKERS.items():
        folder = Path(f"in{ending}")
        folder.mkdir()
        (folder / (name + ending)).write_bytes(pack(content))
        (folder / f"{Path(name).stem}.txt{ending}").write_bytes(pack(b"up\nup\ndown\ndown\n"))
        assert kind_of(str(folder / (name + ending))) == form.kind
        assert read(str(folder)) == read(str(folder / (name + ending))) == [expected], ending


def test_annotations_are_the_same() -> None:
    images = [{"filename": f"{name}.jpg", "split": name, "sentences": [{"raw": name}]} for name in ("train", "val")]
    content = {"images": images}
    Path("dataset.json.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    for name, expected in {"": ["train", "val"], "#val": ["val"]}.items():
        rows = [row for row in open_rows(f"dataset.json.gz{name}") if isinstance(row, TextRow)]
        assert [row.columns["target"] for row in rows] == expected


def rows(file: str) -> None:
    list(open_rows(file))


@pytest.mark.parametrize(
    ("name", "read"),
    [("b.parquet", rows), ("b.xlsx", rows), ("b.npz", rows), ("b.npy", kind_of), ("b.mp4", frame_header)],
)
def test_a_bomb_ends_at_the_limit(name: str, read: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDFUL_LIMIT_UNPACKED_BYTES", "1000000")
    file = f"{name}.gz"
    Path(file).write_bytes(gzip.compress(bytes(3_000_000)))
    with pytest.raises(HeedfulError) as raised:
        read(file)
    assert raised.value.problem == f"{file} has more than 1,000,000 bytes unpacked, the most that is read of one."
    assert f"gunzip -k {file}" in raised.value.cure and "HEEDFUL_LIMIT_UNPACKED_BYTES=2000000" in raised.value.cure


def test_what_is_unpacked_leaves_no_file_and_outlives_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    Path("a.bin").write_bytes(gzip.compress(b"content"))
    with content_path("a.bin") as path, open(path, "rb") as stream:
        assert not any(folder.iterdir())
    assert stream.closed and Path("a.bin").exists()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    Path("b.bin").write_bytes(gzip.compress(b"content"))
    told = r"b\.bin cannot be unpacked in .*missing: No such file or directory"
    with pytest.raises(HeedfulError, match=told), content_path("b.bin"):
        pass
