"""The folder of a run or of a comparison: what may be written into, and the recipe as it was asked, written first."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from heedful import recipe as recipes
from heedful.data.folders import is_prepared
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.training.checkpoint import write_file

LEFTOVERS = {f".{recipes.ASKED}.part", "data.partial", "bad_rows.jsonl"}
"""What a run may leave that was killed before anything says that it is one."""
SHOWN = 3  # names of what stands in the way


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run: one that was asked for, one that 0.1.0 began, or data prepared for one.

    A recipe alone makes no run of a folder: people keep theirs beside their data.
    """
    if (folder / recipes.ASKED).is_file() or is_prepared(folder / "data"):
        return True
    return (folder / recipes.OWN).is_file() and table_in(folder / "config.json").get("library") == "heedful"


def check_run_folder(folder: Path) -> None:
    """Raises HeedfulError if a folder, to be that of a run, holds something and no run."""
    if not is_run(folder):
        refuse(folder, foreign_names(folder), "run")


def check_comparison_folder(folder: Path) -> None:
    """Raises HeedfulError if a folder, to be that of a comparison, holds something and no run below it."""
    names = [name for name in foreign_names(folder) if not (folder / name).is_dir() or foreign_names(folder / name)]
    if not names or "entries" in table_in(folder / "compare.json"):
        return
    if not any(is_run(Path(place)) for place, *_ in os.walk(folder)):
        refuse(folder, names, "comparison")


def foreign_names(folder: Path) -> list[str]:
    """What a folder holds beside leftovers; its own name if it is a file."""
    if folder.is_dir():
        return sorted(path.name for path in folder.iterdir() if path.name not in LEFTOVERS)
    return [folder.name] if folder.exists() else []


def refuse(folder: Path, names: list[str], what: str) -> None:
    """Raises HeedfulError if there are names: of what stands in a folder that is to be a run or a comparison."""
    if names and not folder.is_dir():
        raise HeedfulError(f"{folder} is a file, and a {what} is a folder.", "Take another folder: -o runs/NAME")
    if names:
        more = ", …" if len(names) > SHOWN else ""
        raise HeedfulError(
            f"The folder {folder} is not empty and holds no {what} of Heedful: {', '.join(names[:SHOWN])}{more}.",
            "Nothing was touched. Take a folder that is new or empty: -o runs/NAME",
        )


def table_in(path: Path) -> dict[str, object]:
    """The table in a JSON file; an empty one if there is none."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


@contextmanager
def made(folder: Path, asked: Recipe | None = None) -> Iterator[None]:
    """The folder, with the recipe as it was asked; a mistake in the data, which leaves nothing to keep, takes away
    the recipe, and the folder if it is new.
    """
    new = [part for part in (folder, *folder.parents) if not part.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    recipe, own = folder / recipes.ASKED, folder / recipes.OWN
    if asked and not recipe.exists() and not own.exists():
        write_file(recipe, lambda path: path.write_text(recipes.dump(asked, complete=False), encoding="utf-8"))
    try:
        yield
    except HeedfulError:
        if new:
            shutil.rmtree(folder)
        elif asked and not own.exists():
            recipe.unlink(missing_ok=True)
        with suppress(OSError):  # where another run has begun beside this one, the folder of both stays
            for part in new[1:]:
                part.rmdir()
        raise
