"""Opens trained models: of runs, of folders in the Hugging Face format, of its hub; several answer together."""

from dataclasses import replace
from pathlib import Path

from heedful.api.devices import named_device
from heedful.api.model import Model
from heedful.api.opened import Opened
from heedful.errors import HeedfulError
from heedful.schema import EngineName, PrecisionName, Recipe
from heedful.tasks.models import LearnableModel
from heedful.tasks.task import AnyTask, find_task


def load(
    *folders: Path | str, engine: EngineName = "auto", device: str = "auto", precision: PrecisionName = "auto"
) -> Model:
    """The model of a run, of a folder in the Hugging Face format, or of its hub by name; several answer together.

    `engine`, `device` and `precision`: what computes the answers, where torch does, and with what numbers, as the
    generate section says it. Raises HeedfulError for what is not a whole run, and for models that cannot answer
    together.
    """
    models = [load_one(Path(part), engine, device, precision) for folder in folders for part in str(folder).split(",")]
    first = models[0]
    for other in models[1:]:
        if other.task != first.task or not together(find_task(first.task), first, other):
            raise HeedfulError(
                f"{first.folder} and {other.folder} cannot answer together: task or vocabularies differ.",
                "An ensemble needs runs on the same data: the same recipe with another seed or network.",
            )
    return replace(first, parts=tuple(part for model in models for part in model.parts))


def load_one(name: Path, engine: EngineName = "auto", device: str = "auto", precision: PrecisionName = "auto") -> Model:
    """One model: of a run, of a folder in the Hugging Face format, or of the hub as openai-community/gpt2.

    What cannot be opened, or asked by an engine that is named, is told here.
    """
    part = Opened(name, device=named_device(device), precision=precision)
    model = Model((part,), part.recipe, engine)
    if engine == "auto":
        part.open()
    else:
        _ = model.trained
    return model


def at_hand(folder: Path, recipe: Recipe, learnable: LearnableModel) -> Model:
    """A model whose network is there."""
    return Model((Opened(folder, recipe, learnable),), recipe)


def together(task: AnyTask, model: Model, other: Model) -> bool:
    """Whether two models of a task can answer together."""
    return task.answering.can_answer_together(model.trained[0], other.trained[0])
