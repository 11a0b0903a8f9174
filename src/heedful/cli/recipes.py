"""heedful recipes: the built-in recipes, and every key that a recipe may hold."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from heedful.errors import HeedfulError, count, nearest, quote, unknown
from heedful.report.columns import columns

FOLDER = Path(__file__).parent.parent / "recipes"
JOBS = {"list": 0, "show": 1, "copy": 2, "keys": 1}
"""Each job, and how many words it takes at most."""

Job = Annotated[str, typer.Argument(metavar="JOB", help="list (the default), show, copy or keys.")]
Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The recipe to show or copy; of keys, a word to look for.")
]
Target = Annotated[Path | None, typer.Argument(metavar="DEST", help="Where to copy it; the current folder by default.")]


def run(job: Job = "list", name: Name = None, target: Target = None) -> None:
    """List, show and copy the built-in recipes; print every key.

    \b
    heedful recipes                                what there is
    heedful recipes show cmudict-vaswani2017       one of them
    heedful recipes copy cmudict-vaswani2017       a copy to change: heedful train cmudict-vaswani2017.toml
    heedful recipes keys                           every key, what it means, its default
    heedful recipes keys rate                      those whose name or description has this word
    """
    check_words(job, [str(word) for word in (name, target) if word is not None])
    if job == "list":
        print(columns([[name, description(name)] for name in names()], left_aligned={1}))
    elif job == "keys":
        print(keys(name))
    elif job == "show":
        print(text(name), end="")
    else:
        copy(name, target)


def check_words(job: str, words: list[str]) -> None:
    """Raises HeedfulError for an unknown job, and for words that it has no use for."""
    if job in names():
        raise HeedfulError(f"{job} is a built-in recipe.", f"heedful recipes show {job}, or copy in place of show.")
    if job not in JOBS:
        raise unknown("job of heedful recipes", job, JOBS)
    if unused := words[JOBS[job] :]:
        most = f"at most {count(JOBS[job], 'word')}" if JOBS[job] else "no words"
        raise HeedfulError(f"heedful recipes {job} takes {most}, and {quote(unused[0])} is one more.")


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


def keys(word: str | None) -> str:
    """Every key of a recipe, one a line, section by section; or those that have a word in name or description."""
    from heedful.recipe import SECTIONS, describe
    from heedful.recipe import keys as all_keys
    from heedful.tasks.recipes import uses

    lines = [describe(key, uses()) for key in all_keys()]
    if word is not None:
        return "\n".join(search_keys(word, dict(zip(all_keys(), lines, strict=True))))
    for section in SECTIONS:
        first = next(number for number, line in enumerate(lines) if line.startswith(f"{section}."))
        lines.insert(first, "")
    return "\n".join(lines)


def search_keys(word: str, lines: dict[str, str]) -> list[str]:
    """The lines of those keys that have each part of a word or of several, in any case.

    Raises HeedfulError if there are none, with the key that is nearest.
    """
    parts = word.casefold().replace("-", "_").split()
    matches = [line for line in lines.values() if all(part in line.casefold() for part in parts)]
    if not matches:
        by_name = {key.rpartition(".")[2]: key for key in lines} | {key: key for key in lines}
        match = nearest(word, by_name)
        hint = f' Did you mean "{by_name[match]}"?' if match else ""
        raise HeedfulError(f"No key has {quote(word)} in its name or description.{hint}", "heedful recipes keys")
    return matches
