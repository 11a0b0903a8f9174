"""A trained model in other people's formats, for engines that know nothing of Heedful."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from heedful.api.model import load
from heedful.data.folders import write_aside
from heedful.errors import HeedfulError, unknown

TARGETS = {"onnx": "heedful.exporters.onnx", "ct2": "heedful.exporters.ct2", "hf": "heedful.exporters.hf"}
"""Each format, and what writes it: `require()` raises HeedfulError for what is not installed, and
`write(model, folder)` returns what each file is, and notes in which FOLDER stands for the folder."""

BOUND = 1e-4
"""How far what was written may be from what the network says, as a share of the largest number."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: dict[str, tuple[int, str]]
    """By name: bytes, and what it is."""
    notes: tuple[str, ...]


def export(run: Path | str, to: str, output: Path | str | None = None) -> Exported:
    """Writes a run in another format into a new folder: `exports/<run>-<to>` unless another is named.

    What was written has answered one batch as the network does, where an engine for it is installed. Raises
    HeedfulError for an unknown format, for what a format has no place for, and for a folder that holds something.
    """
    if to not in TARGETS:
        raise unknown("format", to, TARGETS)
    writer = import_module(TARGETS[to])
    writer.require()
    model = load(run)
    if len(model.trained) > 1:
        raise HeedfulError("Several runs together cannot be exported.", "Export each of them by itself.")
    folder = Path(output) if output else Path("exports") / f"{model.folder.resolve().name}-{to}"
    refuse_full(folder)
    with write_aside(folder) as aside:
        meaning, notes = writer.write(model, aside)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in paths}
    files = {name: (size, meaning.get(name, "")) for name, size in sizes.items()}
    return Exported(folder, files, tuple(note.replace("FOLDER", str(folder)) for note in notes))


def refuse_full(folder: Path) -> None:
    """Raises HeedfulError for a file, for a folder that is not empty, and for the one in which one stands."""
    if not folder.name:
        raise HeedfulError(f"{folder} is no new folder.", "Name one: -o FOLDER.")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        problem = f"{folder} is a file." if folder.is_file() else f"The folder {folder} is not empty."
        raise HeedfulError(problem, "Name a new folder: -o FOLDER.")


def agreed(engine: str, what: str, apart: float) -> str:
    """The note of a check that went well; raises HeedfulError for one that did not."""
    if not apart <= BOUND:
        raise HeedfulError(
            f"What was written for {engine} answers otherwise: {what} differ by {apart:.1e} of the largest number.",
            "Nothing was kept. constraints.txt has versions of the libraries with which answers agree.",
        )
    return f"checked: {what}, by {engine} and by the network, differ by at most {apart:.0e} of the largest"
