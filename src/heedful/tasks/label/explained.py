"""A labeller on one sequence, for those who want to know why: its steps, or the pieces of its words, and their labels.

T steps   S positions, which are steps or pieces   C labels
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from heedful.data.steps.forms import Steps, open_asked
from heedful.data.steps.subwords import SubwordVocabulary
from heedful.data.steps.words import WordVocabulary
from heedful.errors import HeedfulError, unknown
from heedful.explanations import Units
from heedful.tasks.label.ask import answering_reach
from heedful.tasks.label.learnable import LearnableLabeller
from heedful.tasks.trace import (
    Reading,
    Trace,
    blank_picture,
    blank_text,
    copies,
    embed,
    pick_positions,
    text_units,
    to_device,
)

MOST_STEPS = 256
"""Steps that are looked into: what explains reads them once for each of them, and goes back from many."""


def trace_steps(model: LearnableLabeller, source: str, output: str | None) -> Trace:
    """The model on one source, each step with its likeliest label, or those of `output`, joined by tabs.

    Of what is read in windows, the first, and MOST_STEPS at the most. Raises HeedfulError for labels that do not fit.
    """
    steps, network = open_asked(source, model.form), model.network.eval()
    array = model.form.encode(steps)
    end = min(MOST_STEPS, answering_reach([model]).windows(array)[0][1])
    notes = () if end == len(steps) else (f"the first {end:,} of {len(steps):,} steps",)
    array = array[:end]
    [inputs, lengths] = to_device(network, array, np.array(end))
    with torch.no_grad():
        chosen = network(inputs, lengths)[0].argmax(-1) if output is None else given_labels(model, output, end)
    chosen = chosen.to(inputs.device)
    names = tuple(model.names[int(number)] for number in chosen)
    reading, first_positions = read_steps(model, steps, array)
    reading = replace(reading, pool=pick_positions(first_positions, len(reading.units), inputs.device))
    kind = reading.units.kind
    return Trace(
        network.core,
        source,
        "\t".join(names),
        (reading,),
        Units(kind, names, seconds=steps.seconds[:end]),
        chosen,
        lambda number: network(copies(inputs, number), copies(lengths, number)),
        lambda name: [number_of(model, name)],
        lambda number: model.names[number],
        notes=notes,
    )


def read_steps(model: LearnableLabeller, steps: Steps, array: np.ndarray) -> tuple[Reading, list[int]]:
    """What the network reads, and the position that each step is labelled at."""
    inner, form, end = model.network.core, model.form, len(array)
    embedding, encoder = inner.sides()[0]
    assert isinstance(encoder, nn.Module)
    if isinstance(form.vocabulary, SubwordVocabulary):
        tokenizer = form.vocabulary.tokenizer
        around = tokenizer.special_tokens
        pieces = [row[row > 0] - 1 for row in array]
        ids = np.array(around.around(np.concatenate(pieces).tolist()), np.int64)
        starts = len(around.before) + np.cumsum([0, *map(len, pieces)])[:-1]
        return Reading(
            text_units(tokenizer, ids), embedding, blank_text(embedding, ids, tokenizer), encoder
        ), starts.tolist()
    if isinstance(form.vocabulary, WordVocabulary):
        units, blank = Units("words", steps.words[:end]), form.vocabulary.encode([""] * end)
    elif model.pixels is not None:
        units = Units("frames", numbered(end), seconds=steps.seconds[:end])
        blank = blank_picture(model.pixels, array.shape)
    else:
        values = tuple(map(tuple, np.asarray(steps.values[:end], np.float64).tolist()))
        units = Units("series", numbered(end), seconds=steps.seconds[:end], values=values)
        blank = np.zeros_like(array)
    return Reading(units, embedding, embed(embedding, blank), encoder), list(range(end))


def numbered(count: int) -> tuple[str, ...]:
    """Steps by their numbers, from 1."""
    return tuple(map(str, range(1, count + 1)))


def number_of(model: LearnableLabeller, name: str) -> int:
    """The number of a label; raises HeedfulError for one that there is not."""
    if name not in model.names:
        raise unknown("label", name, model.names)
    return model.names.index(name)


def given_labels(model: LearnableLabeller, output: str, steps: int) -> torch.Tensor:
    """Labels joined by tabs (or spaces) as numbers (T,)."""
    labels = output.split("\t") if "\t" in output else output.split()
    if len(labels) != steps:
        raise HeedfulError(
            f"There are {steps:,} steps, and {len(labels):,} labels in {output[:60]!r}.", "Name them all."
        )
    return torch.tensor([number_of(model, label) for label in labels])
