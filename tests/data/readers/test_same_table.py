"""One table of any texts, written in every format and packed in every way, reads to the same rows."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data.readers.files import file_notes
from heedful.data.readers.formats import open_rows
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.steps.forms import StepForm
from heedful.data.steps.read import read_clips
from heedful.errors import HeedfulError
from heedful.recipe import build

Rows = list[dict[str, str]]
NAMES: tuple[str, ...] = ("source", "target", "my notes")
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cn")), min_size=1, max_size=20)
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tsv(rows: Rows) -> bytes:
    return "".join("\t".join(cells) + "\n" for cells in (NAMES, *(row.values() for row in rows))).encode()


def delimited(delimiter: str) -> Callable[[Rows], bytes]:
    def write(rows: Rows) -> bytes:
        stream = io.StringIO()
        csv.writer(stream, delimiter=delimiter).writerows([NAMES, *(row.values() for row in rows)])
        return stream.getvalue().encode("utf-8-sig")

    return write


def lines(rows: Rows) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def parquet(rows: Rows) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), stream)
    return stream.getvalue()


def sheet(rows: Rows) -> bytes:
    stream, book = io.BytesIO(), openpyxl.Workbook()
    assert book.active
    for cells in (NAMES, *(row.values() for row in rows)):
        book.active.append(list(cells))
        for cell in book.active[book.active.max_row]:
            cell.data_type = "s"  # a text that begins with = is no formula here
    book.save(stream)
    return stream.getvalue()


WRITERS: dict[str, Callable[[Rows], bytes]] = {
    "t.tsv": tsv,
    "comma.csv": delimited(","),
    "semicolon.csv": delimited(";"),
    "tab.csv": delimited("\t"),
    "bar.csv": delimited("|"),
    "t.jsonl": lines,
    "list.json": lambda rows: json.dumps(rows, indent=1, ensure_ascii=False).encode(),
    "object.json": lambda rows: json.dumps({"data": rows}).encode(),
    "lines.json": lines,
    "t.parquet": parquet,
    "t.xlsx": sheet,
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: b"".join(zstandard.compress(part) for part in (content[:9], content[9:])),
}


@settings(max_examples=25, deadline=None)
@given(TABLES)
def test_every_format_and_packing_gives_the_same_rows(cells: list[tuple[str, ...]]) -> None:
    rows = [dict(zip(NAMES, row, strict=True)) for row in cells]
    for name, write in WRITERS.items():
        content = write(rows)
        files = {name: content} | {name + ending: pack(content) for ending, pack in PACKERS.items()}
        for file, packed in files.items():
            Path(file).write_bytes(packed)
            assert [row.columns for row in open_rows(file) if isinstance(row, TextRow)] == rows, file


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("name", ["t.tsv", "t.parquet", "t.xlsx"])
def test_what_is_cut_off_is_said(name: str, ending: str) -> None:
    packed = PACKERS[ending](WRITERS[name]([dict.fromkeys(NAMES, str(number) * 99) for number in range(999)]))
    Path(name + ending).write_bytes(packed[:-5])
    with pytest.raises(HeedfulError, match=f"{name}{ending} cannot be unpacked to its end: "):
        list(open_rows(name + ending))


def test_compressed_steps_are_the_same_steps() -> None:
    """Series, listings, sentences and records, in every packing, as files and in a folder; their labels too."""
    contents = {
        "series.csv": "x;y;label\n1,5;2;a\n2,5;3;b\n",
        "s.tsv": "x\ty\tlabel\n1\t2\ta\n",
        "a.conll": "Anna B\nsings O\n\nx O\n",
        "u.conllu": "1\tAnna\t_\tPROPN\t_\t_\t_\t_\t_\t_\n\n",
        "r.jsonl": '{"tokens": ["Anna", "sings"], "tags": ["B", "O"]}\n',
        "metadata.csv": "file_name,labels\nseries.csv,series.txt\n",
        "series.txt": "a\nb\n",
    }
    forms = {"series": StepForm("series", channels=("x", "y"), mean=(0, 0), std=(1, 1)), "tokens": StepForm("tokens")}

    def read(file: str, kind: str) -> list[tuple[Any, ...]]:
        clips = read_clips([file], build("label", {}).data, forms[kind], print)
        return [(clip.steps.values.tolist(), clip.steps.words, clip.labels) for clip in clips]

    for file, content in contents.items():
        for ending, pack in PACKERS.items():
            Path(file).write_text(content)
            Path(file + ending).write_bytes(pack(content.encode()))
    for file in ("series.csv", "s.tsv", "a.conll", "u.conllu", "r.jsonl", "metadata.csv"):
        kind = "series" if file[-3:] in ("csv", "tsv") else "tokens"
        plain = read(file, kind)
        assert plain and all(read(file + ending, kind) == plain for ending in PACKERS), file
    Path("packed").mkdir()
    Path("packed/metadata.csv").write_text("file_name,labels\nseries.csv.gz,series.txt.zst\n")
    for name in ("series.csv.gz", "series.txt.zst"):
        Path(name).rename(f"packed/{name}")
    assert read("packed", "series") == read("metadata.csv", "series")


LISTS = {
    "open": ('[{"a": "b"},\n', "list.json line 2: the list is not closed."),
    "broken": ('[{"a": "b"},\n{"a" "b"}]', "list.json line 2: not valid JSON (Expecting ':' delimiter)."),
    "deep": ("[" * 100_000, "list.json line 1: JSON nested too deeply."),
    "no list": ('{\n"a": {"b": 1}}', "list.json holds no list of JSON objects."),
}


@pytest.mark.parametrize("case", LISTS)
def test_broken_lists_are_told_with_their_line(case: str) -> None:
    content, problem = LISTS[case]
    Path("list.json").write_text(content, encoding="utf-8")
    with pytest.raises(HeedfulError) as caught:
        list(open_rows("list.json"))
    assert caught.value.problem == problem


def test_a_sheet_as_people_fill_it() -> None:
    book = openpyxl.Workbook()
    assert book.active
    book.active.title = "Mails"
    for cells in (
        [],
        ["text", None, "label"],
        ["one", None, 1],
        [True, "x", date(2026, 1, 31)],
        [],
        ["a", None, "#N/A"],
        ["b", None, 2.5, "over"],
    ):
        book.active.append(cells)
    book.create_sheet("Old")
    book.save("t.xlsx")
    rows = list(open_rows("t.xlsx"))
    assert [row.columns for row in rows[:3] if isinstance(row, TextRow)] == [
        {"text": "one", "label": "1"},
        {"text": "true", "2": "x", "label": "2026-01-31"},
        {"text": "a"},
    ]
    assert isinstance(rows[3], BadRow) and rows[3].where == "t.xlsx line 7"
    said = "t.xlsx: the first sheet, Mails, is read, and not Old"
    assert file_notes(["t.xlsx"], build("translate", {}).data) == [said]
    Path("no.xlsx").write_bytes(b"PK\3\4 not at all")
    with pytest.raises(HeedfulError, match=r"no\.xlsx is not an Excel workbook"):
        list(open_rows("no.xlsx"))
