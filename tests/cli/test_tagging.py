"""What is told of tagged words, from the data to the page: entities with their words, and their scores."""

import csv
import json
import re
from pathlib import Path

import pytest

from heedful.cli.segments import entity_lines
from heedful.errors import HeedfulError
from heedful.results import Answer, Span, Track, blank_answer
from heedful.tasks.label.ask import spans_of
from support.command_line import heedful

SMALL = "--network gru --size tiny data.overlap=keep train.threads=1 train.average=0 train.learning_rate=0.03"
NAMES = ("Anna Berg", "Bo", "Carla Maria Dahl", "Emil Falk")
CITIES = ("Berlin", "New York", "Rio")


def sentences() -> str:
    """Who lives where, in IOB1."""
    lines = []
    for name in NAMES:
        for city in CITIES:
            words = [*((word, "I-PER") for word in name.split()), ("lives", "O"), ("in", "O")]
            lines += [*words, *((word, "I-LOC") for word in city.split()), (".", "O"), ("", "")]
    return "\n".join(f"{word} {tag}".strip() for word, tag in lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger that knows the sentences it was trained on, in the folder `run`."""
    folder = tmp_path_factory.mktemp("tagging")
    (folder / "words.conll").write_text(sentences())
    line = f"train label words.conll --valid words.conll -o run {SMALL} --steps 40 train.class_weights=balanced"
    outcome = heedful(line, folder)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("labels are IO tags of 2 types of entities: LOC, PER; scored by entity F1") == 1
    assert re.search(r"best entity F1 \d", outcome.err) and "F1@" not in outcome.err and "edit" not in outcome.err
    return folder


def test_entities_are_what_is_scored_and_chosen_by(folder: Path) -> None:
    outcome = heedful("evaluate run --json", folder)
    scores = json.loads(outcome.out)
    assert scores["primary"] == "entity_f1" and scores["kind"] == "entities"
    assert [*scores["measures"]] == ["entity_f1", "entity_precision", "entity_recall", "accuracy"]
    assert {one["name"]: one["count"] for one in scores["by_class"]} == {"LOC": 12, "PER": 12}
    valid = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    best = max(line["values"]["entity_f1"] for line in valid if line["kind"] == "valid")
    assert scores["measures"]["entity_f1"]["value"] == pytest.approx(best) == 100
    assert "entity F1" in (folder / "run" / "README.md").read_text()


def test_answers_are_spans_with_their_words(folder: Path) -> None:
    asked = ["Anna Berg lives in New York .", "Bo lives in Rio."]
    (folder / "texts.txt").write_text("\n".join(asked) + "\n")
    spans = [[[0, 2, "PER", "Anna Berg"], [4, 6, "LOC", "New York"]], [[0, 1, "PER", "Bo"], [3, 4, "LOC", "Rio"]]]
    records = [json.loads(line) for line in heedful("label run --file texts.txt --json", folder).out.splitlines()]
    assert [[[*span.values()] for span in record["spans"]] for record in records] == spans
    assert [*records[0]["spans"][0]] == ["start", "end", "label", "text"]
    head, *rows = heedful("label run --file texts.txt --rows", folder).out.splitlines()
    assert head.split("\t") == ["text_number", "start", "end", "label", "text"]
    assert [row.split("\t") for row in rows] == [
        [str(number), *map(str, span)] for number, of_text in enumerate(spans, 1) for span in of_text
    ]
    assert heedful("label run --file texts.txt --rows -o spans.csv", folder).code == 0
    with (folder / "spans.csv").open(newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["Anna Berg", "New York", "Bo", "Rio"]
    for name in ("words.jsonl", "again.conll"):
        assert heedful(f"label run --file texts.txt --rows -o {name}", folder).code == 0
        outcome = heedful(f"evaluate run {name} --json", folder)  # they are read as data are
        assert json.loads(outcome.out)["measures"]["entity_f1"]["value"] == 100, outcome.err
    assert '"text": "New York"' in (folder / "words.jsonl").read_text()


def test_the_page_shows_words_in_colour_with_their_labels(folder: Path) -> None:
    page = (folder / "run" / "report.html").read_text()
    assert '<mark class="s1"><bdi>Anna Berg</bdi>&nbsp;<b>PER</b></mark> lives in' in page
    assert "found 2 of 2 entities, and named 2." in page
    assert "F1@" not in page and "edit score" not in page


def test_parts_of_speech_are_scored_by_words(folder: Path) -> None:
    (folder / "pos.conll").write_text("the\tDET\ndog\tNOUN\nsleeps\tVERB\n\n" * 3 + "a\tDET\ncat\tNOUN\nsits\tVERB\n")
    outcome = heedful(f"train label pos.conll --valid pos.conll -o pos {SMALL} --steps 3", folder)
    assert outcome.code == 0, outcome.err
    scores = json.loads(heedful("evaluate pos --json", folder).out)
    assert [*scores["measures"]] == ["accuracy", "macro_f1"] and scores["primary"] == "accuracy"
    assert {one["name"] for one in scores["by_class"]} == {"DET", "NOUN", "VERB"}
    counted = scores["baseline"]["accuracy"]["value"], scores["baseline_name"]
    assert counted == (100, "most frequent label of each word")
    assert "spans" not in json.loads(heedful("label pos --file texts.txt --json", folder).out.splitlines()[0])
    assert "\t" in heedful("label pos --file texts.txt --rows", folder).out
    assert '<div class="tagged">' in (folder / "pos" / "report.html").read_text()


def test_a_blank_text_keeps_its_number_and_other_endings_are_refused() -> None:
    words, labels = ("Anna", "Berg"), ("B-PER", "I-PER")
    track = Track(("B-PER", "I-PER", "O"), labels, (), words=words, spans=spans_of(labels, words))
    assert track.spans == (Span(0, 2, "PER", "Anna Berg"),)
    answer, blank = Answer("Anna Berg", "B-PER\tI-PER", 0, 0, track=track), blank_answer("")
    assert [*entity_lines([answer], None)] == ["start\tend\tlabel\ttext", "0\t2\tPER\tAnna Berg"]
    assert [*entity_lines([blank, answer], None)][1:] == ["2\t0\t2\tPER\tAnna Berg"]
    assert [*entity_lines([answer], Path("a.csv"))] == ["text_number,start,end,label,text", "1,0,2,PER,Anna Berg"]
    with pytest.raises(HeedfulError, match=r"entities are not written .*\n.* ends in \.csv, \.tsv, \.conll or \.jsonl"):
        list(entity_lines([answer], Path("a.txt")))
