"""The time machine: a few validation examples that a run looks into at every validation, in moments.json.

So that one can see later how an alignment appeared, when gates opened, and when an answer became right.
"""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from heedful.api.scores import damage_in
from heedful.data.folders import write_file
from heedful.data.notes import Say
from heedful.errors import HeedfulError
from heedful.explain.over_time import look_into
from heedful.explanations import History, Map, Moment, Units, Watched
from heedful.results import Example
from heedful.schema import GenerateSettings, Recipe
from heedful.tasks.learning import AnyLearning
from heedful.tasks.models import LearnableModel, PreparedData
from heedful.training.work import Position

MOMENTS = "moments.json"
WATCHED = 3
READABLE = 60  # letters of a source that is read at a glance
TRIED = 24  # examples, of which some may be too long to be explained
LONGER = 2  # times the letters of what is right, an answer may have in tokens
MOST = 64  # moments that are kept: of more, every other one
SHARE = 0.01  # of the time of training and validations, which looking takes at the most


@dataclass
class Watch:
    """Looks at a network when the loop calls it, and keeps what it saw in `path`.

    What it takes is measured: where it would be more than a hundredth of the training time, it looks less often. It
    says so, and ends, where an example can no longer be read: what is learnt from was prepared before.
    """

    path: Path
    say: Say
    learning: AnyLearning
    model: LearnableModel
    settings: GenerateSettings
    examples: Sequence[Example]
    watched: list[Watched] = field(default_factory=list[Watched])
    moments: list[Moment] = field(default_factory=list[Moment])
    spent: float = 0.0
    latest: float = 0.0

    def __call__(self, position: Position) -> None:
        """Looks once more; at the last validation in any case. Raises OSError."""
        step, seconds = position.step, position.seconds + position.validating
        self.moments = [moment for moment in self.moments if moment.step < step]  # others: before a run was resumed
        if not self.examples:
            return
        if self.moments and not position.finished and self.spent + self.latest > SHARE * seconds:
            return
        start = time.perf_counter()
        try:
            self.moments.append(self.look(step))
        except HeedfulError as error:
            self.examples = ()
            return self.say(f"no answers are looked into from step {step:,} on: {error.problem}")
        if len(self.moments) > MOST:
            self.moments = self.moments[::2]
        history = History(tuple(self.watched), tuple(self.moments))
        write_file(self.path, lambda aside: aside.write_text(json.dumps(plain(history), ensure_ascii=False)))
        self.latest = time.perf_counter() - start
        self.spent += self.latest

    def look(self, step: int) -> Moment:
        """The answers as they are, and the maps of those that would be right."""
        looks = [
            look_into(self.learning.trace(self.model, example.source, example.references[0], self.settings))
            for example in self.examples
        ]
        self.watched = [
            replace(watched, accepted=example.references)
            for example, (watched, _) in zip(self.examples, looks, strict=True)
        ]
        with torch.inference_mode():
            found = self.learning.answering.answer(
                [self.model], [example.source for example in self.examples], self.settings
            )
        pictures = tuple(best[0].picture for best in found)
        return Moment(
            step,
            tuple("" if best[0].picture else best[0].output for best in found),
            b"".join(weights for _, weights in looks),
            pictures if any(pictures) else (),
        )


def watch_examples(
    learning: AnyLearning, model: LearnableModel, data: PreparedData, recipe: Recipe, folder: Path, say: Say
) -> Watch | None:
    """What looks into a few validation examples of a run, behind what it has seen already; None: there is nothing."""
    settings = replace(recipe.generate, beam=1, n_best=1)
    examples = chosen(learning, model, data, settings)
    if not examples:
        return None
    longest = max(len(example.references[0]) for example in examples)
    short = replace(settings, max_length=LONGER * longest) if settings.max_length == "auto" else settings
    seen = read_moments(folder)
    return Watch(folder / MOMENTS, say, learning, model, short, examples, moments=list(seen.moments))


def chosen(
    learning: AnyLearning, model: LearnableModel, data: PreparedData, settings: GenerateSettings
) -> list[Example]:
    """A few that can be explained, the same ones for all networks: those that are read at a glance before others."""
    examples = learning.watched(model, data)
    order: list[int] = np.random.default_rng(0).permutation(len(examples)).tolist()
    readable = sorted((examples[row] for row in order), key=lambda example: len(example.source) > READABLE)
    found: dict[str, Example] = {}
    for example in readable[:TRIED]:
        if len(found) == WATCHED:
            break
        right = example.references[0]
        if right not in found and can_be_watched(learning, model, example, settings):
            found[right] = example
    return list(found.values())


def can_be_watched(learning: AnyLearning, model: LearnableModel, example: Example, settings: GenerateSettings) -> bool:
    """Whether there is a trace of the right answer: not of what is too long, or is no answer of this network."""
    try:
        learning.trace(model, example.source, example.references[0], settings)
    except HeedfulError:
        return False
    return True


def plain(history: History) -> dict[str, Any]:
    """As moments.json has it."""
    moments = [
        {"step": moment.step, "answers": moment.answers, "weights": text(moment.weights)}
        | ({"pictures": list(map(text, moment.pictures))} if moment.pictures else {})
        for moment in history.moments
    ]
    return {"watched": [plain_watched(watched) for watched in history.watched], "moments": moments}


def plain_watched(watched: Watched) -> dict[str, Any]:
    """One example of it."""
    units = {
        name: {key: value for key, value in asdict(units).items() if value} | {"picture": text(units.picture)}
        for name, units in watched.units.items()
    }
    maps = [{key: getattr(map_, key) for key in ("name", "rows", "columns", "scale")} for map_ in watched.maps]
    return {"question": watched.question, "accepted": watched.accepted, "units": units, "maps": maps}


def text(content: bytes) -> str:
    """Bytes in base64."""
    return b64encode(content).decode()


def read_moments(folder: Path) -> History:
    """What was seen in a run's folder; nothing, in one of 0.1.0. Raises HeedfulError if it is not as it was written."""
    path = folder / MOMENTS
    if not path.exists():
        return History((), ())
    with damage_in(path):
        table = json.loads(path.read_text(encoding="utf-8"))
        moments = tuple(
            Moment(
                moment["step"],
                tuple(moment["answers"]),
                b64decode(moment["weights"]),
                tuple(map(b64decode, moment.get("pictures", ()))),
            )
            for moment in table["moments"]
        )
        return History(tuple(map(parse_watched, table["watched"])), moments)


def parse_watched(table: dict[str, Any]) -> Watched:
    """One example of it."""
    units = {
        name: Units(**fields | {"names": tuple(fields["names"]), "picture": b64decode(fields["picture"])})
        for name, fields in table["units"].items()
    }
    maps = tuple(Map(**fields, weights=()) for fields in table["maps"])
    return Watched(table["question"], tuple(table["accepted"]), units, maps)
