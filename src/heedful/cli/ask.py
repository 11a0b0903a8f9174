"""What the commands that ask a model share: their flags, what is asked, and where the answers go."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from heedful.cli.words import changes_of, texts_and_settings
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.api import Model
    from heedful.results import Answer

Run = Annotated[str, typer.Argument(metavar="RUN", help="A trained or published model: its folder, or its hub name.")]
Texts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXT",
        help="Texts; without any, the lines of standard input. Settings go among them, as beam=8.",
    ),
]
Pictures = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PICTURE",
        help="Pictures, or folders of them; without any, the lines of standard input name them. Settings go among "
        "them, as batch_tokens=4000.",
    ),
]
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="What to ask from a file, one a line.")]
With = Annotated[
    list[str] | None, typer.Option("--with", metavar="RUN", help="Another run that answers along; repeat.")
]
Best = Annotated[int | None, typer.Option("--n", metavar="N", help="The N best answers to each, a line each.")]
Score = Annotated[bool, typer.Option("--score", help="Score given pairs: SOURCE TARGET, or lines source<TAB>target.")]
Json = Annotated[bool, typer.Option("--json", help="A JSON object for each, with all that was found.")]

T = TypeVar("T")
LINES_AT_ONCE = 1000
UNSEEN = "what the model never saw"


@dataclass(frozen=True)
class Request:
    """What a command line asks: texts or names of files, or a file (else standard input) of them; and settings."""

    given: list[str]
    file: Path | None
    changes: dict[str, Any]

    def lines(self) -> Iterator[str]:
        """What is asked, one by one."""
        return typed(self.given) if self.given else read(self.file)

    @property
    def at_once(self) -> int:
        """How many are answered together. A person at the keyboard wants each answer at once."""
        return 1 if not self.given and not self.file and sys.stdin.isatty() else LINES_AT_ONCE


def request(words: list[str] | None, file: Path | None, output: Path | None, n: int | None = None) -> Request:
    """What the words of a command line ask; raises HeedfulError for what cannot be meant."""
    given, settings = texts_and_settings(words or [])
    changes = changes_of(settings + ([f"generate.n_best={n}"] if n is not None else []))
    if file and given:
        raise HeedfulError(f"What to ask is in {file}, and {given[0]!r} is here.", "Leave one of them out.")
    if file and output and output.resolve() == file.resolve():
        raise HeedfulError(f"The answers would be written over {file}.", "Name another file after -o.")
    return Request(given, file, changes)


def loaded(verb: str, run: str, others: list[str] | None) -> "Model":
    """The model of a run, or of several that answer together; raises HeedfulError if it does something else."""
    from heedful import api

    model = api.load(run, *(others or []))
    if model.task != verb:
        cure = f"As in: heedful {model.task} {run} {model.asked_with}"
        made = "published" if model.published else "trained"
        raise HeedfulError(f"{run} was {made} to {model.task}, and not to {verb}.", cure)
    return model


def pictures(lines: Iterable[str]) -> Iterator[str]:
    """Pictures by name; for a folder or a sample all in it, in their order. Blank lines name nothing."""
    from heedful.data.pictures.files import pictures_in

    for line in filter(str.strip, lines):
        several = pictures_in(line)
        yield from [line] if several is None else several


def answered(
    answer: Callable[[list[str]], "list[list[Answer]]"], inputs: Iterator[str], at_once: int, unseen: str = UNSEEN
) -> "Iterator[list[Answer]]":
    """Answers in the order of the inputs; says which could not be read wholly (`unseen`), or were not finished."""
    count = unfinished = unread = 0
    pieces: dict[str, None] = {}
    for chunk in chunks(inputs, at_once):
        for answers in answer(chunk):
            yield answers
            best = answers[0]
            count += 1
            unfinished += not best.complete
            unread += bool(best.unknown)
            pieces |= dict.fromkeys(best.unknown)
    say_unknown(unread, count, list(pieces), unseen)
    if unfinished:
        told = "answers are unfinished: the longest allowed length was reached (generate.max_length)."
        print(f"{unfinished:,} of {count:,} {told}", file=sys.stderr)


def say_unknown(unread: int, count: int, pieces: list[str], unseen: str = UNSEEN) -> None:
    """Says how many of the texts asked hold what the vocabulary has not, and what that is."""
    if unread:
        print(f"{unread:,} of {count:,} texts hold {unseen}: {shown(pieces)}.", file=sys.stderr)


def shown(pieces: list[str]) -> str:
    """The first few pieces, and how many more there are."""
    more = f" and {len(pieces) - 10:,} more" if len(pieces) > 10 else ""
    return " ".join(pieces[:10]) + more


def table_lines(answers: "list[Answer]") -> list[str]:
    """Source, answer and log probability, a line an answer."""
    return [f"{answer.source}\t{answer.output}\t{answer.score:.4f}" for answer in answers]


def json_line(answers: "list[Answer]") -> list[str]:
    """One object: the source and all of its answers, best first."""
    listed = [{key: value for key, value in answer.plain().items() if key != "source"} for answer in answers]
    return [json.dumps({"source": answers[0].source, "answers": listed}, ensure_ascii=False)]


def scored(model: "Model", asked: Request) -> Iterator[str]:
    """Each given pair with its score."""
    for chunk in chunks(pairs(asked.lines(), bool(asked.given)), asked.at_once):
        for (source, target), number in zip(chunk, model.score(chunk), strict=True):
            yield f"{source}\t{target}\t{number:.4f}"


def only_score(asked: Request, *others: object) -> None:
    """Raises HeedfulError if --score came with flags or settings of a search."""
    if asked.changes or any(others):
        raise HeedfulError("--score takes no --n, no other form of answers and no settings: nothing is searched for.")


def pairs(lines: Iterator[str], from_words: bool) -> Iterator[tuple[str, str]]:
    """Source and target: two words each on the command line, one tab-separated line each in a file."""
    if from_words:
        for source in lines:
            target = next(lines, None)
            if target is None:
                raise HeedfulError(f"{source!r} has no target beside it.", 'As in: --score "a source" "a target"')
            yield source, target
        return
    for number, line in enumerate(lines, 1):
        source, tab, target = line.partition("\t")
        if not tab or "\t" in target:
            raise HeedfulError(f"Line {number} is not source<TAB>target: {line!r}")
        yield source, target


def write(lines: Iterable[str], output: Path | None, flush: bool = False) -> None:
    """Writes lines to a file or to standard output. A mistake found before the first one leaves a file as it was."""
    lines = iter(lines)
    first = list(islice(lines, 1))
    with output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout) as sink:
        for line in chain(first, lines):
            print(line, file=sink, flush=flush)


def typed(texts: list[str]) -> Iterator[str]:
    """Texts from the command line itself; raises HeedfulError for bytes that are not UTF-8."""
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise HeedfulError(f"The text {text!a} is not UTF-8.") from None
        yield text


def read(file: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input; raises HeedfulError for the first that is not UTF-8."""
    name = str(file or "standard input")
    try:
        with file.open("rb") if file else nullcontext(sys.stdin.buffer) as stream:
            for number, line in enumerate(stream, 1):
                yield decoded(line, f"{name} line {number}")
    except OSError as error:
        raise HeedfulError(f"{name} cannot be read: {error.strerror}.") from None


def decoded(line: bytes, where: str) -> str:
    """A line without its end; raises HeedfulError where it is not UTF-8."""
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise HeedfulError(f"{where} is not UTF-8: {error.reason} at byte {error.start + 1}.") from None


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, until there are none."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
