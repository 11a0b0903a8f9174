"""What is read of a file at most: one table, as the docs print it, that a person can set anew."""

import gzip
import io
import json
import os
import re
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.api.model_folder import open_model
from heedful.data.pictures.arrays import arrays_of
from heedful.data.pictures.karpathy import content_of, read_karpathy
from heedful.data.readers.formats import open_rows
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.steps.forms import read_array
from heedful.data.tokenizers.load import load_tokenizer
from heedful.errors import HeedfulError
from heedful.limits import LIMITS, PREFIX, bytes_written, check_names, limit
from heedful.recipe import load
from support import ROOT


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sparse(name: str, content: bytes = b"", size: int = 2_000_000_000) -> None:
    """A file of that size that takes none of the disk behind its content."""
    with Path(name).open("wb") as sink:
        sink.write(content)
        sink.truncate(size)


def npy_header(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    return header.getvalue()


def test_the_docs_print_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) (\w+) \| ([^|]+) \|$", (ROOT / "docs/limits.md").read_text(), re.M)
    assert rows == [
        (PREFIX + name.upper(), f"{row.default:,}", row.unit, row.holds_for) for name, row in LIMITS.items()
    ]


def test_a_limit_is_set_anew_by_a_whole_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDFUL_LIMIT_LINE_BYTES", "77")
    assert limit("line_bytes") == 77
    for text in ("", "-1", "1e9", "1 GB", "9" * 400):
        monkeypatch.setenv("HEEDFUL_LIMIT_LINE_BYTES", text)
        with pytest.raises(HeedfulError, match=r"HEEDFUL_LIMIT_LINE_BYTES is .*, and no whole number of bytes"):
            limit("line_bytes")


def test_a_limit_of_nothing_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    check_names.cache_clear()
    monkeypatch.setenv("HEEDFUL_LIMIT_LINES_BYTES", "7")
    with pytest.raises(HeedfulError, match='Did you mean "HEEDFUL_LIMIT_LINE_BYTES"'):
        limit("frames")


def test_a_row_of_more_columns_than_a_table_has_is_a_bad_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDFUL_LIMIT_ROW_CELLS", "3")
    for name, separator in (("a.tsv", "\t"), ("a.csv", ",")):
        lines = (separator.join(row) for row in ("ab", "cdefg", "hi"))
        Path(name).write_text("\n".join(lines) + "\n")
        rows = list(open_rows(name))
        bad = [row for row in rows if isinstance(row, BadRow)]
        assert [row.problem for row in bad] == ["5 columns, and at most 3 are read"], name
        assert "HEEDFUL_LIMIT_ROW_CELLS=6" in bad[0].cure
        assert isinstance(rows[-1], TextRow) and [*rows[-1].columns.values()] == ["h", "i"]


def test_a_recipe_of_names_without_an_end_is_refused_at_once() -> None:
    for text in ("[" + "a." * 200_000 + "a]\n", "a" + ' . "a"' * 3, "a=" + "[" * 200_000):
        Path("recipe.toml").write_text(text)
        with pytest.raises(HeedfulError, match=r"recipe\.toml"):
            load("recipe.toml")


def test_of_a_sentence_of_karpathys_what_is_not_read_is_not_held() -> None:
    """In COCO that is half of a gigabyte."""
    sentences = [{"tokens": ["a", "cat"], "raw": "A cat.", "sentid": 1}, {"tokens": ["two", "dogs"], "raw": None}]
    image = {"filename": "1.jpg", "split": "train", "sentences": sentences}
    Path("a.json").write_text(json.dumps({"images": [image]}))
    assert content_of("a.json")["images"][0]["sentences"] == [{"raw": "A cat."}, sentences[1]]
    texts = [row.columns["target"] for row in read_karpathy("a.json") if isinstance(row, TextRow)]
    assert texts == ["A cat.", "two dogs"]


def tokenizer_of_two_gigabytes() -> None:
    sparse("tokenizer.json", b"{")
    load_tokenizer("tokenizer.json")


def config_of_two_gigabytes() -> None:
    sparse("config.json", b"{")
    open_model(Path("."))


def recipe_of_two_gigabytes() -> None:
    sparse("recipe.toml")
    load("recipe.toml")


def annotations_of_two_gigabytes() -> None:
    sparse("captions.json", b"{")
    list(read_karpathy("captions.json"))


def annotations_of_millions_of_lists() -> None:
    content = '{"images": [' + "[]," * 100_001 + '[]], "annotations": []}'
    Path("captions.json").write_text(content)
    list(read_karpathy("captions.json"))


def series_of_holes() -> None:
    sparse("series.npy", npy_header((500_000_000,)), 128 + 2_000_000_000)
    read_array("series.npy")


def frames_of_holes() -> None:
    sparse("film.npy", npy_header((50, 6000, 6000), "|u1"), 128 + 50 * 36_000_000)
    read_array("film.npy")


def pictures_far_larger_unpacked() -> None:
    with zipfile.ZipFile("pictures.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", npy_header((50, 32, 1000)) + bytes(6_400_000))
    arrays_of("pictures.npz")


def rows_far_larger_unpacked() -> None:
    texts = pa.array(["x" * 1_000_000] * 6)
    pq.write_table(pa.table({"source": texts, "target": texts}), "a.parquet", compression="zstd", use_dictionary=False)
    list(open_rows("a.parquet"))


def a_text_that_stands_in_ten_thousand_rows() -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), pa.array(["x" * 5_000_000]))
    pq.write_table(pa.table({"source": texts}), "a.parquet", compression="zstd")
    list(open_rows("a.parquet"))


HOSTILE: dict[Callable[[], None], tuple[str, str]] = {
    tokenizer_of_two_gigabytes: ("tokenizer.json has 2,000,000,000 bytes", "VOCABULARY_BYTES"),
    config_of_two_gigabytes: ("config.json has 2,000,000,000 bytes", "SETTINGS_BYTES"),
    recipe_of_two_gigabytes: ("recipe.toml has 2,000,000,000 bytes", "RECIPE_BYTES"),
    annotations_of_two_gigabytes: ("captions.json has 2,000,000,000 bytes", "ANNOTATIONS_BYTES"),
    annotations_of_millions_of_lists: ("captions.json has about 100,00", "ANNOTATIONS_VALUES"),
    frames_of_holes: ("film.npy has 1,800,000,000 bytes", "PICTURES_BYTES"),
    series_of_holes: ("series.npy has 500,000,000 numbers", "SERIES_NUMBERS"),
    rows_far_larger_unpacked: ("a.parquet: row group 1 has 12,0", "GROUP_BYTES"),
    a_text_that_stands_in_ten_thousand_rows: ("source has a text of 5,000,000 bytes", "LINE_BYTES"),
    pictures_far_larger_unpacked: ("pictures.npz has 6,400,128 bytes unpacked", "PICTURES_BYTES"),
}


def test_a_file_that_is_written_to_its_end_is_read_however_few_blocks_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that compresses holds zeros in none; what is packed counts twenty of its bytes for one."""
    monkeypatch.setenv("HEEDFUL_LIMIT_SERIES_NUMBERS", "10")
    values = np.zeros(100_000, np.float32)
    np.save("series.npy", values)
    assert bytes_written("series.npy") == Path("series.npy").stat().st_size and len(read_array("series.npy")) == 100_000
    values[:20_000] = np.random.default_rng(0).random(20_000)
    np.save("series.npy", values)
    Path("series.npy.gz").write_bytes(gzip.compress(Path("series.npy").read_bytes()))
    assert len(read_array("series.npy.gz")) == 100_000
    sparse("holes.npy", npy_header((100_000,)), 128 + 400_000)
    with pytest.raises(HeedfulError, match=r"holes\.npy has 100,000 numbers"):
        read_array("holes.npy")


def test_a_shape_that_no_number_holds_is_refused_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    Path("a.npy").write_bytes(npy_header((2**62, 8)) + bytes(64))
    with pytest.raises(HeedfulError, match=r"a\.npy cannot be read as \.npy"):
        read_array("a.npy")
    assert not recwarn.list


@pytest.mark.parametrize("read", HOSTILE, ids=lambda read: read.__name__)
def test_what_is_too_large_is_refused_unread_with_the_way_to_read_it(
    read: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in (
        ("PICTURES_BYTES", 4_000_000),
        ("GROUP_BYTES", 10_000_000),
        ("LINE_BYTES", 4_000_000),
        ("ANNOTATIONS_VALUES", 100_000),
    ):
        monkeypatch.setenv(f"HEEDFUL_LIMIT_{name}", str(most))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(HeedfulError) as raised:
        read()
    problem, variable = HOSTILE[read]
    assert problem in raised.value.problem and f"HEEDFUL_LIMIT_{variable}=" in raised.value.cure
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize(
    ("name", "read"), [("config.json", lambda: open_model(Path("."))), ("t.json", lambda: load_tokenizer("t.json"))]
)
def test_nor_is_a_pipe_waited_for_or_what_is_deep_followed(name: str, read: Callable[[], None]) -> None:
    os.mkfifo(name)
    with pytest.raises(HeedfulError, match="is a pipe or a device"):
        read()
    Path(name).unlink()
    for content in (
        '{"a":' * 100_000,
        '{"sentencepiece":' * 100_000,
        "[" * 100_000,
        '{"sentencepiece": 3}',
        "[]",
        "\xff",
    ):
        Path(name).write_bytes(content.encode("latin-1"))
        with pytest.raises(HeedfulError):
            read()
