"""The command line as people meet it: its screens, its mistakes, its exit codes, its streams."""

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from heedful.cli.commands import COMMANDS
from heedful.cli.recipes import FOLDER, names
from heedful.cli.shapes import Diagram, draw_diagram
from heedful.cli.streams import SafeStream
from heedful.networks.lineage import LINEAGE
from heedful.networks.settings import fit_pictures
from heedful.recipe import keys, load
from heedful.schema import NetworkSettings
from heedful.tasks.inputs import PICTURE_SETTINGS
from heedful.tasks.joins import allowed, join_of, resolve
from heedful.training.progress import Bar, terminal
from support import ROOT
from support.command_line import HEEDFUL, heedful

# What was typed, and words that must stand in the answer on stderr. The exit code is 2 in every row.
MISTAKES = {
    "misspelt command": ("trian translate pairs.tsv", ['no command "trian"', 'Did you mean "train"?']),
    "misspelt task": ("train transalte pairs.tsv", ['no task "transalte"', 'Did you mean "translate"?', "Allowed: "]),
    "name that a shell would cut": ("train pairs&more.tsv", ["heedful train translate 'pairs&more.tsv'"]),
    "task left out": ("train pairs.tsv", ["pairs.tsv is a file", "heedful train translate pairs.tsv"]),
    "nothing to train": ("train", ["Missing argument", "heedful train --help"]),
    "no data": ("train translate", ["no training file", "heedful train translate pairs.tsv"]),
    "data twice": ("train translate pairs.tsv data.train=more.tsv", ["data.train is set twice", "pairs.tsv"]),
    "misspelt flag": ("train translate pairs.tsv --netwrk gru", ["no flag --netwrk", "Did you mean --network?"]),
    "key as flag": (
        "train translate pairs.tsv --learning-rate 1",
        ["no flag --learning-rate", "train.learning_rate=…"],
    ),
    "flag without value": ("train translate pairs.tsv --network", ["--network", "requires an argument"]),
    "misspelt key": (
        "train translate pairs.tsv train.learning_rte=3e-4",
        ["train.learning_rte", "train.learning_rate ("],
    ),
    "key without section": ("train translate pairs.tsv step=5", ["no key step", "train.steps ("]),
    "wrong type": ("train translate pairs.tsv --minutes soon", ["train.minutes cannot be 'soon'"]),
    "out of range": ("train translate pairs.tsv train.label_smoothing=1.5", ["train.label_smoothing cannot be 1.5"]),
    "unknown size": ("train translate pairs.tsv --size huge", ["network.size cannot be 'huge'", "tiny, small or base"]),
    "key of another task": (
        "train translate pairs.tsv train.codebook=0.5",
        ["train.codebook is for draw, and the task is translate."],
    ),
    "key that no answer of it has": (
        "train classify pairs.tsv generate.beam=8",
        ["generate.beam is for caption, draw"],
    ),
    "beginning that is not there": ("train translate pairs.tsv --from runs/nope", ["runs/nope is not a run"]),
    "misspelt key looked for": ("recipes keys learning_rte", ['"train.learning_rate"?']),
    "word too many": ("recipes show cmudict-vaswani2017 here.toml", ["at most 1 word", "'here.toml' is one more"]),
    "recipe for a job": ("recipes cmudict-vaswani2017", ["heedful recipes show cmudict-vaswani2017"]),
    "two budgets": ("train translate pairs.tsv --minutes 1 train.steps=5", ["2 budgets", "train.minutes, train.steps"]),
    "key twice": ("train translate pairs.tsv --seed 1 seed=2", ["seed is set twice"]),
    "no such recipe": ("train nope.toml", ["recipe nope.toml cannot be read"]),
    "broken recipe": ("train broken.toml", ["broken.toml is not valid TOML"]),
    "recipe without task": ("train empty.toml", ["empty.toml names no task", 'task = "translate"']),
    "recipe with a misspelt key": ("train misspelt.toml", ["misspelt.toml", "train.stpes", "train.steps ("]),
    "misspelt built-in recipe": ("train cmudict-vaswani", ["built-in recipe", 'Did you mean "cmudict-vaswani2017"?']),
    "recipe to copy": ("recipes copy cmudict", ["no built-in recipe", "Allowed: "]),
    "recipe there already": ("recipes copy cmudict-vaswani2017 pairs.tsv", ["pairs.tsv exists already"]),
    "job of recipes": ("recipes shw", ['Did you mean "show"?']),
    "networks left out": ("compare translate pairs.tsv", ["--networks"]),
    "seeds": ("compare translate pairs.tsv --networks gru --seeds one", ["--seeds cannot be 'one'", "0,1,2"]),
    "misspelt setting of an answer": ("translate runs/x text baem=8", ["generate.baem", "generate.beam ("]),
    "two forms of answers": ("translate runs/x word --json --lexicon", ["--lexicon or with --json"]),
    "flag of the program": ("--verison", ["no flag --verison"]),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a few files to be misused."""
    (tmp_path / "pairs.tsv").write_text("a\tA\nb\tB\n", encoding="utf-8")
    (tmp_path / "pairs&more.tsv").write_text("a\tA\n", encoding="utf-8")
    (tmp_path / "broken.toml").write_text("task = translate\n", encoding="utf-8")
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    (tmp_path / "misspelt.toml").write_text('task = "translate"\n[train]\nstpes = 5\n', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_answered_in_plain_lines(case: str, folder: Path) -> None:
    line, expected = MISTAKES[case]
    outcome = heedful(line, folder)
    assert outcome.code == 2 and outcome.out == ""
    assert [words for words in expected if words not in outcome.err] == []
    assert "Traceback" not in outcome.err and len(outcome.err.splitlines()) <= 4
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_every_command_has_help(name: str, folder: Path) -> None:
    outcome = heedful(f"{name} --help", folder)
    assert outcome.code == 0 and f"heedful {name}" in outcome.out


@pytest.mark.parametrize("words", [[], ["--help"], ["train", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """Why `heedful --help` is quick. The help of one command may load what reads its flags."""
    heavy = ["torch", "numpy"] + ([] if words[1:] else ["pydantic", "typer", "rich"])
    script = (
        "import sys, atexit, heedful.cli\n"
        f"atexit.register(lambda: print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr))\n"
        f"sys.argv = ['heedful', *{words!r}]\nheedful.cli.main()"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert process.stderr == "[]\n"
    assert len(process.stdout.splitlines()) > 10


# What stands at the foot of a drawing, and at its head, by task and whether pictures go in.
SHAPES = {
    ("classify", True): (1, 1),
    ("caption", True): (1, 3),
    ("classify", False): (3, 1),
    ("draw", False): (3, 1),
    ("translate", False): (3, 3),
    ("label", False): (3, 3),
    ("match", True): (6, 2),
}


@pytest.mark.parametrize(("task", "from_picture"), SHAPES)
def test_each_task_is_drawn_in_its_own_shape(task: str, from_picture: bool) -> None:
    for name in allowed(task):
        settings = resolve(NetworkSettings(name=name), task, own=PICTURE_SETTINGS)
        diagram = Diagram(
            fit_pictures(settings, 32) if from_picture else settings, join_of(task).join, from_picture, task == "draw"
        )
        lines = draw_diagram(diagram).splitlines()
        foot = next(line.count("□") for line in lines if "□" in line)
        assert (foot, lines[0].count("○") + lines[0].count("●")) == SHAPES[task, from_picture]
        assert all(line == line.rstrip() for line in lines), lines


def test_the_page_of_networks_says_what_the_command_and_the_tests_do(folder: Path) -> None:
    page = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    tables = heedful("networks --markdown", folder).out
    assert tables in page and tables.count("\n| `") == 2 * len(LINEAGE)
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in re.findall(r"`(test_\w+)`", page) if f"def {name}(" not in tests] == []


def test_importing_heedful_imports_no_torch() -> None:
    script = "import sys, heedful; print('torch' in sys.modules, sorted(heedful.__all__) == dir(heedful))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout == "False True\n"


def test_completion_knows_the_commands() -> None:
    env = {**os.environ, "_HEEDFUL_COMPLETE": "complete_bash", "COMP_WORDS": "heedful tra", "COMP_CWORD": "1"}
    script = "import sys; sys.argv = ['heedful']; import heedful.cli; heedful.cli.main()"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True)
    assert process.stdout.split() == ["train", "translate"]


def test_a_reader_that_leaves_is_no_error() -> None:
    with subprocess.Popen([*HEEDFUL, "recipes", "keys"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""


def test_recipes_are_copied_and_stay_as_they_are(folder: Path) -> None:
    lines = heedful("recipes", folder).out.splitlines()
    assert [line.split()[0] for line in lines] == names() and all(len(line.split()) > 3 for line in lines)
    for name in names():
        load(FOLDER / f"{name}.toml")
        assert heedful(f"recipes copy {name}", folder).code == 0
        assert (folder / f"{name}.toml").read_bytes() == (FOLDER / f"{name}.toml").read_bytes()
    lines = [line for line in heedful("recipes keys", folder).out.splitlines() if line]
    assert [line.split()[0] for line in lines] == keys()
    rates = heedful("recipes keys RATE", folder).out.splitlines()
    assert rates == [line for line in lines if "rate" in line.casefold()] and 1 < len(rates) < len(lines) / 2


def test_logs_get_few_lines_and_an_end() -> None:
    stream = io.StringIO()
    with terminal(stream) as listener:
        listener.note("2 minutes on 2 cores")
        listener.begin("gru", "2 minutes")
        for step in range(1000):
            listener.step(step / 1000, f"loss {step}")
        listener.end("saved")
        listener.begin("lstm", "2 minutes")
        listener.step(0.5, "loss 1")
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["2 minutes on 2 cores", "gru: 2 minutes"]
    assert lines[2].startswith("gru: 100%") and lines[2].endswith("saved")
    assert lines[3] == "lstm: 2 minutes" and lines[4].startswith("lstm:  50%")
    assert len(lines) == 5


def test_nothing_that_is_printed_steers_the_terminal(tmp_path: Path) -> None:
    """Neither names nor data, on either stream, whether it is a terminal or not."""
    name = "\x1b[31mred\u202e.tsv"
    outcome = heedful(f"train translate {name}", tmp_path)
    assert outcome.code == 2 and "There is no file '\\u001b[31mred\\u202e.tsv'" in outcome.err
    (tmp_path / name).write_text("a\tA\na\tA\n" * 3, encoding="utf-8")
    outcome = heedful(f"check translate {name} -o checked", tmp_path)
    assert outcome.code in (0, 1) and "\\u001b[31mred" in outcome.out
    assert "\x1b" not in outcome.out + outcome.err and "\u202e" not in outcome.out + outcome.err
    stream = io.StringIO()
    bar = Bar(SafeStream(stream))  # pyright: ignore[reportArgumentType]
    bar.note("a\x1b[2Jb")
    bar.begin("\x1b]0;title\x07", "10 steps")
    bar.end("\x1b[2J")
    assert "a\\u001b[2Jb" in stream.getvalue() and "\\u001b]0;title\\u0007" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue() and "\x1b]0" not in stream.getvalue()


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # whose import fails then
from heedful.cli.group import run
print(*[run(line.split()) for line in sys.argv[1:]])
"""


def test_what_is_wrong_is_told_without_torch(folder: Path) -> None:
    """Names, files, keys and values: whatever is known before data are read or a model is opened."""
    (folder / "run").mkdir()
    (folder / "run" / "config.json").write_text("{}", encoding="utf-8")
    lines = [
        *(line for case, (line, _) in MISTAKES.items() if case != "networks left out"),
        *(f"{verb} runs/nope a" for verb in ("translate", "match", "label", "evaluate", "explain", "info")),
        *("export runs/nope --to hf", "export run --to hff"),
        *("train translate nope.tsv", "train translate pairs.tsv --valid nope.tsv", "check translate nope.tsv"),
        "train translate pairs.tsv --network gruu",
        *("translate run --file nope.txt", "translate run a beam=0", "translate run a --with runs/nope"),
        *("evaluate run nope.tsv", "evaluate run pairs.tsv generate.beam=many", "evaluate run --against runs/nope"),
        *("explain run a --method atention", "explain run a --method tree beam=many"),
        "compare translate nope.tsv --networks gru",
        *("compare translate pairs.tsv --networks gru,lsmt", "compare translate pairs.tsv --vary train.steps=1,x"),
        *("study bottlenek", "study order --size huge", "study bottleneck --data nope.tsv", "info vaswani207"),
    ]
    process = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *lines], cwd=folder, capture_output=True, text=True)
    assert process.stdout.split() == ["2"] * len(lines), process.stderr


def test_networks_are_described_without_torch(folder: Path) -> None:
    lines = ["networks", "networks --markdown", *(f"info {name} --size base -o {name}.html" for name in LINEAGE)]
    process = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *lines], cwd=folder, capture_output=True, text=True)
    assert process.stdout.splitlines()[-1].split() == ["0"] * len(lines), process.stderr


def test_networks_for_pictures_pairs_and_steps_have_diagrams_of_their_own(folder: Path) -> None:
    pictures = {"vit": "a picture", "clip": "near or far?", "frame": "an answer for each position"}
    for name, words in pictures.items():
        shape = heedful(f"info {name} --size tiny", folder).out
        assert words in shape and "text with a gap" not in shape


def test_a_closed_stream_is_none_that_is_missed() -> None:
    for closed, heard in ((">&-", ""), ("2>&-", "train.minutes")):
        line = f"{shlex.join([*HEEDFUL, 'recipes', 'keys'])} {closed}"
        done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "") and heard in done.stdout
