"""Published weights on the command line: every verb with a folder, and names of the hub, from its cache or from a host.

The host stands in for huggingface.co: what it gives is fetched by the real client over HTTP.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import published
from support.command_line import HEEDFUL, heedful
from support.hub_host import Host, Repository, serving
from support.sampling import sample

SHA = "0123456789012345678901234567890123456789"


def command(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command line typed in a folder, in a process of its own; no cache but that in the folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {"HF_HOME": str(folder / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"} | variables
    return subprocess.run([*HEEDFUL, *line.split()], cwd=folder, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of every family, and pictures."""
    folder = tmp_path_factory.mktemp("published")
    for family, make in published.MODELS.items():
        make(folder / family)
    published.bert(folder / "texts", "BertForSequenceClassification", **published.classes(published.NAMES))
    published.bert(folder / "words", "BertForTokenClassification", **published.classes(published.NAMES))
    for number in range(2):
        published.picture(folder / "pictures" / f"{number}.png", number)
    return folder


ANSWERS = {
    "complete": ("gpt2 Hello --tokens 5", lambda out: out.startswith("Hello")),
    "fill": ("bert The_[MASK]_sat --n 3", lambda out: len(out.splitlines()) == 3 and "\t1\t" in out),
    "classify": ("vit pictures", lambda out: {row.split("\t")[1] for row in out.splitlines()} <= {*published.NAMES}),
    "match": ("clip pictures --among cat dog --n 2", lambda out: len(out.splitlines()) == 4 and "\tdog\t" in out),
    "translate": ("marian house max_length=9", lambda out: len(out.splitlines()) == 1),
    "caption": ("captioner pictures", lambda out: len(out.splitlines()) == 2),
}


@pytest.mark.parametrize("verb", ANSWERS)
def test_every_verb_takes_a_folder(verb: str, workspace: Path) -> None:
    line, is_right = ANSWERS[verb]
    outcome = heedful(f"{verb} {line}", workspace)
    assert outcome.code == 0, outcome.err
    assert is_right(outcome.out), outcome.out


@pytest.mark.parametrize("verb", sample(ANSWERS, 1))
def test_a_process_of_its_own_answers_the_same(verb: str, workspace: Path) -> None:
    """Where nothing but the command has imported anything."""
    line = f"{verb} {ANSWERS[verb][0]} --json"
    process = command(line, workspace)
    assert process.returncode == 0, process.stderr
    assert process.stdout == heedful(line, workspace).out


OUTPUTS = {
    "info gpt2": (0, ["GPT2LMHeadModel", "published to complete", "50257 × 24"]),
    "info captioner": (0, ["encoder: width 24", "decoder: width 24", "══ all positions ══▶"]),
    "info vit --size base": (2, ["vit is published"]),
    "label words one_word --json": (0, ['"labels"']),
    "classify texts old_house": (0, ["\t"]),
    "fill gpt2 a": (2, ["gpt2 was published to complete, and not to fill", "heedful complete gpt2"]),
    "match clip pictures/0.png pictures/1.png --among @long.txt data.long=error": (2, ["long.txt line 2: 'word word"]),
    "match clip pictures": (2, ["no texts of its own", "--among"]),
    "evaluate marian pairs.tsv --json": (0, ['"chrf"']),
    "evaluate gpt2": (2, ["holds no data of its own"]),
    "complete gpt3 a": (2, ["gpt3 is not a run", "with its owner, as openai-community/gpt2"]),
    "complete broken a": (2, ["broken/config.json cannot be read"]),
    "complete runs/mine a": (2, ["runs/mine is not a run"]),
    "complete no/folder/here a": (2, ["no/folder/here is not a run"]),
}


@pytest.mark.parametrize("line", sample(OUTPUTS, 5))
def test_what_is_told_of_published_models(line: str, workspace: Path) -> None:
    (workspace / "pairs.tsv").write_text("The old house\tDas alte Haus\n" * 2, encoding="utf-8")
    (workspace / "long.txt").write_text(f"a cat\n{'word ' * 600}\n", encoding="utf-8")
    (workspace / "broken").mkdir(exist_ok=True)
    (workspace / "broken" / "config.json").write_text("{")
    code, expected = OUTPUTS[line]
    outcome = heedful(line, workspace)
    assert outcome.code == code, outcome.err
    assert all(part in outcome.out + outcome.err for part in expected), outcome


# Names of the hub.


@pytest.fixture
def host() -> Iterator[tuple[Host, str]]:
    hub = Host()
    with serving(hub) as endpoint:
        yield hub, endpoint


def test_a_name_of_the_hub_is_fetched_once(host: tuple[Host, str], tmp_path: Path) -> None:
    """Weights in safetensors, settings and vocabulary; from then on it is in the cache, and no network is needed."""
    hub, endpoint = host
    folder = published.bert(tmp_path / "given")
    for name in ("pytorch_model.bin", "run.py", "onnx/config.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    hub.models["tiny/bert"] = Repository({"main": folder})
    first = command("fill tiny/bert The_[MASK]_sat", tmp_path, HF_ENDPOINT=endpoint)
    assert first.returncode == 0, first.stderr
    assert f"downloading its weights, settings and vocabulary from {endpoint}" in first.stderr
    assert {*hub.asked} == {
        f"main/{path.name}" for path in folder.iterdir() if path.suffix in (".json", ".txt", ".safetensors")
    }
    again = command("fill tiny/bert The_[MASK]_sat", tmp_path, HF_HUB_OFFLINE="1")
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    assert "downloading" not in again.stderr


REFUSALS = {
    "there is none": ({}, {}, ["There is no model tiny/gpt"]),
    "terms": ({"tiny/gpt": "GatedRepo"}, {}, ["tiny/gpt is available only to those who accepted its terms"]),
    "no network": ({}, {"HF_ENDPOINT": "http://127.0.0.1:9"}, ["cannot be fetched from http://127.0.0.1:9"]),
    "offline": ({}, {"HF_HUB_OFFLINE": "1"}, ["nor in the cache", "HF_HUB_OFFLINE forbids"]),
}


@pytest.mark.parametrize("reason", sample(REFUSALS, 1))
def test_what_cannot_be_fetched_is_told_in_plain_lines(reason: str, host: tuple[Host, str], tmp_path: Path) -> None:
    hub, endpoint = host
    models, env, expected = REFUSALS[reason]
    hub.models |= models
    process = command("complete tiny/gpt Hello", tmp_path, **{"HF_ENDPOINT": endpoint, **env})
    assert process.returncode == 2
    assert all(part in process.stderr for part in expected), process.stderr
    assert "Traceback" not in process.stderr and len(process.stderr.splitlines()) < 6, process.stderr
