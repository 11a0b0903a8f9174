"""The verbs complete and fill through the real command line, on a few short documents."""

import json
import math
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from support.command_line import HEEDFUL, Told, heedful

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
    "long text with a gap": ("fill {gaps} --file long.txt", ["tokens; the network reads 24 at once", "Shorten it"]),
    "prompt that is too long": ("complete {book} --file long.txt", ["network reads 24 at once", "long_prompt=end"]),
    "stop twice": ("complete {book} a --stop x stop=y", ["generate.stop is set twice"]),
    "empty stop": ("complete {book} a stop=[''] ", ["generate.stop has an empty text"]),
    "misspelt setting": ("complete {book} a temprature=1", ["generate.temprature", "generate.temperature ("]),
    "score and n": ("complete {book} --score a b --n 2", ["--score takes no --n"]),
    "filled with two letters": ("fill {letters} --score [MASK] ha", ["'ha' is no single token", "a gap holds one"]),
    "filled with a strange word": ("fill {gaps} --score [MASK] ox", ["'ox' is no single token of the vocabulary"]),
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
    "no data to complete": ("train complete", ["no file to learn from", "heedful train complete book.txt"]),
    "share of gaps": (f"train fill book.txt train.mask=1.5 {SMALL}", ["train.mask cannot be 1.5"]),
}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents, good and bad."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "folder").mkdir()
    line = "the cat sat on the mat and the dog saw it {}\n\n"
    texts = {
        "book.txt": "".join(line.format(number) for number in range(40)),
        "notes.jsonl": "".join(json.dumps({"text": line.format(number).strip()}) + "\n" for number in range(40)),
        "long.txt": "[MASK]" + "the cat " * 30 + "\n",
        "begun.txt": "the cat\nthe dog\n",
        "empty.txt": "",
        "blank.txt": " \n\n",
        "other.csv": "title\nthe cat\n",
        "folder/notes.md": "the cat",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def made(name: str, folder: Path) -> str:
    """A run, trained by the command when it is first asked for."""
    if not (folder / name / "scores.json").exists():
        ended(f"{RUNS[name]} -o {name}", folder)
    return name


def ended(line: str, folder: Path, given: str = "") -> Told:
    """How a command that must end well ended."""
    told = heedful(line, folder, given)
    assert told.code == 0, told.err
    return told


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, place: Path) -> None:
    line, expected = MISTAKES[case]
    line = re.sub(r"\{(\w+)\}", lambda found: made(found[1], place), line)
    before = sorted(place.rglob("*"))
    told = heedful(line, place)
    assert told.code == 2 and told.out == ""
    assert [words for words in expected if words not in told.err] == []
    assert "Traceback" not in told.err and len(told.err.splitlines()) <= 4
    assert sorted(place.rglob("*")) == before, "something was left behind"


def test_a_text_goes_on_as_often_and_as_far_as_asked(place: Path) -> None:
    run = made("book", place)
    told = ended(f"complete {run} the --tokens 6 seed=3", place).out
    assert told.startswith("the") and len(told) == len("the") + 6 + 1
    assert ended(f"complete {run} --tokens 6 seed=3", place, given="the\n").out == told
    assert ended(f"complete {run} the --tokens 6 seed=4", place).out != told
    two = ended(f"complete {run} --file begun.txt --n 3 --tokens 6", place).out
    assert two.count("\n---\n") >= 5 and len(two) >= 6 * (len("the cat") + 6)
    assert ended(f"complete {run} --file begun.txt --n 3 --tokens 6 -o more.txt", place).out == ""
    assert (place / "more.txt").read_text(encoding="utf-8") == two
    [one] = json.loads(ended(f"complete {run} the --tokens 20 --json sample=false", place).out)["answers"]
    first = one["tokens"][2].replace("▁", "t").replace("⏎", "t")
    [stopped] = json.loads(ended(f"complete {run} the --tokens 20 --json sample=false --stop {first}", place).out)[
        "answers"
    ]
    assert first not in stopped["output"] and one["output"].startswith(stopped["output"])
    score = ended(f"complete {run} --score the cat", place).out.split("\t")
    assert score[:2] == ["the", "cat"] and float(score[2]) < 0


def test_what_outgrows_the_network_goes_on_and_is_told(place: Path) -> None:
    """An answer goes on from its end; of a prompt only the end is read where that is asked for."""
    run = made("book", place)
    told = ended(f"complete {run} the --tokens 60", place)
    assert len(told.out) == 64 and "outgrew the 24 tokens that the network reads at once" in told.err
    end = ended(f"complete {run} --file long.txt --tokens 3 --json long_prompt=end", place)
    assert "Only the last 12 tokens of the text were read" in end.err and len(json.loads(end.out)["answers"]) == 1
    assert "outgrew" not in ended(f"complete {made('notes', place)} the --tokens 60", place).err


def test_a_terminal_sees_a_text_grow(place: Path) -> None:
    """Piece by piece, the same that a pipe is given at once."""
    line = f"complete {made('book', place)} the --tokens 12 seed=5".split()
    main, side = pty.openpty()
    with subprocess.Popen([*HEEDFUL, *line], cwd=place, stdout=side, stderr=subprocess.PIPE) as running:
        os.close(side)
        pieces = []
        while True:
            try:
                pieces.append(os.read(main, 1000).decode())
            except OSError:  # the other side is closed
                break
            if not pieces[-1]:
                break
    os.close(main)
    assert running.returncode == 0
    assert "".join(pieces).replace("\r\n", "\n") == ended(" ".join(line), place).out and len(pieces) > 2


def test_learnt_places_are_said_to_be_slow(place: Path) -> None:
    learnt = ended(f"train fill book.txt {SMALL} -o learnt", place)
    turned = ended(f"train fill book.txt {SMALL} network.positions=rotary -o turned", place)
    assert ["learns its places" in one.out + one.err for one in (learnt, turned)] == [True, False]


def test_gaps_are_filled_with_guesses_and_probabilities(place: Path) -> None:
    run = made("gaps", place)
    (place / "asked.txt").write_text("the [MASK] sat on the [MASK]\n[MASK] dog\n", encoding="utf-8")
    rows = [line.split("\t") for line in ended(f"fill {run} --file asked.txt --n 2", place).out.splitlines()]
    two, one = "the [MASK] sat on the [MASK]", "[MASK] dog"
    assert [row[:2] for row in rows] == [*([two, n] for n in "1122"), *([one, "1"] for _ in range(2))]
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        assert one[2] != other[2] and 1 >= float(one[3]) >= float(other[3]) > 0
    best = [row[2] for row in rows[::2]]
    filled = ended(f"fill {run} --file asked.txt --text", place).out.splitlines()
    assert filled == [f"the {best[0]} sat on the {best[1]}", f"{best[2]} dog"]
    told = [json.loads(line) for line in ended(f"fill {run} --file asked.txt --json", place).out.splitlines()]
    assert [one["output"] for one in told] == filled and [len(gap) for one in told for gap in one["gaps"]] == [5] * 3
    assert told[1]["score"] == pytest.approx(math.log(told[1]["gaps"][0][0]["probability"]), abs=1e-4)
    (place / "pairs.tsv").write_text(f"{told[0]['source']}\t{filled[0]}\n", encoding="utf-8")
    score = float(ended(f"fill {run} --score --file pairs.tsv", place).out.split("\t")[2])
    assert score == pytest.approx(told[0]["score"], abs=1e-4)
    assert ended(f"fill {run} [MASK]x", place).err == "1 of 1 texts hold what the model never saw: x.\n"
    assert len(ended(f"fill {made('letters', place)} th[MASK]", place).out.splitlines()) == 5


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_scored_reported_and_its_data_checked(name: str, place: Path) -> None:
    run, (_, task, data, *_) = made(name, place), RUNS[name].split()
    scores = json.loads(ended(f"evaluate {run} {data} --json", place).out)
    measures = {"complete": ["bits_per_character", "perplexity"], "fill": ["accuracy", "perplexity"]}[task]
    assert list(scores["measures"]) == measures == list(scores["baseline"]) and len(scores["cases"]) == scores["count"]
    assert all(case["score"] < 0 for case in scores["cases"])
    assert ended(f"evaluate {run} {data} --against {run}", place).out.endswith("no difference can be told.\n")
    drawn = ended(f"info {run}", place).out
    assert f"trained to {task}" in drawn and drawn.count("○") == {"complete": 5, "fill": 1}[task]
    page = (place / run / "report.html").read_text(encoding="utf-8")
    assert ("How it goes on" in page) == ("What surprised it most" in page) == (task == "complete")
    assert f"heedful {task} {run}" in (place / run / "README.md").read_text(encoding="utf-8")
    assert ended(f"check {task} {data} -o checked", place).out.endswith("page: checked/index.html\n")


def test_check_says_what_is_odd_in_documents(place: Path) -> None:
    (place / "odd.jsonl").write_text(
        "".join(f'{{"text": {json.dumps(text)}}}\n' for text in ("same", "same", " ", "zero\u200bwidth")), "utf-8"
    )
    told = ended("check complete odd.jsonl --test odd.jsonl -o checked", place).out
    for words in ("1 document that occurred before", "with nothing but blanks", "invisible", "also stand in test"):
        assert words in told
    (place / "odd.jsonl").write_text('{"text": "fine"}\n{"text": 7}\n', encoding="utf-8")
    assert heedful("check complete odd.jsonl -o checked", place).code == 1
