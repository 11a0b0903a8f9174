"""Comparisons are fair: equal weights if asked for, the same data for all, mistakes found before training.

And every task can be compared across eras.
"""

import base64
import io
import json
import random
import re
from html import escape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.numpy import load_file

from heedful.report import words
from heedful.tasks.joins import allowed
from support.command_line import heedful
from support.sampling import SEED
from support.tiny_tasks import COLUMN, SIDE, TASKS, write_data

TINY = "network.size=tiny train.threads=1 train.valid_limit=20"
SMALL = f"{TINY} generate.max_length=8 generate.beam=1"
NETWORKS = ("gru", "bahdanau2015", "vaswani2017")
THREE = f"compare translate pairs.tsv --networks {','.join(NETWORKS)} {SMALL}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with words and how they are spelt backwards, one of which has no target; some of them apart."""
    draw = random.Random(0)
    words = {"".join(draw.choices("abcdefgh", k=draw.randint(2, 6))) for _ in range(300)}
    rows = [f"{word}\t{' '.join(reversed(word)).upper()}" for word in sorted(words)]
    (tmp_path / "pairs.tsv").write_text("\n".join([*rows[:-30], "alone"]), encoding="utf-8")
    (tmp_path / "test.tsv").write_text("\n".join(rows[-30:]), encoding="utf-8")
    return tmp_path


def test_weights_are_equal_where_they_are_asked_for(folder: Path) -> None:
    """The widths are said; the files hold what was promised."""
    outcome = heedful(f"{THREE} --test test.tsv --steps 2 --weights 1e5 data.bad_rows=skip -o equal", folder)
    assert outcome.code == 0, outcome.err
    entries = json.loads((folder / "equal" / "compare.json").read_text(encoding="utf-8"))["entries"]
    assert [entry["network"] for entry in entries] == list(NETWORKS)
    for entry in entries:
        weight_count = sum(weight.size for weight in load_file(folder / entry["run"] / "model.safetensors").values())
        width = json.loads((folder / entry["run"] / "config.json").read_text(encoding="utf-8"))["network"]["width"]
        assert f"{entry['network']}: width {width}, {entry['weights']:,} weights" in outcome.err
        assert weight_count == entry["weights"]
        assert weight_count == pytest.approx(1e5, rel=0.08)


def test_data_are_prepared_once_for_all_networks(folder: Path) -> None:
    """And all seeds, which share one split; each run has all of its data, and nothing else is left."""
    outcome = heedful(f"{THREE} --steps 2 --seeds 1,0 data.bad_rows=skip -o luck", folder)
    assert outcome.code == 0, outcome.err
    runs = [f"{network}-{seed}" for network in NETWORKS for seed in (0, 1)]
    assert sorted(path.name for path in (folder / "luck").iterdir()) == sorted([*runs, "compare.html", "compare.json"])
    assert outcome.err.count("held out by seed 1") == outcome.err.count("held out") == 1
    assert outcome.err.count("data as prepared before") == 5
    first, *further = [contents(folder / "luck" / run) for run in runs]
    assert {"bad_rows.jsonl", "data/prepared.json", "data/valid.json"} < first.keys()
    assert further == [first] * 5
    weights = {(folder / "luck" / run / "model.safetensors").read_bytes() for run in runs}
    assert len(weights) == len(runs)
    comparison = json.loads((folder / "luck" / "compare.json").read_text(encoding="utf-8"))
    assert comparison["over_runs"].keys() == {*NETWORKS}
    (folder / "luck" / "gru-0" / "data" / "valid.json").unlink()  # a run is its own: what becomes of one concerns none
    assert heedful("evaluate luck/vaswani2017-0", folder).code == 0


def contents(run: Path) -> dict[str, bytes]:
    """A run's data by file."""
    paths = [run / "bad_rows.jsonl", *(path for path in (run / "data").rglob("*") if path.is_file())]
    return {str(path.relative_to(run)): path.read_bytes() for path in paths}


def test_other_data_are_refused_before_training(folder: Path) -> None:
    """A comparison is repeated after its file was mended: no network learns from other rows than the rest."""
    line = "compare translate pairs.tsv {} --steps 1 " + SMALL
    assert heedful(line.format("--networks gru data.bad_rows=skip -o twice"), folder).code == 0
    rows = (folder / "pairs.tsv").read_text(encoding="utf-8").removesuffix("\nalone")
    (folder / "pairs.tsv").write_text(rows.replace("A", "B"), encoding="utf-8")
    outcome = heedful(line.format("--networks cho2014,gru data.bad_rows=skip -o twice"), folder)
    assert outcome.code == 2 and "twice/gru holds a run on other data: pairs.tsv changed since" in outcome.err
    assert not (folder / "twice" / "cho2014").exists()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_compared_across_eras(task: str, tmp_path: Path) -> None:
    """Two networks drawn by the seed: each has its score in the table and on the page, and its answers are shown."""
    (tmp_path / "data").mkdir()
    files, column = write_data(tmp_path / "data", SEED), COLUMN.get(task, "texts")
    networks = random.Random(f"{SEED} {task}").sample(allowed(task), 2)
    outcome = heedful(
        f"compare {task} {files[f'train-{column}']} --valid {files[f'valid-{column}']} --networks {','.join(networks)} "
        f"--steps 3 network.width=16 data.overlap=keep -o made {SMALL if task == 'caption' else TINY}",
        tmp_path,
    )
    assert outcome.code == 0, outcome.err
    page = (tmp_path / "made" / "compare.html").read_text(encoding="utf-8")
    entries = json.loads((tmp_path / "made" / "compare.json").read_text(encoding="utf-8"))["entries"]
    assert [entry["network"] for entry in entries] == networks and f"{networks[0]} vs {networks[1]}: " in outcome.out
    for entry in entries:
        value = primary_score(entry["scores"])
        assert value == primary_score(json.loads((tmp_path / entry["run"] / "scores.json").read_text())["scores"])
        [line] = [line for line in outcome.out.splitlines() if re.match(rf"{entry['network']} .*/s ", line)]
        table = page.partition('<table class="stack">')[2]
        row = table.partition(f'<tr><th scope="row">{entry["network"]}</th>')[2].partition("</tr>")[0]
        assert line.split()[1] == value and f"<span>{value}" in row
        assert entry["samples"] and {Path(sample["source"]).name in page for sample in entry["samples"]} == {True}
        outputs = [sample["output"] for sample in entry["samples"] if task not in ("draw", "label")]
        plain = re.sub("</?(del|ins)>", "", page)  # what is wrong is struck out
        assert [output for output in outputs if escape(output) not in plain] == []
    pictures = [Image.open(io.BytesIO(base64.b64decode(png))) for png in re.findall(r"image/png;base64,([^\"]+)", page)]
    of_a_sample = {"draw": len(networks) + 1} | dict.fromkeys(("label", "complete", "fill", "translate"), 0)
    picture_count = len(entries[0]["samples"]) * of_a_sample.get(task, 1)
    assert [picture.size for picture in pictures] == [(SIDE, SIDE)] * picture_count
    assert page.count("<svg") >= 2 and page.count("truth") >= (task == "label")


def primary_score(scores: dict[str, Any]) -> str:
    """The score that a comparison goes by, as tables have it."""
    return words.score(scores["measures"][scores["primary"]]["value"], scores["primary"]).removesuffix(" %")


def test_settings_are_compared_as_networks_are(folder: Path) -> None:
    """By their names, in folders of their own, with tests adjusted for their number, and what is right beside answers.

    Another order of values is the same comparison, which finds its runs finished.
    """
    line = f"compare translate pairs.tsv --networks gru --steps 2 data.bad_rows=skip -o vary {SMALL} --vary "
    outcome = heedful(f"{line} network.dropout=0.0,0.1,0.3 --seeds 0,1", folder)
    assert outcome.code == 0, outcome.err
    names = [f"gru dropout={value}" for value in (0.0, 0.1, 0.3)]
    result = json.loads((folder / "vary" / "compare.json").read_text(encoding="utf-8"))
    assert [entry["network"] for entry in result["entries"]] == [name for name in names for _ in range(2)]
    assert {entry["run"] for entry in result["entries"]} == {
        f"vary/{name.replace(' ', '-')}-{seed}" for name in names for seed in (0, 1)
    }
    assert result["noun"] == "setting" and {test["tests"] for test in result["paired"].values()} == {3}
    page = (folder / "vary" / "compare.html").read_text(encoding="utf-8")
    assert outcome.out.startswith("setting ") and "p is adjusted for 3 tests" in outcome.out and "Holm" in page
    assert {entry["samples"][0]["source"] in page for entry in result["entries"]} == {True} and ">right<" in page
    again = heedful(f"{line} network.dropout=0.3,0.1 --seeds 0,1", folder)
    assert again.code == 0 and again.err.count("is finished") == 4, again.err


MISTAKES = {
    "network twice": ("gru,lstm,gru", "", ["gru is listed twice"]),
    "seed twice": ("gru", "--seeds 1,2,1", ["seed 1 is listed twice"]),
    "seeds in words": ("gru", "--seeds one", ["--seeds cannot be 'one'", "0,1,2"]),
    "no network": ("gru,", "", ['no network ""']),
    "no choice of a network": ("auto", "", ['no network "auto"']),
    "setting that the second lacks": ("vaswani2017,gru", "network.heads=2", ["gru has no setting network.heads"]),
    "weights and width": ("gru", "--weights 5e4 network.width=64", ["network.width is set", "Leave one of them out"]),
    "too many weights": ("gru", "--weights 1e12", ["No width gives gru 1,000,000,000,000 weights", "can have"]),
    "too few weights": ("gru,vaswani2017", "--weights 0", ["No width gives gru 0 weights"]),
    "weights in words": ("gru", "--weights many", ["--weights cannot be 'many'", "2e6"]),
    "value twice": ("gru", "--vary network.dropout=0.1,0.10", ["value of network.dropout 0.1 is listed twice"]),
    "unknown key": ("gru", "--vary network.dropuot=0.1", ["no key network.dropuot", "network.dropout"]),
    "value that is none": ("gru", "--vary network.dropout=0.1,high", ["network.dropout cannot be 'high'"]),
    "seeds as a key": ("gru", "--vary seed=1,2", ["seed cannot be varied", "--seeds 0,1,2"]),
    "other examples": ("gru", "--vary data.seed=1,2", ["data.seed cannot be varied", "the same examples"]),
    "networks as a key": ("gru", "--vary network.name=gru,lstm", ["--networks A,B compares networks"]),
    "other training files": ("gru", "--vary data.train=pairs.tsv,test.tsv", ["--test FILE"]),
    "no value": ("gru", "--vary network.dropout", ["--vary cannot be 'network.dropout'", "network.depth=1,2,4"]),
    "seed of the split": ("gru", "--seeds 1,2 data.seed=-1", ["data.seed cannot be -1", "held-out"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_found_before_training(case: str, folder: Path) -> None:
    networks, more, expected = MISTAKES[case]
    line = f"compare translate pairs.tsv --networks {networks} --steps 1 {more} -o made data.bad_rows=skip {SMALL}"
    outcome = heedful(line, folder)
    assert outcome.code == 2 and outcome.out == "" and "Traceback" not in outcome.err
    assert [words for words in expected if words not in outcome.err] == []
    assert not list(folder.glob("made/*/metrics.jsonl"))
