"""Names of the hub: revisions, and the safetensors that the hub's converter offers where weights are pickled.

The host stands in for huggingface.co: what it gives is fetched by the real client over HTTP.
"""

import os
import subprocess
from pathlib import Path

from support import published
from support.command_line import HEEDFUL
from support.hub_host import Host, Repository, serving

ASKED = "The_[MASK]_sat --n 1"


def typed(line: str, folder: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """A command line typed in a folder, in a process of its own; no cache but that in the folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {"HF_HOME": str(folder / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"} | changed
    return subprocess.run([*HEEDFUL, *line.split()], cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def pickled(folder: Path) -> Path:
    """A model as many are: no safetensors."""
    published.bert(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return folder


def test_the_converters_safetensors_stand_in_for_pickled_weights(tmp_path: Path) -> None:
    """Those of an open request of the converter's own that stands on main as it is; then no network is needed."""
    old, new = pickled(tmp_path / "old"), published.bert(tmp_path / "new")
    model = Repository({"main": old})
    model.offer(1, new, author="somebody")
    model.offer(2, new, title="Adding weights")
    model.offer(3, new, status="closed")
    model.offer(4, new, parent="a commit before")
    host = Host({"tiny/bert": model})
    with serving(host) as endpoint:
        refused = typed(f"fill tiny/bert {ASKED}", tmp_path, HF_ENDPOINT=endpoint)
        assert refused.returncode == 2 and "has no weights in safetensors" in refused.stderr, refused.stderr
        assert "tiny/bert@refs/pr/N" in refused.stderr and not any("safetensors" in name for name in host.asked)
        model.offer(5, new)
        ended = typed(f"fill tiny/bert {ASKED}", tmp_path, HF_ENDPOINT=endpoint)
    assert ended.returncode == 0 and "that the hub's converter offers" in ended.stderr, ended.stderr
    assert "refs/pr/5/model.safetensors" in host.asked and "main/pytorch_model.bin" not in host.asked
    assert typed(f"fill {new} {ASKED}", tmp_path).stdout == ended.stdout
    again = typed(f"fill tiny/bert {ASKED}", tmp_path, HF_HUB_OFFLINE="1")
    assert (again.returncode, again.stdout) == (0, ended.stdout), again.stderr


def test_a_revision_is_asked_for_by_name(tmp_path: Path) -> None:
    first, second = published.bert(tmp_path / "first"), published.bert(tmp_path / "second", hidden_act="relu")
    host = Host({"tiny/bert": Repository({"main": first, "v2.0": second, "refs/pr/7": second})})
    with serving(host) as endpoint:
        answers = {
            name: typed(f"fill {name} {ASKED}", tmp_path, HF_ENDPOINT=endpoint)
            for name in ("tiny/bert", "tiny/bert@v2.0", "tiny/bert@refs/pr/7", "tiny/bert@v3")
        }
    expected = [typed(f"fill {folder} {ASKED}", tmp_path).stdout for folder in (first, second, second)]
    assert [answer.stdout for answer in answers.values()] == [*expected, ""]
    assert expected[0] != expected[1]
    last = answers["tiny/bert@v3"]
    assert last.returncode == 2 and "There is no v3 of tiny/bert" in last.stderr, last.stderr
    offline = typed(f"fill tiny/bert@v2.0 {ASKED}", tmp_path, HF_HUB_OFFLINE="1")
    assert offline.stdout == expected[1], offline.stderr
