"""Which data this was: hashes and sizes of files, the recipe's data section and the seed."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from heedful.data.pictures.karpathy import path_of
from heedful.data.readers.files import all_files
from heedful.data.readers.lines import check_readable
from heedful.data.samples import read as samples
from heedful.data.samples import steps as step_samples
from heedful.data.steps.forms import STORED, TABLES, StepForm
from heedful.data.steps.read import read_labelled_sources
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.steps.tables import LISTS
from heedful.data.steps.words import WordVocabulary
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.schema import DataSettings, Recipe

FORMAT = 1


def fingerprint_of(recipe: Recipe, coders: Sequence[object]) -> dict:
    """All that prepared data depends on, as JSON would have it; equal fingerprints mean equal data.

    `coders` are those of the weights one starts from, if there are any.
    """
    data = recipe.data
    files = all_files(data)
    # what is too long is dealt with behind the preparation, when the network is known
    settings = {name: value for name, value in asdict(data).items() if name != "long"}
    tokenizer_files = [name for name in (data.source_tokenizer, data.target_tokenizer) if name.endswith(".json")]
    hashes = [hashlib.sha256(describe_coder(coder).encode()).hexdigest() for coder in coders]
    return {
        "format": FORMAT,
        "files": {file: identity(file) for file in dict.fromkeys(files + tokenizer_files)},
        "data": settings,
        "seed": recipe.data_seed,
        "coders": hashes,
    }


def changed_files(fingerprint: dict[str, Any], data: DataSettings) -> list[str]:
    """What is no longer as it was when `kept` was written, by name; raises HeedfulError for a file that is gone."""
    files = [file for file, stamp in fingerprint["files"].items() if identity(file) != stamp]
    if not files and "clips" in fingerprint and digest_of_clips(data) != fingerprint["clips"]:
        return [f"a clip that {' or '.join(all_files(data))} names"]
    return files


def describe_coder(coder: object) -> str:
    """A tokenizer or form as text, in the words of 0.1.0: by them data that were prepared then are known."""
    if isinstance(coder, Tokenizer):
        return coder.dump()
    if isinstance(coder, StepForm):
        values = {field.name: getattr(coder, field.name) for field in fields(coder)}
        texts = {name: repr(value) for name, value in values.items()} | {"vocabulary": describe_words(coder.vocabulary)}
        return f"StepForm({', '.join(f'{STORED.get(name, name)}={text}' for name, text in texts.items())})"
    return repr(coder)


def describe_words(vocabulary: WordVocabulary | SubwordVocabulary | None) -> str:
    """The same for words."""
    if isinstance(vocabulary, WordVocabulary):
        return f"Lexicon({vocabulary.words!r}, {vocabulary.letters!r})"
    return f"Cut({vocabulary.tokenizer.kind}, {vocabulary.tokenizer.size})" if vocabulary else "None"


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
    status = Path(path).stat()
    return {"bytes": status.st_size, "sha256": digest(Path(path).absolute(), status.st_size, status.st_mtime_ns)}


@cache
def digest(path: Path, size: int, time: int) -> str:
    """The sha256 of a file, which is read but once while its size and time stay."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_identity(folder: Path) -> dict[str, str | int]:
    """What a folder holds: names, sizes and times, since its pictures and videos may be too many to read twice."""
    digest, number = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        digest.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
        number += path.is_file()
    return {"files": number, "sha256": digest.hexdigest()}


def digest_of_clips(data: DataSettings) -> str:
    """A digest of what a recipe's files name in turn: sizes and times of clips and labels, versions of samples."""
    files, digest = all_files(data), hashlib.sha256()
    for file in files:
        if file.startswith("sample://"):
            digest.update(step_samples.version(file).encode())
    lists = [file for file in files if Path(file).suffix.lower() in (*LISTS, *TABLES)]
    for clip in read_labelled_sources(lists, replace(data, bad_rows="skip"), lambda bad: None):
        for path in map(Path, clip.paths):
            status = path.stat() if path.exists() else None
            digest.update(f"{path} {status and (status.st_size, status.st_mtime_ns)}\n".encode())
    return digest.hexdigest()
