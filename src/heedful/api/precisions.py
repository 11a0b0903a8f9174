"""Whether an engine may answer in 8 bits unasked: decided once, when it is made, on the run's own validation data."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from heedful.api import speeds
from heedful.engines import built
from heedful.engines.built import Built
from heedful.results import Example
from heedful.schema import GenerateSettings
from heedful.tasks.models import TrainedModel
from heedful.tasks.task import AnyTask

EXAMPLES, CHARACTERS, ALONE = 200, 40_000, 10
"""How many validation examples are answered in both precisions, how much of documents, and how many are timed alone."""
POINTS = 0.3
"""How far the primary measure may differ: points of 100, and percent of bits."""
GAIN = 1.2
"""How many times as fast 8 bits have to be, alone or together: for less no answer is changed."""


@dataclass(frozen=True)
class Verdict:
    """The primary measure on so many examples in both precisions, and how many times as fast 8 bits answer one input,
    and many together.
    """

    measure: str
    examples: int
    float32: float
    int8: float
    one: float
    many: float

    @property
    def taken(self) -> bool:
        """Whether `auto` takes 8 bits: they are faster, and as good. What is asked beside an input decides nothing.

        >>> Verdict("bleu", 200, 34.1, 33.9, 1.2, 1.5).taken, Verdict("bleu", 200, 34.1, 33.9, 0.9, 1.5).taken
        (True, False)
        """
        allowed = POINTS if self.measure != "bits_per_character" else POINTS / 100 * self.float32
        return (
            abs(self.int8 - self.float32) <= allowed
            and min(self.one, self.many) > 1
            and max(self.one, self.many) >= GAIN
        )

    def __str__(self) -> str:
        figures = f"{self.measure} {self.int8:.2f} in 8 bits and {self.float32:.2f} in float32"
        fast = f"{self.one:.1f} times as fast for one input, {self.many:.1f} for many"
        result = "int8" if self.taken else "float32"
        return f"precision=auto is {result}: {figures} on {self.examples:,} validation examples, {fast}"


def measure(
    task: AnyTask, folder: Path, models: tuple[TrainedModel, TrainedModel], settings: GenerateSettings
) -> Verdict | None:
    """Of a run in a folder by its model in float32 and in 8 bits; None where it holds no data."""
    answering = task.answering
    data = answering.open_data(folder)
    examples = few(data.valid, task.facts.by_windows) if data is not None else []
    lengths = answering.example_lengths(models[:1], examples) if examples else None
    if lengths is not None and not task.facts.by_windows:
        examples = [example for row, example in enumerate(examples) if not lengths.long[row]]
    inputs = speeds.inputs_of(task, folder, models[0]) if examples else []
    if not inputs:
        return None
    scores = [answering.evaluate((model,), examples, settings, samples=0, data=data) for model in models]
    name = scores[0].primary
    float32, int8 = (each.measures[name].value for each in scores)
    asked = [partial(speeds.answer, task, model, settings) for model in models]
    one, many = gain([partial(one_by_one, ask) for ask in asked], inputs[:ALONE]), gain(asked, inputs)
    return Verdict(name, len(examples), float32, int8, one, many)


def gain(asked: Sequence[Callable[[Sequence[str]], object]], inputs: Sequence[str]) -> float:
    """How many times as fast as the first the second answers these inputs."""
    first, second = speeds.in_turn(asked, inputs)
    return first / second


def one_by_one(ask: Callable[[Sequence[str]], object], inputs: Sequence[str]) -> None:
    """Each by itself: a single one is too short to be timed."""
    for text in inputs:
        ask([text])


def few(examples: Sequence[Example], are_documents: bool) -> list[Example]:
    """The first examples; of documents the beginnings."""
    chosen = list(examples[:EXAMPLES])
    if not are_documents:
        return chosen
    return [replace(example, source=example.source[: CHARACTERS // len(chosen)]) for example in chosen]


def keep(place: Path, engine: Built, verdict: Verdict) -> None:
    """Notes a verdict beside an engine."""
    built.note(place, f"{engine}-precision", asdict(verdict))


def kept(place: Path, engine: Built) -> Verdict | None:
    """The verdict on an engine; None if there is none."""
    table = built.noted(place, f"{engine}-precision")
    with suppress(TypeError):  # written otherwise, by another version
        return Verdict(**table) if table else None
    return None
