"""heedful recipes: the built-in recipes, and every key that a recipe may hold."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from heedful.errors import HeedfulError, unknown
from heedful.report.terminal import columns

FOLDER = Path(__file__).parent.parent / "recipes"
JOBS = ("list", "show", "copy", "keys")

Job = Annotated[str, typer.Argument(metavar="JOB", help="list (the default), show, copy or keys.")]
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The recipe to show or copy.")]
Target = Annotated[Path | None, typer.Argument(metavar="DEST", help="Where to copy it; the current folder by default.")]


def run(job: Job = "list", name: Name = None, target: Target = None) -> None:
    """List, show and copy the built-in recipes; print every key.

    \b
    heedful recipes                                what there is
    heedful recipes show cmudict-vaswani2017       one of them
    heedful recipes copy cmudict-vaswani2017       a copy to change: heedful train cmudict-vaswani2017.toml
    heedful recipes keys                           every key, what it means, its default
    """
    if job not in JOBS:
        raise unknown("job of heedful recipes", job, JOBS)
    if job == "list":
        print(columns([[name, description(name)] for name in names()], left_aligned={1}))
    elif job == "keys":
        print(keys())
    elif job == "show":
        print(text(name), end="")
    else:
        copy(name, target)


def names() -> list[str]:
    """The built-in recipes by name."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def description(name: str) -> str:
    """The first comment of a recipe, which says what it is for."""
    return text(name).partition("\n")[0].lstrip("# ")


def text(name: str | None) -> str:
    if name is None:
        raise HeedfulError("Which recipe?", f"One of: {', '.join(names())}.")
    if name not in names():
        raise unknown("built-in recipe", name, names())
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def copy(name: str | None, target: Path | None) -> None:
    """Writes a recipe where people can change it, never over something that is there."""
    content = text(name)
    path = target or Path()
    path = path / f"{name}.toml" if path.is_dir() else path
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise HeedfulError(f"{path} exists already.", "Name another path after the recipe.") from None
    except OSError as error:
        raise HeedfulError(f"{path} cannot be written: {error.strerror}.") from None
    print(f"{path}\n\nTrain it:  heedful train {shlex.quote(str(path))}")


def keys() -> str:
    """Every key of a recipe, one a line, section by section."""
    from heedful.recipe import SECTIONS, describe
    from heedful.recipe import keys as all_keys
    from heedful.tasks.recipes import uses

    lines = [describe(key, uses()) for key in all_keys()]
    for section in SECTIONS:
        first = next(number for number, line in enumerate(lines) if line.startswith(f"{section}."))
        lines.insert(first, "")
    return "\n".join(lines)
