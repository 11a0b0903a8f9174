"""The pictures of a run: their form is chosen by looking, equal ones are one, and numbers find them again."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heedful.data.pictures.album import Album, AlbumWriter
from heedful.data.pictures.choose import choose_form
from heedful.data.pictures.read import Form
from heedful.errors import HeedfulError
from heedful.recipe import build, parse
from heedful.schema import DataSettings
from heedful.training import decide

RGB = Form(8, "rgb")
GRAY = Form(8, "gray")


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as a user in their folder would name them."""
    monkeypatch.chdir(tmp_path)


def data(*settings: str) -> DataSettings:
    return build("classify", parse(settings)).data


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: str, pixels: np.ndarray | None = None, **options: object) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(len(path), 8, 8, 3) if pixels is None else pixels).save(path, **options)  # type: ignore[arg-type]


def first_line(error: HeedfulError) -> str:
    return str(error).splitlines()[0]


def test_the_form_is_chosen_by_the_pictures() -> None:
    save("digit.png", noise(1, 28, 28))
    save("photo.jpg", noise(2, 300, 400, 3))
    save("tiny.png", noise(3, 5, 9))
    digit, photo = ["digit.png"], ["photo.jpg"]
    assert choose_form(digit, data(), decide) == (
        Form(28, "gray"),
        "pictures are read as 28×28 gray: of the first 1 the median shorter side is 28, and all are gray "
        "(data.picture, data.colours)",
    )
    assert choose_form([*digit, *photo, *photo], data("data.fit=pad"), decide)[0] == Form(64, "rgb", "pad")
    assert "(fit=pad)" in choose_form(photo, data("data.fit=pad"), decide)[1]
    assert choose_form(["tiny.png", "missing.png"], data(), decide)[0] == Form(8, "gray")
    assert choose_form(photo, data("data.picture=32"), decide)[0] == Form(32, "rgb")
    assert choose_form(digit, data("data.colours=rgb"), decide)[0] == Form(28, "rgb")
    assert choose_form(photo, data(), decide, few_named=True)[0] == Form(32, "rgb")
    assert choose_form(photo, data("data.picture=48"), decide, few_named=True)[0] == Form(48, "rgb")
    assert choose_form(digit, data(), decide, few_named=True)[0] == Form(28, "gray")
    assert choose_form(["missing.png"], data("data.picture=40", "data.colours=gray"), decide)[0] == Form(40, "gray")
    for settings, references, start in (
        (["data.picture=3"], digit, "data.picture=3 is not a side in pixels from 4 to 1,024."),
        ([], ["missing.png"], "There is no file missing.png."),
        ([], [], "There are no pictures"),
    ):
        with pytest.raises(HeedfulError) as caught:
            choose_form(references, data(*settings), decide)
        assert first_line(caught.value).startswith(start)


def test_an_album_holds_equal_pictures_once() -> None:
    pixels = noise(9, 4, 8, 8, 3)
    for number, picture_pixels in enumerate(pixels):
        save(f"{number}.png", picture_pixels)
    save("twin.bmp", pixels[1])
    Image.fromarray(pixels[3]).save(
        "moving.webp", save_all=True, append_images=[Image.fromarray(pixels[2])], lossless=True
    )
    Path("cut.png").write_bytes(Path("0.png").read_bytes()[:90])
    writer = AlbumWriter(Path("album"), RGB)
    assert [writer.add(f"{n}.png") for n in (2, 1, 2)] == ["2.png", "1.png", "2.png"]
    assert writer.add("twin.bmp") == "1.png" and writer.add("moving.webp") == "moving.webp"
    assert writer.add("3.png") == "moving.webp"
    for _ in range(2):
        with pytest.raises(HeedfulError, match=r"^cut\.png is cut off or damaged"):
            writer.add("cut.png")
    assert writer.close() == (
        "3 pictures of 8×8 in colour, 0.7 kB on disk; 2 more are identical to one of them, and taken for it; "
        "of 1 animation the first frame is taken"
    )
    for _ in range(2):  # closed, it still knows what it read and what it could not read
        assert writer.add("twin.bmp") == "1.png"
        with pytest.raises(HeedfulError, match=r"^cut\.png"):
            writer.add("cut.png")
    for album in (Album(Path("album")), pickle.loads(pickle.dumps(Album(Path("album"))))):
        assert (album.size, album.form, album.kind) == (3, RGB, "pictures")
        assert album.encode_batch(["1.png", "3.png", "twin.bmp", "2.png"]) == [[1], [2], [1], [0]]
        assert np.array_equal(album.pixels([2, 0, 2]), pixels[[3, 2, 3]])
        assert np.array_equal(album.of(["twin.bmp", "2.png"]), pixels[[1, 2]])
        mean, std = album.statistics(np.array([0, 1]))
        levels = pixels[[2, 1]] / 255
        assert np.allclose(mean, levels.mean((0, 1, 2))) and np.allclose(std, levels.std((0, 1, 2)))
    assert np.array_equal(np.load("album/pictures.npy"), pixels[[2, 1, 3]])
    picture = album.pixels([0])
    picture[:] = 0  # a copy
    assert album.pixels([0]).any()


def test_the_spread_of_one_level_can_be_divided_by() -> None:
    save("even.png", np.full((8, 8), 51, np.uint8))
    writer = AlbumWriter(Path("album"), GRAY)
    writer.add("even.png")
    writer.close()
    assert Album(Path("album")).statistics([0]) == (pytest.approx((0.2,)), (1 / 255,))


def test_another_file_of_the_same_name_is_another_picture() -> None:
    old, new = noise(5, 2, 8, 8, 3)
    save("a.png", old)
    writer = AlbumWriter(Path("album"), RGB)
    writer.add("a.png")
    writer.close()
    album = Album(Path("album"))
    assert np.array_equal(album.of(["a.png"])[0], old)
    save("b.png", new)
    Path("b.png").replace("a.png")
    assert np.array_equal(album.of(["a.png"])[0], new)
    Path("a.png").unlink()  # a run holds what it was trained on, wherever its files have gone
    assert np.array_equal(album.of(["a.png"])[0], old)
