"""From the words of a command line to files, settings and a recipe.

Every flag below is another way to set one key of the recipe; all other keys are written `key=value`, anywhere among the
files. A word with `=` before any `/` is a setting; `./odd=name.tsv` is always a file.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.errors import HeedfulError, nearest, unknown
from heedful.names import require_models
from heedful.tasks import TASKS

# The list of flags is fixed. Values stay strings here, so that a flag and its key are parsed and refused alike.
NetworkFlag = Annotated[
    str | None, typer.Option("--network", metavar="NAME", help="Network: a row of `heedful networks`.")
]
SizeFlag = Annotated[str | None, typer.Option("--size", metavar="SIZE", help="Size: tiny, small or base.")]
MinutesFlag = Annotated[
    str | None, typer.Option("--minutes", metavar="N", help="Training time in minutes; 5 by default.")
]
StepsFlag = Annotated[str | None, typer.Option("--steps", metavar="N", help="Training steps, instead of minutes.")]
ValidFlag = Annotated[
    str | None, typer.Option("--valid", metavar="FILE", help="Validation data; without any, rows are held out.")
]
TestFlag = Annotated[str | None, typer.Option("--test", metavar="FILE", help="Test data, scored once at the end.")]
SeedFlag = Annotated[
    str | None, typer.Option("--seed", metavar="N", help="Seed of split, order, initial weights, dropout.")
]
FromFlag = Annotated[
    str | None, typer.Option("--from", metavar="NAME", help="Pretrained weights: a run, or published ones.")
]
OutputFlag = Annotated[Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="The folder to write into.")]

TaskAndFiles = Annotated[
    list[str],
    typer.Argument(
        metavar="TASK FILE",
        help=f"A task ({', '.join(TASKS)}) and its files; or a recipe instead: a .toml file, or a name from "
        "`heedful recipes`. Settings are written key=value anywhere among them; `heedful recipes keys` prints every "
        "key.",
    ),
]

BUDGETS = ("train.minutes", "train.steps", "train.epochs")


def recipe_of(command: str, words: list[str], flags: dict[str, str | None]) -> Any:
    """The recipe from the words and flags (by their keys) of a command; raises HeedfulError for what is wrong."""
    from heedful.networks.settings import require_row
    from heedful.recipe import load, parse
    from heedful.tasks.recipes import build, uses
    from heedful.tasks.task import find_task

    first, *arguments = words
    files, settings = files_and_settings(arguments)
    flag_settings = [f"{key}={value}" for key, value in flags.items() if value is not None]
    changes = parse(check_unique(flag_settings + settings))
    if files and "data.train" in changes:
        raise HeedfulError("data.train is set twice.", f"The files {', '.join(files)} set it, too; keep one.")
    if files:
        changes["data.train"] = files
    is_task = first in TASKS
    recipe = build(first, changes) if is_task else load(recipe_file(command, first), changes, uses())
    if not recipe.data.train:
        example = find_task(recipe.task).facts.data
        raise HeedfulError(
            "There is no training file.", f"For example: heedful {command} {shlex.quote(first)} {example}"
        )
    if recipe.network.name != "auto":
        require_row(recipe.network.name)
    require_files([*recipe.data.train, *recipe.data.test, *(recipe.data.valid if recipe.data.valid != "auto" else [])])
    if recipe.start:
        require_models(recipe.start)
    return recipe


def require_files(files: Iterable[str]) -> None:
    """Raises HeedfulError for the first file of data that is not there, or a pipe."""
    from heedful.data.pictures.splits import path_of
    from heedful.data.readers.lines import check_exists

    for file in files:
        if "://" not in file:
            check_exists(Path(path_of(file)))


def recipe_file(command: str, word: str) -> Path:
    """The recipe that a word names: a file or a built-in one."""
    from heedful.cli.recipes import FOLDER, names

    if word.endswith(".toml"):
        return Path(word)
    if word in names():
        return FOLDER / f"{word}.toml"
    if Path(word).exists():
        raise HeedfulError(
            f"{word} is a file; the task comes before it.",
            f"For example: heedful {command} translate {shlex.quote(word)}",
        )
    if not nearest(word, TASKS) and nearest(word, names()):
        raise unknown("built-in recipe", word, names())
    raise unknown("task", word, TASKS)


def files_and_settings(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Divides words into files and settings, each in their order.

    >>> files_and_settings(["a.tsv", "train.steps=5", "sub/x=1.tsv", "hf://owner/data"])
    (['a.tsv', 'sub/x=1.tsv', 'hf://owner/data'], ['train.steps=5'])
    """
    files: list[str] = []
    settings: list[str] = []
    for word in words:
        setting = "=" in word.partition("/")[0] and not Path(word).is_file()
        (settings if setting else files).append(word)
    return files, settings


ALSO_ASKED = ("data.long",)
"""Keys beside those of generate that say how a model is asked."""


def texts_and_settings(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Divides words into texts and settings of `generate`, whose keys do not need the prefix `generate.`.

    A word is a setting if it begins with a key or a misspelt key, and =: a misspelt setting is an error and never
    becomes a text.

    >>> texts_and_settings(["E=mc2", "beam=8", "generate.top_k=5", "required=new york", "a text with beam=8"])
    (['E=mc2', 'a text with beam=8'], ['generate.beam=8', 'generate.top_k=5', 'generate.required=new york'])
    """
    from heedful.recipe import SECTIONS
    from heedful.schema import GenerateSettings

    names = [field.name for field in fields(GenerateSettings)]
    texts: list[str] = []
    settings: list[str] = []
    for word in words:
        key = re.match(r"(?:([a-z]+)\.)?([a-z_]+)=", word)
        if key and f"{key[1]}.{key[2]}" in ALSO_ASKED:
            settings.append(word)
            continue
        if key and key[1] in SECTIONS and key[1] != "generate":
            raise HeedfulError(
                f"{key[1]}.{key[2]} is not a setting for answers.",
                "Those of generate are, such as beam=8 (generate.beam), and data.long.",
            )
        if key and (key[1] == "generate" or (not key[1] and nearest(key[2], names))):
            settings.append(word if key[1] else f"generate.{word}")
        else:
            texts.append(word)
    return texts, settings


def changes_of(settings: list[str]) -> dict[str, Any]:
    """Dotted changes from settings, each of which is set once; raises HeedfulError for a value that its key forbids."""
    from heedful.recipe import build, parse

    changes = parse(check_unique(settings))
    if changes:
        build(next(iter(TASKS)), changes)  # of any task: which one it is, is known when the model is opened
    return changes


def check_unique(settings: list[str]) -> list[str]:
    """The settings, unchanged; raises HeedfulError if a key is set twice, or two budgets are given."""
    keys = [word.partition("=")[0] for word in settings]
    for key in keys:
        if keys.count(key) > 1:
            raise HeedfulError(f"{key} is set twice.", "Set it once, as a flag or as key=value.")
    budgets = [key for key in keys if key in BUDGETS]
    if len(budgets) > 1:
        raise HeedfulError(f"There are {len(budgets)} budgets: {', '.join(budgets)}.", "Keep one of them.")
    return settings


def numbers(seeds: str) -> list[int]:
    """Seeds from their list."""
    if not all(seed.isdecimal() for seed in seeds.split(",")):
        raise HeedfulError(f"--seeds cannot be {seeds!r}.", "Integers separated by commas, such as 0,1,2.")
    return [int(seed) for seed in seeds.split(",")]
