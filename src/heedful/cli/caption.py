"""heedful caption: ask a trained model what is to be seen on a picture."""

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
    """Ask a trained model what is to be seen on a picture: picture, sentence.

    \b
    heedful caption runs/mine photo.jpg holiday/             a folder: all pictures in it
    heedful caption runs/mine --file names.txt -o captions.tsv
    heedful caption runs/mine photo.jpg --n 3 beam=8         picture, sentence, log probability
    heedful caption runs/a --with runs/b photo.jpg           an ensemble: both decide each word together
    heedful caption runs/mine --score photo.jpg "a red cat"

    Answers come in the order of the pictures.
    """
    asked = asking.request(words, file, output, n)
    if score:
        asking.only_score(asked, as_json)
    loaded = asking.loaded("caption", model, others)
    if score:
        lines = asking.scored(loaded, asked)
    else:
        inputs = asking.pictures(asked.lines())
        found = asking.answered(lambda some: loaded.answer(some, asked.changes), inputs, asked.at_once)
        written = asking.json_line if as_json else sentence if n is None else asking.table_lines
        lines = (line for answers in found for line in written(answers))
    asking.write(lines, output, asked.at_once == 1)


def sentence(answers: "list[Answer]") -> list[str]:
    """The picture and the best sentence."""
    return [f"{answers[0].source}\t{answers[0].output}"]
