"""heedful caption: ask a trained model what is to be seen on a picture."""

from typing import TYPE_CHECKING

from heedful.cli import ask
from heedful.cli.ask import Best, File, Json, MoreRuns, Pictures, Run, Score
from heedful.cli.words import OutputFlag

if TYPE_CHECKING:
    from heedful.results import Answer


def run(
    name: Run,
    words: Pictures = None,
    file: File = None,
    output: OutputFlag = None,
    more_runs: MoreRuns = None,
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
    question = ask.parse_question(words, file, output, n)
    if score:
        ask.refuse_search_flags(question, as_json)
    model = ask.load_model("caption", name, more_runs)
    if score:
        lines = ask.score_lines(model, question)
    else:
        inputs = ask.picture_names(question.lines())
        answer_lists = ask.answer_all(lambda texts: model.answer(texts, question.changes), inputs, question.at_once)
        format_answers = ask.json_line if as_json else sentence if n is None else ask.table_lines
        lines = (line for answers in answer_lists for line in format_answers(answers))
    ask.write(lines, output, question.at_once == 1)


def sentence(answers: "list[Answer]") -> list[str]:
    """The picture and the best sentence."""
    return [f"{answers[0].source}\t{answers[0].output}"]
