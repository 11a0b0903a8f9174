"""What a model of `match` is asked beside its answers: what is among texts, what is in folders, vectors of both."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from heedful.api import long_inputs
from heedful.api.inputs import read_question
from heedful.api.opened import Question
from heedful.results import Answer
from heedful.schema import GenerateSettings, Long
from heedful.tasks.answering import Finder
from heedful.tasks.facts import SourceKind
from heedful.tasks.models import TrainedModel
from heedful.tasks.task import find_task
from heedful.training.progress import say, terminal

if TYPE_CHECKING:
    from heedful.tasks.match.vectors import Vectors

Changes = Mapping[str, object]
"""Dotted keys of a recipe with new values, as {"generate.beam": 8}."""
Kind = Literal["pictures", "texts", "queries"]
MANY = 1 << 20  # inputs: as many as there are in folders


class Asked(Protocol):
    """A model that can be asked."""

    @property
    def task(self) -> str: ...

    @property
    def trained(self) -> tuple[TrainedModel, ...]: ...

    @property
    def source_kind(self) -> SourceKind: ...

    def trained_for(self, question: Question) -> tuple[TrainedModel, ...]: ...

    def settings(self, changes: Changes | None) -> GenerateSettings: ...

    def long(self, changes: Changes | None) -> Long: ...


def among(
    model: Asked, inputs: Any, texts: Sequence[str], changes: Changes | None, names: Sequence[str] | None
) -> list[list[Answer]]:
    """The n best of texts for each picture; see `Model.among`."""
    settings = model.settings(changes)
    tell_long(model, texts, changes, names)
    with terminal() as listener, read_question(inputs, model.source_kind) as question:
        finder = finder_for(model, settings, question.references)
        return question.name(finder.among(question.references, texts, settings, listener))


def search(
    model: Asked, texts: Sequence[str], pictures: Any, n: int, changes: Changes | None, names: Sequence[str]
) -> list[list[Answer]]:
    """The n pictures nearest to each text; see `Model.search`."""
    settings = model.settings({"generate.n_best": n} | dict(changes or {}))
    finder = find_task(model.task).answering.finder(model.trained_for(Question(settings, MANY)))
    tell_long(model, texts, changes, names)
    with terminal() as listener, read_question(pictures, model.source_kind) as question:
        answers = finder.search(texts, question.references, settings, listener)
        return [[replace(answer, output=question.called(answer.output)) for answer in best] for best in answers]


def embed(model: Asked, inputs: Any, kind: Kind, changes: Changes | None, names: Sequence[str]) -> "Vectors":
    """Unit vectors; see `Model.embed`."""
    settings = model.settings(changes)
    source_kind = "picture" if kind == "pictures" and model.source_kind == "picture" else "text"
    second = kind == "queries" or (kind == "texts" and model.source_kind == "picture")
    with terminal() as listener, read_question(inputs, source_kind) as question:
        finder = finder_for(model, settings, question.references)
        tell_long(model, question.references if second else (), changes, names)
        vectors = finder.embed(question.references, second, settings, listener)
        return replace(vectors, names=tuple(map(question.called, vectors.names)))


def finder_for(model: Asked, settings: GenerateSettings, references: Sequence[str]) -> Finder:
    """What compares and embeds, by the engine for as many inputs as these: of folders nobody knows how many."""
    folders = any(map(os.path.isdir, references))
    asked = Question(settings, MANY if folders else len(references))
    return find_task(model.task).answering.finder(model.trained_for(asked))


def tell_long(model: Asked, texts: Sequence[str], changes: Changes | None, names: Sequence[str] | None) -> None:
    """Says which texts that pictures are compared with are cut; raises HeedfulError as the recipe says. Without
    `names` it was said before.
    """
    pairs = [("", text) for text in texts]
    note = long_inputs.check_read(find_task(model.task), model.trained, pairs, model.long(changes), names or ())
    if note and names is not None:
        say(note)
