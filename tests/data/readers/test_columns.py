"""Columns by their names, and tables by what separates their columns: one table, however it is written."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.data.pairs.read import ROLES, column_notes, read_pairs
from heedful.data.readers.files import file_notes, read_rows
from heedful.data.readers.formats import open_rows
from heedful.data.readers.rows import BadRow, TextRow
from heedful.recipe import build, parse
from heedful.schema import DataSettings


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def data(*words: str) -> DataSettings:
    return build("translate", parse(words)).data


def fail(bad: BadRow) -> None:
    raise AssertionError(bad)


NAMED = {
    "sentence,label": ("sentence", "label"),
    "id,Question,Answer": ("Question", "Answer"),
    "target,source": ("source", "target"),
    "id,de,en": ("de", "en"),
    "id,en": ("id", "en"),
    "translation.en,translation.de,id": ("translation.en", "translation.de"),
    "German,English": ("German", "English"),
    "pt_BR,en-GB,n": ("pt_BR", "en-GB"),
    "article,summary,no": ("article", "summary"),
    "text,class,label_id": ("text", "class"),
    "caption,image": ("image", "caption"),
    "text,image": ("image", "text"),
}


@pytest.mark.parametrize("header", NAMED)
def test_columns_are_found_by_their_usual_names_and_said(header: str) -> None:
    names = header.split(",")
    values = {name: f"{name} 1" for name in names} | ({"image": "a.png"} if "image" in names else {})
    Path("t.jsonl").write_text(json.dumps(values), encoding="utf-8")
    Path("t.tsv").write_text("\t".join(names) + "\n" + "\t".join(values.values()) + "\n", encoding="utf-8")
    source, target = NAMED[header]
    for file in ("t.jsonl", "t.tsv") if "image" not in names else ("t.jsonl",):
        (pair,) = read_pairs([file], data(), fail)
        assert (pair.source, pair.target) == (values[source], values[target])
        said = [f"{file}: source is the column {source}, target is the column {target}"]
        assert column_notes([file], data(), ROLES) == (said if (source, target) != ROLES else [])


def test_a_first_row_may_lack_a_column() -> None:
    rows = [{"text": "a", "label": None}, {"label": 2, "text": "b"}]
    Path("t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("sparse.jsonl").write_text('{"text": "a"}\n' + json.dumps(rows[1]), encoding="utf-8")
    for file in ("t.jsonl", "sparse.jsonl"):
        bad: list[BadRow] = []
        pairs = list(read_pairs([file], data("data.bad_rows=skip"), bad.append))
        assert [(pair.source, pair.target, pair.line) for pair in pairs] == [("b", "2", 2)]
        assert [row.where for row in bad] == [f"{file} line 1"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
WIDTHS = st.integers(2, 5)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["all", "minimal"]))
def test_whatever_separates_columns_and_stands_in_them(draws: st.DataObject, delimiter: str, quoting: str) -> None:
    width = draws.draw(WIDTHS)
    names = [f"name {number}" for number in range(width)]
    # One before the end of its line would be half of a Windows line end.
    cells = CELLS.filter(lambda cell: cell and not cell.endswith("\r"))
    rows = draws.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=5))
    with open("t.csv", "w", newline="", encoding="utf-8") as stream:
        # A carriage return alone ends no line here, and so needs no quotes.
        csv.writer(
            stream,
            delimiter=delimiter,
            quoting=csv.QUOTE_ALL if quoting == "all" else csv.QUOTE_MINIMAL,
            lineterminator="\n",
        ).writerows([names, *rows])
    read = list(open_rows("t.csv"))
    assert [row.columns for row in read if isinstance(row, TextRow)] == [
        dict(zip(names, (cell.replace("\r\n", "\n") for cell in row), strict=True)) for row in rows
    ]
    said = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}.get(delimiter)
    notes = [note for note in file_notes(["t.csv"], data()) if "separated" in note]
    assert notes == ([f"t.csv: its columns are separated by {said}"] if said else [])


def test_lines_in_another_encoding_do_not_hide_what_separates_the_others() -> None:
    Path("mixed.csv").write_bytes("text;label\nKöln;a\nMalmö;b\nBern;c\n".encode("cp1252"))
    read = list(open_rows("mixed.csv"))
    assert [row.columns if isinstance(row, TextRow) else row.where for row in read] == [
        "mixed.csv line 2",
        "mixed.csv line 3",
        {"text": "Bern", "label": "c"},
    ]


def test_tables_as_they_come() -> None:
    Path("tabless.tsv").write_text('"text";"label"\n"one, two";"a;b"\n', encoding="utf-8")
    Path("decimal.csv").write_text("x;y\n1,5;2,5\n3,25;4\n", encoding="utf-8")
    Path("return.csv").write_text("text,label\none\rtwo,a\n", encoding="utf-8", newline="")
    Path("long.csv").write_text(f"text,label\n{'x' * 200_000},a\n", encoding="utf-8")
    Path("loose.csv").write_text("text,label\none, two; three,a\nfour; five,b\n", encoding="utf-8")
    rows = {file.name: list(read_rows([file.name], data())) for file in Path().glob("*.?sv")}
    texts = {name: [row.columns for row in found if isinstance(row, TextRow)] for name, found in rows.items()}
    assert texts == {
        "tabless.tsv": [{"text": "one, two", "label": "a;b"}],
        "decimal.csv": [{"x": "1,5", "y": "2,5"}, {"x": "3,25", "y": "4"}],
        "return.csv": [{"text": "one\rtwo", "label": "a"}],
        "long.csv": [{"text": "x" * 200_000, "label": "a"}],
        "loose.csv": [{"text": "four; five", "label": "b"}],
    }
