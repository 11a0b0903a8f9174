"""An environment of what answering takes and nothing else: links to what is installed, and Heedful itself."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import heedful

NEEDED = ("numpy", "onnxruntime", "pillow", "pydantic", "rich", "safetensors", "tokenizers", "typer")
THEIRS = (
    *("annotated-doc", "annotated-types", "click", "flatbuffers", "markdown-it-py", "mdurl", "packaging"),
    *("protobuf", "pydantic-core", "pygments", "shellingham", "typing-extensions", "typing-inspection"),
)
"""What these need; huggingface_hub, which tokenizers asks for, is for downloads alone."""


def make_environment(folder: Path) -> int:
    """Links all files into a folder; their bytes together."""
    links = {Path("heedful"): Path(heedful.__file__).parent}
    size = sum(file.stat().st_size for file in links[Path("heedful")].rglob("*") if file.suffix != ".pyc")
    for name in NEEDED + THEIRS:
        for entry, path in files_of(name):
            size += path.stat().st_size
            top = Path(Path(entry).parts[0])
            links.setdefault(top, path.parents[len(Path(entry).parts) - 2] if len(Path(entry).parts) > 1 else path)
    for name, target in links.items():
        (folder / name).symlink_to(target)
    return size


def files_of(name: str) -> Iterator[tuple[str, Path]]:
    """The files of a distribution beside their places in it, without scripts and byte code."""
    for entry in distribution(name).files or ():
        path = Path(str(entry.locate()))
        if ".." not in entry.parts and path.suffix != ".pyc" and path.exists():
            yield str(entry), path


def ask_there(folder: Path, *words: str, within: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """A command line in a process that finds nothing but what is in the folder."""
    command = "import sys; from heedful.cli import main; sys.argv[0] = 'heedful'; main()"
    environment = os.environ | {"HEEDFUL_ENGINE": "auto", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    asked = [sys.executable, "-S", "-c", command, *words]
    return subprocess.run(asked, env=environment, capture_output=True, text=True, cwd=within)
