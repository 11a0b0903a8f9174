"""Which data this was: hashes and sizes of files, the recipe's data section and the seed."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from heedful.data.pictures.karpathy import path_of
from heedful.data.readers.files import all_files
from heedful.data.readers.lines import check_readable
from heedful.data.samples import read as samples
from heedful.data.samples import steps as step_samples
from heedful.data.steps.forms import TABLES
from heedful.data.steps.read import read_labelled
from heedful.data.steps.tables import LISTS
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.schema import DataSettings, Recipe

FORMAT = 1


def fingerprint_of(recipe: Recipe, coders: Sequence[object]) -> dict:
    """All that prepared data depends on, as JSON would have it; equal fingerprints mean equal data.

    `coders` are those of the weights one starts from, if there are any.
    """
    data = recipe.data
    files = all_files(data)
    own = [name for name in (data.source_tokenizer, data.target_tokenizer) if name.endswith(".json")]
    given = [hashlib.sha256(described(coder).encode()).hexdigest() for coder in coders]
    return {
        "format": FORMAT,
        "files": {file: identity(file) for file in dict.fromkeys(files + own)},
        "data": asdict(data),
        "seed": recipe.data_seed,
        "coders": given,
    }


def changed(kept: dict[str, Any], data: DataSettings) -> list[str]:
    """What is no longer as it was when `kept` was written, by name; raises HeedfulError for a file that is gone."""
    found = [file for file, about in kept["files"].items() if identity(file) != about]
    if not found and "clips" in kept and named_by(data) != kept["clips"]:
        found = [f"a clip that {' or '.join(all_files(data))} names"]
    return found


def described(coder: object) -> str:
    """A tokenizer, names or form of pictures as text."""
    return coder.dump() if isinstance(coder, Tokenizer) else repr(coder)


def identity(file: str) -> dict[str, str | int]:
    """What a file is by its content. A dataset of the hub is taken to be what it was when it was prepared."""
    if file.startswith("sample://"):
        return {"version": samples.version(file)}
    if file.startswith("hf://"):
        return {"name": file}
    if Path(file).is_dir():
        return folder_identity(Path(file))
    path = path_of(file)
    check_readable(path)
    about = Path(path).stat()
    return {"bytes": about.st_size, "sha256": digest(Path(path).absolute(), about.st_size, about.st_mtime_ns)}


@cache
def digest(path: Path, size: int, time: int) -> str:
    """The sha256 of a file, which is read but once while its size and time stay."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_identity(folder: Path) -> dict[str, str | int]:
    """What a folder holds: names, sizes and times, since its pictures and videos may be too many to read twice."""
    seen, number = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        about = path.stat()
        seen.update(f"{path.relative_to(folder)} {about.st_size} {about.st_mtime_ns}\n".encode())
        number += path.is_file()
    return {"files": number, "sha256": seen.hexdigest()}


def named_by(data: DataSettings) -> str:
    """A digest of what a recipe's files name in turn: sizes and times of clips and labels, versions of samples."""
    files, seen = all_files(data), hashlib.sha256()
    for file in files:
        if file.startswith("sample://"):
            seen.update(step_samples.version(file).encode())
    lists = [file for file in files if Path(file).suffix.lower() in (*LISTS, *TABLES)]
    for one in read_labelled(lists, replace(data, bad_rows="skip"), lambda bad: None):
        for path in map(Path, one.paths):
            about = path.stat() if path.exists() else None
            seen.update(f"{path} {about and (about.st_size, about.st_mtime_ns)}\n".encode())
    return seen.hexdigest()
