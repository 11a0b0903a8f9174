"""The folder of a run or of a comparison: what may be written into, and the recipe as it was asked, written first."""

import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from heedful import recipe as recipes
from heedful.api.lock import is_lock, lock_folder
from heedful.api.taught import FOLDER as TEACHER
from heedful.api.taught import read_taught
from heedful.data.fingerprint import changed_files
from heedful.data.folders import is_prepared, write_file
from heedful.data.readers.hub import hub_parts
from heedful.errors import HeedfulError, name_not_utf8
from heedful.report.words import join_words
from heedful.schema import Recipe
from heedful.small_files import read_json_table

LEFTOVERS = {f".{recipes.REQUESTED}.part", "data.partial", "data.replaced", "bad_rows.jsonl", TEACHER}
"""What a run may leave that was killed before anything says that it is one."""
NAMES_IN_ERROR = 3  # names of what stands in the way
TABLES = ("data", "versions")  # of a fingerprint


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run: one that was asked for, one that 0.1.0 began, or data prepared for one.

    A recipe alone makes no run of a folder: people keep theirs beside their data.
    """
    if (folder / recipes.REQUESTED).is_file() or is_prepared(folder / "data"):
        return True
    return (folder / recipes.COMPLETE).is_file() and table_in(folder / "config.json").get("library") == "heedful"


def check_run_folder(folder: Path) -> None:
    """Raises HeedfulError if a folder, to be that of a run, holds something and no run."""
    if not is_run(folder):
        refuse_full(folder, foreign_names(folder), "run")


def check_comparison_folder(folder: Path) -> None:
    """Raises HeedfulError if a folder, to be that of a comparison, holds something and no run below it."""
    names = [name for name in foreign_names(folder) if not (folder / name).is_dir() or foreign_names(folder / name)]
    if not names or "entries" in table_in(folder / "compare.json"):
        return
    if not any(is_run(Path(path)) for path, *_ in os.walk(folder)):
        refuse_full(folder, names, "comparison")


def foreign_names(folder: Path) -> list[str]:
    """What a folder holds beside leftovers and locks; its own name if it is a file."""
    if folder.is_dir():
        names = sorted(path.name for path in folder.iterdir())
        return [name for name in names if name not in LEFTOVERS and not is_lock(name)]
    return [folder.name] if folder.exists() else []


def refuse_full(folder: Path, names: list[str], kind: str) -> None:
    """Raises HeedfulError if there are names: of what stands in a folder that is to be a run or a comparison."""
    if names and not folder.is_dir():
        raise HeedfulError(f"{folder} is a file, and a {kind} is a folder.", "Take another folder: -o runs/NAME")
    if names:
        listed = ", ".join(names[:NAMES_IN_ERROR]) + (", …" if len(names) > NAMES_IN_ERROR else "")
        raise HeedfulError(
            f"The folder {folder} is not empty and holds no {kind} of Heedful: {listed}.",
            "Nothing was touched. Take a folder that is new or empty: -o runs/NAME",
        )


def table_in(path: Path) -> dict[str, object]:
    """The table in a JSON file; an empty one if there is none."""
    try:
        return read_json_table(path)
    except (OSError, HeedfulError):
        return {}


@contextmanager
def open_run_folder(folder: Path, user_recipe: Recipe | None = None) -> Generator[None]:
    """Creates the folder, for this process alone, and writes `user_recipe` into it. A HeedfulError in the body before
    anything is learnt, such as bad data, removes the recipe again, and the folder if it is new.

    Raises HeedfulError if another process that lives has the folder.
    """
    asked = recipes.dump(user_recipe, complete=False) if user_recipe else ""
    try:
        f"{folder}\n{asked}".encode()
    except UnicodeEncodeError as error:
        raise name_not_utf8(error) from None
    new_folders = [new_folder for new_folder in (folder, *folder.parents) if not new_folder.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    recipe_path, resolved_path = folder / recipes.REQUESTED, folder / recipes.COMPLETE
    with lock_folder(folder):
        if user_recipe and not recipe_path.exists() and not resolved_path.exists():
            write_file(recipe_path, lambda path: path.write_text(asked, encoding="utf-8"))
        try:
            yield
        except HeedfulError:
            if not resolved_path.exists():
                remove_traces(folder, new_folders)
            raise


def remove_traces(folder: Path, new_folders: list[Path]) -> None:
    """Removes the recipe of a run that did not begin, and those folders that are new."""
    if new_folders:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        (folder / recipes.REQUESTED).unlink(missing_ok=True)
    with suppress(OSError):  # where another run has begun beside this one, the folder of both stays
        for new_folder in new_folders[1:]:
            new_folder.rmdir()


def is_finished(folder: Path, user_recipe: Recipe, resolved: Recipe) -> bool:
    """Whether this recipe was trained to its end in the folder.

    Raises HeedfulError if another recipe stands there, or this one on data that have changed since, or no run at all.
    """
    check_run_folder(folder)
    if not (folder / recipes.COMPLETE).exists():
        if (folder / recipes.REQUESTED).exists():  # stopped while its data were prepared, before anything was decided
            refuse_another(folder, recipes.differences(recipes.load(folder / recipes.REQUESTED), user_recipe))
        return False
    differences = recipes.differences(recipes.load(folder / recipes.COMPLETE), resolved)
    # what was left to the software may have been decided otherwise on another machine
    auto_keys = {key for key, value in recipes.flat(recipes.as_table(user_recipe)).items() if value in ("auto", None)}
    auto_keys -= {"train.minutes", "train.steps", "train.epochs"}
    auto_keys |= {"train.keep"}  # it changes nothing that is learnt
    refuse_another(folder, [line for line in differences if line.partition(":")[0] not in auto_keys])
    refuse_changed(folder, resolved)
    return (folder / "scores.json").exists()


def refuse_another(folder: Path, differences: list[str]) -> None:
    """Raises HeedfulError if there are differences from the recipe of the run in a folder."""
    if differences:
        raise HeedfulError(
            f"{folder} holds a run of another recipe.", "\n".join([*differences, "Take another folder: -o runs/NAME"])
        )


def refuse_changed(folder: Path, recipe: Recipe) -> None:
    """Raises HeedfulError if what a run learns from is no longer what it began with."""
    before = read_fingerprint(folder).get("data")
    if before and (changed_paths := changed_files(before, recipe.data)):
        raise HeedfulError(
            f"{folder} holds a run on other data: {join_words(changed_paths)} changed since.",
            "Take another folder: -o runs/NAME",
        )


def default_folder(recipe: Recipe) -> Path:
    """runs/<data stem>, and runs/<data stem>-<network> where a network is named."""
    name = recipe.network.name
    return Path("runs") / (data_stem(recipe) + ("" if name == "auto" else f"-{name}"))


def decided_in(folder: Path, asked: Recipe) -> Recipe | None:
    """The recipe as it was asked, with what the run in a folder decided where it leaves the choice to the software.

    None: there is none yet, or one of another network, which `is_finished` refuses.
    """
    if not (folder / recipes.COMPLETE).exists() or not is_run(folder):
        return None
    stored = recipes.load(folder / recipes.COMPLETE)
    if stored.task != asked.task or asked.network.name not in ("auto", stored.network.name):
        return None
    if stored.train.optimizer == "auto":  # written by 0.1.0, which had no other
        stored = replace(stored, train=replace(stored.train, optimizer="adamw"))
    network, train = (
        replace(
            section,
            **{
                setting.name: getattr(before, setting.name)
                for setting in fields(section)
                if getattr(section, setting.name) == "auto"
            },
        )
        for section, before in ((asked.network, stored.network), (asked.train, stored.train))
    )
    windows = {
        name: getattr(stored.data, name) for name in ("window", "answer_window") if getattr(asked.data, name) == "auto"
    }
    return replace(asked, data=replace(asked.data, **windows), network=network, train=train)


def data_stem(recipe: Recipe) -> str:
    """What the training data are called: the first file without its ending, or the name of a sample or dataset.

    >>> [data_stem(recipes.build("label", {"data.train": [one]})) for one in ("a/b.csv", "sample://c/d", "hf://e/f/g")]
    ['b', 'c', 'f']
    """
    if not recipe.data.train:
        raise HeedfulError("There is no file to learn from.", f"As heedful train {recipe.task} pairs.tsv")
    first = recipe.data.train[0]
    if first.startswith("hf://"):
        return hub_parts(first)[0].partition("/")[2]
    if first.startswith("sample://"):
        return first.removeprefix("sample://").partition("/")[0]
    return Path(first).absolute().stem


def write_fingerprint(folder: Path, recipe: Recipe, data: Mapping[str, object]) -> str:
    """Writes what the run is made of: data hashes, versions, machine; and what it was made of before, where it began
    on other versions or another machine. What is to be said of that, else "".
    """
    facts: dict[str, Any] = {
        "data": data,
        "versions": {name: importlib.metadata.version(name) for name in ("heedful", "torch", "tokenizers", "numpy")},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": recipe.train.device,
        "threads": recipe.train.threads,
        "precision": recipe.train.precision,
    }
    if taught := read_taught(folder):
        facts["teacher"] = asdict(taught)
    before = read_fingerprint(folder)
    earlier = before.pop("earlier", [])
    differences = compare_fingerprints(before, facts)
    if differences:
        earlier = [*earlier, {name: before[name] for name in before if name != "data"}]
    if earlier:
        facts["earlier"] = earlier
    write_file(folder / "fingerprint.json", lambda path: path.write_text(json.dumps(facts, indent=1), encoding="utf-8"))
    return f"this run began with {', '.join(differences)}: its weights may differ in rounding" if differences else ""


def read_fingerprint(folder: Path) -> dict[str, Any]:
    """What was written of a run; empty where it is not there, or not as it was written."""
    fingerprint = table_in(folder / "fingerprint.json")
    is_whole = all(isinstance(fingerprint.get(name), dict) for name in TABLES)
    return fingerprint if is_whole else {}


def compare_fingerprints(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Where a run began in another way than it goes on: "torch 2.9.0, now 2.13.0"."""
    was, present = ({**facts.get("versions", {}), **facts} if facts else {} for facts in (before, now))
    names = [*now["versions"], "python", "machine", "device", "threads", "precision"]
    return [
        f"{name} {was[name]}, now {present[name]}" for name in names if was.get(name, present[name]) != present[name]
    ]
