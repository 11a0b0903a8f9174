"""heedful demo: the main job, on real data, while you watch."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

Minutes = Annotated[
    float, typer.Option(metavar="N", min=0.01, help="Training time of each of the four networks, in minutes.")
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder for the four runs.")]


def run(minutes: Minutes = 1.0, output: Output = Path("runs/demo")) -> None:
    """Learn to pronounce English four ways (cmudict), about a minute each, and compare what they learnt."""
    from heedful.api.demo import demo
    from heedful.cli import show
    from heedful.training.progress import terminal

    with terminal() as listener:
        result = demo(output, minutes, listener)
    print(show.comparison(result))
    print(f"\nLook:   {output}/compare.html")
    print(f'Ask:    heedful translate {shlex.quote(result.entries[-1].run)} "heedful"')
    print("Yours:  heedful train translate your_pairs.tsv --minutes 5")
