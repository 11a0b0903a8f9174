"""heedful fill: ask a trained model what stands in the gaps of a text."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import ask
from heedful.cli.ask import File, Json, MoreRuns, Output, Run, Score, Texts
from heedful.data.readers.rows import one_line
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.results import Answer

Best = Annotated[
    int | None,
    typer.Option("--n", metavar="N", help="The N most probable predictions for each masked token; 5 by default."),
]
TextFlag = Annotated[bool, typer.Option("--text", help="The whole text, with the most probable token for each mask.")]

GUESSES = 5


def run(
    name: Run,
    words: Texts = None,
    file: File = None,
    output: Output = None,
    more_runs: MoreRuns = None,
    n: Best = None,
    text: TextFlag = False,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Predict the masked tokens of a text: text, number of the mask, token, probability.

    \b
    heedful fill runs/mine "The [MASK] sat on the mat"
    heedful fill runs/mine "The [MASK] sat on the [MASK]" --n 3
    heedful fill runs/mine "The [MASK] sat on the mat" --text   the text itself, filled
    heedful fill runs/mine --file texts.txt -o guesses.tsv
    heedful fill runs/a --with runs/b "The [MASK] sat"           the mean of both
    heedful fill runs/mine --score "The [MASK] sat" "The cat sat"

    A mask stands for one token: a word, or a piece of one, as the model's tokenizer cuts texts. Each of several masks
    is predicted by itself.
    """
    question = ask.parse_question(words, file, output, n)
    if score:
        ask.refuse_search_flags(question, text, as_json)
    if text and (as_json or n is not None):
        what = "--json has the text, too" if as_json else "it has the most probable token for each mask alone"
        raise HeedfulError(f"--text does not go with {'--json' if as_json else '--n'}: {what}.", "Leave one out.")
    model = ask.load_model("fill", name, more_runs)
    if score:
        ask.write(ask.score_lines(model, question), output, question.at_once == 1)
        return
    if not text:
        question.changes.setdefault("generate.n_best", GUESSES)
    answer_lists = ask.answer_all(
        lambda texts: model.answer(texts, question.changes), question.texts(), question.at_once, place=question.place
    )
    format_answers = as_object if as_json else filled_text if text else rows
    ask.write((line for answers in answer_lists for line in format_answers(answers)), output, question.at_once == 1)


def rows(answers: "list[Answer]") -> list[str]:
    """A line for each guess at each gap; a line without a guess for a blank text."""
    if ask.is_blank(answers[0]):
        return [ask.table_row(answers[0].source, "", "", "")]
    return [
        ask.table_row(answers[0].source, str(number), word, probability)
        for number, guesses in enumerate(by_gap(answers), 1)
        for word, probability in guesses
    ]


def filled_text(answers: "list[Answer]") -> list[str]:
    """The text with its likeliest words."""
    return [one_line(answers[0].output)]


def as_object(answers: "list[Answer]") -> list[str]:
    """One object: the text filled, and the guesses at each gap."""
    if ask.is_blank(answers[0]):
        return [json.dumps({"source": answers[0].source, "output": "", "gaps": []}, ensure_ascii=False)]
    gaps = [
        [{"output": word, "probability": round(probability, 6)} for word, probability in guesses]
        for guesses in by_gap(answers)
    ]
    first = answers[0]
    record = {"source": first.source, "output": first.output, "score": first.score, "gaps": gaps}
    record |= {"unknown": first.unknown, "engine": first.engine, "device": first.device, "precision": first.precision}
    return [json.dumps(record, ensure_ascii=False)]


def by_gap(answers: "list[Answer]") -> "list[list[tuple[str, float]]]":
    """The guesses at each gap, likeliest first, each with its probability."""
    guesses: list[list[tuple[str, float]]] = []
    for answer in answers:
        track = answer.track
        assert track is not None, "fill keeps them"
        for gap, (word, (probability,)) in enumerate(zip(track.labels, track.probabilities, strict=True)):
            guesses += [[]] * (gap == len(guesses))
            guesses[gap] = [*guesses[gap], (word, probability)]
    return guesses
