"""What all verbs share that ask a model: line n of the answers is that of line n, and each is a line."""

import io
import json
import math
import sys
from pathlib import Path

import pytest

from heedful.cli import ask, classify, complete, fill, match, translate, verb
from heedful.data.readers.rows import CONTROL, one_line
from heedful.errors import HeedfulError, for_each
from heedful.limits import limit
from heedful.names import require_models
from heedful.results import Answer, Track

ODD = "one\ntwo\r\tthree\x1b[31m\u2028\u202e"
ODD_LINE = r"one\ntwo\r\tthree\u001b[31m\u2028\u202e"
FORMS = {
    "translate": (translate.plain_line, translate.lexicon_lines, ask.table_lines, ask.json_line),
    "caption": (verb.best_line,),
    "classify": (classify.class_lines, classify.as_object),
    "fill": (fill.rows, fill.filled_text, fill.as_object),
    "match": (match.text_lines, match.pictures_as_object),
    "complete": (lambda answers: [complete.as_object(answers)],),
}
"""All forms in which verbs write the answers to one text."""


def answer_of(source: str, output: str) -> Answer:
    """An answer that is as odd as its texts, in step too."""
    track = Track((output,), (output,), ((0.5,),))
    return Answer(source, output, math.log(0.5), -1.0, (output,), track=track)


@pytest.mark.parametrize("name", FORMS)
def test_a_line_of_each_form_is_one_line_and_that_of_a_blank_text_is_blank(name: str) -> None:
    for form in FORMS[name]:
        for line in form([answer_of("word", ODD)]):
            if line.startswith("{"):
                assert ODD in json.dumps(json.loads(line), ensure_ascii=False) or ODD in list(strings(json.loads(line)))
            else:
                assert (
                    ODD_LINE in line and len(line.splitlines()) == 1 and CONTROL.sub("", line) == line.replace("\t", "")
                )
        [blank] = form([ask.blank_answer(" ")])
        if blank.startswith("{"):
            record = json.loads(blank)
            assert record["source"] == " " and not any([*strings(record)][1:])
        else:
            assert blank.strip() == ""


def strings(value: object) -> list[str]:
    """All strings in an object of JSON."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)] + [str(key) for key in value if ODD in key]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_a_network_is_asked_what_is_not_blank_and_answers_stay_in_their_places() -> None:
    asked: list[str] = []

    def answer(texts: list[str]) -> list[list[Answer]]:
        asked.extend(texts)
        return [[answer_of(text, text.upper())] * 2 for text in texts]

    lines = ["", "one", " ", "two", "three", "\u3000"]
    answer_lists = list(ask.answer_all(answer, iter(lines), 4, n_best=2))
    assert asked == ["one", "two", "three"]
    assert [[answer.output for answer in answers] for answers in answer_lists] == [
        [text.strip().upper()] * 2 for text in lines
    ]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_are_read_without_marks_and_line_ends(
    mark: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, raw = tmp_path / "texts.txt", mark + "the\r\n\r\nréd\n".encode()
    file.write_bytes(raw)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert list(ask.read_lines(file)) == list(ask.read_lines(None)) == ["the", "", "réd"]
    assert list(ask.check_utf8(["\ufeffthe"])) == ["the"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("the\n".encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
        ("the\n".encode("utf-32"), "iconv -f UTF-32"),
        (b"a\nb\xff\n", "line 2 is not UTF-8"),
        (b"a\0b\n", "line 1 column 2: a NUL character"),
        (b"a\n" + b" " * (limit("line_bytes") + 1), "line 2: a line of more than 33,554,432 bytes"),
    ],
)
def test_what_cannot_be_read_is_told(raw: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "my texts.txt"
    file.write_bytes(raw)
    with pytest.raises(HeedfulError) as error:
        list(ask.read_lines(file))
    assert words in str(error.value) and "UTF-8 my" not in str(error.value)


def test_the_name_of_a_file_is_not_asked_as_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("my texts.txt", "word"):
        Path(name).touch()
    with pytest.raises(HeedfulError, match="is a file") as error:
        ask.parse_question(["my texts.txt"], None, None).texts()
    assert "--file 'my texts.txt' reads its lines" in error.value.cure
    assert list(ask.parse_question(["word"], None, None).texts()) == ["word"]
    assert "--file word" in capsys.readouterr().err
    assert list(ask.parse_question(["a text", "my texts.txt"], None, None).texts()) == ["a text", "my texts.txt"]
    assert "--file 'my texts.txt'" in capsys.readouterr().err
    assert list(ask.parse_question(["x" * 5000, "nul"], None, None).texts()) == ["x" * 5000, "nul"]
    assert capsys.readouterr().err == ""


def test_what_joins_letters_and_words_is_no_control_character() -> None:
    text = "a\\n b\u00a0c 👩\u200d🔬 می\u200cخواهم \u200fא"
    assert one_line(text) == text


def test_a_long_text_is_told_by_the_file_and_line_that_it_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(texts: list[str]) -> list[list[Answer]]:
        return [
            [Answer(text, "", 0.0, 0.0, cut="9 tokens, the first 4 were read" if text == "long" else "")]
            for text in texts
        ]

    path = tmp_path / "asked.txt"
    path.write_text("short\n\nlong\nlong\n", encoding="utf-8")
    for inputs, file, place in (([], path, f"{path} line 3"), (["short", "b", "long"], None, "text 3")):
        question = ask.Question(inputs, file, {})
        list(ask.answer_all(answer, question.texts(), 2, place=question.place))
        assert f"(first: {place}: 9 tokens, the first 4 were read)" in capsys.readouterr().err
    assert ask.Question([], None, {}).place == "standard input line"


def test_what_is_odd_about_lines_of_a_file_is_told_by_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(texts: list[str]) -> list[list[Answer]]:
        return [
            [Answer(text, "", 0.0, 0.0, complete=text != "odd", unknown=("x",) * (text == "odd"))] for text in texts
        ]

    path = tmp_path / "asked.txt"
    path.write_text("plain\n\nodd\nodd\n", encoding="utf-8")
    question = ask.Question([], path, {})
    list(ask.answer_all(answer, question.texts(), 2, place=question.place))
    assert capsys.readouterr().err == (
        f"2 of 3 texts hold what the model never saw: x (first: {path} line 3).\n2 of 3 answers are unfinished: "
        f"the longest allowed length was reached (generate.max_length; first: {path} line 3).\n"
    )
    list(ask.answer_all(answer, iter(["odd"]), 2))
    assert "first:" not in capsys.readouterr().err
    with pytest.raises(HeedfulError, match=f"{path} line 1 is not source<TAB>target: 'plain'"):
        list(ask.pairs(question.lines(), question.place))


def test_an_input_that_cannot_be_answered_is_told_by_its_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "asked.txt"
    path.write_text("a\n\nb\nbad\nbad\n", encoding="utf-8")

    def length_of(text: str) -> list[Answer]:
        if text == "bad":
            raise HeedfulError(f"{text!r} has no gap.", "Write one.")
        return [answer_of(text, text)]

    for inputs, file, name in (([], path, f"{path} line 4: "), (["a", "bad"], None, "")):
        question = ask.Question(inputs, file, {})
        with pytest.raises(HeedfulError) as error:
            list(ask.answer_all(lambda texts: for_each(length_of, texts), question.texts(), 2, place=question.place))
        assert (error.value.problem, error.value.cure) == (f"{name}'bad' has no gap.", "Write one.")


def test_answers_that_are_not_in_the_order_of_the_scores_shown_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, blank = (Answer("a", "b", score, 0.0) for score in (-1.0, -2.0, math.nan))
    for answer_lists, note in (([[first, second], [blank, blank]], ""), ([[second, first]], f"{ask.RANKING}\n")):
        assert list(ask.tell_ranking(answer_lists)) == answer_lists
        assert capsys.readouterr().err == note


def test_a_wrong_name_of_a_run_names_those_in_it_beside_it_and_in_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine/first", "mine/second", "runs/third"):
        Path(name).mkdir(parents=True)
        (Path(name) / "config.json").write_text("{}")
    for wrong in ("mine", "mine/frist"):
        with pytest.raises(HeedfulError, match=f"{wrong} is not a run") as error:
            require_models(wrong)
        assert "Runs here: mine/first, mine/second, runs/third." in error.value.cure
