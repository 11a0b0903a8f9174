"""A trained model in a folder of its own: in other people's formats for their engines, or in ours to be shared."""

import json
import re
import shlex
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from heedful import hub
from heedful.api.locate import is_published, locate_model
from heedful.api.model import load
from heedful.data.folders import write_atomically
from heedful.errors import HeedfulError, unknown
from heedful.exporters.package import Package

SHARED = "heedful"
TARGETS = {
    "onnx": "heedful.exporters.onnx",
    "ct2": "heedful.exporters.ct2",
    "hf": "heedful.exporters.hf",
    SHARED: "heedful.api.share",
}
"""Each format, and what writes it: `require()` raises HeedfulError for what is not installed, `refuse(package)` for
what it has no place for, `write(package, folder)` writes.
"""


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    folder: Path
    files: dict[str, tuple[int, str]]
    """By name: bytes, and what it is."""
    notes: tuple[str, ...]


def export(run: Path | str, to: str, output: Path | str | None = None, *, with_hashes: bool = False) -> ExportResult:
    """Writes a run in another format into a new folder: `exports/<run>-<to>` unless another is named.

    `with_hashes`: by hashes of the training rows a folder to be shared tells which rows were learnt from.

    What was written has answered one batch as the network does, where an engine for it is installed. Raises
    HeedfulError for an unknown format, for what a format has no place for, and for a folder that holds something.
    """
    if to not in TARGETS:
        raise unknown("format", to, TARGETS)
    if with_hashes and to != SHARED:
        raise HeedfulError(f"--with-hashes goes with --to {SHARED}: {to} has no place for hashes of rows.")
    writer = import_module(TARGETS[to])
    writer.require()
    model = load(run)
    first, *further = model.trained
    if further:
        raise HeedfulError("Several runs together cannot be exported.", "Export each of them by itself.")
    folder = Path(output) if output else Path("exports") / f"{model.folder.resolve().name}-{to}"
    refuse_full(folder)
    refuse_full(folder.with_name(f"{folder.name}.partial"))  # where it is written, to be renamed when it is whole
    model_folder = locate_model(model.folder)
    published = hub.open(model_folder) if is_published(model_folder) else None
    package = Package(model.folder, model.recipe, first, published, with_hashes)
    try:
        writer.refuse(package)
    except HeedfulError as error:
        raise HeedfulError(error.problem, "\n".join(filter(None, [error.cure, way_out(package)]))) from None
    with write_atomically(folder) as partial:
        package_files = writer.write(package, partial)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in paths}
    files = {name: (size, package_files.meaning.get(name, "")) for name, size in sizes.items()}
    return ExportResult(folder, files, tuple(with_folder(note, folder) for note in package_files.notes))


def with_folder(note: str, folder: Path) -> str:
    """A note with a folder in place of FOLDER, to be pasted: in Python's quotes, or as a word of a command.

    >>> with_folder('use: Translator("FOLDER")', Path("my run"))
    'use: Translator("my run")'
    >>> print(with_folder("use: heedful draw FOLDER", Path("my run")))
    use: heedful draw 'my run'
    """
    in_quotes, word = json.dumps(str(folder), ensure_ascii=False)[1:-1], shlex.quote(str(folder))
    return re.sub('"?FOLDER', lambda place: f'"{in_quotes}' if place[0][0] == '"' else word, note)


def way_out(package: Package) -> str:
    """How a model is exported that a format has no place for; "" if none has."""
    first, *others = [to for to in TARGETS if accepts(to, package)] or [""]
    more = f" (or {', '.join(others)})" if others else ""
    return f"What takes it: heedful export {shlex.quote(str(package.folder))} --to {first}{more}" if first else ""


def accepts(to: str, package: Package) -> bool:
    """Whether a format has a place for a model."""
    try:
        import_module(TARGETS[to]).refuse(package)
    except HeedfulError:
        return False
    return True


def refuse_full(folder: Path) -> None:
    """Raises HeedfulError for a file, for a folder that is not empty, and for the one in which one stands."""
    if not folder.name:
        raise HeedfulError(f"{folder} is not a new folder.", "Name one: -o FOLDER.")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        problem = f"{folder} is a file." if folder.is_file() else f"The folder {folder} is not empty."
        raise HeedfulError(problem, "Name a new folder: -o FOLDER.")
