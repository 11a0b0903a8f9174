"""What is recorded of a run: its answers, its scores, what it comes to and its exports.

`make.py` calls this with the version that writes the runs, and `tests/laws/test_written_by_0_1_0.py` with the current
one, so it uses only the command line and the names of the package's front door.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MOMENT = 1_700_000_000
"""Modification time in seconds of all data files: part of the fingerprint of series, and not kept by git."""
RUN = "RUN"
"""Stands in a command for the folder of a run."""
FORMATS = ("hf", "ct2", "onnx")
ENGINES = ("torch", "onnx", "onnxscript", "onnx-ir")
"""Packages whose versions decide the bytes of an ONNX file."""


@dataclass(frozen=True)
class Questions:
    """What one run is asked: commands that print JSON, and pairs of a source and an output to be scored."""

    commands: tuple[tuple[str, ...], ...]
    pairs: tuple[tuple[str, str], ...] = ()


PICTURES = ("data/pictures/24.png", "data/pictures/29.png")
QUESTIONS = {
    "classify-texts": Questions(
        (("classify", RUN, "--json", "--n", "2", "a cold wet day", "fine warm sun", "an odd Ωmega"),),
        (("a cold wet day", "bad"), ("fine warm sun", "good")),
    ),
    "classify-published-vit": Questions(
        (("classify", RUN, "--json", "--n", "3", *PICTURES),), tuple((picture, "bar") for picture in PICTURES)
    ),
    "caption": Questions(
        (("caption", RUN, "--json", "--n", "2", *PICTURES),), tuple((picture, "a red bar") for picture in PICTURES)
    ),
    "draw": Questions((("draw", RUN, "--json", "--n", "2", "seed=3", "a red bar", "a green dot"),)),
    "draw-codebook": Questions((("draw", RUN, "--json", "--n", "2", "seed=3", "a red bar", "a green dot"),)),
    "translate-attention": Questions(
        (("translate", RUN, "--json", "--n", "3", "a b c", "h g", "e z d"),), (("a b c", "c b a"), ("h g", "g"))
    ),
    "translate-transformer": Questions(
        (("translate", RUN, "--json", "--n", "3", "a b c", "h g", "e z d"),), (("a b c", "c b a"), ("h g", "g"))
    ),
    "label-tokens": Questions((("label", RUN, "--json", "the old dog sleeps", "a cat sees Ωmega"),)),
    "label-series": Questions((("label", RUN, "--json", "data/series/valid/00.csv", "data/series/valid/01.csv"),)),
    "label-published-bert": Questions((("label", RUN, "--json", "the old dog sleeps", "a cat sees Ωmega"),)),
    "complete": Questions(
        (
            ("complete", RUN, "--json", "--n", "2", "seed=3", "abcd", "efgh 1"),
            ("complete", RUN, "--json", "sample=false", "abcd", "efgh 1"),
        ),
        (("abcd", "efgh 12"), ("fgh", " 345")),
    ),
    "fill": Questions(
        (("fill", RUN, "--json", "--n", "3", "fgh 6[MASK]", "[MASK]h 5[MASK]7"),),
        (("ab[MASK]de", "abcde"), ("gh 5[MASK]7", "gh 567")),
    ),
    "match": Questions(
        (
            ("match", RUN, *PICTURES, "--json", "--among", "a red bar", "a green dot", "a blue cross"),
            ("match", RUN, "data/pictures", "--json", "--n", "3", "--for", "a red bar", "a green dot"),
            ("match", RUN, PICTURES[0], "--embed", "--among", "a red bar"),
        ),
        tuple((picture, "a red bar") for picture in PICTURES),
    ),
}
"""By the name of a run, which is that of its folder."""


def command(words: Sequence[str]) -> tuple[int, str, str]:
    """Gives a command line to `heedful` in this process; its exit code, standard output and standard error."""
    from heedful.cli import main

    buffers = BytesIO(), BytesIO()
    streams = [TextIOWrapper(buffer, encoding="utf-8") for buffer in buffers]
    before = sys.argv, sys.stdout, sys.stderr
    sys.argv, (sys.stdout, sys.stderr) = ["heedful", *words], streams
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv, sys.stdout, sys.stderr = before
    for stream in streams:
        stream.flush()
    output, errors = (buffer.getvalue().decode("utf-8") for buffer in buffers)
    return code, output, errors


def output_of(words: Sequence[str]) -> str:
    """The standard output of a command line that must succeed."""
    code, output, errors = command(words)
    assert code == 0, f"heedful {' '.join(words)}: {errors}"
    return output


@contextmanager
def workplace(folder: Path, name: str, origin: Path = HERE) -> Iterator[Path]:
    """A copy of a run's folder beside the data, as the current folder; the files' times are those of the training."""
    shutil.copytree(origin / "data", folder / "data")
    shutil.copytree(origin / name, folder / name)
    settle_times(folder / "data")
    with chdir(folder):
        yield Path(name)


def settle_times(folder: Path) -> None:
    """Gives all files below a folder the modification time that they had when the runs were written."""
    for path in folder.rglob("*"):
        os.utime(path, (MOMENT, MOMENT))


def answers(name: str, run: Path) -> list[Any]:
    """What a run prints as JSON for each of its commands, and the log probabilities that it gives to pairs."""
    import heedful

    questions, outputs = QUESTIONS[name], []
    for words in questions.commands:
        lines = output_of([str(run) if word == RUN else word for word in words]).splitlines()
        outputs.append([json.loads(line) for line in lines])
    return [*outputs, heedful.load(run).score(questions.pairs) if questions.pairs else []]


def scores(run: Path) -> dict[str, Any]:
    """What `heedful evaluate` measures on the run's own data."""
    return json.loads(output_of(["evaluate", str(run), "--json"]))


def outcome(run: Path) -> dict[str, str]:
    """The sha256 of each tensor file that training comes to: the best weights and the newest checkpoint."""
    return {name: digest(path) for name, path in tensor_files(run).items()}


def tensor_files(run: Path) -> dict[str, Path]:
    """The best weights and the files of the newest checkpoint, those of a codebook among them."""
    files = {}
    for folder in (run, run / "codebook"):
        newest = max((folder / "checkpoints").glob("step-*"), default=None)
        paths = [folder / "model.safetensors", *(sorted(newest.glob("*.safetensors")) if newest else [])]
        files |= {path.relative_to(run).as_posix(): path for path in paths if path.exists()}
    return files


def export_hashes(run: Path, target: str, folder: Path) -> dict[str, str] | None:
    """The sha256 of each file of an export, or none where the run has no place in the format."""
    code, _, errors = command(["export", str(run), "--to", target, "-o", str(folder)])
    assert code in (0, 2), errors
    if code:
        return None
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def machine() -> dict[str, Any]:
    """All that decides the last bit of a training: processor, instructions in use, PyTorch."""
    import torch

    processor: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").partition("\n\n")[0].splitlines():
            key, _, value = line.partition(":")
            processor[key.strip()] = value.strip()
    keys = ("vendor_id", "cpu family", "model", "model name", "flags")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        **{key: processor[key] for key in keys if key in processor},
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": 1,
        "torch": torch.__version__,
    }


def engines() -> dict[str, str]:
    """The versions of what writes ONNX files."""
    return {name: version(name) for name in ENGINES}
