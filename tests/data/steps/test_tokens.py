"""Sentences as JSON lines and Parquet: words and tags as people and datasets write them, bad ones with their line."""

import json
from pathlib import Path
from typing import Any

import pytest

from heedful.cli.segments import word_lines
from heedful.data.readers.rows import BadRow
from heedful.data.steps.check import check_clips
from heedful.data.steps.choose import example_notes
from heedful.data.steps.forms import StepForm
from heedful.data.steps.read import Clip, read_clips
from heedful.errors import HeedfulError
from heedful.results import Answer, Track
from heedful.training import decide
from support.video_clips import put, recipe

TAGS = ["O", "B-PER", "I-PER"]


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(file: str, **data: Any) -> tuple[list[Clip], list[BadRow]]:
    bad: list[BadRow] = []
    return list(read_clips([file], recipe(file, bad_rows="skip", **data).data, StepForm("tokens"), bad.append)), bad


def lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@pytest.mark.parametrize(
    ("words", "tags"), [("tokens", "tags"), ("tokens", "ner_tags"), ("words", "labels"), ("text", "tags")]
)
def test_words_and_tags_by_their_usual_names(words: str, tags: str) -> None:
    first: object = "Anna  Lee sings" if words == "text" else ["Anna", "Lee", "sings"]
    second: object = "10\u00a0000 #" if words == "text" else ["10 000", " #\t"]
    put(
        "a.jsonl",
        "\n" + lines({"id": 1, words: first, tags: ["B-PER", "I-PER", "O"]}, {words: second, tags: [3, None]}),
    )
    clips, bad = read("a.jsonl")
    assert not bad and [(clip.source, clip.labels, clip.where) for clip in clips] == [
        ("Anna Lee sings", ("B-PER", "I-PER", "O"), "a.jsonl line 2"),
        ("10\u00a0000 #", ("3", ""), "a.jsonl line 3"),
    ]
    assert clips[1].steps.words == ("10\u00a0000", "#")


def test_the_columns_are_said_where_clips_are_checked_and_scored_on() -> None:
    put("a.jsonl", "\ufeff" + lines(*({"tokens": ["a", f"n{n}"], "ner_tags": ["X", "Y"]} for n in range(9))))
    said = "words are tokens, labels ner_tags (data.columns)"
    data = recipe("a.jsonl").data
    assert f"each word is a step; {said}" in [finding.text for finding in check_clips(data, decide).findings]
    assert example_notes(["a.jsonl"], data) == ["a.jsonl begins with a byte order mark; it is passed over", said]


def test_columns_by_name_and_the_group() -> None:
    put("a.jsonl", lines({"w": ["a"], "upos": [1], "ner": ["X"], "who": 7}))
    [clip], _ = read("a.jsonl", columns={"source": "w", "target": "ner"}, group="who")
    assert (clip.labels, clip.group) == (("X",), "7")
    put("b.jsonl", lines({"tokens": ["a"], "nre": ["X"]}))
    with pytest.raises(HeedfulError, match=r'column of tags in b\.jsonl called "ner"\. Did you mean "nre"'):
        read("b.jsonl", columns={"source": "tokens", "target": "ner"})
    with pytest.raises(HeedfulError, match=r'group in a\.jsonl called "whom"'):
        read("a.jsonl", columns={"source": "w", "target": "ner"}, group="whom")


def test_bad_records_are_named_by_their_line() -> None:
    good = {"tokens": ["a", "b"], "tags": ["X", "Y"]}
    problems: dict[str, str] = {
        lines(good | {"tags": ["X"]}): "1 tag in tags for 2 words in tokens",
        lines(good | {"tokens": ["a", ""]}): "tokens, word 2: '' is no word",
        lines(good | {"tokens": ["a", 5]}): "tokens, word 2: 5 is no word",
        lines(good | {"tokens": []}): "no list of words in tokens",
        lines({"tokens": ["a"]}): "no list of tags in tags",
        lines(good | {"tags": ["X", 0.5]}): 'tags, tag 2: "0.5" is no class',
        lines(good | {"tags": ["X", ["Y"]]}): "tags, tag 2: ",
        lines(good | {"tags": ["X", "a\tb"]}): "a label holds a tab",
        lines(good | {"tokens": ["a", "b\0"]}): "tokens, word 2: column 2: a NUL character",
        "[1]\n": "not a JSON object",
        '{"tokens": [\n': "not valid JSON",
        "[" * 100_000 + "\n": "not valid JSON",
    }
    put("a.jsonl", lines(good) + "".join(problems))
    clips, bad = read("a.jsonl")
    assert len(clips) == 1 and [row.where for row in bad] == [f"a.jsonl line {line}" for line in range(2, 14)]
    for row, problem in zip(bad, problems.values(), strict=True):
        assert row.problem.startswith(problem), problem
    with pytest.raises(HeedfulError, match=r"a\.jsonl line 2: 1 tag in tags for 2 words"):
        list(read_clips(["a.jsonl"], recipe("a.jsonl").data, StepForm("tokens"), print))


@pytest.mark.parametrize("named", [True, False])
def test_parquet_with_the_names_of_its_classes(named: bool) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"tokens": [["Anna", "Lee"], ["x"], ["y"]], "ner_tags": [[1, 2], [-100], [9]]})
    feature = {"feature": {"names": TAGS, "_type": "ClassLabel"}, "_type": "List"}
    about = {"info": {"features": {"ner_tags": feature}}}
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps(about)} if named else {}), "a.parquet"
    )
    clips, bad = read("a.parquet")
    assert [clip.labels for clip in clips[:2]] == [("B-PER", "I-PER") if named else ("1", "2"), ("",)]
    assert [(row.where, row.problem) for row in bad] == (
        [("a.parquet line 3", 'ner_tags, tag 1: "9" is no class')] if named else []
    )
    assert "B-PER" in check_clips(recipe("a.parquet", bad_rows="skip").data, decide).summary or not named


def test_what_datasets_writes_is_read() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=TAGS)),
        }
    )
    rows = {"tokens": [["Anna", "Lee"]], "ner_tags": [[1, 2]]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet("a.parquet")
    assert read("a.parquet")[0][0].labels == ("B-PER", "I-PER")


def test_answers_as_records_are_read_as_they_were_written() -> None:
    labels = ("B-PER", 'say "no"', "#")
    answer = Answer(
        "# 10\u00a0000 a\u2028b",
        "",
        0.0,
        0.0,
        labels,
        track=Track(labels, labels, (), words=("#", "10\u00a0000", "a\u2028b")),
    )
    put("a.jsonl", "".join(line + "\n" for line in word_lines([answer], Path("a.jsonl"))))
    assert [(clip.source, clip.labels) for clip in read("a.jsonl")[0]] == [(answer.source, labels)]
