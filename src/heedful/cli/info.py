"""heedful info: a run or a network, its shape, weights and memory."""

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(metavar="NAME", help="A run's folder, or a row of `heedful networks`.")]


def run(name: Name) -> None:
    """The shape of a run or a network, drawn, with tensor shapes, weights and memory.

    \b
    heedful info runs/mine
    heedful info vaswani2017
    """
    from heedful import api

    print(api.info(name))
