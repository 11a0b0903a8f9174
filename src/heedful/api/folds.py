"""Cross-validation: a training for each fold of the rows, scored on it, and a last one on all rows."""

import time
from dataclasses import replace
from pathlib import Path

from heedful.api.model import Model
from heedful.api.outlook import in_minutes
from heedful.api.run_folder import decided_in
from heedful.api.scores import read_scores, with_remarks
from heedful.api.train import Prelude, budget, run_to_end, total_minutes
from heedful.api.train import run as run_training
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.metrics.folds import scores_over_folds
from heedful.report.words import folds_note
from heedful.results import Scores
from heedful.schema import DataSettings, Recipe
from heedful.tasks.recipes import change
from heedful.training import decide
from heedful.training.progress import Listener

FOLDS = "folds"


def run(user_recipe: Recipe, output: Path | None, listener: Listener) -> Model:
    """Trains a recipe in a folder as `api.train.run`; with `data.folds` also a network for each fold, in `folds` below.

    The scores of the run are then those of the folds. The same command goes on wherever it was stopped.
    """
    refuse_wrong_fold(user_recipe.data)
    if not is_cross_validation(user_recipe.data):
        return run_training(user_recipe, output, listener)
    folds = user_recipe.data.folds
    decided = replace(user_recipe, train=decide.resolve(user_recipe.train))
    total = f"{budget(decided)}{total_minutes(decided, folds + 1)}"

    def train_folds(folder: Path) -> Scores:
        scores: list[Scores] = []
        for number in range(1, folds + 1):
            is_new, start = not (folder / FOLDS / str(number) / "scores.json").exists(), time.monotonic()
            scores.append(train_fold(user_recipe, folder, number, listener))
            if is_new:
                left = (time.monotonic() - start) * (folds + 1 - number)
                listener.note(f"{count(folds + 1 - number, 'training')} to go: {in_minutes(left)}")
        listener.note("all rows are learnt from:")
        limits = [remark for remark in scores[0].remarks if remark.startswith("test: ")]
        return with_remarks(scores_over_folds(scores), folds_note(folds), *limits)

    plan = f"{count(folds + 1, 'training')} of {total}: {folds} folds, then all rows"
    return run_training(user_recipe, output, listener, Prelude(plan, train_folds))


def train_fold(user_recipe: Recipe, folder: Path, number: int, listener: Listener) -> Scores:
    """The scores of a fold, which is trained if it is not yet."""
    listener.note(f"fold {number} of {user_recipe.data.folds}:")
    recipe = decided_in(folder, user_recipe) or user_recipe  # one network for all folds
    recipe = change(recipe, {"data.fold": number})
    return read_scores(run_to_end(recipe, folder / FOLDS / str(number), listener).folder)[1]


def is_cross_validation(data: DataSettings) -> bool:
    """Whether each of several folds is to be held out in turn."""
    return data.folds > 0 and data.fold == "auto"


def refuse_wrong_fold(data: DataSettings) -> None:
    """Raises HeedfulError for a fold that there is not, and for one fold alone."""
    if data.folds == 1:
        raise HeedfulError("data.folds=1 leaves nothing to learn from.", "Take two or more, as data.folds=5.")
    if data.fold != "auto" and data.fold > data.folds:
        cure = f"Take 1 to {data.folds}, or leave it out." if data.folds else "Set data.folds too, as data.folds=5."
        raise HeedfulError(f"There is no fold {data.fold} of {data.folds}: data.fold={data.fold}.", cure)
