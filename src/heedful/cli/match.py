"""heedful match: ask a trained model which pictures go with a text, which texts with a picture, and for its vectors."""

import json
import math
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from heedful.cli import ask
from heedful.cli.ask import Best, File, Json, MoreRuns, Output, Pictures, Run, Score
from heedful.cli.pictures import answer_pictures
from heedful.cli.words import texts_and_settings
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.api.model import Model
    from heedful.results import Answer
    from heedful.tasks.match.vectors import Vectors

AMONG, FOR = "--among", "--for"
VALUES_HELP = "all words up to the next flag; @FILE: the lines of a file."
Among = Annotated[
    list[str] | None,
    typer.Option(AMONG, metavar="TEXT …", help=f"The texts to choose from for each picture: {VALUES_HELP}"),
]
Queries = Annotated[list[str] | None, typer.Option(FOR, metavar="TEXT …", help=f"What to look for: {VALUES_HELP}")]
Embed = Annotated[
    bool, typer.Option("--embed", help="Vectors of the pictures, and of the texts after --among; -o x.safetensors.")
]
Places = dict[str, str]
"""Of texts that stand in files, where."""
PICTURES = 5  # pictures for a text, where --n does not say


class MatchCommand(TyperCommand):
    """A command whose --among and --for take every word up to the next flag."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeat_flags(args))


Command = MatchCommand
"""What `heedful.cli.group` makes of `run`, in place of typer's own command."""


def run(
    name: Run,
    words: Pictures = None,
    queries: Queries = None,
    among: Among = None,
    embed: Embed = False,
    file: File = None,
    output: Output = None,
    more_runs: MoreRuns = None,
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
    heedful match sentence-transformers/all-MiniLM-L6-v2 --file texts.txt --for "a question"   texts alone

    Pictures go before --for and --among. A folder's vectors are kept, and made anew for the pictures that changed.
    """
    refuse_both({FOR: queries, AMONG: among, "--score": score})
    refuse_both({FOR: queries, "--embed": embed, "--score": score})
    places: Places = {}
    texts, settings = texts_and_settings(lines_of(queries or among or [], places))
    texts = texts if queries else [text for text in texts if text.strip()]
    ask.refuse_file_names([text for text in texts if text in (queries or among or [])], "@")
    question = ask.parse_question([*(words or []), *settings], file, output, n)
    if score:
        ask.refuse_search_flags(question, as_json)
    if embed:
        refuse_vectors(n, as_json, output)
    model = ask.load_model("match", name, more_runs)
    if score:
        ask.write(ask.score_lines(model, question), output, question.at_once == 1)
        return
    try:
        if embed:
            write_vectors(model, question, texts, places, output)
        elif queries:
            write_pictures(model, question, texts, places, output, as_json)
        else:
            write_texts(model, question, texts, places, output, as_json)
    except HeedfulError as error:
        raise error.named(names_of([text for text in texts if text.strip()], places)) from None


def write_pictures(
    model: "Model", question: ask.Question, texts: list[str], places: Places, output: Path | None, as_json: bool
) -> None:
    """Writes the nearest pictures for each text; an error about one of these says which that is not blank."""
    if question.at_once == 1 and model.source_kind != "picture":
        raise HeedfulError(
            "There are no texts to search.",
            f'As in: heedful match {shlex.quote(str(model.folder))} --file texts.txt {FOR} "a text"',
        )
    if question.at_once == 1:
        raise HeedfulError(
            "There are no pictures to search.",
            f'As in: heedful match {shlex.quote(str(model.folder))} photos/ {FOR} "a text"',
        )
    changes = question.changes
    changes.setdefault("generate.n_best", PICTURES)
    pictures = list(question.lines())
    answer_lists = [
        *ask.answer_texts(
            lambda asked: model.search(asked, pictures, changes["generate.n_best"], changes, names_of(asked, places)),
            texts,
            question.n_best,
        )
    ]
    format_answers = pictures_as_object if as_json else ask.table_lines
    ask.write((line for answers in answer_lists for line in format_answers(answers)), output)
    unknown = {answers[0].source: answers[0].unknown for answers in answer_lists}
    report_unknown(unknown, places)


def write_texts(
    model: "Model", question: ask.Question, texts: list[str], places: Places, output: Path | None, as_json: bool
) -> None:
    """Writes the nearest texts for each picture."""
    if as_json and texts:
        question.changes.setdefault("generate.n_best", len(texts))
    unknown = {text: model.unknown(text) for text in texts}
    names = [names_of(texts, places)]  # pictures are asked in several parts, and of the texts is told once
    answer_lists = answer_pictures(
        lambda pictures: model.among(pictures, texts, question.changes, names.pop() if names else None),
        picture_names(model, question),
        question.at_once,
        folders=False,
    )
    if model.source_kind == "text":
        in_lines, as_object = ask.table_lines, pictures_as_object
    else:
        in_lines, as_object = text_lines, partial(texts_as_object, unknown=unknown)
    lines = (line for answers in answer_lists for line in (as_object(answers) if as_json else in_lines(answers)))
    ask.write(lines, output, question.at_once == 1)
    report_unknown(unknown, places)


def write_vectors(
    model: "Model", question: ask.Question, texts: list[str], places: Places, output: Path | None
) -> None:
    """Writes vectors: of pictures, of texts, or of both."""
    from heedful.data.readers.rows import count
    from heedful.tasks.match.vectors import write

    pictures = list(picture_names(model, question)) if question.inputs or question.file or not texts else []
    kinds: dict[str, Vectors] = {}
    alone = model.source_kind == "text"
    if pictures:
        kinds["texts" if alone else "pictures"] = model.embed(pictures, "pictures", question.changes)
    if texts:
        kind, names = "queries" if alone else "texts", names_of(texts, places)
        kinds[kind] = model.embed(texts, kind, question.changes, names)
        report_unknown({text: model.unknown(text) for text in texts}, places)
    if output and output.suffix.lower() == ".safetensors":
        write(output, kinds, {"model": str(model.folder)})
        counts = " and ".join(count(len(vectors.names), singular(kind)) for kind, vectors in kinds.items())
        width = next(iter(kinds.values())).values.shape[1]
        print(f"{output}: {counts}, {width} numbers each", file=sys.stderr)
    else:
        ask.write((line for kind, vectors in kinds.items() for line in vector_lines(singular(kind), vectors)), output)


def refuse_both(flags: dict[str, object]) -> None:
    """Raises HeedfulError if two of these flags were given, which exclude each other."""
    flags_set = [flag for flag, value in flags.items() if value]
    if len(flags_set) > 1:
        raise HeedfulError(f"{flags_set[0]} does not go with {flags_set[1]}.", "Ask twice.")


def refuse_vectors(n: int | None, as_json: bool, output: Path | None) -> None:
    """Raises HeedfulError for flags that vectors do not have, or for a file of another format."""
    if n is not None:
        raise HeedfulError("--embed takes no --n: there is one vector for each.")
    ending = output.suffix.lower() if output else ".jsonl"
    if ending not in (".safetensors", ".jsonl") or (as_json and ending != ".jsonl"):
        raise HeedfulError(
            f"Vectors are written as .safetensors, or as lines of JSON in .jsonl, and not to {output}"
            f"{' with --json' if as_json else ''}.",
            "Without -o, lines of JSON go to standard output.",
        )


def lines_of(words: Iterable[str], places: Places) -> Iterator[str]:
    """Texts as they are, and for @FILE the lines of it, whose `places` are noted; raises HeedfulError for no file."""
    for word in words:
        if not word.startswith("@"):
            yield word
            continue
        if not Path(word[1:]).exists():
            cure = "After @ stands a file with a text a line; a text that begins with @ can stand in one."
            raise HeedfulError(f"There is no file {word[1:]}.", cure)
        for number, line in enumerate(ask.read_lines(Path(word[1:])), 1):
            places.setdefault(line, f"{word[1:]} line {number}")
            yield line


def names_of(texts: Iterable[str], places: Places) -> list[str]:
    """Where each text stands, if that is in a file."""
    return [places.get(text, "") for text in texts]


def singular(kind: str) -> str:
    """One of a kind.

    >>> singular("queries")
    'query'
    """
    return {"pictures": "picture", "texts": "text", "queries": "query"}[kind]


def picture_names(model: "Model", question: ask.Question) -> Iterator[str]:
    """The pictures and folders that are asked about, or the texts; blank lines name none."""
    for line in filter(str.strip, question.lines()):
        if (
            model.source_kind == "picture"
            and question.inputs
            and "://" not in line
            and not Path(line).exists()
            and not Path(line).suffix
        ):
            raise HeedfulError(
                f"There is no picture and no folder {shlex.quote(line)}.", f"Texts go after {AMONG} or {FOR}."
            )
        yield line


def repeat_flags(args: list[str]) -> list[str]:
    """Words with the flag before each of its values.

    >>> repeat_flags(["run", "a.png", "--among", "a cat", "a dog", "--n", "2"])
    ['run', 'a.png', '--among', 'a cat', '--among', 'a dog', '--n', '2']
    """
    repeated_args: list[str] = []
    flag = ""
    for arg, next_arg in zip(args, [*args[1:], "-"], strict=True):
        if arg.startswith("-"):
            flag = arg if arg in (AMONG, FOR) and not next_arg.startswith("-") else ""
            repeated_args += [] if flag else [arg]
        else:
            repeated_args += [flag, arg] if flag else [arg]
    return repeated_args


def text_lines(answers: "list[Answer]") -> list[str]:
    """The picture, a text and its share, a line a text."""
    return [ask.table_row(answer.source, answer.output, math.exp(answer.score)) for answer in answers]


def texts_as_object(answers: "list[Answer]", unknown: dict[str, tuple[str, ...]]) -> list[str]:
    """One object: the texts, nearest first, their shares, and what of them was never seen."""
    records = [
        {
            "output": answer.output,
            "probability": round(math.exp(answer.score), 6),
            "unknown": unknown.get(answer.output, ()),
        }
        for answer in answers
    ]
    return [json.dumps({"source": answers[0].source, "answers": records}, ensure_ascii=False)]


def pictures_as_object(answers: "list[Answer]") -> list[str]:
    """One object: a text, its pictures with their cosines, nearest first, and what of it was never seen."""
    if ask.is_blank(answers[0]):
        return [ask.blank_object(answers[0])]
    records = [{"output": answer.output, "cosine": round(answer.score, 6)} for answer in answers]
    record = {"source": answers[0].source, "answers": records, "unknown": answers[0].unknown}
    return [json.dumps(record, ensure_ascii=False)]


def vector_lines(kind: str, vectors: "Vectors") -> Iterator[str]:
    """An object a vector: of which picture or text it is, and its numbers."""
    for name, row in zip(vectors.names, vectors.values.tolist(), strict=True):
        yield json.dumps({kind: name, "vector": [float(f"{value:.7g}") for value in row]}, ensure_ascii=False)


def report_unknown(unknown: dict[str, tuple[str, ...]], places: Places) -> None:
    """Says how many of the texts hold what the model never saw, and where the first of them stands."""
    pieces: Sequence[str] = list(dict.fromkeys(chain.from_iterable(unknown.values())))
    first = next((places.get(text, "") for text, its_own in unknown.items() if its_own), "")
    ask.report_unknown(sum(map(bool, unknown.values())), len(unknown), list(pieces), first=first)
