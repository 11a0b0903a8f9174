"""Documents that are ready to learn from, and documents of files that are to be scored on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.data.documents.read import read_documents
from heedful.data.folders import ABOUT, read_examples, read_json
from heedful.data.readers.rows import BadRow
from heedful.data.store import Store
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.results import Example
from heedful.schema import DataSettings


@dataclass(frozen=True)
class PreparedDocuments:
    """Documents ready to learn from: each row of `train` is <s>, its tokens, and </s> unless it was cut before."""

    tokenizer: Tokenizer
    train: Store
    valid: list[Example]
    test: list[Example]
    notes: list[str]
    fingerprint: dict[str, Any]


def open_documents(folder: Path) -> PreparedDocuments:
    """The documents that were prepared in a folder."""
    metadata = read_json(folder / ABOUT)
    valid, test = (read_examples(folder / f"{name}.json") for name in ("valid", "test"))
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    return PreparedDocuments(
        tokenizer, Store(folder / "train"), valid, test, metadata["notes"], metadata["fingerprint"]
    )


def open_run(folder: Path) -> PreparedDocuments | None:
    """The documents that were prepared in a run's folder, if they are still there."""
    return open_documents(folder / "data") if (folder / "data" / ABOUT).exists() else None


def examples(files: Sequence[str], data: DataSettings, on_bad: Callable[[BadRow], None]) -> list[Example]:
    """The documents of these files; raises HeedfulError if there is none."""
    documents = read_documents(files, data, on_bad)
    nonempty = [Example(document.source, (), document.where) for document in documents if document.source.strip()]
    if not nonempty:
        raise HeedfulError(f"There is no document in {', '.join(files)}.", "Is there nothing but blanks?")
    return nonempty
