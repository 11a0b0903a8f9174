"""heedful translate: ask a trained model, text in and text out."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from heedful.cli.words import OutputFlag, changes_of, texts_and_settings
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.results import Answer

Run = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a trained model.")]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXT",
        help="Texts; without any, the lines of standard input. Settings go among them, as beam=8.",
    ),
]
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Texts from a file, one a line.")]
With = Annotated[
    list[str] | None, typer.Option("--with", metavar="RUN", help="Another run that answers along; repeat.")
]
Best = Annotated[
    int | None, typer.Option("--n", metavar="N", help="The N best answers: source, answer, log probability.")
]
Lexicon = Annotated[bool, typer.Option("--lexicon", help="Answers as a lexicon: word, word(2), …")]
Score = Annotated[bool, typer.Option("--score", help="Score given pairs: SOURCE TARGET, or lines source<TAB>target.")]
Json = Annotated[bool, typer.Option("--json", help="A JSON object for each text, with tokens and scores.")]

T = TypeVar("T")
LINES_AT_ONCE = 1000


def run(
    model: Run,
    words: Words = None,
    file: File = None,
    output: OutputFlag = None,
    others: With = None,
    n: Best = None,
    lexicon: Lexicon = False,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Ask a trained model.

    \b
    heedful translate runs/mine "any text" "another"
    heedful translate runs/mine --file texts.txt -o answers.txt
    heedful translate runs/mine "any text" beam=8 --n 3
    heedful translate runs/a --with runs/b "any text"         an ensemble: both decide each token together
    heedful translate runs/mine --score "a source" "a target"

    Answers come in the order of the texts, a line each. A text that begins with - goes after a lone --.
    """
    texts, settings = texts_and_settings(words or [])
    changes = changes_of(settings + ([f"generate.n_best={n}"] if n is not None else []))
    written = form(n, lexicon, as_json)
    if score and (n is not None or lexicon or as_json or settings):
        raise HeedfulError("--score takes no --n, --lexicon, --json and no settings: nothing is searched for.")
    if file and texts:
        raise HeedfulError(f"Texts are in {file}, and {texts[0]!r} is here.", "Leave one of them out.")
    if file and output and output.resolve() == file.resolve():
        raise HeedfulError(f"The answers would be written over {file}.", "Name another file after -o.")

    from heedful import api

    asked = api.load(model, *(others or []))
    if n is not None and n > asked.recipe.generate.beam:
        changes.setdefault("generate.beam", n)
    lines = typed(texts) if texts else read(file)
    # A person at the keyboard wants each answer at once; files are answered in batches.
    at_once = 1 if not texts and not file and sys.stdin.isatty() else LINES_AT_ONCE
    if score:
        told = score_pairs(asked, pairs(lines, bool(texts)), at_once)
    else:
        told = answer_texts(asked, lines, changes, written, at_once)
    write(told, output, at_once == 1)


def write(lines: Iterator[str], output: Path | None, flush: bool) -> None:
    """Writes lines to a file or to standard output. A mistake found before the first one leaves a file as it was."""
    first = list(islice(lines, 1))
    with output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout) as sink:
        for line in chain(first, lines):
            print(line, file=sink, flush=flush)


def answer_texts(
    model: Any, lines: Iterator[str], changes: dict[str, Any], written: "Form", at_once: int
) -> Iterator[str]:
    """Answers in the order of the texts; says which could not be read wholly, or were not finished."""
    count = unfinished = unread = 0
    pieces: dict[str, None] = {}
    for chunk in chunks(lines, at_once):
        for answers in model.answer(chunk, changes):
            best = answers[0]
            yield from written(answers)
            count += 1
            unfinished += not best.complete
            unread += bool(best.unknown)
            pieces |= dict.fromkeys(best.unknown)
    if unread:
        print(f"{unread:,} of {count:,} texts hold what the model never saw: {shown(list(pieces))}.", file=sys.stderr)
    if unfinished:
        told = "answers are unfinished: the longest allowed length was reached (generate.max_length)."
        print(f"{unfinished:,} of {count:,} {told}", file=sys.stderr)


def shown(pieces: list[str]) -> str:
    """The first few pieces, and how many more there are."""
    more = f" and {len(pieces) - 10:,} more" if len(pieces) > 10 else ""
    return " ".join(pieces[:10]) + more


def score_pairs(model: Any, given: Iterator[tuple[str, str]], at_once: int) -> Iterator[str]:
    """Each given pair with its log probability."""
    for chunk in chunks(given, at_once):
        for (source, target), number in zip(chunk, model.score(chunk), strict=True):
            yield f"{source}\t{target}\t{number:.4f}"


Form = Callable[["list[Answer]"], list[str]]


def form(n: int | None, lexicon: bool, as_json: bool) -> Form:
    """How the answers to one text are written."""
    if lexicon and as_json:
        raise HeedfulError("Answers are written with --lexicon or with --json, not with both.", "Leave one out.")
    return lexicon_lines if lexicon else json_line if as_json else plain_line if n is None else table_lines


def plain_line(answers: "list[Answer]") -> list[str]:
    return [answers[0].output]


def table_lines(answers: "list[Answer]") -> list[str]:
    return [f"{answer.source}\t{answer.output}\t{answer.score:.4f}" for answer in answers]


def json_line(answers: "list[Answer]") -> list[str]:
    """One object: the source and all of its answers, best first."""
    listed = [{key: value for key, value in answer.plain().items() if key != "source"} for answer in answers]
    return [json.dumps({"source": answers[0].source, "answers": listed}, ensure_ascii=False)]


def lexicon_lines(answers: "list[Answer]") -> list[str]:
    """`word P H`, `word(2) P H`, …: what readers of lexicons, ours too, understand."""
    source = answers[0].source
    if len(source.split()) != 1:
        raise HeedfulError(
            f"{source!r} is not one word, so it cannot stand in a lexicon.", "Use --n without --lexicon."
        )
    names = [source] + [f"{source}({number})" for number in range(2, len(answers) + 1)]
    return [f"{name} {answer.output}" for name, answer in zip(names, answers, strict=True)]


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
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise HeedfulError(f"{where} is not UTF-8: {error.reason} at byte {error.start + 1}.") from None


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


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, until there are none."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
