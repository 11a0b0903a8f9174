"""heedful classify: ask a trained model which class a picture, or a text, belongs to."""

import json
import math
from typing import TYPE_CHECKING

from heedful.cli import ask as asking
from heedful.cli.ask import Best, File, Json, Pictures, Run, Score, With
from heedful.cli.words import OutputFlag

if TYPE_CHECKING:
    from heedful.results import Answer


def run(
    model: Run,
    words: Pictures = None,
    file: File = None,
    output: OutputFlag = None,
    others: With = None,
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
    asked = asking.request(words, file, output, n)
    if score:
        asking.only_score(asked, as_json)
    loaded = asking.loaded("classify", model, others)
    if score:
        asking.write(asking.scored(loaded, asked), output, asked.at_once == 1)
        return
    inputs = asking.pictures(asked.lines()) if loaded.source_kind == "picture" else asked.lines()
    found = asking.answered(lambda some: loaded.answer(some, asked.changes), inputs, asked.at_once)
    written = everything if as_json else likeliest
    asking.write((line for answers in found for line in written(answers)), output, asked.at_once == 1)


def likeliest(answers: "list[Answer]") -> list[str]:
    """What was asked, its class and how likely that is, a line a class."""
    return [f"{answer.source}\t{answer.output}\t{math.exp(answer.score):.4f}" for answer in answers]


def everything(answers: "list[Answer]") -> list[str]:
    """One object: the likeliest classes, the probabilities of all, and what of a text was never seen."""
    track = answers[0].track
    assert track is not None, "classify keeps them"
    shares = {name: round(share, 6) for name, share in zip(track.names, track.probabilities[0], strict=True)}
    best = [{"output": answer.output, "probability": shares[answer.output]} for answer in answers]
    about = {"source": answers[0].source, "answers": best, "probabilities": shares, "unknown": answers[0].unknown}
    return [json.dumps(about, ensure_ascii=False)]
