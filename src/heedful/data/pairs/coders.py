"""What turns the texts of one side into arrays of ids: a tokenizer, a list of class names, an album of pictures."""

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

from heedful.data.pictures.album import Album
from heedful.data.readers.rows import quote
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import unknown

Kind = Literal["text", "name", "picture"]


class Coder(Protocol):
    """A side's way from text to ids."""

    size: int
    """Ids are below it."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        ...


class ClassNames:
    """The classes that were seen in training, in alphabetical order: a text is one of them, and one id.

    >>> ClassNames(["Caf\u00e9", "tea"]).find(" Cafe\u0301")
    'Caf\xe9'
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.size = len(self.names)
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self.by_form = {class_name(name): name for name in reversed(self.names)}

    def __repr__(self) -> str:
        return f"Names({self.names!r})"

    def find(self, text: str) -> str:
        """The class that a text names, in whatever form it is written; the text's own form where there is none."""
        form = class_name(text)
        return text if text in self.numbers else self.by_form.get(form, form)

    def known(self, text: str) -> str:
        """As `find`; raises HeedfulError where there is none."""
        name = self.find(text)
        if name not in self.numbers:
            raise unknown("class", name, self.numbers)
        return name

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The number of each name; every one must be known."""
        return [[self.numbers[text]] for text in texts]


def class_name(text: str) -> str:
    """The one form of a class's name: composed characters (NFC), no blanks at its ends, one between its words.

    >>> class_name(" hot  dog")
    'hot dog'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def name_notes(written: Counter[str]) -> Iterator[str]:
    """What is said of names that are written in several ways: of those that are one class, and those that are not.

    >>> [*name_notes(Counter({"cat": 2, "cat ": 1}))]
    ['one class: "cat" (2) and "cat " (1), whose names differ by blanks']
    """
    for forms in groups_of_names(written, class_name):
        difference = "blanks" if len({" ".join(form.split()) for form in forms}) == 1 else "composed characters"
        remark = " (NFC, NFD)" if difference != "blanks" else ""
        yield f"one class: {list_names(written, forms)}, whose names differ by {difference}{remark}"
    classes = Counter[str]()
    for form, number in written.items():
        classes[class_name(form)] += number
    for names in groups_of_names(classes, lambda name: "".join(name.casefold().split())):
        yield f"{len(names)} classes: {list_names(classes, names)}, whose names differ by case or blanks alone"


def groups_of_names(names: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
    """The names of which several have one key, by key."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(key(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def list_names(counts: Counter[str], names: Sequence[str]) -> str:
    """Names with how often they occur."""
    return " and ".join(f"{quote(name)} ({counts[name]:,})" for name in names)


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
        return sum(coder.find(text) not in coder.numbers for text in texts), "name"
    return 0, "picture"
