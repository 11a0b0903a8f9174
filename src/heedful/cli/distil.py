"""heedful distil: a small network taught by a large one."""

from typing import Annotated

import typer

from heedful.cli.words import (
    MinutesFlag,
    NetworkFlag,
    OutputFlag,
    SeedFlag,
    SizeFlag,
    StepsFlag,
    TestFlag,
    ValidFlag,
    changes_of,
    files_and_settings,
    require_files,
)
from heedful.names import require_models
from heedful.networks.settings import require_row

Teacher = Annotated[
    str, typer.Argument(metavar="TEACHER", help="A run, or published weights; several, with commas, answer together.")
]
Texts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXTS",
        help="What the teacher answers: a .txt file with a text a line, or data as `heedful train` takes them; without "
        "any, the training rows of its run. Settings of the student are written key=value among them.",
    ),
]
Originals = Annotated[
    bool,
    typer.Option(
        "--originals/--no-originals", help="Learn from the original pairs, too, where it is known what is right."
    ),
]


def run(
    teacher: Teacher,
    texts: Texts = None,
    network: NetworkFlag = None,
    size: SizeFlag = None,
    minutes: MinutesFlag = None,
    steps: StepsFlag = None,
    valid: ValidFlag = None,
    test: TestFlag = None,
    seed: SeedFlag = None,
    originals: Originals = True,
    output: OutputFlag = None,
) -> None:
    """Train a small network on what a large one answers, and compare the two.

    \b
    heedful distil runs/teacher --network ssru2019 --size tiny --minutes 3
    heedful distil runs/a,runs/b texts.txt --network ssru2019 network.depth=6 network.decoder_depth=1
    heedful distil Helsinki-NLP/opus-mt-en-de pairs.tsv --network ssru2019 --minutes 30

    The student is scored on what is right by the teacher's own data (or --valid, --test), never on its answers. Its
    folder is that of a run, by default runs/<teacher>-<network>. The same command goes on with what was stopped.
    """
    files, words = files_and_settings(texts or [])
    flags = {
        "network.name": network,
        "network.size": size,
        "train.minutes": minutes,
        "train.steps": steps,
        "data.valid": valid,
        "data.test": test,
        "seed": seed,
    }
    changes = changes_of([f"{key}={value}" for key, value in flags.items() if value is not None] + words)
    changes |= {"data.train": files} if files else {}
    require_models(teacher)
    if network is not None:
        require_row(network)
    require_files(file for key in ("data.train", "data.valid", "data.test") for file in changes.get(key, []))

    from heedful.api.distil import distil_model
    from heedful.api.loading import load
    from heedful.cli import show
    from heedful.training.progress import terminal

    with terminal() as listener:
        result = distil_model(load(teacher), teacher, changes, originals, output, listener)
    print(show.distillation(result))
