"""Why a model gave its answer: its first network on one finished answer, handed to what explains."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import torch

from heedful.api.inputs import read_question
from heedful.errors import HeedfulError
from heedful.explain import methods
from heedful.explanations import Explanation
from heedful.results import Alignment

if TYPE_CHECKING:
    from heedful.tasks.facts import SourceKind
    from heedful.tasks.trace import Trace


class Traced(Protocol):
    """A model whose first network can be looked into."""

    @property
    def task(self) -> str: ...

    @property
    def source_kind(self) -> "SourceKind": ...

    def trace(self, reference: str, output: str | None = None, instead: str | None = None) -> "Trace": ...


def explain(
    model: Traced, source: Any, output: str | None, method: str | None, instead: str | None, faithfulness: bool
) -> Explanation:
    """Why this answer was given to an input, as `Model.explain` says."""
    with torch.inference_mode(False), one_reference(model, source) as (reference, called):  # gradients are needed
        trace = replace(model.trace(reference, output, instead), question=called)
        return methods.explain(model.task, trace, method, instead, faithfulness)


def align(model: Traced, source: Any, output: str | None) -> Alignment:
    """What each token of an answer attended to, as `Model.align` says."""
    with one_reference(model, source) as (reference, _):
        trace = model.trace(reference, output)
        if methods.METHODS["attention"].lacks(trace.network):
            return Alignment(trace.readings[0].units.names, trace.answered.names, {})
        return methods.explain(model.task, trace, "attention", faithfulness=False).alignment()


@contextmanager
def one_reference(model: Traced, source: Any) -> Generator[tuple[str, str]]:
    """One input as a text or a path, and what people call it; raises HeedfulError for several."""
    with read_question(source, model.source_kind) as question:
        if len(question.references) != 1:
            problem = f"One input is explained at a time, and these are {len(question.references):,}."
            raise HeedfulError(problem, "Ask for each by itself: [model.explain(each) for each in inputs]")
        yield question.references[0], question.names[0]
