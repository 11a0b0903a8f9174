"""How fast an engine answers on this machine beside torch: measured once, when it is made, on the run's own data."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from heedful.engines import built
from heedful.engines.built import Built
from heedful.engines.ct2_search import lacks
from heedful.generation.unscored import unscored
from heedful.schema import GenerateSettings
from heedful.tasks.models import TrainedModel
from heedful.tasks.task import AnyTask

MANY, ENOUGH = 64, 0.3  # inputs together at most, and the seconds that torch may take for them
TURNS = 2  # of which the fastest counts: what else a machine does only slows
MOST, QUICK = 20, 0.1  # turns of what takes so few seconds in all: a millisecond is soon doubled
IMPORT = 1.5  # seconds that torch takes to import, where nothing has imported it


@dataclass(frozen=True)
class Speed:
    """The seconds that a first input takes, and each further one beside it."""

    first: float
    further: float

    def seconds(self, inputs: int) -> float:
        """What so many inputs take together."""
        return self.first + self.further * (inputs - 1)


@dataclass(frozen=True)
class Speeds:
    """Torch and an engine, on the same inputs in turn."""

    torch: Speed
    engine: Speed

    def gain(self, inputs: int, loading: float = 0.0) -> float:
        """How many times as fast the engine answers so many inputs, where torch takes some seconds to load.

        >>> Speeds(Speed(0.02, 0.001), Speed(0.01, 0.002)).gain(1)
        2.0
        """
        return (self.torch.seconds(inputs) + loading) / self.engine.seconds(inputs)


def measure(
    task: AnyTask, folder: Path, model: TrainedModel, engine: TrainedModel, settings: GenerateSettings
) -> Speeds | None:
    """Both on validation inputs of the run in a folder; None where it holds no data."""
    fitting = inputs_of(task, folder, model)
    if not fitting:
        return None
    asked = [partial(answer, task, each, settings) for each in (model, engine)]
    alone = in_turn(asked, fitting[:1])
    few = fitting[: max(1, min(MANY, int(ENOUGH / alone[0])))]
    together = in_turn(asked, few) if len(few) > 1 else [2 * each for each in alone]
    beside = max(1, len(few) - 1)
    return Speeds(*(Speed(one, max(0.0, all_ - one) / beside) for one, all_ in zip(alone, together, strict=True)))


def inputs_of(task: AnyTask, folder: Path, model: TrainedModel) -> list[str]:
    """Validation inputs of the run in a folder that are not too long for its network; none where it holds no data."""
    data = task.answering.open_data(folder)
    sources = [example.source for example in data.valid[:MANY]] if data is not None else []
    inputs = list(task.answering.prompts(model, sources)) if sources else []
    lengths = task.answering.lengths((model,), inputs)
    return [text for row, text in enumerate(inputs) if lengths is None or not lengths.long[row]]


def answer(task: AnyTask, model: TrainedModel, settings: GenerateSettings, inputs: Sequence[str]) -> object:
    """What is timed: as it is mostly asked, for answers without their scores."""
    with unscored():
        return task.answering.answer((model,), inputs, settings)


def in_turn(asked: Sequence[Callable[[Sequence[str]], object]], inputs: Sequence[str]) -> list[float]:
    """The fewest seconds in which each answers the inputs."""
    best, begin, turn = [float("inf")] * len(asked), time.perf_counter(), 0
    while turn < TURNS or (turn < MOST and time.perf_counter() - begin < QUICK):
        turn += 1
        for row, ask in enumerate(asked):
            start = time.perf_counter()
            ask(inputs)
            best[row] = min(best[row], time.perf_counter() - start)
    return best


def settings_of(engine: Built, settings: GenerateSettings) -> GenerateSettings:
    """How an engine is asked to be measured: as the run is, or greedily where its search has other rules."""
    if engine == "ct2" and lacks(settings):
        return GenerateSettings(beam=1, max_length=settings.max_length, batch_tokens=settings.batch_tokens)
    return settings


def keep(place: Path, engine: Built, speeds: Speeds) -> None:
    """Notes what was measured beside an engine."""
    built.note(place, f"{engine}-speeds", asdict(speeds))


def kept(place: Path, engine: Built) -> Speeds | None:
    """What was measured; None if nothing was."""
    table = built.noted(place, f"{engine}-speeds")
    with suppress(KeyError, TypeError):  # written otherwise, by another version
        return Speeds(Speed(**table["torch"]), Speed(**table["engine"])) if table else None
    return None
