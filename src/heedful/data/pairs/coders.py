"""What turns the texts of one side into arrays of ids: a tokenizer, a list of class names, an album of pictures."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from heedful.data.pictures.album import Album
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer

Kind = Literal["text", "name", "picture"]


class Coder(Protocol):
    """A side's way from text to ids."""

    size: int
    """Ids are below it."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        ...


class ClassNames:
    """The classes that were seen in training, in alphabetical order: a text is one of them, and one id."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.size = len(self.names)
        self.numbers = {name: number for number, name in enumerate(self.names)}

    def __repr__(self) -> str:
        return f"Names({self.names!r})"

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The number of each name; every one must be known."""
        return [[self.numbers[text]] for text in texts]


def learn_names(texts: Iterable[str]) -> ClassNames:
    """The names among these texts.

    >>> learn_names(["dog", "cat", "dog"]).names
    ('cat', 'dog')
    """
    return ClassNames(sorted(set(texts)))


def save(coder: Coder, folder: Path, side: str) -> None:
    """Writes a side's coder into a folder; an album lies there already."""
    if isinstance(coder, Tokenizer):
        coder.save(folder / f"{side}.tokenizer.json")
    elif isinstance(coder, ClassNames):
        (folder / f"{side}.names.json").write_text(json.dumps(coder.names, ensure_ascii=False), encoding="utf-8")


def load(kind: Kind, folder: Path, side: str) -> Coder:
    """The coder that `save` wrote."""
    if kind == "text":
        return load_tokenizer(folder / f"{side}.tokenizer.json")
    if kind == "name":
        return ClassNames(json.loads((folder / f"{side}.names.json").read_text(encoding="utf-8")))
    return Album(folder)


def count_unknown(coder: Coder, texts: Sequence[str]) -> tuple[int, str]:
    """How many pieces of these texts the coder never saw, and what they are."""
    if isinstance(coder, Tokenizer):
        return sum(map(coder.unknowns, coder.encode_batch(texts))), "token"
    if isinstance(coder, ClassNames):
        return sum(text not in coder.numbers for text in texts), "name"
    return 0, "picture"
