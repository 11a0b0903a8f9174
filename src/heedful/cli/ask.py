"""What the commands that ask a model share: flags, reading of inputs, writing of answers."""

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
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read inputs from a file, one per line.")]
MoreRuns = Annotated[
    list[str] | None, typer.Option("--with", metavar="RUN", help="Another run for an ensemble; can be repeated.")
]
Best = Annotated[int | None, typer.Option("--n", metavar="N", help="The N best answers for each input, one per line.")]
Score = Annotated[bool, typer.Option("--score", help="Score given pairs: SOURCE TARGET, or lines source<TAB>target.")]
Json = Annotated[bool, typer.Option("--json", help="A JSON object for each input, with all details.")]

T = TypeVar("T")
LINES_AT_ONCE = 1000
UNSEEN = "what the model never saw"


@dataclass(frozen=True)
class Question:
    """What a command line asks: inputs (texts or names), or a file with them (else standard input); settings."""

    inputs: list[str]
    file: Path | None
    changes: dict[str, Any]

    def lines(self) -> Iterator[str]:
        """The inputs, one by one."""
        return check_utf8(self.inputs) if self.inputs else read_lines(self.file)

    @property
    def at_once(self) -> int:
        """How many inputs are answered together: a single one where they are typed at a terminal."""
        return 1 if not self.inputs and not self.file and sys.stdin.isatty() else LINES_AT_ONCE


def parse_question(words: list[str] | None, file: Path | None, output: Path | None, n: int | None = None) -> Question:
    """Inputs and settings of a command line; raises HeedfulError for contradictions."""
    inputs, settings = texts_and_settings(words or [])
    changes = changes_of(settings + ([f"generate.n_best={n}"] if n is not None else []))
    if file and inputs:
        raise HeedfulError(f"What to ask is in {file}, and {inputs[0]!r} is here.", "Leave one of them out.")
    if file and output and output.resolve() == file.resolve():
        raise HeedfulError(f"The answers would overwrite {file}.", "Name another file after -o.")
    return Question(inputs, file, changes)


def load_model(verb: str, run: str, more_runs: list[str] | None) -> "Model":
    """The model of a run, or of several that answer together; raises HeedfulError if it does something else."""
    from heedful import api

    model = api.load(run, *(more_runs or []))
    if model.task != verb:
        cure = f"As in: heedful {model.task} {run} {model.asked_with}"
        verb_form = "published" if model.published else "trained"
        raise HeedfulError(f"{run} was {verb_form} to {model.task}, and not to {verb}.", cure)
    return model


def answer_all(
    answer: Callable[[list[str]], "list[list[Answer]]"], inputs: Iterator[str], at_once: int, unknown_name: str = UNSEEN
) -> "Iterator[list[Answer]]":
    """Answers in the order of the inputs; reports inputs with unknown tokens (`unseen`), and unfinished answers."""
    total = unfinished_count = unknown_count = 0
    unknown_pieces: dict[str, None] = {}
    for chunk in chunks(inputs, at_once):
        for answers in answer(chunk):
            yield answers
            best = answers[0]
            total += 1
            unfinished_count += not best.complete
            unknown_count += bool(best.unknown)
            unknown_pieces |= dict.fromkeys(best.unknown)
    report_unknown(unknown_count, total, list(unknown_pieces), unknown_name)
    if unfinished_count:
        remark = "answers are unfinished: the longest allowed length was reached (generate.max_length)."
        print(f"{unfinished_count:,} of {total:,} {remark}", file=sys.stderr)


def report_unknown(unknown_count: int, total: int, pieces: list[str], unknown_name: str = UNSEEN) -> None:
    """Reports how many texts hold tokens that are not in the vocabulary, and the first of these."""
    if unknown_count:
        print(f"{unknown_count:,} of {total:,} texts hold {unknown_name}: {join_pieces(pieces)}.", file=sys.stderr)


def join_pieces(pieces: list[str]) -> str:
    """The first few pieces, and how many more there are."""
    more = f" and {len(pieces) - 10:,} more" if len(pieces) > 10 else ""
    return " ".join(pieces[:10]) + more


def table_lines(answers: "list[Answer]") -> list[str]:
    """Source, answer and log probability, a line an answer."""
    return [f"{answer.source}\t{answer.output}\t{answer.score:.4f}" for answer in answers]


def json_line(answers: "list[Answer]") -> list[str]:
    """One object: the source and all of its answers, best first."""
    fields = [{key: value for key, value in answer.plain().items() if key != "source"} for answer in answers]
    return [json.dumps({"source": answers[0].source, "answers": fields}, ensure_ascii=False)]


def score_lines(model: "Model", question: Question) -> Iterator[str]:
    """Each given pair with its score."""
    for chunk in chunks(pairs(question.lines(), bool(question.inputs)), question.at_once):
        for (source, target), number in zip(chunk, model.score(chunk), strict=True):
            yield f"{source}\t{target}\t{number:.4f}"


def refuse_search_flags(question: Question, *flags: object) -> None:
    """Raises HeedfulError if --score came with flags or settings of a search."""
    if question.changes or any(flags):
        raise HeedfulError("--score takes no --n, no other output format and no settings: there is no search.")


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


def check_utf8(texts: list[str]) -> Iterator[str]:
    """Texts from the command line itself; raises HeedfulError for bytes that are not UTF-8."""
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise HeedfulError(f"The text {text!a} is not UTF-8.") from None
        yield text


def read_lines(file: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input; raises HeedfulError for the first that is not UTF-8."""
    name = str(file or "standard input")
    try:
        with file.open("rb") if file else nullcontext(sys.stdin.buffer) as stream:
            for number, line in enumerate(stream, 1):
                yield decode_line(line, f"{name} line {number}")
    except OSError as error:
        raise HeedfulError(f"{name} cannot be read: {error.strerror}.") from None


def decode_line(line: bytes, where: str) -> str:
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
