"""heedful fill: ask a trained model what stands in the gaps of a text."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import ask as asking
from heedful.cli.ask import File, Json, Run, Score, Texts, With
from heedful.cli.words import OutputFlag

if TYPE_CHECKING:
    from heedful.results import Answer

Best = Annotated[
    int | None, typer.Option("--n", metavar="N", help="The N likeliest guesses at each gap; 5 if not said.")
]
Whole = Annotated[bool, typer.Option("--text", help="The whole text, each gap filled with the likeliest guess.")]

GUESSES = 5


def run(
    model: Run,
    words: Texts = None,
    file: File = None,
    output: OutputFlag = None,
    others: With = None,
    n: Best = None,
    text: Whole = False,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Ask a trained model what stands in the gaps of a text: text, number of the gap, guess, probability.

    \b
    heedful fill runs/mine "The [MASK] sat on the mat"
    heedful fill runs/mine "The [MASK] sat on the [MASK]" --n 3
    heedful fill runs/mine "The [MASK] sat on the mat" --text   the text itself, filled
    heedful fill runs/mine --file texts.txt -o guesses.tsv
    heedful fill runs/a --with runs/b "The [MASK] sat"           the mean of both
    heedful fill runs/mine --score "The [MASK] sat" "The cat sat"

    A gap holds one token: a word, or a piece of one, as the model's tokenizer cuts texts. Several gaps are guessed at
    each by itself.
    """
    asked = asking.request(words, file, output, n)
    if score:
        asking.only_score(asked, text, as_json)
    loaded = asking.loaded("fill", model, others)
    if score:
        asking.write(asking.scored(loaded, asked), output, asked.at_once == 1)
        return
    if not text:
        asked.changes.setdefault("generate.n_best", GUESSES)
    found = asking.answered(lambda texts: loaded.answer(texts, asked.changes), asked.lines(), asked.at_once)
    written = as_object if as_json else filled if text else rows
    asking.write((line for answers in found for line in written(answers)), output, asked.at_once == 1)


def rows(answers: "list[Answer]") -> list[str]:
    """A line for each guess at each gap."""
    return [
        f"{answers[0].source}\t{place}\t{word}\t{share:.4f}"
        for place, guesses in enumerate(by_gap(answers), 1)
        for word, share in guesses
    ]


def filled(answers: "list[Answer]") -> list[str]:
    """The text with its likeliest words."""
    return [answers[0].output]


def as_object(answers: "list[Answer]") -> list[str]:
    """One object: the text filled, and the guesses at each gap."""
    gaps = [[{"output": word, "probability": round(share, 6)} for word, share in one] for one in by_gap(answers)]
    first = answers[0]
    about = {"source": first.source, "output": first.output, "score": first.score, "gaps": gaps}
    return [json.dumps(about | {"unknown": first.unknown}, ensure_ascii=False)]


def by_gap(answers: "list[Answer]") -> "list[list[tuple[str, float]]]":
    """The guesses at each gap, likeliest first, each with its probability."""
    found: list[list[tuple[str, float]]] = []
    for answer in answers:
        track = answer.track
        assert track is not None, "fill keeps them"
        for place, (word, (share,)) in enumerate(zip(track.labels, track.probabilities, strict=True)):
            found += [[]] * (place == len(found))
            found[place] = [*found[place], (word, share)]
    return found
