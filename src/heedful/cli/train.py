"""heedful train: from a task and files, or a recipe, to a model."""

import shlex
import time

from heedful.cli.words import (
    FromFlag,
    MinutesFlag,
    NetworkFlag,
    OutputFlag,
    SeedFlag,
    SizeFlag,
    StepsFlag,
    TaskAndFiles,
    TestFlag,
    ValidFlag,
    recipe_of,
)

WORTH_AN_ENGINE = 30.0  # seconds of a training, behind which those that an engine takes are few


def run(
    words: TaskAndFiles,
    network: NetworkFlag = None,
    size: SizeFlag = None,
    minutes: MinutesFlag = None,
    steps: StepsFlag = None,
    valid: ValidFlag = None,
    test: TestFlag = None,
    seed: SeedFlag = None,
    start: FromFlag = None,
    output: OutputFlag = None,
) -> None:
    """Train a network on your data, or resume training.

    \b
    heedful train translate pairs.tsv --minutes 5
    heedful train classify photos/ --minutes 5                  a folder a class
    heedful train translate a.tsv b.tsv --network bahdanau2015 train.learning_rate=3e-4 -o runs/mine
    heedful train recipe.toml --seed 1

    Every flag is short for a key of the recipe (--minutes 5 is train.minutes=5); -o is the run's folder, new or empty,
    by default runs/<data>, or runs/<data>-<network> where one is named. The same command goes on with what was stopped.
    """
    flags = {
        "network.name": network,
        "network.size": size,
        "train.minutes": minutes,
        "train.steps": steps,
        "data.valid": valid,
        "data.test": test,
        "seed": seed,
        "start": start,
    }
    recipe = recipe_of("train", words, flags)

    from heedful.api import folds
    from heedful.api.opened import prepare_engine
    from heedful.training.progress import terminal

    with terminal() as listener:
        started = time.monotonic()
        model = folds.run(recipe, output, listener)
    if time.monotonic() - started > WORTH_AN_ENGINE:
        prepare_engine(model.folder)
    print(f"\nLook:   {model.folder}/report.html")
    folder = shlex.quote(str(model.folder))
    print(f"Ask:    heedful {recipe.task} {folder} {model.asked_with}")
    print(f"Score:  heedful evaluate {folder} FILE")
