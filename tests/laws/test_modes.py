"""What Heedful writes may be read by whom the umask lets read it: no more people, and no fewer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import heedful
from heedful.training.progress import Quiet
from support.command_line import heedful as type_line
from support.sampling import SEED
from support.tiny_tasks import recipe, write_data

LETTERS = "abcdefgh"
PAIRS = [(f"{a} {b}", f"{b} {a}") for a in LETTERS for b in LETTERS]
COMMANDS = (
    "export runs/pairs --to heedful",
    "export runs/pairs --to hf",
    "export runs/pairs --to ct2",
    "translate runs/pairs ab -o answers.tsv",
    "explain runs/pairs ab -o page.html",
    "explain runs/pairs ab -o maps.png",
    "match runs/seen photos --for dot",
    "match runs/seen photos --embed -o vectors.safetensors",
)


@pytest.fixture(params=(0o022, 0o077), ids=("022", "077"))
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask of this process, as it was before afterwards."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="umask")
def test_every_file_is_readable_as_the_umask_says(umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    files = write_data(tmp_path, SEED)
    Path("pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS) + "alone\n", "utf-8")
    Path("photos").mkdir()
    Image.new("RGB", (16, 16)).save("photos/black.png")
    tiny = {"train.threads": 1, "train.keep": True, "data.bad_rows": "skip"}
    options = {"size": "tiny", "steps": 1, "settings": tiny, "listener": Quiet()}
    heedful.check("translate", PAIRS)
    heedful.train("translate", "pairs.tsv", network="vaswani2017", output="runs/pairs", **options)
    heedful.train(recipe(files, "match", "clip", train__steps=1), output="runs/seen", listener=Quiet())
    for line in COMMANDS:
        outcome = type_line(line, tmp_path)
        assert outcome.code == 0, f"{line}: {outcome.err}"
    modes = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    wrong = {
        str(path.relative_to(tmp_path)): oct(mode)
        for path, mode in modes.items()
        if mode != (0o777 if path.is_dir() else 0o666) & ~umask
    }
    written = {"bad_rows.jsonl", "vectors.safetensors", "inputs", "cache", "README.md"}
    assert not wrong and written <= {path.name for path in modes}
