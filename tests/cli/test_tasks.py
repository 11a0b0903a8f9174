"""The verbs of all tasks through the real command line, on a few tiny pictures and clips made here."""

import base64
import csv
import io
import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.command_line import Told, heedful

SMALL = "--size tiny --steps 5 train.threads=1 train.valid_limit=4"
COLOURS = {"red": (200, 0, 0), "blue": (0, 0, 200)}
RUNS = {
    "seen": f"train classify photos --network vaswani2017 {SMALL}",
    "read": f"train classify texts.tsv --network gru {SMALL} data.source_tokenizer=symbols",
    "told": f"train caption captions.csv --network bahdanau2015 {SMALL} generate.max_length=12",
    "drawn": f"train draw captions.csv --network gru {SMALL} data.source_tokenizer=symbols",
    "matched": f"train match captions.csv --network vaswani2017 {SMALL} data.target_tokenizer=symbols",
    "filmed": f"train label clips --network gru data.window=6 {SMALL}",
    "measured": f"train label series --network frame {SMALL}",
    "tagged": f"train label words.conll --network gru {SMALL}",
}
"""How each run is made, when it is first asked for."""

# As in test_cli.py: what was typed, and words that must stand in the answer on stderr. {seen} and others are runs.
MISTAKES = {
    "missing picture": ("classify {seen} photos/red/9.png", ["There is no file photos/red/9.png", "Did you mean"]),
    "text as picture": ("classify {seen} texts.tsv", ["texts.tsv is no picture", "Known are PNG"]),
    "drawing of lines as picture": ("caption {told} lines.png", ["lines.png is SVG"]),
    "cut picture": ("match {matched} cut.png", ["cut.png is cut off or damaged"]),
    "folder without pictures": ("classify {seen} clips", ["The folder clips has 10 files and no picture"]),
    "pictures twice": ("caption {told} lines.png --file names.txt", ["names.txt", "'lines.png' is here"]),
    "list that is not there": ("caption {told} --file nams.txt", ["nams.txt cannot be read"]),
    "another verb": ("classify {told} photos/red/0.png", ["told was trained to caption", "heedful caption told"]),
    "translate with pictures": ("translate {seen} text", ["seen was trained to classify", "heedful classify seen"]),
    "models that do not fit": ("classify {seen} --with {read} photos", ["cannot answer together"]),
    "unknown class": ("classify {seen} --score photos/red/0.png reed", ["no class", 'Did you mean "red"?']),
    "picture without class": ("classify {seen} --score photos/red/0.png", ["has no target"]),
    "score and n": ("caption {told} --score photos/red/0.png red --n 2", ["--score takes no --n"]),
    "misspelt setting": ("caption {told} photos baem=3", ["generate.baem", "generate.beam ("]),
    "nothing to choose from": ("match {matched} photos/red/0.png --among", ["--among", "requires an argument"]),
    "drawing as JPEG": ("draw {drawn} red -o red.jpg", ["red.jpg is no PNG file"]),
    "drawing in lines and in a file": ("draw {drawn} red --json -o red.png", ["Leave out -o or --json"]),
    "no drawing": ("draw {drawn} --file empty.txt -o sheet.png", ["no drawing"]),
    "missing clip": ("label {filmed} clips/9.npy", ["There is no file clips/9.npy", "Did you mean"]),
    "picture as clip": ("label {filmed} lines.png", ["lines.png is no file that is known, and frames are read here"]),
    "series without a channel": ("label {measured} other.csv", ["other.csv", '"y"']),
    "folder without clips": ("label {measured} photos", ["photos has no clip"]),
    "labels in a text file": ("label {filmed} clips/0.npy -o bars.txt", ["bars.txt is no .csv"]),
    "labels in two forms": ("label {filmed} clips/0.npy --rows --json", ["--rows or with --json"]),
    "judge that cannot": ("evaluate {drawn} --judge {seen}", ["seen (classify) cannot judge drawn (draw)"]),
    "judged that cannot be": ("evaluate {told} --judge {matched}", ["cannot judge told (caption)"]),
    "nothing explained": ("explain {seen} photos/red/0.png", ["classify cannot be shown"]),
    "broken picture to learn from": (f"train classify spoilt {SMALL}", ["cut.png is cut off", "data.bad_rows=skip"]),
    "splits for classes": (f"train classify parted {SMALL}", ["look like splits", "parted/train"]),
    "no table of captions": (f"train caption missing.csv {SMALL}", ["missing.csv"]),
    "clip without labels": (f"train label bare {SMALL}", ["bare/0.npy", "no labels stand beside it"]),
    "network that writes nothing": (f"train caption captions.csv --network frame {SMALL}", ["frame cannot caption"]),
    "patch that does not fit": (
        f"train classify photos --network vaswani2017 network.stem=0 network.patch=3 {SMALL}",
        ["network.patch 3 does not divide 8"],
    ),
    "side that is not halved": (f"train draw captions.csv data.picture=10 {SMALL}", ["data.picture is 10", "8 or 12"]),
    "no data to classify": ("train classify", ["no file to learn from", "heedful train classify photos/"]),
}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of every kind, good and bad."""
    folder = tmp_path_factory.mktemp("shapes")
    luck = np.random.default_rng(0)
    for name in ("photos/red", "photos/blue", "clips", "series", "spoilt/cat", "parted/train", "parted/test", "bare"):
        (folder / name).mkdir(parents=True)
    named = [f"photos/{colour}/{number}.png" for colour in COLOURS for number in range(6)]
    for name in named:
        square(COLOURS[name.split("/")[1]], luck).save(folder / name)
    for number in range(5):
        frames = luck.integers(0, 50, (10, 8, 8), np.uint8)
        frames[5:] += 150
        np.save(folder / f"clips/{number}.npy", frames)
        (folder / f"clips/{number}.txt").write_text("dark\n" * 5 + "light\n" * 5, encoding="utf-8")
        moving = [(step // 5 + number) % 2 for step in range(20)]
        rows = [f"{step / 10},{luck.normal()},{fast},{('walk', 'run')[fast]}" for step, fast in enumerate(moving)]
        (folder / f"series/{number}.csv").write_text("\n".join(["seconds,x,y,label", *rows]), encoding="utf-8")
    texts = {
        "captions.csv": "\n".join(["file_name,text", *(f"{name},a {name.split('/')[1]} {name[-5]}" for name in named)]),
        "texts.tsv": "\n".join(f"{good} {number}\t{good}" for good in ("yes", "no") for number in range(8)),
        "words.conll": "\n\n".join(f"a DET\nhouse{number} NOUN\nfell VERB" for number in range(8)) + "\n",
        "names.txt": "\n".join(named[:3]) + "\n\n",
        "lines.png": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "other.csv": "seconds,x\n0,1\n",
        "empty.txt": "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    whole = (folder / named[0]).read_bytes()
    for name in ("cut.png", "spoilt/cat/cut.png"):
        (folder / name).write_bytes(whole[: len(whole) // 2])
    for name in ("parted/train/1.png", "parted/test/1.png", "spoilt/cat/1.png"):
        (folder / name).write_bytes(whole)
    np.save(folder / "bare/0.npy", np.zeros((3, 8, 8), np.uint8))
    return folder


def square(colour: tuple[int, int, int], luck: np.random.Generator) -> Image.Image:
    """A square of a colour on white, not quite the same twice."""
    pixels = np.full((8, 8, 3), 235)
    pixels[1:7, 1:7] = colour
    return Image.fromarray((pixels + luck.integers(0, 20, pixels.shape)).astype(np.uint8))


def made(name: str, folder: Path) -> str:
    """A run, trained by the command when it is first asked for."""
    if not (folder / name / "scores.json").exists():
        done(f"{RUNS[name]} -o {name}", folder)
    return name


def done(line: str, folder: Path, given: str = "") -> str:
    """What a command prints; it must end well."""
    return ended(line, folder, given).out


def ended(line: str, folder: Path, given: str = "") -> Told:
    """How a command that must end well ended."""
    told = heedful(line, folder, given)
    assert told.code == 0, told.err
    return told


def table(text: str) -> list[list[str]]:
    """Lines as cells between tabs."""
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, place: Path) -> None:
    line, expected = MISTAKES[case]
    line = re.sub(r"\{(\w+)\}", lambda found: made(found[1], place), line)
    before = sorted(place.rglob("*"))
    told = heedful(line, place)
    assert told.code == 2 and told.out == ""
    assert [words for words in expected if words not in told.err] == []
    assert "Traceback" not in told.err
    assert sorted(place.rglob("*")) == before, "something was left behind"


def test_classes_come_with_probabilities_by_every_way(place: Path) -> None:
    run = made("seen", place)
    rows = table(done(f"classify {run} photos", place))
    names = [row[0] for row in rows]
    assert names == sorted(names) and len(names) == 12 and {row[1] for row in rows} <= {*COLOURS}
    assert table(done(f"classify {run}", place, given="\n".join(names))) == rows
    assert table(done(f"classify {run} --file names.txt", place)) == [row for row in rows if "red/" in row[0]][:3]
    assert table(done(f"classify {run} --with {run} photos", place)) == rows
    both = table(done(f"classify {run} photos/red/0.png --n 2", place))
    assert {row[1] for row in both} == {*COLOURS} and sum(float(row[2]) for row in both) == pytest.approx(1, abs=2e-4)
    assert done(f"classify {run} photos/red/0.png --json -o all.json", place) == ""
    found = json.loads((place / "all.json").read_text(encoding="utf-8"))
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert found["answers"][0]["probability"] == max(found["probabilities"].values())
    scored = table(done(f"classify {run} --score photos/red/0.png red photos/red/0.png blue", place))
    assert {row[1]: math.exp(float(row[2])) for row in scored} == pytest.approx(found["probabilities"], abs=1e-3)


def test_texts_are_classified_too(place: Path) -> None:
    told = ended(f"classify {made('read', place)} --n 2", place, given="yes 3\nno 9")
    assert [row[0] for row in table(told.out)] == ["yes 3", "yes 3", "no 9", "no 9"]
    assert {row[1] for row in table(told.out)} == {"yes", "no"}
    assert told.err == "1 of 2 texts hold what the model never saw: 9.\n"
    assert json.loads(done("classify read --json", place, given="no 9"))["unknown"] == ["9"]


def test_captions_are_sentences_and_can_be_scored(place: Path) -> None:
    run = made("told", place)
    rows = table(done(f"caption {run} photos --n 2", place))
    best = table(done(f"caption {run} photos", place))
    assert len(best) == 12 and [row[:2] for row in rows[::2]] == best
    told = [json.loads(line) for line in done(f"caption {run} photos --n 2 --json", place).splitlines()]
    answers = [(one["source"], answer) for one in told for answer in one["answers"]]
    assert [[source, answer["output"]] for source, answer in answers] == [row[:2] for row in rows]
    whole = [(source, answer) for source, answer in answers if answer["complete"]]
    assert whole
    given = "".join(f"{source}\t{answer['output']}\n" for source, answer in whole)
    scored = table(done(f"caption {run} --score", place, given=given))
    assert [float(row[2]) for row in scored] == pytest.approx([one["score"] for _, one in whole], abs=2e-4)


def test_drawings_are_files_named_after_their_texts(place: Path, tmp_path: Path) -> None:
    run, prompts = place / made("drawn", place), tmp_path / "prompts.txt"
    prompts.write_text("a red 1\nA blue 2!\n", encoding="utf-8")
    told = [table(done(f"draw {run} --file prompts.txt {settings}", tmp_path)) for settings in ("", "seed=0", "seed=7")]
    assert told[0] == [["a red 1", "a-red-1.png"], ["A blue 2!", "a-blue-2.png"]]
    assert [row[1] for row in told[2]] == ["a-red-1-3.png", "a-blue-2-3.png"]
    files = [[(tmp_path / row[1]).read_bytes() for row in rows] for rows in told]
    assert files[0] == files[1] != files[2]
    assert {Image.open(io.BytesIO(one)).size for drawn in files for one in drawn} == {(8, 8)}
    rows = table(done(f"draw {run} red --n 2 -o some/drawings", tmp_path))
    assert rows == [["red", "some/drawings/red.png"], ["red", "some/drawings/red-2.png"]]
    assert done(f"draw {run} red blue --n 2 -o sheet.png", tmp_path) == "sheet.png\n"
    assert Image.open(tmp_path / "sheet.png").width > 4 * 128
    kept = json.loads(done(f"draw {run} red --json", tmp_path))["answers"][0]
    strange = ended(f"draw {run} --file prompts.txt --json", tmp_path)
    assert strange.err == "1 of 2 texts hold what the model never saw: A 2!.\n" and kept["unknown"] == []
    done(f"draw {run} red -o one.png", tmp_path)
    assert base64.b64decode(kept["picture"]) == (tmp_path / "one.png").read_bytes()


def test_drawings_are_judged_beside_ceiling_and_floor(place: Path) -> None:
    told = done(f"evaluate {made('drawn', place)} captions.csv --judge {made('matched', place)}", place)
    assert "12 examples" in told and "ceiling recall@1" in told and "floor recall@1" in told


def test_pictures_are_matched_with_texts_of_ones_own(place: Path) -> None:
    run = made("matched", place)
    rows = table(done(f"match {run} photos --n 2 --among red blue green red", place))
    assert len(rows) == 24
    assert all(float(one[2]) >= float(other[2]) for one, other in zip(rows[::2], rows[1::2], strict=True))
    told = ended(f"match {run} photos/red/0.png --json --among red blue green", place)
    assert told.err == "1 of 3 texts hold what the model never saw: green.\n"
    found = json.loads(told.out)["answers"]
    assert {one["output"]: one["unknown"] for one in found} == {"red": [], "blue": [], "green": ["green"]}
    assert sum(one["probability"] for one in found) == pytest.approx(1, abs=1e-5)
    cosines = table(done(f"match {run} --score photos/red/0.png red photos/red/0.png blue", place))
    assert all(abs(float(row[2])) <= 1 for row in cosines)
    order = [one["output"] for one in found if one["output"] != "green"]
    assert order == [row[1] for row in sorted(cosines, key=lambda row: -float(row[2]))]
    assert done(f"match {run} photos/red/0.png", place).split("\t")[1].startswith("a ")


def test_labels_are_bars_rows_and_probabilities(place: Path) -> None:
    run = made("filmed", place)
    told = ended(f"label {run} clips", place)
    bars = [line.split() for line in told.out.splitlines()]
    assert [bar[0] for bar in bars[:-1]] == [f"clips/{number}.npy" for number in range(5)]
    assert all(re.fullmatch("[dl]{10}", bar[1]) for bar in bars[:-1]) and "d dark" in told.out.splitlines()[-1]
    assert told.err.count("read in 3 windows that overlap; one pass over all would have labelled") == 5
    one = json.loads(done(f"label {run} clips/0.npy --json", place))
    assert len(one["labels"]) == 10 and one["windows"] == [[0, 6], [3, 9], [4, 10]]
    assert [sum(row) for row in one["probabilities"]] == pytest.approx([1] * 10, abs=1e-5)
    assert "".join(label[0] for label in one["labels"]) == bars[0][1]
    done(f"label {run} clips/0.npy -o steps.csv", place)
    steps = list(csv.DictReader((place / "steps.csv").read_text(encoding="utf-8").splitlines()))
    assert [step["label"] for step in steps] == one["labels"]
    assert [float(step["light"]) for step in steps] == [row[1] for row in one["probabilities"]]


def test_labels_as_rows_can_be_learnt_from(place: Path) -> None:
    run = made("measured", place)
    rows = table(done(f"label {run} series/0.csv --rows", place))
    assert rows[0] == ["start", "end", "label"] and float(rows[1][0]) == 0 and float(rows[-1][1]) == pytest.approx(2)
    assert all(one[1] == other[0] for one, other in pairwise(rows[1:]))
    done(f"label {run} series --rows -o found.tsv", place)
    scores = json.loads(done(f"evaluate {run} found.tsv --json", place))
    assert scores["count"] == 5 and scores["measures"]["accuracy"]["value"] == 100


def test_words_stand_above_their_labels(place: Path) -> None:
    told = ended(f"label {made('tagged', place)}", place, given="a house3 fell\na house9\n")
    assert "2 of 2 texts hold words seen less than twice in training" in told.err and "house3 house9" in told.err
    lines = told.out.splitlines()
    assert [line.split() for line in lines[::3]] == [["a", "house3", "fell"], ["a", "house9"]]
    assert {*" ".join(lines[1::3]).split()} <= {"DET", "NOUN", "VERB"} and lines[1].index(lines[1].split()[1]) == 5


def test_bars_are_coloured_where_colours_are_seen(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made("filmed", place)
    plain = done(f"label {run} clips/0.npy", place)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = done(f"label {run} clips/0.npy", place)
    assert "\x1b[" not in plain and "\x1b[" in coloured
    assert [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_scored_drawn_and_its_data_checked(name: str, place: Path) -> None:
    run, (_, task, data, *_) = made(name, place), RUNS[name].split()
    scores = json.loads(done(f"evaluate {run} {data} --json", place))
    assert scores["primary"] in scores["measures"] and scores["baseline"]
    logs = [case["score"] for case in scores["cases"] if "score" in case]
    assert len(logs) == (0 if task in ("draw", "match") else scores["count"]) and all(log < 0 for log in logs)
    assert "95 % interval" in done(f"evaluate {run}", place)
    drawn = done(f"info {run}", place)
    assert f"trained to {task}" in drawn and drawn.count("□") == {"seen": 1, "told": 1, "matched": 6}.get(name, 3)
    assert f"heedful {task} {run}" in (place / run / "README.md").read_text(encoding="utf-8")
    assert done(f"check {task} {data} -o checked", place).endswith("page: checked/index.html\n")
