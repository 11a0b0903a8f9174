"""heedful explain: what a model looked at for each piece of its answer."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import cut, show
from heedful.errors import HeedfulError
from heedful.names import require_models
from heedful.results import Alignment, Answer

if TYPE_CHECKING:
    from heedful.api import Model

Run = Annotated[str, typer.Argument(metavar="RUN", help="A trained or published model: its folder, or its hub name.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="The input.")]
AnswerFlag = Annotated[
    str | None, typer.Option("--answer", metavar="TEXT", help="Explain this answer, not the model's own.")
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="A page (.html) or a picture (.png, .svg, .pdf) to write."),
]

PICTURES = (".png", ".svg", ".pdf")
UNKNOWN = "<unk>"


def run(
    name: Run,
    text: Text,
    answer: AnswerFlag = None,
    output: Output = None,
    without: cut.Without = None,
    attend: cut.Attend = None,
    hold: cut.Hold = None,
) -> None:
    """See what a model looked at for each piece of its answer: here, or as a page or a picture.

    \b
    heedful explain runs/mine "attention"
    heedful explain runs/gpt "Once upon"                    the text that goes on, and what stood before
    heedful explain runs/bert "The [MASK] sat"              what each gap looked at
    heedful explain runs/mine "attention" -o page.html      or picture.png, .svg, .pdf
    heedful explain runs/mine "attention" --without memory  the answer with and without a part: what that part caused
    """
    if output and output.suffix not in (".html", *PICTURES):
        raise HeedfulError(
            f"{output} is neither a page nor a picture.", "Name a file that ends in .html, .png, .svg or .pdf."
        )

    require_models(name)

    from heedful import api

    model = api.load(name)
    if cuts := cut.cuts_of(without, attend, hold):
        cut.print_answers(model, text, answer, cuts)
        if output is None:
            return
    with cut.applied(model, cuts):
        alignment = model.explain(text, answer)
    if UNKNOWN in (*alignment.source, *alignment.target):
        print(f"What the model never saw is shown as {UNKNOWN}.", file=sys.stderr)
    if output is None:
        print(show.alignment(alignment))
    else:
        write(model, text, answer, alignment, output)
        print(output)


def write(model: "Model", text: str, answer: str | None, alignment: Alignment, output: Path) -> None:
    """The alignment as a picture, or as a page with the answer that it is of."""
    from heedful.report import pages, picture

    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix in PICTURES:
        picture.alignment_picture(alignment, output)
    else:
        answers = explained_answers(model, text, answer, alignment)
        output.write_text(pages.explain_page(text, answers, alignment), encoding="utf-8")


def explained_answers(model: "Model", text: str, answer: str | None, alignment: Alignment) -> list[Answer]:
    """The answer that an alignment is of, and behind one of the model's own the others that it had to choose from."""
    from heedful.tasks.task import find_task

    if answer is not None:
        [score] = model.score([(text, answer)])
        return [Answer(text, answer, score, score)]
    goes_on = find_task(model.task).facts.view == "passages"  # of which as much is shown as was explained
    length = {"generate.max_length": len(alignment.target)} if goes_on else {}
    return model.answer([text], {"generate.n_best": model.recipe.generate.beam} | length)[0]
