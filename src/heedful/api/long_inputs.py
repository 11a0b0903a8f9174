"""Inputs that are longer than a network reads at once: done with as `data.long` says, and told with the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.results import Answer, Example, blank_answer
from heedful.schema import GenerateSettings, Long
from heedful.tasks.long import Lengths, Way, long_error, way_of
from heedful.tasks.models import TrainedModel
from heedful.tasks.task import AnyTask

QUOTED = 40  # characters of an input in an error


def answer(
    task: AnyTask, models: Sequence[TrainedModel], inputs: Sequence[str], settings: GenerateSettings, long: Long
) -> list[list[Answer]]:
    """The n best answers to each input; those of what was cut or left out say so (`Answer.cut`).

    Raises HeedfulError for the first long input, if the recipe says so.
    """
    answering, way = task.answering, asked_way(task, long)
    lengths = answering.lengths(models, inputs)
    if lengths is None or not lengths.long.any():
        return answering.answer(models, inputs, settings)
    if way == "error":
        raise first_error(lengths, inputs)
    if way == "leave":
        answers = iter(answer_fitting(task, models, inputs, lengths, settings))
        return leave_out(lengths, inputs, answers, settings.n_best)
    answers = answering.answer(models, inputs, settings)
    return [
        [replace(answer, cut=lengths.describe(row, way)) for answer in best] if lengths.long[row] else best
        for row, best in enumerate(answers)
    ]


def score(
    task: AnyTask,
    models: Sequence[TrainedModel],
    pairs: Sequence[tuple[str, str]],
    long: Long,
    names: Sequence[str] = (),
) -> tuple[list[float], str]:
    """The log probability of each (input, output), and what is to be said of inputs that were cut, by their `names`.

    Raises HeedfulError for an input that is long where these are to be left out, since a score cannot say so.
    """
    inputs = [source for source, _ in pairs]
    lengths = task.answering.lengths(models, inputs)
    if lengths is not None or task.facts.by_windows:
        return task.answering.score(models, pairs), check(task, lengths, inputs, long, names)
    note = check_read(task, models, pairs, long, names)
    return task.answering.score(models, pairs), note


def check_read(
    task: AnyTask,
    models: Sequence[TrainedModel],
    pairs: Sequence[tuple[str, str]],
    long: Long,
    names: Sequence[str] = (),
) -> str:
    """As `check`, of the texts that are read of (input, output): those of `match` are its outputs."""
    lengths = task.answering.example_lengths(models, [Example(source, (output,)) for source, output in pairs])
    return check(task, lengths, [output for _, output in pairs], long, names)


def check(task: AnyTask, lengths: Lengths | None, texts: Sequence[str], long: Long, names: Sequence[str] = ()) -> str:
    """What is to be said of texts whose results have no room for it; raises HeedfulError where long ones are refused,
    or are to be left out.
    """
    way = asked_way(task, long)
    if lengths is None or not lengths.long.any():
        return ""
    if way in ("error", "leave"):
        raise first_error(lengths, texts)
    first, number = int(lengths.long.argmax()), int(lengths.long.sum())
    are = f"{number:,} of {count(len(texts), 'text')} {'is' if number == 1 else 'are'} longer"
    name = (names[first] if names else "") or quote(texts[first])
    return f"{are} than the network reads at once (first: {name}: {lengths.describe(first, way)})."


def asked_way(task: AnyTask, long: Long) -> Way:
    """What is done with long inputs: who can read in windows cuts none, since every piece is to be answered."""
    way = way_of(long, task.facts)
    return "windows" if way == "cut" and task.facts.by_windows else way


def answer_fitting(
    task: AnyTask,
    models: Sequence[TrainedModel],
    inputs: Sequence[str],
    lengths: Lengths,
    settings: GenerateSettings,
) -> list[list[Answer]]:
    """The answers to the inputs that the networks read whole; an error is about its row of all inputs."""
    rows = np.flatnonzero(~lengths.long).tolist()
    try:
        return task.answering.answer(models, [inputs[row] for row in rows], settings)
    except HeedfulError as error:
        error.row = None if error.row is None else rows[error.row]
        raise


def leave_out(
    lengths: Lengths, inputs: Sequence[str], answers: Iterator[list[Answer]], n_best: int
) -> list[list[Answer]]:
    """The answers to what fits in their order, and an empty one, which says why, to each long input."""
    return [
        [blank_answer(text, lengths.describe(row, "leave"))] * n_best if lengths.long[row] else next(answers)
        for row, text in enumerate(inputs)
    ]


def first_error(lengths: Lengths, inputs: Sequence[str]) -> HeedfulError:
    """The error for the first long input."""
    row = int(np.argmax(lengths.long))
    error = long_error(quote(inputs[row]), "text", int(lengths.counts[row]), lengths.limit)
    return HeedfulError(error.problem, error.cure, row)


def quote(text: str) -> str:
    """How a long input begins, where it has no name."""
    return f"{text[:QUOTED]!r}…"
