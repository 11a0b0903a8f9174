"""Which data this was: hashes and sizes of files, the recipe's data section and the seed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from heedful.data import samples
from heedful.data.lines import check_readable
from heedful.data.picture_files import path_of
from heedful.data.tokenizers import Tokenizer
from heedful.sections import Recipe

FORMAT = 1


def fingerprint_of(recipe: Recipe, coders: Sequence[object] | None) -> dict:
    """All that prepared data depends on, as JSON would have it; equal fingerprints mean equal data.

    `coders` are those of the run one goes on from, if there is one.
    """
    data = recipe.data
    files = [*data.train, *([] if data.valid == "auto" else data.valid), *data.test]
    own = [name for name in (data.source_tokenizer, data.target_tokenizer) if name.endswith(".json")]
    given = [hashlib.sha256(described(coder).encode()).hexdigest() for coder in coders or ()]
    return {
        "format": FORMAT,
        "files": {file: identity(file) for file in dict.fromkeys(files + own)},
        "data": data.model_dump(),
        "seed": recipe.seed,
        "coders": given,
    }


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
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": Path(path).stat().st_size, "sha256": digest}


def folder_identity(folder: Path) -> dict[str, str | int]:
    """What a folder holds: names, sizes and times, since its pictures and videos may be too many to read twice."""
    digest, number = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        about = path.stat()
        digest.update(f"{path.relative_to(folder)} {about.st_size} {about.st_mtime_ns}\n".encode())
        number += path.is_file()
    return {"files": number, "sha256": digest.hexdigest()}
