"""The folder of a model: what is written into it, and how it is opened again."""

import json
from pathlib import Path

from heedful import hub
from heedful import recipe as recipes
from heedful.api.locate import is_published, locate_model
from heedful.api.run_files import FORMAT, check_run
from heedful.data.checksums import CHECKSUMS, checksums_of
from heedful.data.folders import SHORTLIST, WEIGHTS, write_file
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.tasks.models import LearnableModel
from heedful.tasks.recipes import build
from heedful.tasks.task import find_task
from heedful.training.checkpoint import put_weights, read_tensors, weights_of, write_tensors
from heedful.types_of_values import check_record

FILES = ("config.json", "tokenizer*.json", "*.tokenizer*.json", SHORTLIST, "texts.json")
"""What a model needs beside its weights, and nobody changes by hand; how it is asked stands in its recipe."""


def open_model(name: Path) -> tuple[Path, Recipe, LearnableModel]:
    """A model with its folder and its recipe: of a run, of a folder in the Hugging Face format, or of the hub by name.

    Raises HeedfulError for what is not a whole run.
    """
    folder = locate_model(name)
    if is_published(folder):
        return name, *open_published(hub.open(folder), str(name))
    recipe, trained = open_run(folder, check_run(folder))
    return folder, recipe, trained


def open_run(folder: Path, config: dict[str, object]) -> tuple[Recipe, LearnableModel]:
    """The model of a run that was checked, with its weights, and its recipe."""
    recipe = recipes.load(folder / recipes.COMPLETE)
    trained = build_trained(config, folder)
    put_weights(trained.network, read_tensors(folder / WEIGHTS), folder)
    return recipe, trained


def build_trained(config: dict[str, object], folder: Path) -> LearnableModel:
    """The model that a config and the files beside it describe, without its weights.

    Raises HeedfulError where they are not as they were written.
    """
    try:
        model = find_task(str(config.get("task"))).learning.load(config, folder)
        check_record(model)
        return model
    except HeedfulError as error:
        raise HeedfulError(f"{folder}: {error.problem}", error.cure) from None
    except Exception as error:
        # These files are written by a program: whatever stands in the way of reading them is damage.
        problem = f"{folder} is damaged: its config.json or a file beside it is not as it was written ({error!r})."
        raise HeedfulError(problem, "Copy the run again, or train it anew.") from None


def open_published(published: hub.Published, where: str) -> tuple[Recipe, LearnableModel]:
    """What is asked with published weights: a recipe that says how, and the model of its task.

    Raises HeedfulError for weights that only read, and where there is no tokenizer.
    """
    verb = published.tasks[0] if published.tasks else "match" if published.sentences else ""
    if not verb:
        raise HeedfulError(
            f"{where} ({published.plan.architecture}) outputs vectors, and has no head for a task.",
            "Use it with --from to train one.",
        )
    learning = find_task(verb).learning
    model = learning.from_hub(published, where)
    return learning.hub_recipe(build(verb), published, model), model


def write_model(folder: Path, recipe: Recipe, model: LearnableModel, weights: bool = True) -> None:
    """Writes a model's files; without its weights at the beginning of a run, when there are none worth keeping."""
    answering = find_task(recipe.task).answering
    config = {"library": "heedful", "format": FORMAT, "task": recipe.task} | answering.config(model)
    answering.save(model, folder)
    write_file(folder / recipes.COMPLETE, lambda path: path.write_text(recipes.dump(recipe), encoding="utf-8"))
    write_file(folder / "config.json", lambda path: path.write_text(json.dumps(config, indent=1), encoding="utf-8"))
    if weights:
        tensors = weights_of(model.network)
        write_file(folder / WEIGHTS, lambda path: write_tensors(path, tensors))
    write_checksums(folder, weights)


def write_checksums(folder: Path, weights: bool = True) -> None:
    """Writes sizes and hashes of a model's files, without its weights while better ones may take their place."""
    patterns = [*FILES, WEIGHTS] if weights else FILES
    checksums = checksums_of(folder, [path for pattern in patterns for path in folder.glob(pattern)])
    write_file(folder / CHECKSUMS, lambda path: path.write_text(json.dumps(checksums, indent=1), encoding="utf-8"))
