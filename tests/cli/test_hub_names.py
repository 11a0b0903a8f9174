"""Names of the hub: revisions, and the safetensors that the hub's converter offers where weights are pickled.

The host stands in for huggingface.co: what it gives is fetched by the real client over HTTP.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import published
from support.command_line import Outcome
from support.command_line import heedful as type_line
from support.hub_host import Host, Repository, serving

ASKED = "The_[MASK]_sat --n 1"
PROGRAM = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from support.command_line import heedful
print(json.dumps([asdict(heedful(line, Path.cwd())) for line in json.loads(sys.argv[1])]))
"""


def type_lines(lines: list[str], folder: Path, **environment: str) -> list[Outcome]:
    """Command lines typed in a folder, in one process of their own; no cache but that in the folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    paths = os.pathsep.join(sys.path)
    env |= {"HF_HOME": str(folder / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONPATH": paths} | environment
    command: Any = [sys.executable, "-c", PROGRAM, json.dumps(lines)]
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return [Outcome(**fields) for fields in json.loads(ended.stdout.splitlines()[-1])]


def pickled(folder: Path) -> Path:
    """A model as many are: no safetensors."""
    published.bert(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return folder


def test_the_converters_safetensors_stand_in_for_pickled_weights(tmp_path: Path) -> None:
    """Those of an open request of the converter's own that stands on main as it is; then no network is needed."""
    old, new = pickled(tmp_path / "old"), published.bert(tmp_path / "new")
    unready, model = Repository({"main": old}), Repository({"main": old})
    for repository in (unready, model):
        repository.offer(1, new, author="somebody")
        repository.offer(2, new, title="Adding weights")
        repository.offer(3, new, status="closed")
        repository.offer(4, new, parent="a commit before")
    model.offer(5, new)
    host, line = Host({"tiny/unready": unready, "tiny/bert": model}), f"fill tiny/bert {ASKED}"
    with serving(host) as endpoint:
        refused, fetched = type_lines([f"fill tiny/unready {ASKED}", line], tmp_path, HF_ENDPOINT=endpoint)
    assert refused.code == 2 and "has no weights in safetensors" in refused.err, refused.err
    assert "tiny/unready@refs/pr/N" in refused.err
    assert fetched.code == 0 and "that the hub's converter offers" in fetched.err, fetched.err
    assert {name for name in host.asked if "safetensors" in name} == {"refs/pr/5/model.safetensors"}
    assert "main/pytorch_model.bin" not in host.asked
    assert type_line(f"fill {new} {ASKED}", tmp_path).out == fetched.out
    [again] = type_lines([line], tmp_path, HF_HUB_OFFLINE="1")
    assert (again.code, again.out) == (0, fetched.out), again.err


def test_a_revision_is_asked_for_by_name(tmp_path: Path) -> None:
    first, second = published.bert(tmp_path / "first"), published.bert(tmp_path / "second", hidden_act="relu")
    pieces = published.xlm_roberta(tmp_path / "pieces")
    (pieces / "tokenizer.json").rename(pieces / "sentencepiece.bpe.model")
    host = Host({"tiny/bert": Repository({"main": first, "v2.0": second, "refs/pr/7": second})})
    host.models["tiny/pieces"] = Repository({"main": pieces})
    names = ["tiny/bert", "tiny/bert@v2.0", "tiny/bert@refs/pr/7", "tiny/pieces", "tiny/pieces", "tiny/bert@v3"]
    with serving(host) as endpoint:
        *found, fetched, cached, last = type_lines(
            [f"fill {name} {ASKED}" for name in names], tmp_path, HF_ENDPOINT=endpoint
        )
    expected = [type_line(f"fill {folder} {ASKED}", tmp_path).out for folder in (first, second, second)]
    assert [outcome.out for outcome in found] == expected and expected[0] != expected[1]
    for told in (fetched, cached):
        assert told.code == 2 and "its tokenizer in sentencepiece.bpe.model alone" in told.err, told.err
    assert last.code == 2 and "There is no v3 of tiny/bert" in last.err, last.err
    [offline] = type_lines([f"fill tiny/bert@v2.0 {ASKED}"], tmp_path, HF_HUB_OFFLINE="1")
    assert offline.out == expected[1], offline.err


def test_what_says_how_vectors_are_pooled_is_fetched_with_an_encoder(tmp_path: Path) -> None:
    """It stands in a folder of its own, and of folders nothing else is fetched."""
    encoder = published.bert(tmp_path / "encoder", "BertModel")
    kind = "sentence_transformers.models."
    modules = [{"path": "", "type": f"{kind}Transformer"}, {"path": "1_Pooling", "type": f"{kind}Pooling"}]
    (encoder / "modules.json").write_text(json.dumps(modules))
    for name in ("1_Pooling", "onnx"):
        (encoder / name).mkdir()
        (encoder / name / "config.json").write_text('{"pooling_mode_cls_token": true}')
    host = Host({"tiny/encoder": Repository({"main": encoder})})
    question = "match {} one two --among three"
    with serving(host) as endpoint:
        [fetched] = type_lines([question.format("tiny/encoder")], tmp_path, HF_ENDPOINT=endpoint)
    here = type_line(question.format(encoder), tmp_path)
    assert fetched.code == 0 and fetched.out == here.out, fetched.err
    assert "main/1_Pooling/config.json" in host.asked and not any("onnx" in name for name in host.asked)
