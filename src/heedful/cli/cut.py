"""How a command is told what to alter of a network, and what it prints of answers and scores with and without."""

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.output import open_output
from heedful.errors import HeedfulError
from heedful.report.columns import columns

if TYPE_CHECKING:
    from heedful.api.altered import Cuts, TwoAnswers, TwoScores
    from heedful.api.model import Model

Without = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="NAME", help="Cut attention: a head, a layer, or memory; can be repeated."),
]
Attend = Annotated[
    list[str] | None,
    typer.Option("--attend", metavar="WAY[=NAME]", help="Have attention look uniform, diagonal or previous."),
]
Hold = Annotated[
    list[str] | None,
    typer.Option("--hold", metavar="NAME=VALUE", help="Hold a gate (=open, =shut) or a state (=frozen)."),
]


def cuts_of(without: list[str] | None, attend: list[str] | None, hold: list[str] | None) -> "Cuts | None":
    """What is asked to be altered; None: nothing."""
    if not (without or attend or hold):
        return None

    from heedful.api.altered import Cuts

    return Cuts(tuple(without or ()), tuple(attend or ()), tuple(hold or ()))


def applied(model: "Model", cuts: "Cuts | None") -> AbstractContextManager[None]:
    """Has a model answer so until the block ends."""
    return model.altered(*astuple(cuts)) if cuts else nullcontext()


def answers_of(model: "Model", source: str, answer: str | None, cuts: "Cuts") -> str:
    """What a model answers as it is and altered, or what becomes of an answer that is given."""
    from heedful.api.altered import answer_altered

    return answers_text(answer_altered(model, source, cuts, answer))


def answers_text(answers: "TwoAnswers") -> str:
    """Both answers, and the score of the first from the model as it is and altered: a log probability, of `match` a
    cosine.
    """
    texts = [text.replace("\t", " ") for text in (answers.answer, answers.altered)]  # labels stand between tabs
    rows = [["as it is", texts[0]], [str(answers.cuts), texts[1]]]
    scores = f"{answers.score:.4f} as it is, {answers.altered_score:.4f} altered: {answers.difference:+.4f}"
    return f"{columns(rows, left_aligned={1})}\nscore of the first answer: {scores}"


def scores_text(scores: "TwoScores") -> str:
    """The measures side by side with their intervals, and the paired difference by the first."""
    from heedful.cli import show
    from heedful.report import words

    rows = [["", "as it is", "95 % interval", str(scores.cuts), "95 % interval"]]
    for name, measure in scores.scores.measures.items():
        pair = [measure, scores.altered.measures[name]]
        cells = [text for each in pair for text in (words.score(each.value, name), words.interval(each))]
        rows.append([words.title(name), *cells])
    return f"{columns(rows)}\n\n{show.paired_test(scores.paired, 'altered', 'as it is')}"


def write_page(model: "Model", scores: "TwoScores", output: Path) -> None:
    """Writes both scores, their paired difference and answers side by side as a page."""
    from heedful.report.altered_page import Altered, altered_page

    pair = scores.scores, scores.altered, scores.paired
    page = altered_page(Altered(model.name, str(scores.cuts), *pair, model.exhibits(scores.scores)))
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_output(output) as stream:
        stream.write(page)
    print(f"page: {output}", file=sys.stderr)  # what stands on standard output may be JSON


def check_page(output: Path, cuts: "Cuts | None") -> None:
    """Raises HeedfulError where no page of an altered network can be written."""
    if not cuts:
        raise HeedfulError(
            "-o writes a page of an altered network.",
            "Say what to alter, as --without memory; the page of a run as it is is its report.html.",
        )
    if output.suffix != ".html":
        raise HeedfulError(f"{output} is no page.", "Name a file that ends in .html.")


def scores_fields(scores: "TwoScores") -> dict[str, Any]:
    """What JSON says beside the scores of the model as it is."""
    return {"altered": asdict(scores.cuts) | {"scores": scores.altered.plain(), "paired": asdict(scores.paired)}}
