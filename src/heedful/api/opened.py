"""A trained network in its folder, ready to answer by the engine that is asked for.

Where an engine of ONNX was made for its weights, neither torch nor what checks recipes is loaded to answer.
"""

import json
import os
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Literal, cast, get_args

from heedful import recipe as recipes
from heedful.api.locate import is_published, locate_model
from heedful.api.run_files import check_run
from heedful.data.checksums import hash_file
from heedful.data.folders import write_file
from heedful.engines import built
from heedful.engines.onnx_engine import OnnxEngine
from heedful.errors import HeedfulError, unknown
from heedful.schema import EngineName, Recipe
from heedful.small_files import read_json_table
from heedful.tasks.task import LearnableModel, TrainedModel, find_task
from heedful.training.progress import say

Chosen = Literal["torch", "onnx"]
VARIABLE = "HEEDFUL_ENGINE"
"""The variable of the environment that says what `auto` means on a machine."""
FEW = 32
"""Inputs that are answered as quickly by graphs as by torch, once that is imported: of more it is the quicker one, for
its beams share what was read of a source (docs/engines.md has the measurements)."""
TRACED = (6, 4, 3)
"""Lengths of made-up sources, by which graphs are traced."""


class Opened:
    """A model of one folder. `learnable`: its network, where it is at hand already; then it answers as it is."""

    def __init__(self, folder: Path, recipe: Recipe | None = None, learnable: LearnableModel | None = None) -> None:
        self.folder, self.at_hand, self.may_change = folder, learnable, learnable is not None
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
        return recipe, self.at_hand

    def choose(self, engine: EngineName, inputs: int = 1) -> Chosen:
        """What answers so many inputs where `engine` is asked for; raises HeedfulError where that one cannot."""
        wanted = default_engine() if engine == "auto" else engine
        if wanted == "torch" or self.is_altered:
            return "torch"
        if wanted == "auto" and (inputs > FEW or not self.may_be_fast):
            return "torch"
        try:
            self.engine  # noqa: B018  # made, if it is not there
        except HeedfulError:
            if wanted == "auto":
                return "torch"
            raise
        return "onnx"

    def answering(self, engine: Chosen) -> TrainedModel:
        """The model as it answers by an engine that was chosen."""
        return self.learnable if engine == "torch" else self.by_onnx

    @cached_property
    def by_onnx(self) -> TrainedModel:
        """The model as it answers by its engine of ONNX."""
        answering = find_task(self.recipe.task).answering
        if self.config is not None and "plan" not in self.config:
            return answering.load(self.config, self.folder, self.engine)
        return answering.by_engine(self.learnable, self.engine)

    @cached_property
    def engine(self) -> OnnxEngine:
        """Its engine of ONNX, which is made if there is none for these weights.

        Raises HeedfulError for a network that has none.
        """
        built.require(built.ASKED_BY)
        if (ready := built.open_built(self.place)) is not None:
            return ready
        built.require(built.MADE_BY)
        start = time.monotonic()
        learning, learnable = find_task(self.recipe.task).learning, self.learnable
        built.make(self.place, lambda: learning.graphs(learnable, TRACED))
        made = built.open_built(self.place)
        assert made is not None, "it was made"
        say(f"a faster engine was made for {self.folder}, once: {time.monotonic() - start:.0f} s")
        return made

    @property
    def may_be_fast(self) -> bool:
        """Whether an engine is worth looking for: there is what asks it, and no network that may yet change."""
        return not self.may_change and built.installed()

    @cached_property
    def place(self) -> Path:
        """Where its engine stands, or would."""
        return built.place_of(locate_model(self.folder))

    @cached_property
    def config(self) -> dict[str, object] | None:
        """The config of a run; None of what was published."""
        folder = locate_model(self.folder)
        return None if is_published(folder) else check_run(folder)

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
        kept = self.place / f"recipe-{hash_file(file)[:32]}.json"
        try:
            table = read_json_table(kept)
            return recipes.from_table(table["recipe"], table["written"])
        except (OSError, HeedfulError, KeyError, TypeError):
            recipe = recipes.load(file)
        table = {"recipe": recipes.as_table(recipe), "written": sorted(recipe.written)}
        with suppress(OSError):  # a cache that cannot be written to is none
            write_file(kept, lambda path: path.write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8"))
        return recipe


def prepare_engine(folder: Path) -> None:
    """Makes the engine by which a run will be asked, if it can have one."""
    Opened(folder).choose("auto")


def default_engine() -> EngineName:
    """What `auto` means here: HEEDFUL_ENGINE, if it says; raises HeedfulError for what is no engine."""
    said = os.environ.get(VARIABLE, "auto")
    if said not in get_args(EngineName):
        raise unknown(f"engine (of {VARIABLE})", said, get_args(EngineName))
    return cast("EngineName", said)
