"""The verbs complete and fill through the real command line, on a few short documents."""

import json
import math
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from support.command_line import HEEDFUL, Outcome, heedful

SMALL = "--size tiny --steps 5 network.width=16 train.threads=1 train.valid_limit=4 data.window=24"
RUNS = {
    "book": f"train complete book.txt --network gpt {SMALL} data.source_tokenizer=characters",
    "notes": f"train complete notes.jsonl --network lstm {SMALL} data.vocabulary=300",
    "gaps": f"train fill notes.jsonl --network bert {SMALL} data.source_tokenizer=symbols",
    "letters": f"train fill book.txt --network gru {SMALL} data.source_tokenizer=characters",
}
"""How each run is made, when it is first asked for."""

# As in test_cli.py: what was typed, and words that must stand in the answer on stderr. {book} and others are runs.
MISTAKES = {
    "text without a gap": ("fill {gaps} the cat", ["There is no gap in 'the'", "Write [MASK]"]),
    "another sign for a gap": ("fill {gaps} a<mask>", ["no gap", "Write [MASK] in place of '<mask>'"]),
    "long text with a gap": (
        "fill {gaps} --file long.txt data.long=error",
        ["long.txt line 1: ", "tokens; the network reads 24 at once", "Shorten it"],
    ),
    "prompt that is too long": (
        "complete {book} --file long.txt long_prompt=error",
        ["long.txt line 1: ", "network reads 24 at once", "long_prompt=end"],
    ),
    "stop twice": ("complete {book} a --stop x stop=y", ["generate.stop is set twice"]),
    "empty stop": ("complete {book} a stop=[''] ", ["generate.stop has an empty text"]),
    "misspelt setting": ("complete {book} a temprature=1", ["generate.temprature", "generate.temperature ("]),
    "score and n": ("complete {book} --score a b --n 2", ["--score takes no --n"]),
    "filled with two letters": ("fill {letters} --score [MASK] ha", ["'ha' is no single token", "a gap holds one"]),
    "filled with a strange word": ("fill {gaps} --score [MASK] ox", ["'ox' is no single token of the vocabulary"]),
    "a strange word in a file": (
        "fill {gaps} --score --file filled.txt",
        ["filled.txt line 3: 'ox' is no"],
    ),
    "whole texts and several": ("fill {gaps} a[MASK] --text --n 2", ["--text does not go with --n"]),
    "filled otherwise": ("fill {letters} --score a[MASK] ba", ["'ba' is not 'a[MASK]' with its gaps filled"]),
    "another verb": ("fill {book} a[MASK]", ["book was trained to complete", "heedful complete book"]),
    "too much explained": ("explain {book} a --answer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ["reads 24"]),
    "explained without a gap": ("explain {gaps} a", ["There is no gap in 'a'"]),
    "explained otherwise": ("explain {letters} a[MASK] --answer ba", ["'ba' is not 'a[MASK]' with its gaps filled"]),
    "another tokenizer": (
        f"train complete book.txt --from {{book}} {SMALL} data.target_tokenizer=symbols data.source_tokenizer=auto",
        ["data.target_tokenizer is 'symbols'", "have a tokenizer of their own"],
    ),
    "empty file": (f"train complete empty.txt {SMALL}", ["empty.txt is empty"]),
    "nothing but blanks": (f"train fill blank.txt {SMALL}", ["no document to learn from in blank.txt"]),
    "folder without texts": (f"train complete folder {SMALL}", ["folder has 1 file and no .txt"]),
    "misspelt file": (f"train complete bok.txt {SMALL}", ["There is no file bok.txt", "Did you mean book.txt"]),
    "no column of texts": (f"train complete other.csv {SMALL}", ["column for text in other.csv", "data.columns.text="]),
    "window beyond the context": (
        f"train complete book.txt {SMALL} network.context=8",
        ["data.window is 24", "network.context 8"],
    ),
    "network that needs a source": (f"train complete book.txt --network bahdanau2015 {SMALL}", ["cannot complete"]),
    "two tokenizers": (
        f"train fill book.txt {SMALL} data.source_tokenizer=bpe data.target_tokenizer=characters",
        ["Documents have one tokenizer"],
    ),
    "lines to translate": ("train translate book.txt data.format=lines --steps 1", ["is for documents", "complete"]),
    "no data to complete": ("train complete", ["no training file", "heedful train complete book.txt"]),
    "share of gaps": (f"train fill book.txt train.mask=1.5 {SMALL}", ["train.mask cannot be 1.5"]),
}


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents, good and bad."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "folder").mkdir()
    line = "the cat sat on the mat and the dog saw it {}\n\n"
    texts = {
        "book.txt": "".join(line.format(number) for number in range(40)),
        "notes.jsonl": "".join(json.dumps({"text": line.format(number).strip()}) + "\n" for number in range(40)),
        "long.txt": "[MASK]" + "the cat " * 30 + "\n",
        "filled.txt": "[MASK] cat\tthe cat\n\n[MASK] cat\tox cat\n",
        "begun.txt": "the cat\n\nthe dog\n",
        "empty.txt": "",
        "blank.txt": " \n\n",
        "other.csv": "price,colour\n12,red\n",
        "folder/notes.md": "the cat",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def trained_run(name: str, folder: Path) -> str:
    """A run, trained by the command when it is first asked for."""
    if not (folder / name / "scores.json").exists():
        run_command(f"{RUNS[name]} -o {name}", folder)
    return name


def run_command(line: str, folder: Path, stdin: str = "") -> Outcome:
    """How a command that must end well ended."""
    outcome = heedful(line, folder, stdin)
    assert outcome.code == 0, outcome.err
    return outcome


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, workspace: Path) -> None:
    line, expected = MISTAKES[case]
    line = re.sub(r"\{(\w+)\}", lambda match: trained_run(match[1], workspace), line)
    before = sorted(workspace.rglob("*"))
    outcome = heedful(line, workspace)
    assert outcome.code == 2 and outcome.out == ""
    assert [words for words in expected if words not in outcome.err] == []
    assert "Traceback" not in outcome.err and len(outcome.err.splitlines()) <= 4
    assert sorted(workspace.rglob("*")) == before, "something was left behind"


def test_a_text_goes_on_as_often_and_as_far_as_asked(workspace: Path) -> None:
    run = trained_run("book", workspace)
    text = run_command(f"complete {run} the --tokens 6 seed=3", workspace).out
    assert text.startswith("the") and len(text) == len("the") + 6 + 1
    assert run_command(f"complete {run} --tokens 6 seed=3", workspace, stdin="the\n").out == text
    assert run_command(f"complete {run} the --tokens 6 seed=4", workspace).out != text
    texts = run_command(f"complete {run} --file begun.txt --n 3 --tokens 6", workspace).out
    assert [line[:7] for line in texts.splitlines()] == ["the cat"] * 3 + [""] * 3 + ["the dog"] * 3
    words = run_command(f"complete {run} the --n 3 --tokens 40", workspace).out
    assert words.count("\n---\n") == 2 and words.count("\n") > 6, "continuations of a text typed have lines"
    assert run_command(f"complete {run} --file begun.txt --n 3 --tokens 6 -o more.txt", workspace).out == ""
    assert (workspace / "more.txt").read_text(encoding="utf-8") == texts
    [unstopped] = json.loads(run_command(f"complete {run} the --tokens 20 --json sample=false", workspace).out)[
        "answers"
    ]
    first = unstopped["tokens"][2].replace("▁", "t").replace("⏎", "t")
    [stopped] = json.loads(
        run_command(f"complete {run} the --tokens 20 --json sample=false --stop {first}", workspace).out
    )["answers"]
    assert first not in stopped["output"] and unstopped["output"].startswith(stopped["output"])
    score = run_command(f"complete {run} --score the cat", workspace).out.split("\t")
    assert score[:2] == ["the", "cat"] and float(score[2]) < 0


def test_what_outgrows_the_network_goes_on_and_is_told(workspace: Path) -> None:
    """An answer goes on from its end; of a prompt only the end is read where that is asked for."""
    run = trained_run("book", workspace)
    outcome = run_command(f"complete {run} the --tokens 60", workspace)
    assert len(outcome.out) == 64 and "outgrew the 24 tokens that the network reads at once" in outcome.err
    end = run_command(f"complete {run} --file long.txt --tokens 3 --json long_prompt=end", workspace)
    assert (
        "Only the last 12 tokens of the text were read (first: long.txt line 1)." in end.err
        and len(json.loads(end.out)["answers"]) == 1
    )
    assert "outgrew" not in run_command(f"complete {trained_run('notes', workspace)} the --tokens 60", workspace).err


def test_a_terminal_sees_a_text_grow(workspace: Path) -> None:
    """Piece by piece, the same that a pipe is given at once."""
    line = f"complete {trained_run('book', workspace)} the --tokens 12 seed=5".split()
    main_end, terminal_end = pty.openpty()
    with subprocess.Popen([*HEEDFUL, *line], cwd=workspace, stdout=terminal_end, stderr=subprocess.PIPE) as process:
        os.close(terminal_end)
        pieces = []
        while True:
            try:
                pieces.append(os.read(main_end, 1000).decode())
            except OSError:  # the other side is closed
                break
            if not pieces[-1]:
                break
    os.close(main_end)
    assert process.returncode == 0
    assert "".join(pieces).replace("\r\n", "\n") == run_command(" ".join(line), workspace).out and len(pieces) > 2


def test_learnt_places_are_said_to_be_slow(workspace: Path) -> None:
    learned = run_command(f"train fill book.txt {SMALL} --network bert -o learnt", workspace)
    rotary = run_command(f"train fill book.txt {SMALL} --network bert network.positions=rotary -o turned", workspace)
    assert ["learns its position" in outcome.out + outcome.err for outcome in (learned, rotary)] == [
        True,
        False,
    ]


def test_gaps_are_filled_with_guesses_and_probabilities(workspace: Path) -> None:
    run = trained_run("gaps", workspace)
    (workspace / "asked.txt").write_text("the [MASK] sat on the [MASK]\n[MASK] dog\n", encoding="utf-8")
    blank = run_command(f"fill {run} --text", workspace, "[MASK]\n\n[MASK] dog\n").out.splitlines()
    assert len(blank) == 3 and blank[1] == "" and blank[0]
    rows = [line.split("\t") for line in run_command(f"fill {run} --file asked.txt --n 2", workspace).out.splitlines()]
    two_gaps, one_gap = "the [MASK] sat on the [MASK]", "[MASK] dog"
    assert [row[:2] for row in rows] == [*([two_gaps, n] for n in "1122"), *([one_gap, "1"] for _ in range(2))]
    for row, next_row in zip(rows[::2], rows[1::2], strict=True):
        assert row[2] != next_row[2] and 1 >= float(row[3]) >= float(next_row[3]) > 0
    best = [row[2] for row in rows[::2]]
    filled = run_command(f"fill {run} --file asked.txt --text", workspace).out.splitlines()
    assert filled == [f"the {best[0]} sat on the {best[1]}", f"{best[2]} dog"]
    records = [
        json.loads(line) for line in run_command(f"fill {run} --file asked.txt --json", workspace).out.splitlines()
    ]
    assert [record["output"] for record in records] == filled and [
        len(gap) for record in records for gap in record["gaps"]
    ] == [5] * 3
    assert records[1]["score"] == pytest.approx(math.log(records[1]["gaps"][0][0]["probability"]), abs=1e-4)
    (workspace / "pairs.tsv").write_text(f"{records[0]['source']}\t{filled[0]}\n", encoding="utf-8")
    score = float(run_command(f"fill {run} --score --file pairs.tsv", workspace).out.split("\t")[2])
    assert score == pytest.approx(records[0]["score"], abs=1e-4)
    assert run_command(f"fill {run} [MASK]x", workspace).err == "1 of 1 text holds what the model never saw: x.\n"
    assert len(run_command(f"fill {trained_run('letters', workspace)} th[MASK]", workspace).out.splitlines()) == 5


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_scored_reported_and_its_data_checked(name: str, workspace: Path) -> None:
    run, (_, task, data, *_) = trained_run(name, workspace), RUNS[name].split()
    scores = json.loads(run_command(f"evaluate {run} {data} --json", workspace).out)
    measures = {"complete": ["bits_per_character", "perplexity"], "fill": ["accuracy", "perplexity"]}[task]
    assert list(scores["measures"]) == measures == list(scores["baseline"]) and len(scores["cases"]) == scores["count"]
    assert all(case["score"] < 0 for case in scores["cases"])
    assert run_command(f"evaluate {run} {data} --against {run}", workspace).out.endswith("no difference can be told.\n")
    shape = run_command(f"info {run}", workspace).out
    assert f"trained to {task}" in shape and shape.count("○") == {"complete": 5, "fill": 1}[task]
    page = (workspace / run / "report.html").read_text(encoding="utf-8")
    assert ("How it goes on" in page) == ("What surprised it most" in page) == (task == "complete")
    assert f"heedful {task} {run}" in (workspace / run / "README.md").read_text(encoding="utf-8")
    assert run_command(f"check {task} {data} -o checked", workspace).out.endswith("page: checked/index.html\n")


def test_check_says_what_is_odd_in_documents(workspace: Path) -> None:
    (workspace / "odd.jsonl").write_text(
        "".join(f'{{"text": {json.dumps(text)}}}\n' for text in ("same", "same", " ", "zero\u200bwidth")), "utf-8"
    )
    output = run_command("check complete odd.jsonl --test odd.jsonl -o checked", workspace).out
    for words in ("1 document that occurred before", "with nothing but blanks", "invisible", "also stand in test"):
        assert words in output
    (workspace / "odd.jsonl").write_text('{"text": "fine"}\n{"text": null}\n', encoding="utf-8")
    assert heedful("check complete odd.jsonl -o checked", workspace).code == 1
