"""A trained model in a folder of its own: in other people's formats for their engines, or in ours to be shared."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from heedful import hub
from heedful.api.devices import PROCESSOR
from heedful.api.loading import load
from heedful.api.locate import is_published, locate_model
from heedful.data.folders import write_atomically
from heedful.errors import HeedfulError
from heedful.exporters import PAGE, SHARED, TARGETS, require_target
from heedful.exporters.package import ExportedFiles, Package

Runs = Path | str | Sequence[Path | str]


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    folder: Path
    """The file, if it is a page."""
    files: dict[str, tuple[int, str]]
    """By name: bytes, and what it is."""
    notes: tuple[str, ...]


def export(run: Runs, to: str, output: Path | str | None = None, *, with_hashes: bool = False) -> ExportResult:
    """Writes a run in another format into a new folder: `exports/<run>-<to>` unless another is named.

    To `page` go one run or several of one task, into one HTML file. `with_hashes`: by hashes of the training rows a
    folder to be shared tells which rows were learnt from.

    What was written has answered one batch as the network does, where an engine for it is installed. Raises
    HeedfulError for an unknown format, for what a format has no place for, and for a folder that holds something.
    """
    require_target(to)
    if with_hashes and to != SHARED:
        raise HeedfulError(f"--with-hashes goes with --to {SHARED}: {to} has no place for hashes of rows.")
    writer = import_module(TARGETS[to])
    writer.require()
    runs = [run] if isinstance(run, Path | str) else list(run)
    if to != PAGE and len(runs) > 1:
        raise HeedfulError(f"--to {to} takes one run.", f"Export each by itself, or all into one page: --to {PAGE}.")
    packages = [open_package(one, with_hashes) for one in runs]
    ending = ".html" if to == PAGE else ""
    path = Path(output) if output else Path("exports") / f"{packages[0].folder.resolve().name}-{to}{ending}"
    refuse_full(path)
    refuse_full(path.with_name(f"{path.name}.partial"))  # where it is written, to be renamed when it is whole
    for package in packages:
        refuse_kindly(writer, package)
    if to == PAGE:
        exported = writer.write(packages, path)
    else:
        with write_atomically(path) as partial:
            exported = writer.write(packages[0], partial)
    return result_of(path, exported)


def result_of(path: Path, exported: ExportedFiles) -> ExportResult:
    """What was written into a folder, or into one file."""
    paths = [path] if path.is_file() else [one for one in sorted(path.rglob("*")) if one.is_file()]
    folder = path.parent if path.is_file() else path
    sizes = {str(one.relative_to(folder)): one.stat().st_size for one in paths}
    files = {name: (size, exported.meaning.get(name, "")) for name, size in sizes.items()}
    return ExportResult(path, files, tuple(with_folder(note, path) for note in exported.notes))


def open_package(run: Path | str, with_hashes: bool) -> Package:
    """A run to be exported; raises HeedfulError for several that answer together."""
    model = load(run, device=PROCESSOR)
    first, *further = model.learnable
    if further:
        raise HeedfulError("Several runs together cannot be exported.", "Export each of them by itself.")
    model_folder = locate_model(model.folder)
    published = hub.open(model_folder) if is_published(model_folder) else None
    return Package(model.folder, model.recipe, first, published, with_hashes)


def refuse_kindly(writer: ModuleType, package: Package) -> None:
    """Raises HeedfulError for what a format has no place for, and says which format has one."""
    try:
        writer.refuse(package)
    except HeedfulError as error:
        raise HeedfulError(error.problem, "\n".join(filter(None, [error.cure, way_out(package)]))) from None


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
