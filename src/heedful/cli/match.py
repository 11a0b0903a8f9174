"""heedful match: ask a trained model which of some texts goes with a picture."""

import json
import math
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from heedful.cli import asking
from heedful.cli.asking import Best, File, Json, Pictures, Run, Score, With
from heedful.cli.words import OutputFlag, texts_and_settings

if TYPE_CHECKING:
    from heedful.results import Answer

FLAG = "--among"
Among = Annotated[
    list[str] | None,
    typer.Option(FLAG, metavar="TEXT …", help="The texts to choose from: all words up to the next flag."),
]


class Command(TyperCommand):
    """A command whose --among takes every word up to the next flag."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeated(args))


def run(
    model: Run,
    words: Pictures = None,
    among: Among = None,
    file: File = None,
    output: OutputFlag = None,
    others: With = None,
    n: Best = None,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Ask a trained model which text goes with a picture: picture, text, its share among the texts.

    \b
    heedful match runs/mine photo.jpg --among "a cat" "a dog"   texts of your own: classes it was never taught
    heedful match runs/mine photos/ --n 3                       among the texts of training
    heedful match runs/mine photo.jpg --json --among "a cat" "a dog"
    heedful match runs/mine --score photo.jpg "a cat"           the cosine of a picture and a text

    Answers come in the order of the pictures. Pictures go before --among.
    """
    texts, settings = texts_and_settings(among or [])
    asked = asking.request([*(words or []), *settings], file, output, n)
    if score:
        asking.only_score(asked, as_json, among)
    loaded = asking.loaded("match", model, others)
    if score:
        asking.write(asking.scored(loaded, asked), output, asked.at_once == 1)
        return
    if as_json and texts:
        asked.changes.setdefault("generate.n_best", len(texts))
    unknown = {text: loaded.trained[0].words.unknown(text) for text in texts}
    inputs = asking.pictures(asked.lines())
    found = asking.answered(lambda some: loaded.among(some, texts, asked.changes), inputs, asked.at_once)
    lines = (line for answers in found for line in (shares(answers, unknown) if as_json else nearest(answers)))
    asking.write(lines, output, asked.at_once == 1)
    pieces = list(dict.fromkeys(chain.from_iterable(unknown.values())))
    asking.say_unknown(sum(map(bool, unknown.values())), len(unknown), pieces)


def repeated(args: list[str]) -> list[str]:
    """Words with the flag before each of its values.

    >>> repeated(["run", "a.png", "--among", "a cat", "a dog", "--n", "2"])
    ['run', 'a.png', '--among', 'a cat', '--among', 'a dog', '--n', '2']
    """
    found: list[str] = []
    inside = False
    for arg, following in zip(args, [*args[1:], "-"], strict=True):
        if arg.startswith("-"):
            inside = arg == FLAG and not following.startswith("-")
            found += [] if inside else [arg]
        else:
            found += [FLAG, arg] if inside else [arg]
    return found


def nearest(answers: "list[Answer]") -> list[str]:
    """The picture, a text and its share, a line a text."""
    return [f"{answer.source}\t{answer.output}\t{math.exp(answer.score):.4f}" for answer in answers]


def shares(answers: "list[Answer]", unknown: dict[str, tuple[str, ...]]) -> list[str]:
    """One object: the texts, nearest first, their shares, and what of them was never seen."""
    found = [
        {
            "output": answer.output,
            "probability": round(math.exp(answer.score), 6),
            "unknown": unknown.get(answer.output, ()),
        }
        for answer in answers
    ]
    return [json.dumps({"source": answers[0].source, "answers": found}, ensure_ascii=False)]
