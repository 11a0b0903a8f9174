"""heedful explain: why a model gave an answer."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import cut, tree
from heedful.cli.output import open_output
from heedful.errors import HeedfulError, unknown
from heedful.explanations import METHOD_NAMES
from heedful.names import require_models

if TYPE_CHECKING:
    from heedful.explanations import Explanation

Run = Annotated[
    str | None, typer.Argument(metavar="RUN", help="A trained or published model: its folder, or its hub name.")
]
Input = Annotated[
    str | None, typer.Argument(metavar="INPUT", help="A text, or a file: a picture, a video, a series, as it is asked.")
]
AnswerFlag = Annotated[
    str | None, typer.Option("--answer", metavar="TEXT", help="Explain this answer, not the model's own.")
]
MethodFlag = Annotated[
    str | None,
    typer.Option("--method", metavar="NAME", help="How. Default: attention, or integrated-gradients without any."),
]
Instead = Annotated[
    str | None,
    typer.Option("--instead", metavar="TEXT", help="Why not this: a token, class, label, or another whole answer."),
]
Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="key=value", help="How it searches, for --method tree: beam=4 required=word."),
]
Methods = Annotated[bool, typer.Option("--methods", help="Which methods there are, and for which network and task.")]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="A page (.html), a picture (.png, .svg, .pdf), .csv or .json."),
]

PICTURES = (".png", ".svg", ".pdf")
ENDINGS = (".html", *PICTURES, ".csv", ".json")
UNKNOWN = "<unk>"


def run(
    name: Run = None,
    source: Input = None,
    settings: Settings = None,
    method: MethodFlag = None,
    instead: Instead = None,
    answer: AnswerFlag = None,
    output: Output = None,
    methods: Methods = False,
    without: cut.Without = None,
    attend: cut.Attend = None,
    hold: cut.Hold = None,
) -> None:
    """See why a model gave its answer: what it looked at, what each part of the input adds, and whether that is so.

    \b
    heedful explain runs/mine "attention"                   what each piece of the answer attended to
    heedful explain runs/digits 7.png --instead 1           why 7 and not 1, by integrated gradients
    heedful explain runs/gpt "Once upon" --method leave-one-out
    heedful explain runs/mine "attention" --method step-by-step -o page.html   one weight, computed before one's eyes
    heedful explain runs/bert "The [MASK] sat" -o page.html or picture.png, .svg, .pdf, numbers.csv, .json
    heedful explain runs/mine "attention" --method tree     which hypotheses of the search lived, which died, and why
    heedful explain runs/mine "attention" --without memory  the answer with and without a part: what that part caused
    heedful explain --methods                               which there are, and for which networks
    """
    if output and output.suffix not in ENDINGS:
        raise HeedfulError(
            f"{output} is neither a page nor a picture nor a table.", f"Name a file that ends in {', '.join(ENDINGS)}."
        )
    if methods:
        print(methods_table())
        return
    if name is None or source is None:
        raise HeedfulError("Name a model and an input.", 'As: heedful explain runs/mine "some text"')
    changes = tree.changes_of_search(settings or [], method)
    if method not in (None, tree.TREE, *METHOD_NAMES):
        raise unknown("method", method, [*METHOD_NAMES, tree.TREE])
    require_models(name)

    from heedful.api.loading import load
    from heedful.report import computed, explained

    model = load(name)
    if cuts := cut.cuts_of(without, attend, hold):
        answers = cut.answers_of(model, source, answer, cuts)
        print(answers)
        if output is None:
            return
    with cut.applied(model, cuts):
        if method == tree.TREE:
            tree.show_tree(model, source, changes, output)
            return
        explanation = model.explain(source, answer, method=method, instead=instead)
    if cuts:
        explanation = replace(
            explanation, notes=(*explanation.notes, f"Explained is the network {cuts}.", *answers.splitlines())
        )
    if any(UNKNOWN in units.names for units in explanation.units.values()):
        print(f"What the model never saw is shown as {UNKNOWN}.", file=sys.stderr)
    if output is None:
        print((computed.computation_text if explanation.computations else explained.explanation_text)(explanation))
    else:
        write(explanation, output)
        print(output)


def write(explanation: "Explanation", output: Path) -> None:
    """The explanation as a file of the kind that its name says."""
    from heedful.explain.methods import METHODS
    from heedful.report import computed_page, explained, explained_picture

    if output.suffix in PICTURES:
        explained_picture.explanation_picture(explanation, output)
        return
    if output.suffix == ".html":
        method = METHODS[explanation.method]
        text = computed_page.page_of(explanation, method.says, method.paper)
    else:
        text = (explained.explanation_csv if output.suffix == ".csv" else explained.explanation_json)(explanation)
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_output(output) as stream:
        stream.write(text)


def methods_table() -> str:
    """What methods say, and which network has them."""
    from heedful.explain.methods import METHODS
    from heedful.explain.table import table
    from heedful.report.columns import columns

    rows = [[name, method.says, method.paper] for name, method in METHODS.items()]
    rows.append([tree.TREE, tree.SAYS, "Graves 2012; Post & Vilar 2018"])
    about = columns(rows, left_aligned={0, 1, 2})
    head, *rows = table()
    partial = dict.fromkeys(cell for row in rows for cell in row[1:] if cell not in ("all", "–"))
    signs = {tasks: f"({number})" for number, tasks in enumerate(partial, 1)}
    matrix = [head, *([row[0], *(signs.get(cell, cell) for cell in row[1:])] for row in rows)]
    notes = "\n".join(f"{sign} {tasks}" for tasks, sign in signs.items())
    contrasting = ", ".join(name for name, method in METHODS.items() if method.contrasts)
    legend = "\n".join(
        [
            "all: every task that the network can do.",
            f"{tree.TREE}: {', '.join(tree.tasks())}.",
            f"--instead, why not another answer: {contrasting}.",
        ]
    )
    return "\n\n".join([about, columns(matrix, left_aligned=set(range(len(METHODS) + 1))), notes, legend])
