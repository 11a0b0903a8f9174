"""Which data this was: hashes and sizes of files, the recipe's data section and the seed."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from heedful.data.checksums import hash_file
from heedful.data.facts import PICTURE_METHOD, VOCABULARY_METHOD
from heedful.data.folders import is_hidden
from heedful.data.notes import ignore
from heedful.data.pairs.read import read_pairs
from heedful.data.pictures.flickr import is_flickr
from heedful.data.pictures.splits import list_of, path_of, split_of
from heedful.data.readers.files import all_files, is_folder
from heedful.data.readers.formats import format_of as format_of_file
from heedful.data.readers.lines import check_readable
from heedful.data.readers.opening import ending_of
from heedful.data.samples import read as samples
from heedful.data.samples import steps as step_samples
from heedful.data.split import METHOD
from heedful.data.steps.forms import STORED, TABLES, StepForm
from heedful.data.steps.read import read_labelled_sources
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.steps.tables import LISTS
from heedful.data.steps.words import WordVocabulary
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.schema import DataSettings, Recipe

LATER = ("long", "window", "answer_window")
"""Keys of the data section by which no prepared data differ: how much is read at once is decided behind it."""
FORMAT = 2
"""What stamps say of folders and clips: contents. In format 1, which 0.1.0 wrote, it is sizes and times."""


def fingerprint_of(recipe: Recipe, coders: Sequence[object], form: int = FORMAT) -> dict:
    """All that prepared data depends on, as JSON would have it; equal fingerprints mean equal data.

    `coders` are those of the weights one starts from, if there are any; `form` is the format to write it in.
    """
    data = recipe.data
    files = all_files(data)
    settings = {name: value for name, value in asdict(data).items() if name not in LATER}
    if not data.folds:  # as they were written before there were folds
        settings = {name: value for name, value in settings.items() if name not in ("folds", "fold")}
    if not data.lowercase:  # as they were written before texts could be lower-cased
        del settings["lowercase"]
    tokenizer_files = [name for name in (data.source_tokenizer, data.target_tokenizer) if name.endswith(".json")]
    hashes = [hashlib.sha256(describe_coder(coder).encode()).hexdigest() for coder in coders]
    return {
        "format": form,
        "files": {file: identity(file, form) for file in dict.fromkeys(files + tokenizer_files)},
        "data": settings,
        "seed": recipe.data_seed,
        "coders": hashes,
    }


def without_window(fingerprint: dict[str, Any] | None) -> dict[str, Any] | None:
    """A fingerprint as it is written now: 0.1.0 wrote into it how much is read at once, by which no data differ."""
    data = fingerprint.get("data") if isinstance(fingerprint, dict) else None
    if fingerprint is None or not isinstance(data, dict):
        return fingerprint
    return fingerprint | {"data": {name: value for name, value in data.items() if name not in LATER}}


def format_of(fingerprint: object) -> int:
    """The format that a fingerprint is written in; the current one where there is none, or one that is not ours."""
    return 1 if isinstance(fingerprint, dict) and fingerprint.get("format") == 1 else FORMAT


def split_method_of(fingerprint: object) -> int:
    """How rows of data with this fingerprint were held out: the first way where it says nothing of it."""
    return fingerprint.get("split", 1) if isinstance(fingerprint, dict) else METHOD


def vocabulary_method_of(fingerprint: object) -> int:
    """How many entries the vocabulary of data with this fingerprint has: as 0.1.0 decided where it says nothing."""
    return fingerprint.get("vocabulary", 1) if isinstance(fingerprint, dict) else VOCABULARY_METHOD


def picture_method_of(fingerprint: object) -> int:
    """How large the pictures of data with this fingerprint are: as 0.1.0 decided where it says nothing."""
    return fingerprint.get("picture", 1) if isinstance(fingerprint, dict) else PICTURE_METHOD


def changed_files(fingerprint: dict[str, Any], data: DataSettings) -> list[str]:
    """What is no longer as it was when `kept` was written, by name; raises HeedfulError for a file that is gone."""
    form = format_of(fingerprint)
    files = [file for file, stamp in fingerprint["files"].items() if identity(file, form) != stamp]
    if not files and "clips" in fingerprint and digest_of_clips(data, form) != fingerprint["clips"]:
        return [f"a clip that {' or '.join(all_files(data))} names"]
    if not files and "pictures" in fingerprint and digest_of_pictures(data) != fingerprint["pictures"]:
        return [f"a picture that {' or '.join(all_files(data))} names"]
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


def identity(file: str, form: int = FORMAT) -> dict[str, str | int]:
    """What a file is by its content. A dataset of the hub is taken to be what it was when it was prepared."""
    if file.startswith("sample://"):
        return {"version": samples.version(file)}
    if file.startswith("hf://"):
        return {"name": file}
    if Path(file).is_dir():
        return folder_identity(Path(file)) if form > 1 else folder_identity_by_time(Path(file))
    path = path_of(file)
    check_readable(path)
    of_list = {"list": digest(list_of(file))} if split_of(file) and is_flickr(file) else {}
    return {"bytes": Path(path).stat().st_size, "sha256": digest(Path(path))} | of_list


def folder_identity(folder: Path) -> dict[str, str | int]:
    """What a folder holds: names and contents of its files, but for what is hidden; when they were written, and where
    the folder lies, does not count.
    """
    whole, number = hashlib.sha256(), 0
    for path in visible_files(folder):
        whole.update(os.fsencode(path.relative_to(folder).as_posix()) + f" {digest(path)}\n".encode())
        number += 1
    return {"files": number, "contents": whole.hexdigest()}


def visible_files(folder: Path) -> list[Path]:
    """The files below a folder, sorted, those behind links to folders too."""
    files, seen = list[Path](), {os.path.realpath(folder)}
    for directory, folders, names in os.walk(folder, followlinks=True):
        files += [Path(directory, name) for name in names if not is_hidden(name)]
        targets = {name: os.path.realpath(Path(directory, name)) for name in folders if not is_hidden(name)}
        folders[:] = [name for name, target in targets.items() if target not in seen]  # a link may lead upwards
        seen.update(targets.values())
    return sorted(files)


def digest(path: Path) -> str:
    """The sha256 of a file; why it has none where it cannot be read, which is told by whoever needs it."""
    try:
        return hash_file(path) if path.is_file() else "no file"  # to open a pipe may wait for ever
    except OSError as error:
        return error.strerror or "unreadable"


def digest_of_clips(data: DataSettings, form: int = FORMAT) -> str:
    """A digest of what a recipe's files name in turn: contents of clips and labels, versions of samples."""
    files, whole = all_files(data), hashlib.sha256()
    for file in files:
        if file.startswith("sample://"):
            whole.update(step_samples.version(file).encode())
    lists = [file for file in files if ending_of(file) in (*LISTS, *TABLES)]
    for clip in read_labelled_sources(lists, replace(data, bad_rows="skip"), lambda bad: None):
        for path in map(Path, clip.paths):
            stamp = content_of(path) if form > 1 else status_of(path)
            whole.update(os.fsencode(path) + f" {stamp}\n".encode())
    return whole.hexdigest()


def digest_of_pictures(data: DataSettings) -> str:
    """A digest of the pictures that a recipe's tables name, by content; those in folders and containers are theirs."""
    tables = [file for file in all_files(data) if "://" not in file and names_pictures(file, data)]
    whole = hashlib.sha256()
    for source in dict.fromkeys(pair.source for pair in read_pairs(tables, replace(data, bad_rows="skip"), ignore)):
        whole.update(os.fsencode(source) + f" {digest(Path(source))}\n".encode())
    return whole.hexdigest()


def names_pictures(file: str, data: DataSettings) -> bool:
    """Whether a file is a table that may name pictures, and hold none itself."""
    if data.format == "parallel" or is_folder(file, data):
        return False
    row_format = format_of_file(file, data.format)
    return row_format.name == "karpathy" or (row_format.names_files and row_format.name != "parquet")


def content_of(path: Path) -> str:
    """What a clip is: a file, or a folder of frames."""
    return str(folder_identity(path)["contents"]) if path.is_dir() else digest(path)


def folder_identity_by_time(folder: Path) -> dict[str, str | int]:
    """What a folder holds in the words of format 1: names, sizes and times."""
    whole, number = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        whole.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
        number += path.is_file()
    return {"files": number, "sha256": whole.hexdigest()}


def status_of(path: Path) -> tuple[int, int] | None:
    """What a clip is in the words of format 1: its size and time."""
    if not path.exists():
        return None
    status = path.stat()
    return status.st_size, status.st_mtime_ns
