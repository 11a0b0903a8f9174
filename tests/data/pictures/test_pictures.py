"""Pictures from every format, mode and layout; hostile files are refused by name; equal pictures are one."""

import gc
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heedful.data.pictures.arrays import as_bytes
from heedful.data.pictures.modes import levels, on_white, quarter
from heedful.data.pictures.read import Form, header, read_picture
from heedful.errors import HeedfulError
from support.hostile_files import write_bomb

RGB = Form(8, "rgb")
GRAY = Form(8, "gray")


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as a user in their folder would name them."""
    monkeypatch.chdir(tmp_path)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: str, pixels: np.ndarray | None = None, **options: object) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(len(path), 8, 8, 3) if pixels is None else pixels).save(path, **options)  # type: ignore[arg-type]


def first_line(error: HeedfulError) -> str:
    return str(error).splitlines()[0]


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "ppm", "webp", "gif"])
def test_pixels_come_through_every_lossless_format(ending: str) -> None:
    gray = noise(1, 8, 8)
    pixels = np.stack([gray] * 3, axis=-1) if ending == "gif" else noise(2, 8, 8, 3)
    save(f"a.{ending}", gray if ending == "gif" else pixels, **({"lossless": True} if ending == "webp" else {}))
    assert np.array_equal(read_picture(f"a.{ending}", RGB), pixels)
    expected = np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
    assert np.array_equal(read_picture(f"a.{ending}", GRAY), expected)


def modes() -> dict[str, tuple[Image.Image, str, object]]:
    """By name: an image of 2 × 1, the ending it is saved with, and its two pixels as gray levels or colours."""

    def two(mode: str, first: object, last: object) -> Image.Image:
        image = Image.new(mode, (2, 1))
        image.putpixel((0, 0), first)  # type: ignore[arg-type]
        image.putpixel((1, 0), last)  # type: ignore[arg-type]
        return image

    palette = two("P", 0, 1)
    palette.putpalette([10, 20, 30, 200, 0, 0])
    see_through = palette.copy()
    see_through.info["transparency"] = 1
    keyed = two("RGB", (1, 2, 3), (4, 5, 6))
    keyed.info["transparency"] = (4, 5, 6)
    return {
        "1": (two("1", 0, 255), "png", [0, 255]),
        "L": (two("L", 7, 250), "png", [7, 250]),
        "LA": (two("LA", (0, 128), (90, 255)), "png", [127, 90]),
        "P": (palette, "png", [(10, 20, 30), (200, 0, 0)]),
        "P with transparency": (see_through, "png", [(10, 20, 30), (255, 255, 255)]),
        "RGB with a transparent colour": (keyed, "png", [(1, 2, 3), (255, 255, 255)]),
        "RGBA": (two("RGBA", (255, 0, 0, 0), (0, 0, 255, 255)), "png", [(255, 255, 255), (0, 0, 255)]),
        "CMYK": (two("CMYK", (0, 255, 255, 0), (0, 0, 0, 255)), "tif", [(255, 0, 0), (0, 0, 0)]),
        "YCbCr": (two("RGB", (128,) * 3, (128,) * 3).convert("YCbCr"), "tif", [128, 128]),
        "16 bits": (Image.fromarray(np.array([[257 * 100, 65535]], np.uint16)), "png", [100, 255]),
        "16 bits, other order": (Image.fromarray(np.array([[257 * 9, 65535]], ">u2")), "tif", [9, 255]),
        "32 bits": (Image.fromarray(np.array([[257 * 50, 0]], np.int32)), "tif", [50, 0]),
        "8 bits in 32": (Image.fromarray(np.array([[7, 255]], np.int32)), "tif", [7, 255]),
        "12 bits in 16": (Image.fromarray(np.array([[2048, 4095]], np.uint16)), "png", [128, 255]),
        "fractions": (Image.fromarray(np.array([[0.2, 1.0]], np.float32)), "tif", [51, 255]),
        "levels as floats": (Image.fromarray(np.array([[20.0, 255.0]], np.float32)), "tif", [20, 255]),
    }


@pytest.mark.parametrize("name", modes())
def test_every_mode_is_converted(name: str) -> None:
    image, ending, expected = modes()[name]
    image.save(f"a.{ending}", **({"transparency": image.info["transparency"]} if "transparency" in image.info else {}))
    levels = np.array(expected)
    levels = np.stack([levels] * 3, axis=-1) if levels.ndim == 1 else levels
    pixels = read_picture(f"a.{ending}", Form(8, "rgb", "stretch")).astype(int)
    assert np.abs(pixels[:, :4] - levels[0]).max() <= 1 and np.abs(pixels[:, 4:] - levels[1]).max() <= 1
    gray = bool((levels == levels[:, :1]).all()) and name not in ("YCbCr",)
    assert header(f"a.{ending}") == (2, 1, gray)


@pytest.mark.parametrize("values", [[[-1.0, 0.0]], [[0.0, 1e9]], [[float("nan"), 0.0]]])
def test_levels_of_no_known_scale_are_refused(values: list[list[float]]) -> None:
    Image.fromarray(np.array(values, np.float32)).save("a.tif")
    with pytest.raises(HeedfulError, match=r"^a\.tif has levels from"):
        read_picture("a.tif", RGB)


def test_cmyk_photos_and_gray_photos() -> None:
    red = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    red.save("red.jpg", quality=95)
    assert np.abs(read_picture("red.jpg", RGB).reshape(-1, 3).astype(int) - [255, 0, 0]).max() < 6
    Image.new("L", (64, 64), 77).save("gray.jpg", quality=95)
    assert header("gray.jpg") == (64, 64, True)
    assert np.abs(read_picture("gray.jpg", GRAY).astype(int) - 77).max() <= 1


UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_turns_pictures_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = noise(3, 8, 12, 3)
    save("a.png", pixels, exif=exif)
    save("a.jpg", np.zeros((80, 120, 3), np.uint8), exif=exif)
    upright = UPRIGHT[orientation](pixels)
    middle = upright[:, 2:-2] if orientation < 5 else upright[2:-2]
    assert np.array_equal(read_picture("a.png", RGB), middle)
    sizes = [header(name)[:2] for name in ("a.jpg", "a.png")]
    assert sizes == ([(120, 80), (12, 8)] if orientation < 5 else [(80, 120), (8, 12)])


def test_spoilt_exif_is_no_reason_to_refuse() -> None:
    save("a.jpg", np.full((16, 16, 3), 99, np.uint8), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\xff\xff")
    assert np.abs(read_picture("a.jpg", RGB).astype(int) - 99).max() <= 1


def test_fits() -> None:
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, :4], wide[:, 12:] = 200, 100
    save("wide.png", wide)
    assert not read_picture("wide.png", Form(8, "rgb", "crop")).any()
    padded = read_picture("wide.png", Form(16, "rgb", "pad"))
    assert np.array_equal(padded[4:12], wide) and (padded[:4] == 255).all() and (padded[12:] == 255).all()
    stretched = read_picture("wide.png", Form(16, "rgb", "stretch"))
    assert np.array_equal(stretched, np.repeat(wide, 2, axis=0))
    line = np.zeros((1, 400, 3), np.uint8)
    save("line.png", line)
    assert [read_picture("line.png", Form(8, "rgb", fit)).shape for fit in ("crop", "pad", "stretch")] == [
        (8, 8, 3)
    ] * 3


def test_small_pictures_become_blocks_and_large_ones_are_averaged() -> None:
    small = noise(4, 8, 8)
    save("small.png", small)
    assert np.array_equal(
        read_picture("small.png", Form(24, "gray"))[..., 0], np.kron(small, np.ones((3, 3), np.uint8))
    )
    down, across = np.mgrid[0:1500, 0:2000]
    photo = np.stack([down * 255 // 1500, across * 255 // 2000, (down + across) % 256], axis=-1).astype(np.uint8)
    save("photo.jpg", photo, quality=95)
    middle = photo[:, 250:1750].astype(float)
    edges = np.linspace(0, 1500, 33).astype(int)
    means = np.add.reduceat(np.add.reduceat(middle, edges[:-1], 0), edges[:-1], 1)
    means /= (np.diff(edges)[:, None] * np.diff(edges)[None])[..., None]
    pixels = read_picture("photo.jpg", Form(32, "rgb")).astype(float)
    assert np.abs(pixels - means)[1:-1, 1:-1, :2].max() < 4


def write_hostile_files() -> dict[str, str]:
    """Writes the files; by reference, what is said of them."""
    save("photo.jpg", noise(5, 64, 64, 3))
    Path("cut.jpg").write_bytes(Path("photo.jpg").read_bytes()[:1500])
    Path("stub.jpg").write_bytes(Path("photo.jpg").read_bytes()[:30])
    write_bomb("bomb.png", 20_000, 20_000, complete=True)
    write_bomb("large.png", 12_000, 11_000, complete=False)
    Path("drawing.png").write_text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    Path("bare.png").write_text("\n <svg/>")
    Path("page.jpg").write_text("<!DOCTYPE html><title>404</title>")
    Path("phone.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    Path("text.png").write_text("hello")
    Path("empty.png").touch()
    Path("folder.png").mkdir()
    np.savez("three.npz", images=noise(6, 3, 8, 8))
    np.savez("none.npz", foo=np.zeros(3))
    np.savez("odd.npz", images=np.zeros((3, 4)))
    np.savez("objects.npz", images=noise(6, 3, 8, 8), labels=np.array(["a", None, {}], dtype=object))
    np.savez("short.npz", images=noise(6, 3, 8, 8), labels=np.arange(2))
    Path("fake.npz").write_text("not at all")
    assert Path("bomb.png").stat().st_size < 60_000
    return {
        "cut.jpg": "cut.jpg is cut off or damaged: ",
        "stub.jpg": "stub.jpg is no picture that can be read.",
        "bomb.png": "bomb.png has 400,000,000 pixels, and at most 120,000,000 are decoded.",
        "large.png": "large.png has 132,000,000 pixels, and at most 120,000,000 are decoded.",
        "drawing.png": "drawing.png is SVG or XML (not pixels), and no picture that can be read.",
        "bare.png": "bare.png is SVG (lines, not pixels), and no picture that can be read.",
        "page.jpg": "page.jpg is a web page, and no picture that can be read.",
        "phone.jpg": "phone.jpg is HEIC, AVIF or a video, and no picture that can be read.",
        "text.png": "text.png is no picture that can be read.",
        "empty.png": "empty.png is empty, and no picture.",
        "folder.png": "folder.png is a folder, and a file is needed.",
        "phto.jpg": "There is no file phto.jpg.",
        "three.npz#3": "three.npz#3: the file has 3 pictures, the first of them #0.",
        "none.npz#0": "none.npz has no array of pictures. It holds: foo.",
        "odd.npz#0": "odd.npz: images has the shape (3, 4); pictures are (N, H, W), (N, H, W, C) or (N, C, H, W).",
        "objects.npz#0": "objects.npz is not an .npz file of plain arrays: ",
        "short.npz#0": "short.npz: labels is int64 of shape (2,); needed are 3 whole numbers or texts, one a picture.",
        "fake.npz#0": "fake.npz is not an .npz file of plain arrays: ",
        "sample://mnist/test#1000": "sample://mnist/test#1000: the sample has 1,000 pictures, the first of them #0.",
        "sample://mnist/tset#1": 'There is no split of sample://mnist "tset". Did you mean "test"?',
        "sample://digits/test#1": "sample://digits/test does not say by which seed it is split.",
        "sample://digits#1": "sample://digits does not say by which seed it is split.",
    }


def test_hostile_files_are_refused_by_name_and_without_a_warning() -> None:
    expected = write_hostile_files()
    gc.collect()  # what other tests left open warns when it is collected
    with warnings.catch_warnings(record=True) as caught_warnings:
        warnings.simplefilter("always")
        for reference, start in expected.items():
            with pytest.raises(HeedfulError) as caught:
                read_picture(reference, RGB)
            assert first_line(caught.value).startswith(start)
        write_bomb("allowed.png", 10_000, 10_000, complete=False)  # Pillow would warn of it
        assert header("allowed.png") == (10_000, 10_000, True)
    assert not caught_warnings, [str(entry) for entry in caught_warnings]
    with pytest.raises(HeedfulError) as caught:
        read_picture("phto.jpg", RGB)
    assert caught.value.cure == "Did you mean photo.jpg?"


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "bmp", "tif", "ppm"])
def test_no_spoilt_byte_gets_past(ending: str) -> None:
    """A picture comes out, or a HeedfulError: nothing else, wherever bytes are changed, and the folder is none the
    wiser.
    """
    save(f"a.{ending}", noise(7, 24, 24, 3))
    content, draw, refusals = Path(f"a.{ending}").read_bytes(), np.random.default_rng(8), 0
    for _ in range(60):
        corrupted = bytearray(content)
        for index in draw.integers(0, min(len(corrupted), draw.choice([40, len(corrupted)])), draw.integers(1, 6)):
            corrupted[index] = draw.integers(256)
        Path(f"b.{ending}").write_bytes(corrupted[: draw.integers(1, len(corrupted)) if draw.random() < 0.3 else None])
        try:
            assert read_picture(f"b.{ending}", RGB).shape == (8, 8, 3)
        except HeedfulError as error:
            assert error.problem.startswith(f"b.{ending} ")
            refusals += 1
    assert refusals


def test_pictures_in_memory_of_pillow_are_not_changed_by_us() -> None:
    """Pillow's own limit and its treatment of broken files are everybody's, and stay as they were."""
    before = Image.MAX_IMAGE_PIXELS
    save("a.png")
    read_picture("a.png", RGB)
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "PNG")
    assert before == Image.MAX_IMAGE_PIXELS and Image.open(buffer).size == (4, 4)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_pictures_of_telephones_are_read_where_pillow_heif_is_installed(kind: str) -> None:
    heif = pytest.importorskip("pillow_heif")
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :8] = 250
    heif.register_heif_opener()
    Image.fromarray(pixels).save("a.heic", format=kind, quality=95)
    assert header("a.heic") == (16, 16, False)
    assert np.abs(read_picture("a.heic", Form(16, "rgb")).astype(int) - pixels).max() < 24


def test_large_pictures_are_scaled_in_strips_as_they_are_whole() -> None:
    rng = np.random.default_rng(1)
    colours = Image.fromarray(rng.integers(0, 256, (601, 11, 4), np.uint8), "RGBA")
    assert np.array_equal(np.asarray(quarter(colours)), np.asarray(colours.reduce(4)))
    whole = rng.integers(0, 4000, (601, 11))
    whole[600, 3] = 4095  # the scale is that of all rows
    expected = (whole * 255 + 4095 // 2) // 4095
    for image in (Image.fromarray(whole.astype(np.uint16)), Image.fromarray(whole.astype(np.int32))):
        assert np.array_equal(levels(image), expected)
    fractions = rng.random((601, 11), np.float32)
    assert np.array_equal(levels(Image.fromarray(fractions)), as_bytes(fractions, ""))
    fractions[400, 2] = np.nan
    with pytest.raises(HeedfulError, match="has levels from nan"):
        levels(Image.fromarray(fractions))


def test_what_is_huge_is_turned_and_put_on_white_at_a_quarter_and_all_else_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In strips as at once; of a huge picture nothing but the finest detail is lost."""
    slope = np.add.outer(np.arange(600), 2 * np.arange(800)) * 255 // 2200
    pixels = np.stack([slope, slope[::-1], slope[:, ::-1], slope], axis=2).astype(np.uint8)
    image = Image.fromarray(pixels)
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    assert np.array_equal(np.asarray(on_white(image)), np.asarray(white))
    exif = Image.Exif()
    exif[0x0112] = 6
    saved = {"a.png": image, "t.png": white, "c.tif": white.convert("CMYK")}
    for name, picture in saved.items():
        picture.save(name, exif=exif if name == "t.png" else Image.Exif())
    exact = {name: read_picture(name, RGB).astype(int) for name in saved}
    monkeypatch.setattr("heedful.data.pictures.modes.COMPOSED", 1000)
    for name, expected in exact.items():
        assert abs(read_picture(name, RGB) - expected).max() <= 3, name


def test_a_progressive_picture_is_held_by_its_coefficients(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, sampling, size in (("whole.jpg", 0, 6 * 64 * 64), ("half.jpg", 2, 3 * 64 * 64)):
        save(name, noise(1, 64, 64, 3), progressive=True, subsampling=sampling)
        monkeypatch.setenv("HEEDFUL_LIMIT_PROGRESSIVE_BYTES", str(size))
        assert read_picture(name, RGB).shape == (8, 8, 3)
        monkeypatch.setenv("HEEDFUL_LIMIT_PROGRESSIVE_BYTES", str(size - 1))
        with pytest.raises(HeedfulError, match=f"{name} is a progressive JPEG with {size:,} bytes of coefficients"):
            read_picture(name, RGB)
        save(name, noise(1, 64, 64, 3), subsampling=sampling)
        assert read_picture(name, RGB).shape == (8, 8, 3)


def test_a_picture_that_is_turned_as_it_is_decoded_may_have_fewer_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save("t.tif", noise(1, 16, 16, 3), exif=exif)
    save("u.tif", noise(1, 16, 16, 3))
    monkeypatch.setenv("HEEDFUL_LIMIT_PICTURE_PIXELS", "300")
    assert read_picture("u.tif", RGB).shape == (8, 8, 3)
    with pytest.raises(HeedfulError, match=r"t\.tif has 256 pixels, and at most 225 are decoded"):
        read_picture("t.tif", RGB)
