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

from support.command_line import Outcome, heedful

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
    "drawing as JPEG": ("draw {drawn} red -o red.jpg", ["red.jpg is neither a PNG file"]),
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
    "no class instead": ("explain {seen} photos/red/0.png --instead rad", ["no class", "red"]),
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
    "no data to classify": ("train classify", ["no training file", "heedful train classify photos/"]),
}


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of every kind, good and bad."""
    folder = tmp_path_factory.mktemp("shapes")
    generator = np.random.default_rng(0)
    for name in ("photos/red", "photos/blue", "clips", "series", "spoilt/cat", "parted/train", "parted/test", "bare"):
        (folder / name).mkdir(parents=True)
    names = [f"photos/{colour}/{number}.png" for colour in COLOURS for number in range(6)]
    for name in names:
        square(COLOURS[name.split("/")[1]], generator).save(folder / name)
    for number in range(5):
        frames = generator.integers(0, 50, (10, 8, 8), np.uint8)
        frames[5:] += 150
        np.save(folder / f"clips/{number}.npy", frames)
        (folder / f"clips/{number}.txt").write_text("dark\n" * 5 + "light\n" * 5, encoding="utf-8")
        states = [(step // 5 + number) % 2 for step in range(20)]
        rows = [
            f"{step / 10},{generator.normal()},{running},{('walk', 'run')[running]}"
            for step, running in enumerate(states)
        ]
        (folder / f"series/{number}.csv").write_text("\n".join(["seconds,x,y,label", *rows]), encoding="utf-8")
    texts = {
        "captions.csv": "\n".join(
            ["file_name,text", *(f"{name},a  {name.split('/')[1]} {name[-5]}" for name in names)]
        ),
        "texts.tsv": "\n".join(f"{good} {number}\t{good}" for good in ("yes", "no") for number in range(8)),
        "words.conll": "\n\n".join(f"a DET\nhouse{number} NOUN\nfell VERB" for number in range(8)) + "\n",
        "names.txt": "\n".join(names[:3]) + "\n\n",
        "lines.png": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "other.csv": "seconds,x\n0,1\n",
        "empty.txt": "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    png = (folder / names[0]).read_bytes()
    for name in ("cut.png", "spoilt/cat/cut.png"):
        (folder / name).write_bytes(png[: len(png) // 2])
    for name in ("parted/train/1.png", "parted/test/1.png", "spoilt/cat/1.png"):
        (folder / name).write_bytes(png)
    np.save(folder / "bare/0.npy", np.zeros((3, 8, 8), np.uint8))
    return folder


def square(colour: tuple[int, int, int], generator: np.random.Generator) -> Image.Image:
    """A square of a colour on white, not quite the same twice."""
    pixels = np.full((8, 8, 3), 235)
    pixels[1:7, 1:7] = colour
    return Image.fromarray((pixels + generator.integers(0, 20, pixels.shape)).astype(np.uint8))


def trained_run(name: str, folder: Path) -> str:
    """A run, trained by the command when it is first asked for."""
    if not (folder / name / "scores.json").exists():
        output_of(f"{RUNS[name]} -o {name}", folder)
    return name


def output_of(line: str, folder: Path, stdin: str = "") -> str:
    """What a command prints; it must end well."""
    return run_command(line, folder, stdin).out


def run_command(line: str, folder: Path, stdin: str = "") -> Outcome:
    """How a command that must end well ended."""
    outcome = heedful(line, folder, stdin)
    assert outcome.code == 0, outcome.err
    return outcome


def table(text: str) -> list[list[str]]:
    """Lines as cells between tabs."""
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, workspace: Path) -> None:
    line, expected = MISTAKES[case]
    line = re.sub(r"\{(\w+)\}", lambda match: trained_run(match[1], workspace), line)
    before = sorted(workspace.rglob("*"))
    outcome = heedful(line, workspace)
    assert outcome.code == 2 and outcome.out == ""
    assert [words for words in expected if words not in outcome.err] == []
    assert "Traceback" not in outcome.err
    assert sorted(workspace.rglob("*")) == before, "something was left behind"


def test_classes_come_with_probabilities_by_every_way(workspace: Path) -> None:
    run = trained_run("seen", workspace)
    rows = table(output_of(f"classify {run} photos", workspace))
    names = [row[0] for row in rows]
    assert names == sorted(names) and len(names) == 12 and {row[1] for row in rows} <= {*COLOURS}
    assert table(output_of(f"classify {run}", workspace, stdin="\n".join(names))) == rows
    assert (
        table(output_of(f"classify {run} --file names.txt", workspace)) == [row for row in rows if "red/" in row[0]][:3]
    )
    assert table(output_of(f"classify {run} --with {run} photos", workspace)) == rows
    two_best = table(output_of(f"classify {run} photos/red/0.png --n 2", workspace))
    assert {row[1] for row in two_best} == {*COLOURS} and sum(float(row[2]) for row in two_best) == pytest.approx(
        1, abs=2e-4
    )
    assert output_of(f"classify {run} photos/red/0.png --json -o all.json", workspace) == ""
    record = json.loads((workspace / "all.json").read_text(encoding="utf-8"))
    assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert record["answers"][0]["probability"] == max(record["probabilities"].values())
    scored = table(output_of(f"classify {run} --score photos/red/0.png red photos/red/0.png blue", workspace))
    assert {row[1]: math.exp(float(row[2])) for row in scored} == pytest.approx(record["probabilities"], abs=1e-3)


def test_texts_are_classified_too(workspace: Path) -> None:
    outcome = run_command(f"classify {trained_run('read', workspace)} --n 2", workspace, stdin="yes 3\nno 9")
    assert [row[0] for row in table(outcome.out)] == ["yes 3", "yes 3", "no 9", "no 9"]
    assert {row[1] for row in table(outcome.out)} == {"yes", "no"}
    assert outcome.err == "1 of 2 texts holds what the model never saw: 9 (first: standard input line 2).\n"
    assert json.loads(output_of("classify read --json", workspace, stdin="no 9"))["unknown"] == ["9"]


def test_captions_are_sentences_and_can_be_scored(workspace: Path) -> None:
    run = trained_run("told", workspace)
    rows = table(output_of(f"caption {run} photos --n 2", workspace))
    best = table(output_of(f"caption {run} photos", workspace))
    assert len(best) == 12 and [row[:2] for row in rows[::2]] == best
    records = [json.loads(line) for line in output_of(f"caption {run} photos --n 2 --json", workspace).splitlines()]
    answers = [(record["source"], answer) for record in records for answer in record["answers"]]
    assert [[source, answer["output"]] for source, answer in answers] == [row[:2] for row in rows]
    complete = [(source, answer) for source, answer in answers if answer["complete"]]
    assert complete
    pairs = "".join(f"{source}\t{answer['output']}\n" for source, answer in complete)
    scored = table(output_of(f"caption {run} --score", workspace, stdin=pairs))
    assert [float(row[2]) for row in scored] == pytest.approx([answer["score"] for _, answer in complete], abs=2e-4)


def test_drawings_are_files_named_after_their_texts(workspace: Path, tmp_path: Path) -> None:
    run, prompts = workspace / trained_run("drawn", workspace), tmp_path / "prompts.txt"
    prompts.write_text("a red 1\nA blue 2!\n", encoding="utf-8")
    tables = [
        table(output_of(f"draw {run} --file prompts.txt {settings}", tmp_path)) for settings in ("", "seed=0", "seed=7")
    ]
    assert tables[0] == [["a red 1", "a-red-1.png"], ["A blue 2!", "a-blue-2.png"]]
    assert [row[1] for row in tables[2]] == ["a-red-1-3.png", "a-blue-2-3.png"]
    files = [[(tmp_path / row[1]).read_bytes() for row in rows] for rows in tables]
    assert files[0] == files[1] != files[2]
    assert {Image.open(io.BytesIO(png)).size for pngs in files for png in pngs} == {(8, 8)}
    rows = table(output_of(f"draw {run} red --n 2 -o some/drawings", tmp_path))
    assert rows == [["red", "some/drawings/red.png"], ["red", "some/drawings/red-2.png"]]
    assert output_of(f"draw {run} red blue --n 2 -o sheet.png", tmp_path) == "sheet.png\n"
    assert Image.open(tmp_path / "sheet.png").width > 4 * 128
    answer = json.loads(output_of(f"draw {run} red --json", tmp_path))["answers"][0]
    outcome = run_command(f"draw {run} --file prompts.txt --json", tmp_path)
    assert (
        outcome.err == "1 of 2 texts holds what the model never saw: A 2! (first: prompts.txt line 2).\n"
        and answer["unknown"] == []
    )
    output_of(f"draw {run} red -o one.png", tmp_path)
    assert base64.b64decode(answer["picture"]) == (tmp_path / "one.png").read_bytes()


def test_drawings_are_judged_beside_ceiling_and_floor(workspace: Path) -> None:
    output = output_of(
        f"evaluate {trained_run('drawn', workspace)} captions.csv --judge {trained_run('matched', workspace)}",
        workspace,
    )
    assert "12 examples" in output and "ceiling recall@1" in output and "floor recall@1" in output


def test_pictures_are_matched_with_texts_of_ones_own(workspace: Path) -> None:
    run = trained_run("matched", workspace)
    rows = table(output_of(f"match {run} photos --n 2 --among red blue green red", workspace))
    assert len(rows) == 24
    assert all(float(row[2]) >= float(next_row[2]) for row, next_row in zip(rows[::2], rows[1::2], strict=True))
    outcome = run_command(f"match {run} photos/red/0.png --json --among red blue green", workspace)
    assert outcome.err == "1 of 3 texts holds what the model never saw: green.\n"
    answers = json.loads(outcome.out)["answers"]
    assert {answer["output"]: answer["unknown"] for answer in answers} == {"red": [], "blue": [], "green": ["green"]}
    assert sum(answer["probability"] for answer in answers) == pytest.approx(1, abs=1e-5)
    cosines = table(output_of(f"match {run} --score photos/red/0.png red photos/red/0.png blue", workspace))
    assert all(abs(float(row[2])) <= 1 for row in cosines)
    order = [answer["output"] for answer in answers if answer["output"] != "green"]
    assert order == [row[1] for row in sorted(cosines, key=lambda row: -float(row[2]))]
    [[_, text, _]] = table(output_of(f"match {run} photos/red/0.png", workspace))
    assert text.startswith("a  "), "not as it was written in training, with two blanks"
    assert text in (workspace / "captions.csv").read_text(encoding="utf-8")
    (workspace / "wanted.txt").write_text("red\n\nblue\n", encoding="utf-8")
    rows = table(output_of(f"match {run} photos --n 2 --for @wanted.txt", workspace))
    assert [row[0] for row in rows] == ["red"] * 2 + [""] * 2 + ["blue"] * 2 and rows[2] == ["", "", ""]


def test_labels_are_bars_rows_and_probabilities(workspace: Path) -> None:
    run = trained_run("filmed", workspace)
    outcome = run_command(f"label {run} clips", workspace)
    bars = [line.split() for line in outcome.out.splitlines()]
    assert [bar[0] for bar in bars[:-1]] == [f"clips/{number}.npy" for number in range(5)]
    assert all(re.fullmatch("[dl]{10}", bar[1]) for bar in bars[:-1]) and "d dark" in outcome.out.splitlines()[-1]
    assert outcome.err.count("read in 3 windows that overlap; one pass over all would have labelled") == 5
    record = json.loads(output_of(f"label {run} clips/0.npy --json", workspace))
    assert len(record["labels"]) == 10 and record["windows"] == [[0, 6], [3, 9], [4, 10]]
    assert [sum(row) for row in record["probabilities"]] == pytest.approx([1] * 10, abs=1e-5)
    assert "".join(label[0] for label in record["labels"]) == bars[0][1]
    output_of(f"label {run} clips/0.npy -o steps.csv", workspace)
    steps = list(csv.DictReader((workspace / "steps.csv").read_text(encoding="utf-8").splitlines()))
    assert [step["label"] for step in steps] == record["labels"]
    assert [float(step["light"]) for step in steps] == [row[1] for row in record["probabilities"]]


def test_labels_as_rows_can_be_learnt_from(workspace: Path) -> None:
    run = trained_run("measured", workspace)
    rows = table(output_of(f"label {run} series/0.csv --rows", workspace))
    assert rows[0] == ["start", "end", "label"] and float(rows[1][0]) == 0 and float(rows[-1][1]) == pytest.approx(2)
    assert all(row[1] == next_row[0] for row, next_row in pairwise(rows[1:]))
    output_of(f"label {run} series --rows -o found.tsv", workspace)
    scores = json.loads(output_of(f"evaluate {run} found.tsv --json", workspace))
    assert scores["count"] == 5 and scores["measures"]["accuracy"]["value"] == 100


def test_words_stand_above_their_labels(workspace: Path) -> None:
    outcome = run_command(f"label {trained_run('tagged', workspace)}", workspace, stdin="a house3 fell\na house9\n")
    assert "2 of 2 texts hold words seen less than twice in training" in outcome.err and "house3 house9" in outcome.err
    lines = outcome.out.splitlines()
    assert [line.split() for line in lines[::3]] == [["a", "house3", "fell"], ["a", "house9"]]
    assert {*" ".join(lines[1::3]).split()} <= {"DET", "NOUN", "VERB"} and lines[1].index(lines[1].split()[1]) == 5


def test_bars_are_coloured_where_colours_are_seen(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained_run("filmed", workspace)
    plain = output_of(f"label {run} clips/0.npy", workspace)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = output_of(f"label {run} clips/0.npy", workspace)
    assert "\x1b[" not in plain and "\x1b[" in coloured
    assert [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_scored_drawn_and_its_data_checked(name: str, workspace: Path) -> None:
    run, (_, task, data, *_) = trained_run(name, workspace), RUNS[name].split()
    scores = json.loads(output_of(f"evaluate {run} {data} --json", workspace))
    assert scores["primary"] in scores["measures"] and scores["baseline"]
    values = [table[scores["primary"]]["value"] for table in (scores["measures"], scores["baseline"])]
    test = scores["against_baseline"]
    assert (test["measure"], test["difference"]) == (scores["primary"], pytest.approx(values[0] - values[1]))
    assert re.search(
        r"(better|worse) than the baseline \(", (workspace / run / "README.md").read_text(encoding="utf-8")
    )
    logs = [case["score"] for case in scores["cases"] if "score" in case]
    assert len(logs) == (0 if task in ("draw", "match") else scores["count"]) and all(log < 0 for log in logs)
    assert "95 % interval" in output_of(f"evaluate {run}", workspace)
    output = output_of(f"info {run}", workspace)
    assert f"trained to {task}" in output and output.count("□") == {"seen": 1, "told": 1, "matched": 6}.get(name, 3)
    assert f"heedful {task} {run}" in (workspace / run / "README.md").read_text(encoding="utf-8")
    assert output_of(f"check {task} {data} -o checked", workspace).endswith("page: checked/index.html\n")
