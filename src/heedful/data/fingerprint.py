"""Which data this was: hashes and sizes of files, the recipe's data section and the seed."""

import hashlib
from pathlib import Path

from heedful.data import samples
from heedful.data.lines import check_readable
from heedful.data.tokenizers import Tokenizer
from heedful.sections import Recipe

FORMAT = 1


def fingerprint_of(recipe: Recipe, tokenizers: tuple[Tokenizer, Tokenizer] | None) -> dict:
    """All that prepared data depends on, as JSON would have it; equal fingerprints mean equal data."""
    data = recipe.data
    files = [*data.train, *([] if data.valid == "auto" else data.valid), *data.test]
    own = [name for name in (data.source_tokenizer, data.target_tokenizer) if name.endswith(".json")]
    given = [hashlib.sha256(tokenizer.dump().encode()).hexdigest() for tokenizer in tokenizers or ()]
    return {
        "format": FORMAT,
        "files": {file: identity(file) for file in dict.fromkeys(files + own)},
        "data": data.model_dump(),
        "seed": recipe.seed,
        "tokenizers": given,
    }


def identity(file: str) -> dict[str, str | int]:
    """What a file is by its content. A dataset of the hub is taken to be what it was when it was prepared."""
    if file.startswith("sample://"):
        return {"version": samples.version()}
    if file.startswith("hf://"):
        return {"name": file}
    check_readable(file)
    with open(file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": Path(file).stat().st_size, "sha256": digest}
