"""A trained network in its folder, ready to answer by the engine that is asked for.

Where an engine was made for its weights, neither torch nor what checks recipes is loaded to answer.
"""

import math
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, cast, get_args

from heedful import recipe as recipes
from heedful.api import precisions, speeds
from heedful.api.devices import PROCESSOR, gpu, named_device
from heedful.api.locate import is_published, locate_model
from heedful.api.precisions import Verdict
from heedful.api.run_files import check_run
from heedful.data.checksums import hash_file
from heedful.engines import built
from heedful.engines.built import Built
from heedful.engines.ct2_search import lacks
from heedful.engines.engine import Engine
from heedful.errors import HeedfulError, unknown
from heedful.schema import EngineName, GenerateSettings, Precision, PrecisionName, Recipe
from heedful.tasks.models import LearnableModel, TrainedModel
from heedful.tasks.task import find_task
from heedful.training.progress import say

Chosen = Literal["torch"] | Built
VARIABLE = "HEEDFUL_ENGINE"
"""The variable of the environment that says what `auto` means on a machine."""
FEW = 32
"""Inputs up to which graphs are taken where nothing was measured: of many they are not always the faster ones
(docs/engines.md has measurements)."""
LONG = 500
"""Characters of a text from which on CTranslate2, whose tables of positions end, is not taken unasked."""
TRACED = (6, 4, 3)
"""Lengths of made-up sources, by which graphs are traced."""


@dataclass(frozen=True)
class Question:
    """What is asked, as far as an engine is chosen by it: how many inputs, the longest of so many characters, by which
    search (None: none), of so many models together. `watched`: every hypothesis is to be seen.
    """

    settings: GenerateSettings | None = None
    inputs: int = 1
    longest: int = 0
    models: int = 1
    watched: bool = False

    @staticmethod
    def of(inputs: Sequence[str], settings: GenerateSettings) -> "Question":
        """What these inputs ask."""
        return Question(settings, len(inputs), max(map(len, inputs), default=0))


class Opened:
    """A model of one folder. `learnable`: its network, where it is at hand already; then it answers as it is. `device`
    and `precision`: where torch answers, and in what numbers it is answered, if a question does not say.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe | None = None,
        learnable: LearnableModel | None = None,
        device: str = "auto",
        precision: PrecisionName = "auto",
    ) -> None:
        self.folder, self.at_hand, self.may_change = folder, learnable, learnable is not None
        self.device = device
        self.precision: PrecisionName = precision
        self.engines: dict[Built, Engine] = {}
        self.by_engine: dict[tuple[Built, Precision], TrainedModel] = {}
        if recipe is not None:
            self.recipe = recipe

    @cached_property
    def recipe(self) -> Recipe:
        """How it was trained, and is asked."""
        if self.config is None:
            return self.read()[0]
        return self.remembered_recipe() or recipes.load(self.folder / recipes.COMPLETE)

    @property
    def learnable(self) -> LearnableModel:
        """With its network of torch, to be looked into, altered, exported or trained on."""
        return self.at_hand or self.read()[1]

    def read(self) -> tuple[Recipe, LearnableModel]:
        """Opens it with torch."""
        from heedful.api.model_folder import open_model

        _, recipe, self.at_hand = open_model(self.folder)
        self.move(named_device(self.device))
        return recipe, self.at_hand

    def open(self) -> None:
        """Opens it, with torch where no engine was made of it yet; none is made, for not all that can be done with a
        model asks it.
        """
        _ = self.recipe, default_engine()
        if self.may_change or self.made == ["torch"]:
            _ = self.learnable

    def move(self, device: str) -> None:
        """Has the network of torch be on a device; `auto`: it stays where it is."""
        if device != "auto":
            self.learnable.network.to(device)

    def named_for(self, question: Question) -> str:
        """The device that is named for a question; `auto`: none. Raises HeedfulError for one that is not there."""
        return named_device(question.settings.device if question.settings else "auto", self.device)

    def device_for(self, question: Question) -> str:
        """Where torch answers a question; `auto`: where the network is."""
        named, many = self.named_for(question), question.inputs > FEW and not self.may_change
        return gpu() or "auto" if named == "auto" and many else named

    def device_of(self, engine: Chosen) -> str:
        """Where an engine that was chosen has computed."""
        if engine != "torch":
            return PROCESSOR
        return next((str(weight.device) for weight in self.learnable.network.parameters()), PROCESSOR)

    def choose(self, engine: EngineName, question: Question) -> Chosen:
        """What answers a question where `engine` is asked for; raises HeedfulError where that one cannot."""
        wanted = default_engine() if engine == "auto" else engine
        if wanted == "torch" or self.is_altered:
            return "torch"
        if wanted == "auto" and self.device_for(question) not in ("auto", PROCESSOR):
            return "torch"
        if wanted != "auto":
            refuse_elsewhere(wanted, self.named_for(question))
            self.engine(wanted)  # made, if it is not there
            return wanted
        for candidate in self.candidates(question):
            with suppress(HeedfulError):
                self.engine(candidate)
                return candidate
        return "torch"

    def candidates(self, question: Question) -> list[Built]:
        """Engines that may answer unasked and are faster than torch, the fastest first."""
        if self.may_change:
            return []
        fit: list[Built] = ["ct2"] if self.is_for_ct2(question) else []
        if built.installed("onnx"):
            fit.append("onnx")
        gains = {name: self.gain(name, question.inputs) for name in fit}
        return sorted((name for name in fit if gains[name] > 1), key=lambda name: -gains[name])

    def gain(self, name: Built, inputs: int) -> float:
        """How many times as fast as torch an engine answers so many inputs; without a measurement without bound, or 0
        where it is not known to be any faster.
        """
        measured = speeds.kept(self.place, name)
        if measured is None:
            # prompts are asked together by CTranslate2 where they have one length
            batches_all = name == "ct2" and find_task(self.recipe.task).facts.writes
            return math.inf if batches_all or inputs <= FEW else 0
        return measured.gain(inputs, 0 if sys.modules.get("torch") else speeds.IMPORT)

    def is_for_ct2(self, question: Question) -> bool:
        """Whether CTranslate2 answers a question as the search of ours does."""
        settings, recipe = question.settings, self.recipe
        return (
            settings is not None
            and find_task(recipe.task).facts.runs_in_ct2
            and recipe.network.cell == "auto"  # what reads by a cell is no Transformer
            and question.longest <= LONG
            and lacks(settings, question.models, question.watched) is None
            and built.installed("ct2")
        )

    def precision_for(self, engine: Chosen, question: Question) -> Precision:
        """What a question is answered in by an engine: 8 bits, unasked, only by the verdict on this run."""
        if (asked := self.precision_asked(question.settings)) != "auto":
            return asked
        verdict = precisions.kept(self.place, engine) if engine == "ct2" else None
        return "int8" if verdict is not None and verdict.taken else "float32"

    def precision_asked(self, settings: GenerateSettings | None) -> PrecisionName:
        """The precision that a question says, or whoever opened this."""
        said = settings.precision if settings else "auto"
        return self.precision if said == "auto" else said

    def answering(self, engine: Chosen, question: Question | None = None) -> TrainedModel:
        """The model as it answers a question by the engine that was chosen for it; raises HeedfulError where that has
        no 8 bits and these are asked for.
        """
        question = question or Question()
        precision = self.precision_for(engine, question)
        if engine == "torch":
            if precision == "int8":
                raise HeedfulError("engine=torch answers in float32 alone.", "engine=ct2 answers in 8 bits.")
            self.move(self.device_for(question))
            return self.learnable
        key = engine, precision
        if key not in self.by_engine:
            answering, ready = find_task(self.recipe.task).answering, self.engine(engine)
            ready = ready.in_int8() if precision == "int8" else ready
            if self.config is not None and "plan" not in self.config:
                self.by_engine[key] = answering.load(self.config, self.folder, ready)
            else:
                self.by_engine[key] = answering.by_engine(self.learnable, ready)
        return self.by_engine[key]

    @property
    def described(self) -> TrainedModel:
        """The model by whatever engine is at hand, for who asks what it is; where there is none, by `auto`."""
        if self.at_hand is not None:
            return self.at_hand
        if self.by_engine:
            return next(iter(self.by_engine.values()))
        made = self.made[1:] if default_engine() == "auto" else []
        return self.answering(made[0] if made else self.choose("auto", Question(self.recipe.generate)))

    def engine(self, name: Built) -> Engine:
        """An engine of its network, which is made if there is none for these weights.

        Raises HeedfulError for a network that has none.
        """
        if name not in self.engines:
            built.require(name, built.ASKED_BY)
            self.engines[name] = built.open_built(self.place, name) or self.make(name)
        return self.engines[name]

    def make(self, name: Built) -> Engine:
        """Makes an engine of its network; raises HeedfulError for one that has none."""
        built.require(name, built.MADE_BY)
        start, learnable, device = time.monotonic(), self.learnable, self.device_of("torch")
        self.move(PROCESSOR)
        built.make(self.place, name, lambda folder: write_engine(self, learnable, name, folder))
        made = built.open_built(self.place, name)
        assert made is not None, "it was made"
        self.engines[name] = made
        gains = self.measure(name, learnable)
        verdict = self.judge(name)
        self.move(device)
        say(f"a faster engine ({name}) was made for {self.folder}, once: {time.monotonic() - start:.0f} s{gains}")
        if verdict is not None:
            say(f"{self.folder}: {verdict}")
        return made

    def measure(self, name: Built, learnable: LearnableModel) -> str:
        """Times an engine that was just made beside torch, and says what it gains; "" where there are no data."""
        task, settings = find_task(self.recipe.task), speeds.settings_of(name, self.recipe.generate)
        found = speeds.measure(task, self.folder, learnable, self.answering(name), settings)
        if found is None:
            return ""
        speeds.keep(self.place, name, found)
        return f"; {found.gain(1):.1f} times as fast as torch for one input, {found.gain(speeds.MANY):.1f} for many"

    def judge(self, name: Built) -> Verdict | None:
        """Whether `auto` takes 8 bits of an engine that was just made; None where it has none, or there are no data."""
        if name != "ct2":
            return None
        task, settings = find_task(self.recipe.task), speeds.settings_of(name, self.recipe.generate)
        float32, int8 = (Question(replace(settings, precision=each)) for each in get_args(Precision))
        models = self.answering(name, float32), self.answering(name, int8)
        verdict = precisions.measure(task, self.folder, models, settings)
        if verdict is not None:
            precisions.keep(self.place, name, verdict)
        return verdict

    @property
    def made(self) -> list[Chosen]:
        """The engines that it can be asked by as it stands, torch among them."""
        ready: list[Chosen] = ["torch"]
        for name in get_args(Built):
            with suppress(HeedfulError):
                if built.installed(name) and built.open_built(self.place, name):
                    ready.append(name)
        return ready

    @property
    def may_be_fast(self) -> bool:
        """Whether an engine is worth looking for: there is what asks one, and no network that may yet change."""
        return not self.may_change and (built.installed("onnx") or built.installed("ct2"))

    @cached_property
    def place(self) -> Path:
        """Where its engines stand, or would."""
        return built.place_of(locate_model(self.folder))

    @cached_property
    def config(self) -> dict[str, object] | None:
        """The config of a run; None of what was published."""
        folder = locate_model(self.folder)
        return None if is_published(folder) else check_run(folder)

    @property
    def is_published(self) -> bool:
        """Whether it is no run, but a folder in the Hugging Face format."""
        return self.config is None

    @property
    def is_altered(self) -> bool:
        """Whether its network is altered for a while: then that network alone can answer."""
        if self.at_hand is None:
            return False
        from heedful.blocks.altering import describe_alterations

        return bool(describe_alterations(self.at_hand.network))

    def remembered_recipe(self) -> Recipe | None:
        """The recipe as it was checked once beside an engine, where the file that it stands in is the same; None where
        there is no engine to keep it beside.
        """
        if not self.may_be_fast or not self.place.exists():
            return None
        file = self.folder / recipes.COMPLETE
        name = f"recipe-{hash_file(file)[:32]}"
        table = built.noted(self.place, name)
        with suppress(HeedfulError, KeyError, TypeError):
            if table is not None:
                return recipes.from_table(table["recipe"], table["written"])
        recipe = recipes.load(file)
        built.note(self.place, name, {"recipe": recipes.as_table(recipe), "written": sorted(recipe.written)})
        return recipe


def refuse_elsewhere(engine: Built, device: str) -> None:
    """Raises HeedfulError where an engine is asked for on another device than the processor."""
    if device not in ("auto", PROCESSOR):
        raise HeedfulError(
            f"engine={engine} computes on the processor alone.", f"device={device} goes with engine=torch."
        )


def write_engine(opened: Opened, learnable: LearnableModel, name: Built, folder: Path) -> None:
    """Writes the files of an engine of a network."""
    if name == "ct2":
        from heedful.exporters import ct2
        from heedful.exporters.package import Package

        ct2.write_engine(Package(opened.folder, opened.recipe, learnable), folder)
    else:
        from heedful.engines.onnx_build import build

        build(find_task(opened.recipe.task).learning.graphs(learnable, TRACED), folder)


def prepare_engine(folder: Path) -> None:
    """Makes the engine by which a run will be asked, if it can have one."""
    opened = Opened(folder)
    opened.choose("auto", Question(opened.recipe.generate))


def default_engine() -> EngineName:
    """What `auto` means here: HEEDFUL_ENGINE, if it says; raises HeedfulError for what is no engine."""
    said = os.environ.get(VARIABLE, "auto")
    if said not in get_args(EngineName):
        raise unknown(f"engine (of {VARIABLE})", said, get_args(EngineName))
    return cast("EngineName", said)
