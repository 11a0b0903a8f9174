"""heedful match: ask a trained model which pictures go with a text, which texts with a picture, and for its vectors."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from heedful.cli import ask as asking
from heedful.cli.ask import Best, File, Json, Pictures, Run, Score, With
from heedful.cli.words import OutputFlag, texts_and_settings
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.api import Model
    from heedful.results import Answer
    from heedful.tasks.match.vectors import Vectors

AMONG, FOR = "--among", "--for"
MANY = "all words up to the next flag; @FILE: the lines of a file."
Among = Annotated[
    list[str] | None, typer.Option(AMONG, metavar="TEXT …", help=f"The texts to choose from for each picture: {MANY}")
]
For = Annotated[list[str] | None, typer.Option(FOR, metavar="TEXT …", help=f"What to look for: {MANY}")]
Embed = Annotated[
    bool, typer.Option("--embed", help="Vectors of the pictures, and of the texts after --among; -o x.safetensors.")
]
SHOWN = 5  # pictures for a text, where --n does not say


class Command(TyperCommand):
    """A command whose --among and --for take every word up to the next flag."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeated(args))


def run(
    model: Run,
    words: Pictures = None,
    wanted: For = None,
    among: Among = None,
    embed: Embed = False,
    file: File = None,
    output: OutputFlag = None,
    others: With = None,
    n: Best = None,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Ask a trained model which pictures go with a text, or which text goes with a picture.

    \b
    heedful match runs/mine photos/ --for "a red bicycle"       the five nearest pictures: text, picture, cosine
    heedful match runs/mine photos/ --n 20 --for @wanted.txt    the same for each line of a file
    heedful match runs/mine photo.jpg --among "a cat" "a dog"   texts of your own: classes it was never taught
    heedful match runs/mine photos/ --among @names.txt template="a photo of a {}"
    heedful match runs/mine photos/ --n 3                       among the texts of training
    heedful match runs/mine --score photo.jpg "a cat"           the cosine of a picture and a text
    heedful match runs/mine photos/ --embed -o photos.safetensors
    heedful match runs/mine --embed --among "a cat" @more.txt   vectors of texts, as lines of JSON

    Pictures go before --for and --among. A folder's vectors are kept, and made anew for the pictures that changed.
    """
    refuse_both({FOR: wanted, AMONG: among, "--score": score})
    refuse_both({FOR: wanted, "--embed": embed, "--score": score})
    texts, settings = texts_and_settings(lines_of(wanted or among or []))
    asked = asking.request([*(words or []), *settings], file, output, n)
    if score:
        asking.only_score(asked, as_json)
    if embed:
        refuse_embedded(n, as_json, output)
    loaded = asking.loaded("match", model, others)
    if score:
        asking.write(asking.scored(loaded, asked), output, asked.at_once == 1)
    elif embed:
        embedded(loaded, asked, texts, output)
    elif wanted:
        searched(loaded, asked, texts, output, as_json)
    else:
        sorted_by(loaded, asked, texts, output, as_json)


def searched(model: "Model", asked: asking.Request, texts: list[str], output: Path | None, as_json: bool) -> None:
    """Writes the nearest pictures for each text."""
    if asked.at_once == 1:
        raise HeedfulError("Where should be looked?", f'As in: heedful match {model.folder} photos/ {FOR} "a text"')
    changes = {"generate.n_best": SHOWN} | asked.changes
    answers = model.search(texts, list(asked.lines()), changes["generate.n_best"], changes)
    written = found_json if as_json else asking.table_lines
    asking.write((line for one in answers for line in written(one)), output)
    unknown = {one[0].source: one[0].unknown for one in answers}
    say_unknown(unknown)


def sorted_by(model: "Model", asked: asking.Request, texts: list[str], output: Path | None, as_json: bool) -> None:
    """Writes the nearest texts for each picture."""
    if as_json and texts:
        asked.changes.setdefault("generate.n_best", len(texts))
    unknown = {text: model.unknown(text) for text in texts}
    found = asking.answered(lambda some: model.among(some, texts, asked.changes), named(asked), asked.at_once)
    lines = (line for answers in found for line in (shares(answers, unknown) if as_json else nearest(answers)))
    asking.write(lines, output, asked.at_once == 1)
    say_unknown(unknown)


def embedded(model: "Model", asked: asking.Request, texts: list[str], output: Path | None) -> None:
    """Writes vectors: of pictures, of texts, or of both."""
    from heedful.data.readers.rows import count
    from heedful.tasks.match.vectors import write

    pictures = list(named(asked)) if asked.given or asked.file or not texts else []
    kinds: dict[str, Vectors] = {}
    if pictures:
        kinds["pictures"] = model.embed(pictures, "pictures", asked.changes)
    if texts:
        kinds["texts"] = model.embed(texts, "texts", asked.changes)
        say_unknown({text: model.unknown(text) for text in texts})
    if output and output.suffix.lower() == ".safetensors":
        write(output, kinds, {"model": str(model.folder)})
        told = " and ".join(count(len(one.names), kind[:-1]) for kind, one in kinds.items())
        width = next(iter(kinds.values())).values.shape[1]
        print(f"{output}: {told}, {width} numbers each", file=sys.stderr)
    else:
        asking.write((line for kind, one in kinds.items() for line in vector_lines(kind[:-1], one)), output)


def refuse_both(flags: dict[str, object]) -> None:
    """Raises HeedfulError if two flags came of which each is a way of its own."""
    given = [flag for flag, value in flags.items() if value]
    if len(given) > 1:
        raise HeedfulError(f"{given[0]} does not go with {given[1]}.", "Ask twice.")


def refuse_embedded(n: int | None, as_json: bool, output: Path | None) -> None:
    """Raises HeedfulError for what says nothing about vectors, or a file that could not hold them."""
    if n is not None:
        raise HeedfulError("--embed takes no --n: there is one vector for each.")
    ending = output.suffix.lower() if output else ".jsonl"
    if ending not in (".safetensors", ".jsonl") or (as_json and ending != ".jsonl"):
        raise HeedfulError(
            f"Vectors are written as .safetensors, or as lines of JSON in .jsonl, and not to {output}"
            f"{' with --json' if as_json else ''}.",
            "Without -o, lines of JSON go to standard output.",
        )


def lines_of(words: Iterable[str]) -> Iterator[str]:
    """Texts as they are, and for @FILE the lines of it; blank ones are none. Raises HeedfulError for no such file."""
    for word in words:
        if not word.startswith("@"):
            yield word
            continue
        if not Path(word[1:]).exists():
            cure = "After @ stands a file with a text a line; a text that begins with @ can stand in one."
            raise HeedfulError(f"There is no file {word[1:]}.", cure)
        yield from filter(str.strip, asking.read(Path(word[1:])))


def named(asked: asking.Request) -> Iterator[str]:
    """The pictures and folders that are asked about; blank lines name none."""
    for line in filter(str.strip, asked.lines()):
        if asked.given and "://" not in line and not Path(line).exists() and not Path(line).suffix:
            raise HeedfulError(f"There is no picture and no folder {line}.", f"Texts go after {AMONG} or {FOR}.")
        yield line


def repeated(args: list[str]) -> list[str]:
    """Words with the flag before each of its values.

    >>> repeated(["run", "a.png", "--among", "a cat", "a dog", "--n", "2"])
    ['run', 'a.png', '--among', 'a cat', '--among', 'a dog', '--n', '2']
    """
    found: list[str] = []
    inside = ""
    for arg, following in zip(args, [*args[1:], "-"], strict=True):
        if arg.startswith("-"):
            inside = arg if arg in (AMONG, FOR) and not following.startswith("-") else ""
            found += [] if inside else [arg]
        else:
            found += [inside, arg] if inside else [arg]
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


def found_json(answers: "list[Answer]") -> list[str]:
    """One object: a text, its pictures with their cosines, nearest first, and what of it was never seen."""
    found = [{"output": answer.output, "cosine": round(answer.score, 6)} for answer in answers]
    about = {"source": answers[0].source, "answers": found, "unknown": answers[0].unknown}
    return [json.dumps(about, ensure_ascii=False)]


def vector_lines(kind: str, found: "Vectors") -> Iterator[str]:
    """An object a vector: of which picture or text it is, and its numbers."""
    for name, row in zip(found.names, found.values.tolist(), strict=True):
        yield json.dumps({kind: name, "vector": [float(f"{value:.7g}") for value in row]}, ensure_ascii=False)


def say_unknown(unknown: dict[str, tuple[str, ...]]) -> None:
    """Says how many of the texts hold what the model never saw."""
    pieces: Sequence[str] = list(dict.fromkeys(chain.from_iterable(unknown.values())))
    asking.say_unknown(sum(map(bool, unknown.values())), len(unknown), list(pieces))
