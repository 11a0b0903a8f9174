"""heedful explain: what a model looked at for each piece of its answer."""

from pathlib import Path
from typing import Annotated

import typer

from heedful.cli import show
from heedful.cli.words import OutputFlag

Run = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a trained model.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What to answer.")]
Given = Annotated[
    str | None, typer.Option("--answer", metavar="TEXT", help="Explain this answer, not the model's own.")
]


def run(model: Run, text: Text, answer: Given = None, output: OutputFlag = None) -> None:
    """See what a model looked at for each piece of its answer: here, or as a page, PNG or SVG.

    \b
    heedful explain runs/mine "attention"
    heedful explain runs/mine "attention" -o page.html      or picture.png, picture.svg
    """
    from heedful import api

    alignment = api.load(model).explain(text, answer)
    if output is None:
        print(show.alignment(alignment))
    else:
        write(alignment, output)
        print(output)
