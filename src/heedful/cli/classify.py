"""heedful classify: ask a trained model which class a picture, or a text, belongs to."""

import json
import math
from functools import partial
from typing import TYPE_CHECKING

from heedful.cli import ask
from heedful.cli.ask import Best, File, Json, MoreRuns, Output, Pictures, Run, Score
from heedful.cli.pictures import answer_pictures

if TYPE_CHECKING:
    from heedful.results import Answer


def run(
    name: Run,
    words: Pictures = None,
    file: File = None,
    output: Output = None,
    more_runs: MoreRuns = None,
    n: Best = None,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Ask a trained model which class a picture belongs to: picture, class, probability.

    \b
    heedful classify runs/mine photo.jpg holiday/            a folder: all pictures in it
    heedful classify runs/mine --file names.txt -o classes.tsv
    heedful classify runs/mine photo.jpg --n 3               the three likeliest classes
    heedful classify runs/mine photo.jpg --json              the probabilities of all classes
    heedful classify runs/a --with runs/b photo.jpg          an ensemble: the mean of both
    heedful classify runs/mine --score photo.jpg cat         the log probability of a class

    A model that was trained on texts is asked with texts. Answers come in the order of what was asked.
    """
    question = ask.parse_question(words, file, output, n)
    if score:
        ask.refuse_search_flags(question, as_json)
    model = ask.load_model("classify", name, more_runs)
    if score:
        ask.write(ask.score_lines(model, question), output, question.at_once == 1)
        return
    answer = partial(model.answer, changes=question.changes)
    if model.source_kind == "picture":
        answer_lists = answer_pictures(answer, question.lines(), question.at_once)
    else:
        answer_lists = ask.answer_all(
            answer, question.texts(), question.at_once, n_best=question.n_best, place=question.place
        )
    format_answers = as_object if as_json else class_lines
    ask.write((line for answers in answer_lists for line in format_answers(answers)), output, question.at_once == 1)


def class_lines(answers: "list[Answer]") -> list[str]:
    """What was asked, its class and how likely that is, a line a class."""
    return [ask.table_row(answer.source, answer.output, math.exp(answer.score)) for answer in answers]


def as_object(answers: "list[Answer]") -> list[str]:
    """One object: the likeliest classes, the probabilities of all, and what of a text was never seen."""
    if ask.is_blank(answers[0]):
        return [ask.blank_object(answers[0])]
    track = answers[0].track
    assert track is not None, "classify keeps them"
    probabilities = {
        name: round(probability, 6) for name, probability in zip(track.names, track.probabilities[0], strict=True)
    }
    best = [{"output": answer.output, "probability": probabilities[answer.output]} for answer in answers]
    record = {
        "source": answers[0].source,
        "answers": best,
        "probabilities": probabilities,
        "unknown": answers[0].unknown,
        "engine": answers[0].engine,
        "device": answers[0].device,
        "precision": answers[0].precision,
    } | ({"cut": answers[0].cut} if answers[0].cut else {})
    return [json.dumps(record, ensure_ascii=False)]
