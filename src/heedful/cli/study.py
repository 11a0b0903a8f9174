"""heedful study: an experiment that shows why the field moved, with the reader's guess before its curve."""

from typing import Annotated, cast

import typer

from heedful.cli.words import OutputFlag, SizeFlag, numbers, require_files
from heedful.errors import HeedfulError, unknown
from heedful.schema import SIZES, Size
from heedful.studies import STUDIES

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help=f"Which study: {', '.join(STUDIES)}. None: all, with --all.")
]
Data = Annotated[
    list[str] | None, typer.Option("--data", metavar="FILE", help="Your own pairs, for bottleneck; several times too.")
]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="N,N,…", help="What is measured once with each seed.")]
Everything = Annotated[
    bool, typer.Option("--all", help="Every study, and their story as one page; of one study all rows and tasks.")
]


def run(
    name: Name = None,
    data: Data = None,
    size: SizeFlag = None,
    seeds: Seeds = None,
    everything: Everything = False,
    output: OutputFlag = None,
) -> None:
    """Ask one of six questions of the field by experiment: a page that lets you guess first, plots, table and JSON.

    \b
    heedful study bottleneck                 quality by source length: one vector against attention
    heedful study distance --seeds 0,1,2     recall over distance
    heedful study --all                      all six, and the story that they tell
    """
    if name is None and not everything:
        listed = "\n".join(f"{study:<12} {help}" for study, help in STUDIES.items())
        raise HeedfulError("Which study?", f"{listed}\n--all: all of them, and their story as one page.")
    if name is not None and name not in STUDIES:
        raise unknown("study", name, STUDIES)
    if data:
        require_files(data)
    if size is not None and size not in SIZES:
        raise unknown("size", size, SIZES)
    drawn = tuple(numbers(seeds)) if seeds else ()

    from heedful.studies import story
    from heedful.studies.study import Options
    from heedful.training.progress import terminal

    options = Options(cast(Size, size or "small"), drawn, everything and name is not None, tuple(data or ()))
    with terminal() as listener:
        print(story.tell([name] if name else list(STUDIES), options, output, listener))
