"""heedful compare: several networks, the same data, the same budget."""

from typing import Annotated

import typer

from heedful.cli.words import (
    MinutesFlag,
    OutputFlag,
    SizeFlag,
    StepsFlag,
    TaskAndFiles,
    TestFlag,
    ValidFlag,
    numbers,
    recipe_of,
)
from heedful.errors import HeedfulError
from heedful.networks.settings import require_row
from heedful.tasks.recipes import change

Networks = Annotated[str | None, typer.Option(metavar="A,B,…", help="Rows of `heedful networks`.")]
Vary = Annotated[
    str | None, typer.Option(metavar="KEY=A,B,…", help="Compare values of a key as networks are compared.")
]
Seeds = Annotated[str | None, typer.Option(metavar="N,N,…", help="Each network is trained once with each seed.")]
Weights = Annotated[
    str | None, typer.Option(metavar="N", help="Choose the width of every network such that it has N weights.")
]


def run(
    words: TaskAndFiles,
    networks: Networks = None,
    vary: Vary = None,
    seeds: Seeds = None,
    weights: Weights = None,
    size: SizeFlag = None,
    minutes: MinutesFlag = None,
    steps: StepsFlag = None,
    valid: ValidFlag = None,
    test: TestFlag = None,
    output: OutputFlag = None,
) -> None:
    """Train several networks, or settings, under one budget and compare them: a table, and a page with curves.

    \b
    heedful compare translate pairs.tsv --networks gru,bahdanau2015,vaswani2017 --minutes 3
    heedful compare recipe.toml --networks rnn,lstm --seeds 0,1,2
    heedful compare translate pairs.tsv --networks lstm,vaswani2017 --steps 2000 --weights 2e6
    heedful compare translate pairs.tsv --vary network.depth=1,2,4 --seeds 0,1,2
    """
    flags = {
        "network.size": size,
        "train.minutes": minutes,
        "train.steps": steps,
        "data.valid": valid,
        "data.test": test,
    }
    recipe = recipe_of("compare", words, flags)
    rows = [] if networks is None else [name.strip() for name in networks.split(",")]
    for row in rows:
        require_row(row)
    values = None if vary is None else values_of(vary)
    for key, choices in (values or {}).items():
        for value in choices:
            change(recipe, {key: value})
    seed_numbers = [recipe.seed] if seeds is None else numbers(seeds)
    weight_count = None if weights is None else number(weights)

    from heedful.api.verbs import compare
    from heedful.cli import show
    from heedful.training.progress import terminal

    with terminal() as listener:
        result = compare(
            recipe,
            networks=rows,
            vary=values,
            seeds=seed_numbers,
            weights=weight_count,
            output=output,
            listener=listener,
        )
    print(show.comparison(result))


def values_of(vary: str) -> dict[str, list[object]]:
    """A key and its values from what was typed.

    >>> values_of("network.depth=1,2"), values_of("data.train=a.tsv,b.tsv")
    ({'network.depth': [1, 2]}, {'data.train': [['a.tsv'], ['b.tsv']]})
    """
    key, equals, values = vary.partition("=")
    if not equals or not all(values.split(",")):
        raise HeedfulError(f"--vary cannot be {vary!r}.", "A key and its values, such as network.depth=1,2,4.")
    from heedful.recipe import parse

    return {key: [parse([f"{key}={value}"])[key] for value in values.split(",")]}


def number(weights: str) -> float:
    """Weights from what was typed."""
    try:
        return float(weights)
    except ValueError:
        raise HeedfulError(f"--weights cannot be {weights!r}.", "A number, such as 2e6.") from None
