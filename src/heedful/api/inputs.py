# pyright: reportUnknownArgumentType=false
"""What a model is asked with from Python: texts, paths, pictures and arrays, one or many, as the references that
answering reads.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from heedful.api.pixels import as_array, is_array, is_picture_object, write_array, write_picture
from heedful.data.pictures.arrays import as_bytes
from heedful.data.steps.conll import NO_BREAK
from heedful.errors import HeedfulError
from heedful.results import Answer
from heedful.tasks.facts import SourceKind

SINGLE_AXES: dict[SourceKind, tuple[int, ...]] = {"picture": (2,), "frames": (3, 4), "series": (1, 2)}
"""By kind of source: how many axes the array of one input has; of pictures, three are looked at more closely."""
COLOURS = (1, 3, 4)
WANTED: dict[SourceKind, str] = {
    "text": "A text is a str.",
    "tokens": "A text is a str, or a list of its words.",
    "picture": "A picture is a path, a PIL image, or an array (H, W) or (H, W, C).",
    "frames": "A video is a path, or an array of bytes (T, H, W) or (T, H, W, C).",
    "series": "A series is a path, or an array (T,) or (T, C).",
}


@dataclass(frozen=True)
class Question:
    """Inputs as references (texts or paths), what people call each, and whether there was but one."""

    references: list[str]
    names: list[str]
    single: bool

    def called(self, reference: str) -> str:
        """What people call an input."""
        return dict(zip(self.references, self.names, strict=True)).get(reference, reference)

    def name(self, rows: list[list[Answer]]) -> list[list[Answer]]:
        """Answers whose sources are called what people call them."""
        if self.references == self.names:
            return rows
        names = dict(zip(self.references, self.names, strict=True))
        return [[replace(answer, source=names.get(answer.source, answer.source)) for answer in row] for row in rows]


@contextmanager
def read_question(inputs: Any, kind: SourceKind) -> Generator[Question]:
    """What somebody asks a model of this kind of source with; pictures and arrays are files while the context is open.

    Raises HeedfulError for what cannot be such a source, and names its type.
    """
    single = is_single(inputs, kind)
    items = [inputs] if single else listed(inputs, kind)
    in_memory = [not isinstance(item, str | PathLike | list | tuple) for item in items]
    aside = TemporaryDirectory(prefix="heedful-", ignore_cleanup_errors=True) if any(in_memory) else nullcontext("")
    with aside as folder:
        references: list[str] = []
        for number, item in enumerate(items, start=1):
            name = "the input" if single else f"input {number:,}"
            references.append(reference_of(item, kind, name, f"{folder}/{number:06}"))
        names = [
            (f"array {number:,}" if is_array(item) else f"picture {number:,}") if held else reference
            for number, (item, held, reference) in enumerate(zip(items, in_memory, references, strict=True), start=1)
        ]
        yield Question(references, names, single)


def read_texts(texts: Any) -> list[str]:
    """One text or several, that something is compared with; raises HeedfulError as `read_question` does."""
    with read_question(texts, "text") as question:
        return question.references


def is_single(inputs: Any, kind: SourceKind) -> bool:
    """Whether this is one input, rather than several; raises HeedfulError for an array that may be either."""
    if is_array(inputs):
        shape = as_array(inputs).shape
        if kind == "picture" and len(shape) == 3:
            if shape[2] not in COLOURS and shape[0] in COLOURS:
                problem = f"An array of shape {shape} may be one picture (C, H, W), or {shape[0]} gray ones (N, H, W)."
                raise HeedfulError(problem, "Say which: array[None] is one picture, list(array) are several.")
            return shape[2] in COLOURS
        return len(shape) in SINGLE_AXES.get(kind, ())
    return isinstance(inputs, str | PathLike) or is_picture_object(inputs) or not isinstance(inputs, Iterable)


def listed(inputs: Any, kind: SourceKind) -> list[Any]:
    """Several inputs as a list; raises HeedfulError for a table, of which nobody knows the column."""
    if isinstance(inputs, Mapping) or hasattr(inputs, "columns"):
        raise HeedfulError(
            f"A model is asked with a list, and this is a {type_name(inputs)}.", f"Name its column. {WANTED[kind]}"
        )
    if is_array(inputs) and as_array(inputs).dtype.kind not in "UOST":
        array = as_array(inputs)
        if kind == "picture" and array.ndim == 4 and array.dtype != np.uint8:  # one scale of levels for all of them
            array = as_bytes(array, "the array")
        return list(array)
    return list(as_array(inputs).tolist() if is_array(inputs) else inputs)


def reference_of(item: Any, kind: SourceKind, name: str, stem: str) -> str:
    """One input as a text or path; what is held in memory is written to the file `stem` with an ending."""
    if isinstance(item, str) and kind != "tokens":
        return str(item)
    if kind == "tokens" and isinstance(item, str | list | tuple):
        return item if isinstance(item, str) else join_words(cast("Sequence[object]", item), name)
    if kind in ("picture", "frames", "series") and isinstance(item, PathLike):
        return str(fspath(cast("PathLike[str]", item)))
    if kind == "picture" and (is_picture_object(item) or is_array(item)):
        write_picture(item, Path(f"{stem}.png"), name)
        return f"{stem}.png"
    if kind in ("frames", "series") and is_array(item):
        write_array(item, Path(f"{stem}.npy"), name)
        return f"{stem}.npy"
    if kind == "text" and isinstance(item, PathLike):
        cure = "Read it first, as Path(…).read_text()."
        raise HeedfulError(f"This model is asked with a text, and {name} is a path: {item}.", cure)
    noun = {"text": "a text", "tokens": "a text", "picture": "a picture", "frames": "a video"}.get(kind, "a series")
    raise HeedfulError(f"This model is asked with {noun}, and {name} is of type {type_name(item)}.", WANTED[kind])


def join_words(words: Sequence[object], name: str) -> str:
    """Words as a text in which each of them stays one."""
    for word in words:
        if not isinstance(word, str) or not word.strip():
            raise HeedfulError(f"A list of words holds {word!r} in {name}.", WANTED["tokens"])
    return "\t".join(NO_BREAK.join(str(word).split()) for word in words)  # a tab: these are cut, punctuation too


def type_name(value: object) -> str:
    """A type as people write it: int, None, torch.Tensor."""
    if value is None:
        return "None"
    kind = type(value)
    return (
        kind.__name__
        if kind.__module__ in ("builtins", "pathlib")
        else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    )
