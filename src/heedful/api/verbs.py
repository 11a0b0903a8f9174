"""What Python is offered beside models: train, check and compare, on files or on what is in memory, with the flags of
the command line as keywords.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heedful.api.compare import compare as compare_all
from heedful.api.contestants import contestants
from heedful.api.folds import run
from heedful.api.given import INPUTS, files_of
from heedful.api.model import Changes, Model
from heedful.api.pretrained import inherit_limit, open_start
from heedful.data.check_held_out import with_held_out
from heedful.errors import HeedfulError
from heedful.results import Comparison, Findings
from heedful.schema import Recipe
from heedful.tasks.recipes import build, change
from heedful.tasks.task import find_task
from heedful.training.progress import Listener, terminal

BUDGETS = {"minutes": "train.minutes", "steps": "train.steps", "epochs": "train.epochs"}
KEYS = BUDGETS | {"network": "network.name", "size": "network.size", "seed": "seed", "start": "start"}
"""Keywords, and the keys of a recipe that they are short for; those of data are apart."""


def train(
    task: str | Recipe,
    data: Any = None,
    *,
    valid: Any = None,
    test: Any = None,
    network: str | None = None,
    size: str | None = None,
    seed: int | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    start: Path | str | None = None,
    output: Path | str | None = None,
    settings: Changes | None = None,
    listener: Listener | None = None,
) -> Model:
    """Trains a network for a task, or goes on with a run that was stopped, or opens it if it is finished.

    `data`, `valid` and `test` are files (a str or Path, or a list of them), or what is in memory: pairs, records,
    columns, arrays or tables (docs/python.md). These are kept in `inputs`, beside the run's folder. Keywords are the
    flags of `heedful train`; `settings` are any further keys, as {"train.learning_rate": 3e-4}. `start`: a run, or
    published weights, to begin with. `output` is the run's folder, by default runs/<data or task>.
    `listener` is told how work goes on; by default that is a bar.

    Raises HeedfulError for what cannot be learnt from, before anything is trained.

    heedful.train("translate", [("one", "eins"), ("two", "zwei")], network="vaswani2017", minutes=5)
    """
    folder = None if output is None else Path(output)
    inputs = INPUTS if folder is None else folder.parent / "inputs"
    short = {
        "network": network,
        "size": size,
        "seed": seed,
        "minutes": minutes,
        "steps": steps,
        "epochs": epochs,
        "start": None if start is None else str(start),
    }
    recipe = recipe_of(task, {"train": data, "valid": valid, "test": test}, short, settings, inputs)
    with listening(listener) as told:
        return run(recipe, folder, told)


def check(
    task: str | Recipe,
    data: Any = None,
    *,
    valid: Any = None,
    test: Any = None,
    start: Path | str | None = None,
    settings: Changes | None = None,
) -> Findings:
    """Looks at data before anything is trained on it, and says what would be held out to choose by; `data` and the
    keywords are those of `train`.
    """
    short = {"start": None if start is None else str(start)}
    recipe = recipe_of(task, {"train": data, "valid": valid, "test": test}, short, settings, INPUTS)
    if recipe.start:
        recipe = inherit_limit(recipe, open_start(recipe.start))
    learning = find_task(recipe.task).learning
    return with_held_out(learning.check(recipe), learning.data_kind(recipe), recipe, learning.decisions)


def compare(
    task: str | Recipe,
    data: Any = None,
    *,
    networks: Sequence[str] = (),
    vary: Mapping[str, Sequence[object]] | None = None,
    seeds: Sequence[int] = (),
    weights: float | None = None,
    valid: Any = None,
    test: Any = None,
    size: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    output: Path | str | None = None,
    settings: Changes | None = None,
    listener: Listener | None = None,
) -> Comparison:
    """Trains several networks on the same data under the same budget, and compares them; keywords as in `train`.

    `vary` has one key of the recipe and its values, which are compared as networks are. `weights`: every network is
    made as wide as that many weights allow. No `seeds`: the recipe's own.

    heedful.compare("translate", pairs, networks=["lstm", "vaswani2017"], minutes=3)
    heedful.compare("translate", pairs, vary={"network.depth": [1, 2, 4]}, seeds=[0, 1, 2], minutes=1)
    """
    folder = None if output is None else Path(output)
    inputs = INPUTS if folder is None else folder.parent / "inputs"
    short = {"size": size, "minutes": minutes, "steps": steps, "epochs": epochs}
    recipe = recipe_of(task, {"train": data, "valid": valid, "test": test}, short, settings, inputs)
    with listening(listener) as told:
        return compare_all(
            recipe, contestants(list(networks), vary), list(seeds) or [recipe.seed], folder, told, weights
        )


def recipe_of(
    task: str | Recipe,
    data: Mapping[str, Any],
    short: Mapping[str, object],
    settings: Changes | None,
    inputs: Path,
) -> Recipe:
    """The recipe of a call; what is in memory is written below `inputs`. Raises HeedfulError for a key set twice."""
    facts = find_task(task if isinstance(task, str) else task.task).facts
    budgets = [name for name in BUDGETS if short.get(name) is not None]
    if len(budgets) > 1:
        raise HeedfulError(f"There are {len(budgets)} budgets: {', '.join(budgets)}.", "Keep one of them.")
    changes: dict[str, object] = {KEYS[name]: value for name, value in short.items() if value is not None}
    for split, given in data.items():
        if given is not None:
            changes[f"data.{split}"] = files_of(given, facts, inputs)
    for key in settings or {}:
        if key in changes:
            raise HeedfulError(f"{key} is set twice.", "Set it once, as a keyword or in settings.")
    changes |= dict(settings or {})
    recipe = build(task, changes) if isinstance(task, str) else change(task, changes)
    if not recipe.data.train:
        raise HeedfulError("There is nothing to learn from.", f'As in heedful.train("{recipe.task}", "{facts.data}")')
    return recipe


@contextmanager
def listening(listener: Listener | None) -> Generator[Listener]:
    """The caller's listener, or a bar that is closed at the end."""
    if listener is not None:
        yield listener
    else:
        with terminal() as bar:
            yield bar
