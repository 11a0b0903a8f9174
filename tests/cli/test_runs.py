"""The commands that train and ask, with networks that learn nothing: what goes in, what comes out, and where."""

import json
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

import pytest

from heedful import load
from support.command_line import HEEDFUL, heedful

SMALL = "--size tiny train.threads=1 train.valid_limit=20 generate.max_length=8"
WORDS = ["abc", "fed", "bead", "cab"]

# As in test_cli.py; these need torch, data or a run to be found out. {run} has attention, {blind} has none.
MISTAKES = {
    "no such network": (f"train translate pairs.tsv --network gruu {SMALL}", ['Did you mean "gru"?']),
    "setting of another era": (
        f"train translate pairs.tsv --network gru network.heads=2 {SMALL}",
        ["gru has no setting network.heads", "network.cell"],
    ),
    "no such device": (f"train translate pairs.tsv train.device=cuda:77 {SMALL}", ["no device cuda:77"]),
    "columns of a document": ("train complete pairs.tsv", ["2 columns where 1 is needed", "data.columns.text=1"]),
    "no such file": (f"train translate missing.tsv {SMALL}", ["missing.tsv"]),
    "folder for a file": (f"train translate . {SMALL}", ["folder"]),
    "empty file": (f"train translate empty.tsv {SMALL}", ["empty.tsv is empty"]),
    "one column": (f"train translate one.tsv {SMALL}", ["one.tsv line 2", "data.bad_rows=skip"]),
    "third column": (f"train translate three.tsv {SMALL}", ["three.tsv line 1", "data.columns=1,2"]),
    "not UTF-8": (f"train translate latin.tsv {SMALL}", ["latin.tsv line 2"]),
    "column that is not there": (f"train translate named.csv data.columns.source=wrod {SMALL}", ["wrod", "word"]),
    "another recipe in the run": ("train translate pairs.tsv --steps 99 -o {run}", ["another recipe", "train.steps: "]),
    "not a run": ("translate runs/help2 text", ["runs/help2 is not a run"]),
    "run without weights": ("translate {half} text", ["no model.safetensors"]),
    "run of another format": ("translate {foreign} text", ["another format"]),
    "damaged weights": ("translate {damaged} text", ["model.safetensors has ", "were written"]),
    "models that do not fit": ("translate {run} --with {other} text", ["cannot answer together"]),
    "no file of texts": ("translate {run} --file missing.txt", ["missing.txt cannot be read"]),
    "texts not UTF-8": ("translate {run} --file latin.tsv", ["latin.tsv line 2 is not UTF-8"]),
    "answers over texts": ("translate {run} --file words.txt -o words.txt", ["overwrite words.txt"]),
    "answers into a file's folder": (
        "translate {run} abc -o words.txt/answers",
        ["words.txt/answers: Not a directory"],
    ),
    "source without target": ("translate {run} --score abc", ["'abc' has no target"]),
    "pairs without tabs": ("translate {run} --score --file words.txt", ["words.txt line 1 is not source<TAB>target"]),
    "lexicon of sentences": ("translate {run} --lexicon --file sentences.txt", ["not one word"]),
    "value of an answer's setting": ("translate {run} abc beam=0", ["generate.beam cannot be 0"]),
    "setting of training": (
        "translate {run} abc train.steps=3",
        ["train.steps is not a setting for answers", "beam=8"],
    ),
    "texts twice": ("translate {run} abc --file words.txt", ["is in words.txt, and 'abc' is here"]),
    "score with settings": ("translate {run} --score abc A beam=2", ["--score takes no --n"]),
    "nothing to score": ("evaluate {run} empty.tsv", ["empty.tsv is empty"]),
    "attention of a head that there is not": (
        "evaluate {run} pairs.tsv --without decoder.attention.head.1",
        ["decoder.attention has no head 1", "It has one: 0"],
    ),
    "no attention to cut": (
        "explain {blind} abc --without memory",
        ["This network has no attention", "encoder.0.gate.update=open"],
    ),
    "no such part": (
        "explain {run} abc --hold encoder.0.gate.updat=shut",
        ['no part "encoder.0.gate.updat"', 'Did you mean "encoder.0.gate.update"?', "memory: all"],
    ),
    "a gate that is neither open nor shut": (
        "evaluate {run} pairs.tsv --hold encoder.0.gate.reset=ajar",
        ['encoder.0.gate.reset cannot be "ajar"', "Allowed: open, shut."],
    ),
    "a page of nothing altered": ("evaluate {run} pairs.tsv -o page.html", ["Say what to alter", "--without memory"]),
    "no page": ("evaluate {run} pairs.tsv --without memory -o page.txt", ["page.txt is no page", ".html"]),
    "no such way to attend": ("explain {run} abc --attend unifrom", ['Did you mean "uniform"?']),
    "altered and against another": (
        "evaluate {run} pairs.tsv --without memory --against {other}",
        ["compared with itself as it is"],
    ),
    "settings of a search where there is none": ("explain {run} abc beam=2", ["which --method tree alone does"]),
    "a tree as a picture": ("explain {run} abc --method tree -o tree.png", [".html or .json"]),
    "no attention to show": ("explain {blind} abc --method attention", ["no attention", "heedful explain --methods"]),
    "no picture": ("explain {run} abc -o page.doc", [".html, .png, .svg, .pdf, .csv, .json"]),
    "no method": ("explain {run} abc --method atention", ["atention", "attention"]),
    "no contrast": ("explain {run} abc --method attention --instead B", ["integrated-gradients"]),
    "nothing to explain": ("explain {run}", ["Name a model and an input"]),
    "size of a run": ("info {run} --size base", ["run is a run, of size tiny"]),
    "unknown network to draw": ("info vaswani207", ['Did you mean "vaswani2017"?']),
    "unknown network to compare": ("compare translate pairs.tsv --networks gru,lsmt", ['Did you mean "lstm"?']),
}


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, good and bad, and runs, whole and broken, made once by the commands themselves."""
    folder = tmp_path_factory.mktemp("workspace")
    pairs = [f"{a}{b}{c}\t{a.upper()} {b.upper()} {c.upper()}" for a in "abcdef" for b in "abc" for c in "def"]
    files = {
        "pairs.tsv": "\n".join(pairs),
        "digits.tsv": "\n".join(f"{number}\t{' '.join(str(number))}" for number in range(100, 160)),
        "empty.tsv": "",
        "one.tsv": "abc\tA B C\nabc\n",
        "three.tsv": "abc\tA B C\t3\n",
        "named.csv": "word,sounds\nabc,A B C\n",
        "words.txt": "\n".join(WORDS),
        "sentences.txt": "a bed",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "latin.tsv").write_bytes(b"abc\tA B C\ncaf\xe9\tC A F\n")
    for name, data, network in (
        ("run", "pairs", "bahdanau2015"),
        ("blind", "pairs", "gru"),
        ("other", "digits", "bahdanau2015"),
    ):
        output_of(f"train translate {data}.tsv --network {network} --steps 3 -o {name} {SMALL}", folder)
    for name, change in (("half", "missing"), ("foreign", "config"), ("damaged", "weights")):
        spoil(folder / "run", folder / name, change)
    return folder


def spoil(run: Path, copy: Path, change: str) -> None:
    """A copy of a run with one thing wrong."""
    copy.mkdir()
    for path in run.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    if change == "config":
        (copy / "config.json").write_text('{"library": "heedful", "format": 99}', encoding="utf-8")
    elif change == "weights":
        (copy / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes()[:-100])
    else:
        for name in ("model.safetensors", "checksums.json"):  # whose weights are noted when all is learnt
            (copy / name).unlink()


def output_of(line: str, folder: Path, stdin: str = "") -> str:
    """What a command prints; it must end well."""
    outcome = heedful(line, folder, stdin)
    assert outcome.code == 0, outcome.err
    return outcome.out


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, workspace: Path) -> None:
    line, expected = MISTAKES[case]
    before = sorted(workspace.rglob("*"))
    outcome = heedful(line.format(**{path.name: path.name for path in workspace.iterdir()}), workspace)
    assert outcome.code == 2 and outcome.out == ""
    assert [words for words in expected if words not in outcome.err] == []
    assert "Traceback" not in outcome.err
    assert sorted(workspace.rglob("*")) == before, "something was left behind"


def test_a_run_is_on_the_data_it_began_with(workspace: Path) -> None:
    """Finished or not, the same command on a file that changed since says so, and trains on neither."""
    for name in ("kept.tsv", "more.tsv"):
        (workspace / name).write_bytes((workspace / "pairs.tsv").read_bytes())
    line = f"train translate kept.tsv more.tsv --network gru --steps 2 -o early {SMALL}"
    output_of(line, workspace)
    assert "early is finished" in heedful(line, workspace).err
    (workspace / "more.tsv").write_bytes((workspace / "pairs.tsv").read_bytes().replace(b"A", b"F"))
    for file in ("scores.json", "model.safetensors"):
        outcome = heedful(line, workspace)
        assert outcome.code == 2 and "early holds a run on other data: more.tsv changed since." in outcome.err
        assert "-o runs/NAME" in outcome.err
        (workspace / "early" / file).unlink()


def test_answers_are_the_same_by_every_way(workspace: Path) -> None:
    lines = output_of(f"translate run {' '.join(WORDS)}", workspace).splitlines()
    assert len(lines) == len(WORDS)
    assert output_of("translate run", workspace, stdin="\n".join(WORDS)).splitlines() == lines
    assert output_of("translate run --file words.txt -o answers.txt", workspace) == ""
    assert (workspace / "answers.txt").read_text(encoding="utf-8").splitlines() == lines
    records = [
        json.loads(line) for line in output_of("translate run --file words.txt --json --n 3", workspace).splitlines()
    ]
    assert [(record["source"], record["answers"][0]["output"]) for record in records] == list(
        zip(WORDS, lines, strict=True)
    )
    table = [line.split("\t") for line in output_of("translate run --file words.txt --n 3", workspace).splitlines()]
    assert [row[:2] for row in table] == [
        [record["source"], answer["output"]] for record in records for answer in record["answers"]
    ]
    pairs = "".join(f"{source}\t{output}\n" for source, output, _ in table)
    scored = [line.split("\t") for line in output_of("translate run --score", workspace, stdin=pairs).splitlines()]
    assert [row[:2] for row in scored] == [row[:2] for row in table]
    assert [float(row[2]) for row in scored] == pytest.approx([float(row[2]) for row in table], abs=2e-4)


def test_a_mistake_leaves_earlier_answers_as_they_were(workspace: Path) -> None:
    (workspace / "kept.txt").write_text("kept", encoding="utf-8")
    for mistake in ("--file missing.txt", "abc required=Z", "abc beam=0"):
        assert heedful(f"translate run {mistake} -o kept.txt", workspace).code == 2
        assert (workspace / "kept.txt").read_text(encoding="utf-8") == "kept"


def test_answers_make_a_lexicon_that_can_be_trained_on(workspace: Path) -> None:
    assert output_of("translate run --file words.txt --n 2 --lexicon -o words.dict", workspace) == ""
    lines = (workspace / "words.dict").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == [name for word in WORDS for name in (word, f"{word}(2)")]
    assert "4 sources" in output_of("check translate words.dict data.format=lexicon -o checked", workspace)
    assert (workspace / "checked" / "index.html").exists()


def test_an_ensemble_of_one_model_twice_is_that_model(workspace: Path) -> None:
    expected = output_of("translate run --file words.txt", workspace)
    assert output_of("translate run --with run --file words.txt", workspace) == expected


def test_what_a_model_never_saw_is_counted(workspace: Path) -> None:
    outcome = heedful("translate run abc axyb", workspace)
    assert outcome.code == 0 and len(outcome.out.splitlines()) == 2
    assert outcome.err.startswith("1 of 2 texts holds what the model never saw: x y")


def test_evaluate_compares_with_itself_as_a_tie(workspace: Path) -> None:
    output = output_of("evaluate run pairs.tsv --against run", workspace)
    assert "54 examples" in output and "no difference can be told" in output
    assert heedful("evaluate run one.tsv --against run data.bad_rows=skip", workspace).err.count("left out: 1 bad") == 1
    scores = json.loads(output_of("evaluate run pairs.tsv --against run --json", workspace))
    expected_test = {"model": "run", "measure": scores["primary"], "p": 1.0, "examples": 54, "runs": 1, "tests": 1}
    assert scores["against"] == expected_test | dict.fromkeys(("difference", "low", "high"), 0.0)
    assert scores["count"] == len(scores["cases"]) == 54 and scores["primary"] in scores["measures"]
    sources = "\n".join(case["source"] for case in scores["cases"])
    answers = [
        json.loads(line)["answers"][0] for line in output_of("translate run --json", workspace, sources).splitlines()
    ]
    expected = [(answer["output"], answer["score"]) for answer in answers]
    assert [(case["output"], case["score"]) for case in scores["cases"]] == expected


def test_what_is_cut_is_compared_with_what_is_not(workspace: Path) -> None:
    """Scores and answers with and without; held at what they are by the alteration alone, and as before behind it."""
    plain = json.loads(output_of("evaluate run pairs.tsv --json", workspace))
    asked = "--without memory --hold encoder.0.state=frozen"
    scores = json.loads(output_of(f"evaluate run pairs.tsv {asked} --json", workspace))
    altered = scores.pop("altered")
    assert scores["measures"] == plain["measures"]
    assert altered["without"] == ["memory"] and altered["hold"] == ["encoder.0.state=frozen"]
    model = load(workspace / "run")
    with model.altered(without="memory", hold="encoder.0.state=frozen"):
        answers = model.predict([case["source"] for case in scores["cases"]])
    assert [case["output"] for case in altered["scores"]["cases"]] == answers
    assert len(set(answers)) == 1  # nothing of the source is left
    values = [each["measures"][scores["primary"]]["value"] for each in (altered["scores"], scores)]
    assert altered["paired"]["difference"] == pytest.approx(values[0] - values[1])
    assert "altered minus as it is" in output_of(f"evaluate run pairs.tsv {asked}", workspace)
    output_of(f"evaluate run pairs.tsv {asked} -o cut.html", workspace)
    page = (workspace / "cut.html").read_text(encoding="utf-8")
    measure = page.partition("altered minus as it is: ")[2]
    assert measure.startswith(f"{altered['paired']['difference']:+.1f}") and "<del>" in page
    assert "(without memory, hold encoder.0.state=frozen)" in page
    lines = output_of("explain run abc --attend diagonal --answer C", workspace).splitlines()
    assert lines[0].split() == ["as", "it", "is", "C"] and lines[1].startswith("attend diagonal")
    score = float(output_of("translate run --score abc C", workspace).split("\t")[2])
    assert lines[2].startswith(f"score of the first answer: {score:.4f} as it is")


def test_a_search_is_shown_as_a_tree(workspace: Path) -> None:
    asked = "explain run abc --method tree beam=3 n_best=3"
    output_of(f"{asked} -o tree.json", workspace)
    tree = json.loads((workspace / "tree.json").read_text(encoding="utf-8"))
    answers = json.loads(output_of("translate run abc --n 3 --json beam=3", workspace))["answers"]
    ended = sorted((node for node in tree["nodes"] if node["place"]), key=lambda node: node["place"])
    assert tree["answers"] == [answer["output"] for answer in answers] and tree["beam"] == 3
    assert [node["score"] for node in ended[:3]] == pytest.approx([answer["score"] for answer in answers])
    assert "answer 1" in output_of(asked, workspace)
    assert output_of(f"{asked} -o tree.html", workspace) == "tree.html\n"
    assert (workspace / "tree.html").read_text(encoding="utf-8").count("data-n=") > 5


def test_scores_say_what_weights_were_chosen_by_and_learnt_from(workspace: Path) -> None:
    """In the terminal, on the page and in the card; hashes of rows go with a shared folder when they are asked for."""
    chosen = "by which the weights were chosen too"
    assert all(
        chosen in (workspace / "run" / name).read_text(encoding="utf-8") for name in ("report.html", "README.md")
    )
    assert chosen in output_of("evaluate run", workspace)
    learnt = 54 - len(json.loads((workspace / "run/data/valid.json").read_text(encoding="utf-8")))
    said = rf"{learnt} of 54 sources were learnt from \(pairs.tsv line \d+, pairs.tsv line \d+, pairs.tsv line \d+, …\)"
    output = output_of("evaluate run pairs.tsv", workspace)
    assert re.search(said, output) and chosen not in output
    output_of("export run --to heedful -o shared", workspace)
    output_of("export run --to heedful --with-hashes -o hashed", workspace)
    assert "learnt from" not in output_of("evaluate shared pairs.tsv", workspace)
    assert re.search(said, output_of("evaluate hashed pairs.tsv", workspace))
    refusal = heedful("export run --to onnx --with-hashes -o other-format", workspace)
    assert refusal.code == 2 and "--with-hashes goes with --to heedful" in refusal.err


def test_compare_writes_its_page(workspace: Path) -> None:
    output = output_of(
        f"compare translate pairs.tsv --networks gru,bahdanau2015 --steps 2 -o compared {SMALL}", workspace
    )
    assert all(network in output for network in ("gru", "bahdanau2015"))
    assert (workspace / "compared" / "compare.html").exists()


def test_explain_draws_what_was_looked_at(workspace: Path) -> None:
    heading, blank, names, *rows = output_of("explain run abc", workspace).splitlines()
    assert heading.startswith("attention: abc → ") and not blank
    assert names.split() == ["a", "b", "c", "</s>"] and "faithful?" in "".join(rows)
    assert "<unk>" in heedful("explain run axc", workspace).err
    for name in ("page.html", "picture.svg", "picture.png", "numbers.csv", "numbers.json"):
        assert output_of(f"explain run abc -o {name}", workspace) == f"{name}\n"
        assert (workspace / name).stat().st_size > 300


def test_explain_says_why_not_another(workspace: Path) -> None:
    """Of a contrast the numbers are in the table; which methods there are stands for every network."""
    output_of("explain run abc --answer B --instead B --method leave-one-out -o why.json", workspace)
    why = json.loads((workspace / "why.json").read_text(encoding="utf-8"))
    assert (why["instead"], why["answer"], why["method"]) == ("B", "B", "leave-one-out")
    assert why["units"]["explained"]["names"] == ["</s>"]
    table = output_of("explain --methods", workspace)
    assert all(name in table for name in ("value-zeroing", "ssru2019", "Abnar & Zuidema 2020"))


def test_check_tells_bad_rows_by_its_exit_code(workspace: Path) -> None:
    outcome = heedful("check translate one.tsv", workspace)
    assert outcome.code == 1 and "line 2" in outcome.out
    assert output_of("check translate pairs.tsv", workspace).startswith("54 pairs")


def test_networks_and_runs_are_drawn_with_all_their_weights(workspace: Path) -> None:
    lines = output_of("info run", workspace).splitlines()
    table = lines[next(n for n, line in enumerate(lines) if line.startswith("tensor")) + 1 : lines.index("", -3)]
    assert sum(int(row.split()[-1].replace(",", "")) for row in table) == int(lines[-1].split()[0].replace(",", ""))
    assert "vaswani2017" in output_of("networks", workspace) and "every position" in output_of(
        "info vaswani2017", workspace
    )


def test_stopped_by_hand_it_says_how_to_go_on(workspace: Path) -> None:
    line = f"train translate pairs.tsv --network gru --steps 100000000 -o stopped {SMALL}"
    metrics = workspace / "stopped" / "metrics.jsonl"
    with subprocess.Popen(
        [*HEEDFUL, *line.split()], cwd=workspace, stdout=PIPE, stderr=PIPE, encoding="utf-8"
    ) as process:
        while not metrics.exists() or not metrics.stat().st_size:
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"ended by itself with {process.wait(0.05)}")
        process.send_signal(signal.SIGINT)
        answers, errors = process.communicate()
    assert process.returncode == 130 and answers == ""
    assert "The same command goes on" in errors and "Traceback" not in errors
