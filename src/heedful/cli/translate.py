"""heedful translate: ask a trained model, text in and text out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import ask
from heedful.cli.ask import Best, File, Json, MoreRuns, Output, Run, Score, Texts
from heedful.data.readers.rows import one_line
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.results import Answer

Lexicon = Annotated[bool, typer.Option("--lexicon", help="Answers as a lexicon: word, word(2), …")]


def run(
    name: Run,
    words: Texts = None,
    file: File = None,
    output: Output = None,
    more_runs: MoreRuns = None,
    n: Best = None,
    lexicon: Lexicon = False,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Translate texts, or whatever a model was trained to make of a text.

    \b
    heedful translate runs/mine "any text" "another"
    heedful translate runs/mine --file texts.txt -o answers.txt
    heedful translate runs/mine "any text" beam=8 --n 3       best first: source, answer, log probability
    heedful translate runs/a --with runs/b "any text"         an ensemble: both decide each token together
    heedful translate runs/mine --score "a source" "a target"

    Of several answers to a text the best is the one with the highest log probability for its length (length_penalty).
    Answers come in the order of the texts, a line each: that of a blank line is blank, and line ends, tabs and other
    control characters in an answer are written as JSON writes them (\\n). A text that begins with - goes after a
    lone --.
    """
    question = ask.parse_question(words, file, output, n)
    format_answers = form(n, lexicon, as_json)
    scored = format_answers is not plain_line
    if score:
        ask.refuse_search_flags(question, lexicon, as_json)
    model = ask.load_model("translate", name, more_runs)
    if score:
        lines = ask.score_lines(model, question)
    else:
        answer_lists = ask.answer_all(
            lambda texts: model.answer(texts, question.changes, scored),
            question.texts(),
            question.at_once,
            n_best=n or 1,
            place=question.place,
        )
        if format_answers is ask.table_lines:
            answer_lists = ask.tell_ranking(answer_lists)
        lines = (line for answers in answer_lists for line in format_answers(answers))
    ask.write(lines, output, question.at_once == 1)


Form = Callable[["list[Answer]"], list[str]]


def form(n: int | None, lexicon: bool, as_json: bool) -> Form:
    """How the answers to one text are written."""
    if lexicon and as_json:
        raise HeedfulError("Answers are written with --lexicon or with --json, not with both.", "Leave one out.")
    if lexicon:
        return lexicon_lines
    return ask.json_line if as_json else plain_line if n is None else ask.table_lines


def plain_line(answers: "list[Answer]") -> list[str]:
    """The best answer alone."""
    return [one_line(answers[0].output)]


def lexicon_lines(answers: "list[Answer]") -> list[str]:
    """`word P H`, `word(2) P H`, …: what readers of lexicons, ours too, understand."""
    source = answers[0].source
    if ask.is_blank(answers[0]):
        return [""]
    if len(source.split()) != 1:
        raise HeedfulError(
            f"{source!r} is not one word, so it cannot stand in a lexicon.", "Use --n without --lexicon."
        )
    names = [source] + [f"{source}({number})" for number in range(2, len(answers) + 1)]
    return [one_line(f"{name} {answer.output}") for name, answer in zip(names, answers, strict=True)]
