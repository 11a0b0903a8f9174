"""Readers: every format gives the same pairs, and every bad input its own plain first line."""

import gzip
import json
import os
import sys
import tracemalloc
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from shlex import quote

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from heedful.data.documents.read import read_whole
from heedful.data.notes import ignore
from heedful.data.pairs.read import column_notes, read_pairs
from heedful.data.pictures.arrays import arrays_of
from heedful.data.pictures.read import open_file
from heedful.data.readers.files import file_notes
from heedful.data.readers.formats import open_rows
from heedful.data.readers.lines import read_lines
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.steps.series import read_table
from heedful.errors import HeedfulError
from heedful.limits import limit
from heedful.recipe import build, parse
from heedful.schema import DataSettings

PAIRS = [("Guten Tag", "good day"), ("schön", "beautiful"), ("schön", "lovely"), ("drei  Wörter", "three, words")]


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as a user in their folder would name them."""
    monkeypatch.chdir(tmp_path)


def data(*settings: str) -> DataSettings:
    return build("translate", parse(settings)).data


def pairs_of(files: list[str], *settings: str) -> list[tuple[str, str]]:
    def fail_on_bad_row(bad: BadRow) -> None:
        raise AssertionError(bad)

    return [(pair.source, pair.target) for pair in read_pairs(files, data(*settings), fail_on_bad_row)]


def tsv(rows: list[tuple[str, ...]], end: str = "\n") -> bytes:
    return "".join("\t".join(row) + end for row in rows).encode()


def write_all() -> None:
    """The same pairs in every format."""
    Path("a.tsv").write_bytes(tsv(PAIRS))
    Path("header.tsv").write_bytes(tsv([("id", "en", "de"), *(("7", t, s) for s, t in PAIRS)]))
    Path("crlf.tsv").write_bytes(b"\xef\xbb\xbf" + tsv(PAIRS, "\r\n") + b"\r\n")
    Path("three.tsv").write_bytes(tsv([(t, "note", s) for s, t in PAIRS]))
    Path("a.csv").write_text("source,target\n" + "".join(f'"{s}","{t}"\n' for s, t in PAIRS), encoding="utf-8")
    records = [{"source": s, "target": t, "n": 1} for s, t in PAIRS]
    Path("a.jsonl").write_text("\n\n".join(json.dumps(r) for r in records), encoding="utf-8")
    nested = [{"translation": {"de": s, "en": t}} for s, t in PAIRS]
    Path("nested.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in nested), encoding="utf-8")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), "a.parquet")
    Path("a.de").write_text("".join(f"{s}\n" for s, _ in PAIRS), encoding="utf-8")
    Path("a.en").write_text("\n".join(t for _, t in PAIRS), encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        (["a.tsv"], []),
        (["crlf.tsv"], []),
        (["header.tsv"], ["data.columns=de,en"]),
        (["header.tsv"], ["data.columns.source=de", "data.columns.target=en"]),
        (["three.tsv"], ["data.columns=3,1"]),
        (["a.csv"], []),
        (["a.jsonl"], []),
        (["nested.jsonl"], ["data.columns=translation.de,translation.en"]),
        (["a.parquet"], []),
        (["a.parquet"], ["data.columns=1,2"]),
        (["a.de", "a.en"], ["data.format=parallel"]),
    ],
)
def test_every_format_gives_the_same_pairs(files: list[str], settings: list[str]) -> None:
    write_all()
    assert pairs_of(files, *settings) == PAIRS


def test_several_files_and_the_lines_they_name() -> None:
    write_all()
    Path("multi.csv").write_text('source,target\n"one\nline","two\nlines"\nx,y\n', encoding="utf-8")
    pairs = list(read_pairs(["a.jsonl", "multi.csv"], data(), lambda bad: None))
    assert [pair.where for pair in pairs[-3:]] == ["a.jsonl line 7", "multi.csv line 2", "multi.csv line 5"]
    assert pairs[-2].source == "one\nline"


def test_lexicon() -> None:
    Path("words.dict").write_text(
        ";;; an old comment\n"
        "# a new one\n"
        "hello HH AH L OW\n"
        "hello(2)\tHH EH  L OW\n"
        "read\t0.75\tR EH D\n"
        "read 0.25 R IY D # past, or present\n"
        "new york\tN UW Y AO R K\n"
        "tone m a 1\n"
        "c# S IY SH AA R P\n"
        "(2) T UW\n",
        encoding="utf-8",
    )
    assert pairs_of(["words.dict"]) == [
        ("hello", "HH AH L OW"),
        ("hello", "HH EH L OW"),
        ("read", "R EH D"),
        ("read", "R IY D"),
        ("new york", "N UW Y AO R K"),
        ("tone", "m a 1"),
        ("c#", "S IY SH AA R P"),
        ("(2)", "T UW"),
    ]


VALUES = {"s": "1.0", "i": 3, "whole": 2.0, "part": 0.25, "yes": True, "no": False, "none": None, "nan": float("nan")}
DATES = {"day": date(2026, 1, 31), "at": datetime(2026, 1, 31, 7, 30), "clock": time(7, 30), "price": Decimal("1.50")}
AS_WRITTEN = {"s": "1.0", "i": "3", "whole": "2", "part": "0.25", "yes": "true", "no": "false"}
DATES_AS_WRITTEN = {"day": "2026-01-31", "at": "2026-01-31T07:30:00", "clock": "07:30:00", "price": "1.50"}


def test_values_are_texts_as_people_write_them_and_nulls_are_none() -> None:
    Path("v.jsonl").write_text(json.dumps({**VALUES, "in": {"a": {"b": {"c": 1}}}}), encoding="utf-8")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([{**VALUES, **DATES}]), "v.parquet")
    (row,), (parquet_row,) = open_rows("v.jsonl"), open_rows("v.parquet")
    assert isinstance(row, TextRow) and isinstance(parquet_row, TextRow)
    assert row.columns == {**AS_WRITTEN, "in.a.b.c": "1"}
    assert parquet_row.columns == AS_WRITTEN | DATES_AS_WRITTEN
    assert parquet_row.names == (*VALUES, *DATES)


def test_probabilities_of_a_lexicon_are_known_by_all_of_its_lines() -> None:
    Path("p.lexicon").write_text("lamp 1.0 L AE\nriver 1 R IH\nstone 1e-05 S T\n", encoding="utf-8")
    assert pairs_of(["p.lexicon"]) == [("lamp", "L AE"), ("river", "R IH"), ("stone", "S T")]
    assert file_notes(["p.lexicon"], data())[0].startswith("p.lexicon: the number behind each word is a probability")
    Path("n.lexicon").write_text("one 1 2\ntwo 1 1\n", encoding="utf-8")
    assert pairs_of(["n.lexicon"]) == [("one", "1 2"), ("two", "1 1")]


def test_groups_and_normal_form() -> None:
    Path("g.tsv").write_bytes(tsv([("scho\u0308n", "nice", "doc7")]))
    (pair,) = read_pairs(["g.tsv"], data("data.columns=1,2", "data.group=3", "data.normalize=NFC"), lambda bad: None)
    assert (pair.source, pair.group) == ("sch\u00f6n", "doc7")


def test_sample_has_the_published_split() -> None:
    words = {split: {s for s, _ in pairs_of([f"sample://cmudict/{split}"])} for split in ("train", "valid", "test")}
    assert {split: len(split_words) for split, split_words in words.items()} == {
        "train": 107_143,
        "valid": 6_303,
        "test": 12_606,
    }
    assert not words["train"] & words["test"] and not words["valid"] & (words["train"] | words["test"])
    valid = pairs_of(["sample://cmudict/valid"])
    assert len({phone for _, phones in valid for phone in phones.split()}) == 39
    assert len(set(valid)) == len(valid) == 6_741


def test_hub_datasets_are_read_through_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | None, ...]] = []

    def load(path: str, config: str | None, **named: str | None) -> datasets.Dataset:
        asked.append((path, config, named["revision"], named["split"]))
        rows = [{"translation": {"de": source, "en": target}, "label": 1} for source, target in PAIRS]
        dataset = datasets.Dataset.from_list(rows)
        return dataset.cast_column("label", datasets.ClassLabel(names=["bad", "good"]))

    monkeypatch.setattr("datasets.load_dataset", load)
    for name in ("hf://owner/pairs", "hf://owner/pairs@v1.0/de-en/test"):
        assert pairs_of([name], "data.columns=translation.de,translation.en") == PAIRS
    assert asked == [("owner/pairs", None, None, "train"), ("owner/pairs", "de-en", "v1.0", "test")]
    named = pairs_of(["hf://owner/pairs"], "data.columns=translation.de,label")
    assert named == [(source, "good") for source, _ in PAIRS]
    # The library would read a folder of that name here, and older ones would run a program in it.
    Path("owner/pairs").mkdir(parents=True)
    with pytest.raises(HeedfulError, match="owner/pairs also stands in this folder"):
        pairs_of(["hf://owner/pairs"], "data.columns=translation.de,translation.en")
    assert len(asked) == 3


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../owner/pairs", "owner/..", "owner/pairs/../x", "./pairs", "~/pairs", "owner/pairs@",
             "https://host/owner/pairs", "owner/pairs/https://host", "owner/pairs/a/b/c", "owner", "", "owner\\pairs",
             "owner/pairs@a..b", "owner/pairs?x=1", "owner/pairs/\x1b[2J/test"],
)  # fmt: skip
def test_a_hub_dataset_is_no_path_and_no_address(name: str) -> None:
    with pytest.raises(HeedfulError, match="is not the name of a dataset") as caught:
        pairs_of([f"hf://{name}"])
    assert "hf://owner/name[@revision][/config]/split" in caught.value.cure


@pytest.mark.parametrize(("file", "module"), [("hf://owner/pairs", "datasets"), ("a.parquet", "pyarrow.parquet")])
def test_missing_libraries_are_named(file: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HeedfulError) as caught:
        pairs_of([file])
    assert 'pip install "heedful[data]"' in caught.value.cure


LATIN = "If the whole file is in the Western code of Windows: iconv -f WINDOWS-1252 -t UTF-8 old > new"
BAD = {
    "one column": ("a.tsv", b"a\tb\nc\n", 'a.tsv line 2: 1 column where 2 are needed (source<TAB>target): "c"'),
    "three columns": (
        "a.tsv",
        b"a\tb\tc\n",
        'a.tsv line 1: 3 columns where 2 are needed (source<TAB>target): "a\\tb\\tc"',
    ),
    "latin-1": ("a.tsv", b"a\tb\nna\xefve\tx\n", 'a.tsv line 2: column 3: byte 0xEF is not UTF-8: "na\\xefve\\tx"'),
    "cut off": ("a.tsv", b"a\tb\xc3", 'a.tsv line 1: column 4: byte 0xC3 is not UTF-8: "a\\tb\\xc3"'),
    "surrogate": (
        "a.tsv",
        b"a\t\xed\xa0\x80\n",
        'a.tsv line 1: column 3: a lone surrogate, half of a character: "a\\t\\xed\\xa0\\x80"',
    ),
    "nul": ("a.tsv", b"a\tb\nx\0y\tz\n", 'a.tsv line 2: column 2: a NUL character: "x\\x00y\\tz"'),
    "no phones": ("a.dict", b"a AH\nb\n", 'a.dict line 2: a word without symbols (word phone phone \u2026): "b"'),
    "not json": (
        "a.jsonl",
        b'{"source": \n',
        'a.jsonl line 1: not valid JSON (column 12: Expecting value): "{"source": "',
    ),
    "not an object": (
        "a.jsonl",
        b'["a", "b"]\n',
        'a.jsonl line 1: not a JSON object such as {"source": "\u2026", "target": "\u2026"}: "["a", "b"]"',
    ),
    "json surrogate": (
        "a.jsonl",
        b'{"source": "a", "target": "x\\ud800"}\n',
        'a.jsonl line 1: target: column 2: a lone surrogate (U+D800), half of a character: "x\\ud800"',
    ),
    "no target later": (
        "a.jsonl",
        b'{"source": "a", "target": "b"}\n{"source": "c", "target": null}\n',
        'a.jsonl line 2: no text in column "target": "c"',
    ),
    "giant number": (
        "a.jsonl",
        b'{"source": "a", "target": ' + b"1" * 5000 + b"}\n",
        "a.jsonl line 1: not valid JSON (Exceeds the limit (4300 digits) for integer string conversion: value has 5000 "
        "digits; use sys.set_int_max_str_digits() to increase the limit): "
        + '"'
        + '{"source": "a", "target": '
        + "1" * 54
        + '…"',
    ),
    "csv short": ("a.csv", b"source,target\na\n", 'a.csv line 2: 1 column where the header has 2: "a"'),
    "csv quote": ("a.csv", b'source,target\n"a"b,c\n', "a.csv line 2: not valid CSV: ',' expected after '\"'"),
    "csv latin-1": ("a.csv", b"source,target\nx,\xe9\n", 'a.csv line 2: column 3: byte 0xE9 is not UTF-8: "x,\\xe9"'),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_stop_with_a_plain_line_or_are_skipped(case: str) -> None:
    file, content, first_line = BAD[case]
    Path(file).write_bytes(content)
    with pytest.raises(HeedfulError) as caught:
        pairs_of([file])
    assert caught.value.problem == first_line
    assert "data.bad_rows=skip" in caught.value.cure
    assert ("data.columns=1,2" in caught.value.cure) == (case == "three columns")
    assert (LATIN in caught.value.cure) == ("is not UTF-8" in first_line)
    skipped: list[BadRow] = []
    list(read_pairs([file], data("data.bad_rows=skip"), skipped.append))
    assert [first_line.startswith(f"{bad.where}: {bad.problem}") for bad in skipped] == [True]


NAMES = {
    "id,Question text,Category name\n1,what,b\n": ("Question text", "Category name"),
    "comment_text,toxicClass\nx,b\n": ("comment_text", "toxicClass"),
    "review body,review-sentiment,review_id\nx,b,7\n": ("review body", "review-sentiment"),
    "Text (en),label_name\nx,b\n": ("Text (en)", "label_name"),
    "text,comment_text,label\nx,y,b\n": ("text", "label"),
    "question text,answer text\nx,b\n": ("question text", "answer text"),
    "title length,main text,topic class\n7,x,b\n": ("main text", "topic class"),
    "text1,user comment,class\n3,x,b\n": "There is no column for source",
    "source_url,en,de\nu,x,b\n": ("en", "de"),
    "German translation,English\nb,x\n": ("English", "German translation"),
    "title_en,body_text,label\nx,y,b\n": "title_en and body_text could all be the source.",
    "id,Photo file,English description\n1,a.png,a dog\n": ("Photo file", "English description"),
    "photo description,category\nA dog sits.,b\n": "There is no column for source",
    "answer.text,note\nx,b\n": "There is no column for source",
}


@pytest.mark.parametrize("text", NAMES)
def test_a_usual_name_may_be_a_word_of_a_columns_name_where_no_other_column_fits(text: str) -> None:
    Path("words.csv").write_text(text, encoding="utf-8")
    expected = NAMES[text]
    if isinstance(expected, str):
        with pytest.raises(HeedfulError, match=expected):
            pairs_of(["words.csv"])
        return
    names, values = (line.split(",") for line in text.splitlines())
    assert [(pair.source, pair.target) for pair in read_pairs(["words.csv"], data(), ignore)] == [
        tuple(values[names.index(name)] for name in expected)
    ]
    note = " ".join(column_notes(["words.csv"], data(), ("source", "target")))
    assert all(
        f"{role} is the column {quote(name)}" in note for role, name in zip(("source", "target"), expected, strict=True)
    )


def test_a_usual_name_in_a_later_row_is_taken_before_one_that_is_but_a_word() -> None:
    rows = '{"comment text": "c", "label": "b"}\n{"comment text": "c", "text": "x", "label": "b"}\n'
    Path("later.jsonl").write_text(rows, encoding="utf-8")
    assert [pair.source for pair in read_pairs(["later.jsonl"], data("data.bad_rows=skip"), ignore)] == ["x"]


BROKEN = {
    "missing": ("paris.tsv", [], "There is no file paris.tsv.\n  Did you mean pairs.tsv?"),
    "empty": ("empty.tsv", [], "empty.tsv is empty."),
    "folder": ("folder.tsv", [], "folder.tsv is a folder, and a file is needed."),
    "ending": ("pairs.tvs", [], 'What kind of file is pairs.tvs? Its ending ".tvs" is not known. Did you mean .tsv?'),
    "utf-16": ("utf16.tsv", [], "utf16.tsv line 1 column 1: this is UTF-16 (or no text at all), and UTF-8 is needed."),
    "utf-16 plain": (
        "bare.tsv",
        [],
        "bare.tsv line 1 column 1: this is UTF-16 (or no text at all), and UTF-8 is needed.",
    ),
    "column": (
        "named.csv",
        ["data.columns=titel,target"],
        'There is no column for source in named.csv called "titel". Did you mean "title"?\n  Allowed: title, target.',
    ),
    "default column": (
        "blank.csv",
        [],
        'There is no column for source in blank.csv called "source", nor by another usual name.\n'
        "  Its columns: my texts, theirs.\n  Name one of them, as 'data.columns.source=my texts'",
    ),
    "unlike columns": (
        "pictured.csv",
        [],
        'There is no column for target in pictured.csv called "target", nor by another usual name.\n'
        "  Its columns: source, file_name, tags.\n  Name one of them, as data.columns.target=tags",
    ),
    "several columns": (
        "several.csv",
        [],
        "several.csv: title and text could all be the source.\n"
        "  Its columns: title, text, label.\n  Say which, as data.columns.source=title",
    ),
    "group": (
        "named.csv",
        ["data.columns=title,target", "data.group=doc"],
        'There is no column for group in named.csv called "doc".',
    ),
    "role": ("pairs.tsv", ["data.columns.sauce=1"], 'There is no role "sauce". Did you mean "source"?'),
    "one column said": (
        "pairs.tsv",
        ["data.columns=1"],
        "data.columns has 1 column, and 2 are needed: source, target.",
    ),
    "twice": ("twice.csv", [], 'twice.csv line 1: two columns are called "source".'),
    "broken header": (
        "header.tsv",
        ["data.columns=source,target"],
        "header.tsv line 1: column 2: byte 0xFC is not UTF-8\n  This line holds the names of the columns",
    ),
    "open quote": ("open.csv", [], "open.csv line 2: the quotation that starts here is not closed."),
    "no parquet": ("fake.parquet", [], "fake.parquet is not a Parquet file: "),
    "lone parallel": (
        "pairs.tsv",
        ["data.format=parallel"],
        "data.format=parallel needs a source file and a target file, and 1 file came: pairs.tsv.",
    ),
    "unequal": (
        "long.txt,short.txt",
        ["data.format=parallel"],
        "long.txt has 3 lines and short.txt has 2: they are not parallel.",
    ),
    "unequal other way": (
        "short.txt,long.txt",
        ["data.format=parallel"],
        "short.txt has 2 lines and long.txt has 3: they are not parallel.",
    ),
    "sample": ("sample://cmudic/train", [], 'There is no sample "cmudic". Did you mean "cmudict"?'),
    "sample split": ("sample://cmudict/tset", [], 'There is no split of sample://cmudict "tset". Did you mean "test"?'),
    "hub name": ("hf://pairs", [], "hf://pairs is not the name of a dataset."),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("bad_rows", ["error", "skip"])
def test_broken_files_stop_with_a_plain_line(case: str, bad_rows: str) -> None:
    Path("pairs.tsv").write_bytes(b"a\tb\n")
    Path("pairs.tvs").write_bytes(b"a\tb\n")
    Path("empty.tsv").touch()
    Path("folder.tsv").mkdir()
    Path("utf16.tsv").write_bytes("a\tb\n".encode("utf-16"))
    Path("bare.tsv").write_bytes("Sentence\tSatz\n".encode("utf-16-le"))
    Path("named.csv").write_bytes(b"title,target\na,b\n")
    Path("blank.csv").write_bytes(b"my texts,theirs\na,b\n")
    Path("pictured.csv").write_bytes(b"file_name,tags\na.png,b\n")
    Path("several.csv").write_bytes(b"title,text,label\na,b,c\n")
    Path("twice.csv").write_bytes(b"source,target,source\na,b,c\n")
    Path("header.tsv").write_bytes(b"g\xfcte\tsource\ttarget\n1\ta\tb\n")
    Path("open.csv").write_bytes(b'source,target\n"a,b\nc,d\n')
    Path("fake.parquet").write_bytes(b"not at all")
    Path("long.txt").write_bytes(b"1\n2\n3\n")
    Path("short.txt").write_bytes(b"1\n2\n")
    files, settings, start = BROKEN[case]
    with pytest.raises(HeedfulError) as caught:
        pairs_of(files.split(","), f"data.bad_rows={bad_rows}", *settings)
    assert str(caught.value).startswith(start)


@pytest.mark.parametrize(
    "name", ["a.tsv", "a.csv", "a.jsonl", "a.json", "a.parquet", "a.xlsx", "a.tmx", "a.lexicon", "a.tsv.gz", "a"]
)
def test_a_pipe_is_refused_and_never_waited_for(name: str) -> None:
    os.mkfifo(name)
    with pytest.raises(HeedfulError, match=f"^{name} is a pipe, and data are read more than once") as caught:
        pairs_of([name])
    assert "Save what comes out of it to a file" in caught.value.cure
    with pytest.raises(HeedfulError, match="is a pipe"):
        pairs_of([name, name], "data.format=parallel")


def test_nor_is_one_among_documents_pictures_and_videos_or_a_device() -> None:
    os.mkfifo("a.txt")
    settings = data()
    for read in (open_file, arrays_of, read_table, lambda name: read_whole(name, settings, lambda bad: None)):
        for name, kind in (("a.txt", "pipe"), ("/dev/zero", "device")):
            with pytest.raises(HeedfulError, match=f"{name} is a {kind}, and data are read more than once"):
                read(name)


def test_a_line_without_an_end_is_a_bad_row_and_never_whole_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = limit("line_bytes")
    Path("lines.txt").write_bytes(b"1234567890\n12345678901\n\n123456789012345\nend\n12345678901")
    bad = "a line of more than 11 bytes"
    # the end of a line counts, so that no more than that is ever read
    with monkeypatch.context() as patch:
        patch.setenv("HEEDFUL_LIMIT_LINE_BYTES", "11")
        read = [line if isinstance(line, str) else line.problem for _, line in read_lines("lines.txt")]
    assert read == ["1234567890", bad, "", bad, "end", "12345678901"]
    with gzip.open("a.tsv.gz", "wb", compresslevel=1) as sink:
        sink.write(b"a\tb\n" + b" " * (2 * longest) + b"\nc\td\n")
    tracemalloc.start()
    found: list[BadRow] = []
    pairs = list(read_pairs(["a.tsv.gz"], data("data.bad_rows=skip"), found.append))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(pair.source, pair.target) for pair in pairs] == [("a", "b"), ("c", "d")]
    assert [(row.where, row.problem) for row in found] == [("a.tsv.gz line 2", "a line of more than 33,554,432 bytes")]
    assert peak < 3 * longest
