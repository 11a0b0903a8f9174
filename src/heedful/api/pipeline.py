"""`heedful.pipeline`: the call, its options and the shapes of its answers as `transformers` has or had them.

Version 5 of that library took out translation, summarization, text2text-generation and image-to-text; here they answer
as version 4 did, with published weights or with one's own.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.api.inputs import is_single
from heedful.api.loading import load
from heedful.api.model import Model
from heedful.errors import HeedfulError, unknown
from heedful.results import Answer
from heedful.tasks import TASKS
from heedful.tasks.task import find_task

Records = list[Any]
"""Of one input: dictionaries, or a list of them for each mask."""
Options = Mapping[str, Any]

OTHER_NAMES = {
    "sentiment-analysis": "text-classification",
    "summarization": "translation",
    "text2text-generation": "translation",
}
"""Names that mean a task of the hub which another name has, too."""
GENERATE = {
    "num_beams": "beam",
    "num_return_sequences": "n_best",
    "max_new_tokens": "max_length",
    "do_sample": "sample",
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "length_penalty": "length_penalty",
    "repetition_penalty": "repetition_penalty",
    "no_repeat_ngram_size": "no_repeat_ngram",
    "stop_sequence": "stop",
}
"""Options of `generate` there, and the keys of a recipe's generate section that mean the same."""
EVERY = 10_000  # answers, as many as generate.n_best allows
RANKED = 5
"""Classes and guesses that are given where nobody says how many."""


@dataclass(frozen=True)
class Pipeline:
    """A model that is called as one of `transformers`' pipelines: `task` is its name there."""

    task: str
    model: Model
    options: Mapping[str, Any]

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """The answers to one input or to a list, as lists of dictionaries; inputs are as those of `Model.predict`.

        Raises HeedfulError for an option that this pipeline does not have, with the nearest that it has.
        """
        several, options = not is_single(inputs, self.model.source_kind), {**self.options, **options}
        shape = PIPELINES[self.task]
        rows = shape.rows(self.model, inputs if several else [inputs], options)
        if several and shape.flat(options) and all(len(records) == 1 for records in rows):
            return [record for [record] in rows]
        return rows if several and not (shape.only and len(rows) == 1) else rows[0]


def pipeline(task: str, model: Model | Path | str, **options: Any) -> Pipeline:
    """A model by the name of what it does at `transformers`: translation (also `translation_en_to_de`), summarization,
    text2text-generation, image-to-text, text-generation, fill-mask, text-classification or image-classification.

    `model` is a run, a folder in the Hugging Face format, a name of its hub, or a `Model`; options are those of calls.
    Raises HeedfulError for a task that there is not, and for a model of another one.

    translate = heedful.pipeline("translation", "runs/mine")
    translate("Good morning.")                       # [{"translation_text": "Guten Morgen."}]
    """
    name = "translation" if task.startswith("translation_") else task
    if name not in PIPELINES:
        raise unknown("pipeline", task, PIPELINES)
    loaded = model if isinstance(model, Model) else load(model)
    hub_task = OTHER_NAMES.get(name, name)
    theirs = find_task(loaded.task).facts.hub_tasks.get(loaded.source_kind, "")
    if theirs != hub_task:
        verbs = [verb for verb in TASKS if hub_task in find_task(verb).facts.hub_tasks.values()]
        raise HeedfulError(
            f"{loaded.folder} was trained to {loaded.task}, and the pipeline {task} is for models that {verbs[0]}.",
            f'Take heedful.pipeline("{theirs}", …) for it.' if theirs in PIPELINES else "",
        )
    return Pipeline(name, loaded, options)


@dataclass(frozen=True)
class Shape:
    """How a pipeline answers: its records for each input; whether by these options a list of inputs has a record each,
    where there is but one, and not a list of records each; and whether a list of one input is like that input.
    """

    rows: Callable[[Model, Sequence[Any], Options], list[Records]]
    flat: Callable[[Options], bool] = lambda options: False
    only: bool = False


def write(key: str) -> Callable[[Model, Sequence[Any], Options], list[Records]]:
    """What gives the texts that a model writes, under this key."""

    def rows(model: Model, inputs: Sequence[Any], options: Options) -> list[Records]:
        changes = settings(options, GENERATE, "max_length")
        if "max_length" in options:  # theirs counts the token that a decoder begins with
            changes["generate.max_length"] = max(1, int(options["max_length"]) - 1)
        return [[{key: answer.output} for answer in answers] for answers in model.answer(inputs, changes, scored=False)]

    return rows


def continue_texts(model: Model, inputs: Sequence[Any], options: Options) -> list[Records]:
    """Texts that go on: the whole text, or what is new of it (`return_full_text=False`)."""
    whole = bool(options.get("return_full_text", True))
    answers = model.answer(inputs, settings(options, GENERATE, "return_full_text"), scored=False)
    return [[{"generated_text": answer.source * whole + answer.output} for answer in each] for each in answers]


def rank_classes(default: int) -> Callable[[Model, Sequence[Any], Options], list[Records]]:
    """What gives the likeliest classes with their probabilities: `top_k` of them (None: all)."""

    def rows(model: Model, inputs: Sequence[Any], options: Options) -> list[Records]:
        count = options.get("top_k", default) or EVERY
        answers = model.answer(inputs, settings(options, {}, "top_k") | {"generate.n_best": count})
        return [[{"label": answer.output, "score": math.exp(answer.score)} for answer in each] for each in answers]

    return rows


def fill_masks(model: Model, inputs: Sequence[Any], options: Options) -> list[Records]:
    """The `top_k` likeliest tokens at a mask; of a text with several masks a list for each."""
    changes = settings(options, {}, "top_k") | {"generate.n_best": options.get("top_k", RANKED)}
    changes["generate.whole_words"] = False  # theirs offer any token
    return [by_mask(answers) for answers in model.answer(inputs, changes)]


def by_mask(answers: Sequence[Answer]) -> list[Any]:
    """The records of the only mask, or of each of several."""
    records: list[Records] = []
    for mask in range(len(answers[0].ids)):
        records.append([])
        for answer in answers:
            assert answer.track is not None, "a model of fill keeps them"
            word, (probability,) = answer.track.labels[mask], answer.track.probabilities[mask]
            text = answer.output if len(answer.ids) == 1 else fill_in(answer.source, mask, word)
            records[-1].append({"score": probability, "token": answer.ids[mask], "token_str": word, "sequence": text})
    return records[0] if len(records) == 1 else records


def fill_in(text: str, mask: int, word: str) -> str:
    """A text with one of its masks filled.

    >>> fill_in("[MASK] and [MASK].", 1, "dogs")
    '[MASK] and dogs.'
    >>> fill_in("<mask> and <mask>.", 1, "dogs")
    '<mask> and dogs.'
    """
    written = "[MASK]" if "[MASK]" in text else "<mask>"
    parts = text.split(written)
    return written.join(parts[: mask + 1]) + word + written.join(parts[mask + 1 :])


def settings(options: Options, names: Mapping[str, str], *own: str) -> dict[str, Any]:
    """The dotted keys that options mean, but for a pipeline's own; raises HeedfulError for one without a meaning."""
    for name in options:
        if name not in names and name not in own:
            raise unknown("option", name, [*names, *own])
    return {f"generate.{names[name]}": value for name, value in options.items() if name not in own}


PIPELINES: Mapping[str, Shape] = {
    "translation": Shape(write("translation_text"), flat=lambda options: True),
    "summarization": Shape(write("summary_text"), flat=lambda options: True),
    "text2text-generation": Shape(write("generated_text"), flat=lambda options: True),
    "image-to-text": Shape(write("generated_text")),
    "text-generation": Shape(continue_texts),
    "fill-mask": Shape(fill_masks, only=True),
    "text-classification": Shape(rank_classes(1), flat=lambda options: "top_k" not in options),
    "sentiment-analysis": Shape(rank_classes(1), flat=lambda options: "top_k" not in options),
    "image-classification": Shape(rank_classes(RANKED)),
}
