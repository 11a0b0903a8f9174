"""A model as a folder of Heedful's own to be shared: what answers, and nothing of the data that it was learnt from."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from heedful import recipe as recipes
from heedful.api.loading import at_hand
from heedful.api.model import Model
from heedful.api.model_folder import write_model
from heedful.api.report import card_of, describe_facts
from heedful.api.scores import RunFacts, read_scores
from heedful.api.taught import read_result, read_taught
from heedful.data.checksums import CHECKSUMS
from heedful.data.folders import SHORTLIST
from heedful.data.row_hashes import ROW_HASHES, find_row_hashes
from heedful.data.samples.read import attribution
from heedful.errors import HeedfulError, weights_of
from heedful.exporters.package import ExportedFiles, Package
from heedful.names import is_hub_name
from heedful.report.card import model_card
from heedful.results import Scores
from heedful.schema import Recipe
from heedful.tasks.task import find_task

CARD = "README.md"
FILES = {
    "config.json": "settings, and the names of classes",
    "model.safetensors": "weights",
    recipes.COMPLETE: "how it was trained; data by their names alone",
    "tokenizer.json": "tokenizer",
    "source.tokenizer.json": "tokenizer of what is read",
    "target.tokenizer.json": "tokenizer of what is written",
    SHORTLIST: "which tokens each token is likely to become (generate.shortlist)",
    "texts.json": "an empty list: the texts of training stay with the run",
    ROW_HASHES: "eight bytes of each training row, by which evaluate knows it again",
    CHECKSUMS: "sizes and hashes of these files, by which a spoilt copy is found",
    CARD: "model card",
}
TELLTALE = ("/", "\\", "(first: ")
"""What stands in a note that may name a folder of this machine, or show a row of the data."""


def require() -> None:
    """Nothing more than Heedful itself."""


def refuse(package: Package) -> None:
    """Raises HeedfulError for published weights."""
    if package.published:
        raise HeedfulError(
            f"{package.folder} is in the Hugging Face format, and no run of Heedful.", "Share that folder as it is."
        )


def write(package: Package, folder: Path) -> ExportedFiles:
    """Writes weights, tokenizers, config, recipe and card; raises HeedfulError as `refuse` does."""
    refuse(package)
    recipe = without_folders(package.recipe)
    write_model(folder, recipe, find_task(recipe.task).learning.without_data(package.model))
    if package.with_hashes:
        copy_hashes(package.folder, folder)
    model = at_hand(Path("FOLDER"), recipe, package.model)
    (folder / CARD).write_text(shared_card(model, package.folder), encoding="utf-8")
    use = f"use: heedful {recipe.task} FOLDER {model.asked_with}"
    return ExportedFiles(FILES, ["no data, checkpoints or measurements are in it, and no path of this machine", use])


def copy_hashes(run: Path, folder: Path) -> None:
    """Takes along the hashes of training rows; raises HeedfulError for a run that has none."""
    path = find_row_hashes(run)
    if path is None:
        raise HeedfulError(
            f"{run} has no hashes of its training rows.", "Its data are gone, or were prepared before hashes were kept."
        )
    shutil.copyfile(path, folder / ROW_HASHES)


def without_folders(recipe: Recipe) -> Recipe:
    """The recipe with the names of files in place of their paths; names of samples and of the hub stay."""
    data, start = recipe.data, recipe.start
    valid = data.valid if isinstance(data.valid, str) else names_of(data.valid)
    data = replace(data, train=names_of(data.train), valid=valid, test=names_of(data.test))
    return replace(recipe, data=data, start=start if not start or is_hub_name(start) else name_of(start))


def names_of(paths: Sequence[str]) -> list[str]:
    """The name of each."""
    return [name_of(path) for path in paths]


def names_of_models(names: str) -> str:
    """Teachers without the folders that they stand in; names of the hub stay.

    >>> names_of_models("/home/me/runs/a,owner/model")
    'a, owner/model'
    """
    return ", ".join(name if is_hub_name(name) else name_of(name) for name in names.split(","))


def name_of(path: str) -> str:
    """The last part of a path; what is no path stays.

    >>> [name_of(path) for path in ("/home/me/pairs.tsv", "photos/", "sample://cmudict/train")]
    ['pairs.tsv', 'photos', 'sample://cmudict/train']
    """
    return path if "://" in path else os.path.basename(os.path.abspath(path))


def shared_card(model: Model, run: Path) -> str:
    """The card of a run as others read it: with what was measured if the run was scored, and no folder's name."""
    task, recipe = find_task(model.task).facts, model.recipe
    facts, scores = measured(run)
    network = f"{model.name}, {weights_of(model.weights)}"
    rows = describe_facts(model, task, facts) if facts else {"network": network}
    taught, result = read_taught(run), read_result(run)
    if taught:
        taught = replace(taught, teacher=names_of_models(taught.teacher), data=names_of(taught.data))
        rows |= {"taught by": taught.describe()}
    if result:
        result = replace(result, teacher=replace(result.teacher, name=names_of_models(result.teacher.name)))
    return model_card(
        f"{model.task}: {recipe.network.name}",
        card_of(task, model.source_kind),
        {name: text for name, text in rows.items() if text},
        scores,
        [f"heedful {model.task} {model.folder} {model.asked_with}", f"heedful evaluate {model.folder} FILE"],
        data=", ".join(recipe.data.test),
        attribution=attribution([*recipe.data.train, *(taught.data if taught else [])]),
        distillation=result,
    )


def measured(run: Path) -> tuple[RunFacts | None, Scores | None]:
    """What was measured at the end of a run, without notes that tell of data; nothing if it was not scored."""
    if not (run / "scores.json").is_file():
        return None, None
    facts, scores = read_scores(run)
    return replace(facts, notes=discreet(facts.notes), start=discreet(facts.start)), scores


def discreet(notes: Sequence[str]) -> list[str]:
    """The notes in which no path and no row can stand."""
    return [note for note in notes if not any(mark in note for mark in TELLTALE)]
