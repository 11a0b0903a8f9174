"""What the commands that ask a model share: flags, reading of inputs, writing of answers."""

import codecs
import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from heedful.cli.output import open_output
from heedful.cli.words import changes_of, texts_and_settings
from heedful.data.readers.lines import FOREIGN, problem_of, raw_lines, too_long
from heedful.data.readers.rows import count, one_line
from heedful.errors import HeedfulError
from heedful.limits import beyond, limit
from heedful.names import require_models
from heedful.results import Answer, blank_answer

if TYPE_CHECKING:
    from heedful.api.model import Model

Run = Annotated[str, typer.Argument(metavar="RUN", help="A trained or published model: its folder, or its hub name.")]
Texts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEXT",
        help="Texts; without any, the lines of standard input. Settings go among them, as batch_tokens=4000.",
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
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="A file for the answers, in place of standard output."),
]
MoreRuns = Annotated[
    list[str] | None, typer.Option("--with", metavar="RUN", help="Another run for an ensemble; can be repeated.")
]
Best = Annotated[int | None, typer.Option("--n", metavar="N", help="The N best answers for each input, one per line.")]
Score = Annotated[bool, typer.Option("--score", help="Score given pairs: SOURCE TARGET, or lines source<TAB>target.")]
Json = Annotated[bool, typer.Option("--json", help="A JSON object for each input, with all details.")]

T = TypeVar("T")
LINES_AT_ONCE = 1000
TYPED = "text"  # what an input on the command line itself is called
BYTE_ORDER_MARK = "\ufeff"
UNSEEN = "what the model never saw"
RANKING = (
    "Answers are ranked by their log probability / their length ** length_penalty, and so not all in the order of the "
    "log probabilities shown. length_penalty=0 ranks them by these."
)


@dataclass(frozen=True)
class Question:
    """What a command line asks: inputs (texts or names), or a file with them (else standard input); settings."""

    inputs: list[str]
    file: Path | None
    changes: dict[str, Any]

    def lines(self) -> Iterator[str]:
        """The inputs, one by one."""
        return check_utf8(self.inputs) if self.inputs else read_lines(self.file)

    def texts(self) -> Iterator[str]:
        """The same where they are texts; raises HeedfulError for the name of a file in place of a text."""
        refuse_file_names(self.inputs)
        return self.lines()

    @property
    def place(self) -> str:
        """What the number of an input is of: a text, or a line of the file that they stand in."""
        return TYPED if self.inputs else f"{self.file or 'standard input'} line"

    @property
    def n_best(self) -> int:
        """How many answers each input has."""
        n = self.changes.get("generate.n_best", 1)
        return n if isinstance(n, int) else 1

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
    if file:
        require_readable(file)
    if file and output and output.resolve() == file.resolve():
        raise HeedfulError(f"The answers would overwrite {file}.", "Name another file after -o.")
    return Question(inputs, file, changes)


def require_readable(file: Path) -> None:
    """Raises HeedfulError for a file of inputs that is not there."""
    try:
        file.stat()
    except OSError as error:
        raise unreadable(file, error) from None


def load_model(verb: str, run: str, more_runs: list[str] | None) -> "Model":
    """The model of a run, or of several that answer together; raises HeedfulError if it does something else."""
    require_models(run, *(more_runs or []))

    from heedful.api.loading import load

    model = load(run, *(more_runs or []))
    if model.task != verb:
        cure = f"As in: heedful {model.task} {shlex.quote(run)} {model.asked_with}"
        verb_form = "published" if model.published else "trained"
        raise HeedfulError(f"{run} was {verb_form} to {model.task}, and not to {verb}.", cure)
    return model


def refuse_file_names(texts: Sequence[str], flag: str = "--file ") -> None:
    """Raises HeedfulError if all texts are names of files, and says so of some; a bare word may be called like one.

    `flag` is what stands before a file that is read.
    """
    names = [text for text in texts if os.path.isfile(text)]
    if not names:
        return
    reading = f"{flag}{shlex.quote(names[0])} reads its lines"
    if len(names) == len(texts) and any(Path(name).suffix or os.sep in name for name in names):
        raise HeedfulError(f"{names[0]} is a file.", f"{reading}; a text of this name is asked from standard input.")
    print(f"{names[0]} is also the name of a file here: it was asked as a text; {reading}.", file=sys.stderr)


def answer_all(
    answer: Callable[[list[str]], list[list[Answer]]],
    inputs: Iterator[str],
    at_once: int,
    unknown_name: str = UNSEEN,
    n_best: int = 1,
    place: str = TYPED,
) -> Iterator[list[Answer]]:
    """Answers in the order of the inputs, a blank one to a blank line, as many as the `n_best` of others.

    Reports inputs with unknown tokens (`unknown_name`), those that were too long to be read whole (`place` is what the
    number of an input is of), and unfinished answers.
    """
    number = total = unfinished_count = unknown_count = cut_count = 0
    first_cut = first_unknown = first_unfinished = ""
    unknown_pieces: dict[str, None] = {}
    for chunk in chunks(inputs, at_once):
        for answers in answer_texts(answer, chunk, n_best, line_names(place, number, len(chunk))):
            yield answers
            best = answers[0]
            number += 1
            total += bool(best.source.strip())
            cut_count += bool(best.cut)
            first_cut = first_cut or (best.cut and f"{place} {number:,}: {best.cut}")
            name = "" if place == TYPED else f"{place} {number:,}"
            unfinished_count += not best.complete
            first_unfinished = first_unfinished or ("" if best.complete else name)
            unknown_count += bool(best.unknown)
            first_unknown = first_unknown or (name if best.unknown else "")
            unknown_pieces |= dict.fromkeys(best.unknown)
    report_unknown(unknown_count, total, list(unknown_pieces), unknown_name, first_unknown)
    if cut_count:
        remark = f"longer than the network reads at once (first: {first_cut})."
        print(f"{cut_count:,} of {count(total, 'text')} {'is' if cut_count == 1 else 'are'} {remark}", file=sys.stderr)
    if unfinished_count:
        remark = "unfinished: the longest allowed length was reached (generate.max_length"
        are = "is" if unfinished_count == 1 else "are"
        first = f"; first: {first_unfinished}" if first_unfinished else ""
        print(f"{unfinished_count:,} of {count(total, 'answer')} {are} {remark}{first}).", file=sys.stderr)


def tell_ranking(answer_lists: Iterable[list[Answer]]) -> Iterator[list[Answer]]:
    """The answers as they are; says at the end if those to an input are not in the order of the scores shown."""
    is_ordered = True
    for answers in answer_lists:
        yield answers
        is_ordered = is_ordered and not any(before.score < after.score for before, after in pairwise(answers))
    if not is_ordered:
        print(RANKING, file=sys.stderr)


def line_names(place: str, done: int, count: int) -> list[str]:
    """What inputs behind so many are called where one is wrong: lines of a file; texts that were typed show it."""
    return [] if place == TYPED else [f"{place} {done + number}" for number in range(1, count + 1)]


def answer_texts(
    answer: Callable[[list[str]], list[list[Answer]]],
    inputs: Sequence[str],
    n_best: int = 1,
    names: Sequence[str] = (),
) -> Iterator[list[Answer]]:
    """Answers in the order of the inputs: a network is asked what is not blank. A folder may have several answers.

    Raises HeedfulError, by its name if there are names, for an input that cannot be answered.
    """
    texts = [text for text in inputs if text.strip()]
    try:
        answer_lists = iter(answer(texts) if texts else ())
    except HeedfulError as error:
        raise error.named([name for name, text in zip(names, inputs, strict=False) if text.strip()]) from None
    for text in inputs:
        yield from islice(answer_lists, 1) if text.strip() else [[blank_answer(text)] * n_best]
    yield from answer_lists


def is_blank(answer: Answer) -> bool:
    """Whether nothing was asked, or the text was left out since it is too long."""
    return math.isnan(answer.score) and not answer.output


def report_unknown(
    unknown_count: int, total: int, pieces: list[str], unknown_name: str = UNSEEN, first: str = ""
) -> None:
    """Reports how many texts hold tokens that are not in the vocabulary, the first of these, and the `first` text."""
    if unknown_count:
        hold = f"{unknown_count:,} of {count(total, 'text')} {'holds' if unknown_count == 1 else 'hold'}"
        where = f" (first: {first})" if first else ""
        print(f"{hold} {unknown_name}: {join_pieces(pieces)}{where}.", file=sys.stderr)


def join_pieces(pieces: list[str]) -> str:
    """The first few pieces, and how many more there are."""
    more = f" and {len(pieces) - 10:,} more" if len(pieces) > 10 else ""
    return " ".join(pieces[:10]) + more


def table_row(*cells: str | float) -> str:
    """Cells with tabs between them, on one line; numbers with four digits, and no digit for a blank answer.

    >>> table_row("one\\ntwo", -0.5, math.nan)
    'one\\\\ntwo\\t-0.5000\\t'
    """
    return "\t".join(one_line(cell) if isinstance(cell, str) else decimals(cell) for cell in cells)


def decimals(value: float) -> str:
    """A number with four digits behind the point; of a blank answer none."""
    return "" if math.isnan(value) else f"{value:.4f}"


def table_lines(answers: list[Answer]) -> list[str]:
    """Source, answer and log probability, a line an answer."""
    return [table_row(answer.source, answer.output, answer.score) for answer in answers]


def json_line(answers: list[Answer]) -> list[str]:
    """One object: the source and all of its answers, best first."""
    if is_blank(answers[0]):
        return [blank_object(answers[0])]
    fields = [{key: value for key, value in answer.plain().items() if key != "source"} for answer in answers]
    return [json.dumps({"source": answers[0].source, "answers": fields}, ensure_ascii=False)]


def blank_object(answer: Answer) -> str:
    """The object of a blank line, or of what was left out: its answer is blank, and has no score."""
    cut = {"cut": answer.cut} if answer.cut else {}
    return json.dumps({"source": answer.source, "answers": [{"output": ""} | cut]}, ensure_ascii=False)


def score_lines(model: "Model", question: Question) -> Iterator[str]:
    """Each given pair with its score; a blank line has none."""
    done = 0
    for chunk in chunks(pairs(question.lines(), question.place), question.at_once):
        names = line_names(question.place, done, len(chunk))
        done += len(chunk)
        asked = [pair for pair in chunk if any(pair)]
        names = [name for name, pair in zip(names, chunk, strict=False) if any(pair)]
        try:
            scores = iter(model.score(asked, names) if asked else ())
        except HeedfulError as error:
            raise error.named(names) from None
        for source, target in chunk:
            yield table_row(source, target, next(scores) if source or target else math.nan)


def refuse_search_flags(question: Question, *flags: object) -> None:
    """Raises HeedfulError if --score came with flags or settings of a search."""
    if question.changes or any(flags):
        raise HeedfulError("--score takes no --n, no other output format and no settings: there is no search.")


def pairs(lines: Iterator[str], place: str) -> Iterator[tuple[str, str]]:
    """Source and target: two words each on the command line, one tab-separated line each in a file.

    `place` is what the number of one is of.
    """
    if place == TYPED:
        for source in lines:
            target = next(lines, None)
            if target is None:
                raise HeedfulError(f"{source!r} has no target beside it.", 'As in: --score "a source" "a target"')
            yield source, target
        return
    for number, line in enumerate(lines, 1):
        source, tab, target = line.partition("\t")
        if line.strip() and (not tab or "\t" in target):
            raise HeedfulError(f"{place} {number} is not source<TAB>target: {line!r}")
        yield source, target


def write(lines: Iterable[str], output: Path | None, flush: bool = False) -> None:
    """Writes lines to a file or to standard output. A mistake found before the first one leaves a file as it was."""
    lines = iter(lines)
    first = list(islice(lines, 1))
    with open_output(output) as sink:
        for line in chain(first, lines):
            print(line, file=sink, flush=flush)


def check_utf8(texts: list[str]) -> Iterator[str]:
    """Texts from the command line itself; raises HeedfulError for bytes that are not UTF-8."""
    for text in (text.removeprefix(BYTE_ORDER_MARK) for text in texts):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise HeedfulError(f"The text {text!a} is not UTF-8.") from None
        yield text


def read_lines(file: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input, without a byte order mark before the first.

    Raises HeedfulError for the first that is not UTF-8, or holds what no tokenizer can take.
    """
    name = str(file or "standard input")
    try:
        longest = limit("line_bytes")
        with file.open("rb") if file else nullcontext(sys.stdin.buffer) as stream:
            for number, line in enumerate(raw_lines(stream, longest), 1):
                if len(line) > longest:
                    raise beyond("line_bytes", f"{name} line {number}: {too_long()}, which no model reads.")
                if number == 1:
                    refuse_encoding(line, file)
                    line = line.removeprefix(codecs.BOM_UTF8)
                yield decode_line(line, f"{name} line {number}")
    except OSError as error:
        raise unreadable(name, error) from None


def unreadable(name: Path | str, error: OSError) -> HeedfulError:
    """The error for inputs that the system does not give."""
    return HeedfulError(f"{name} cannot be read: {error.strerror}.")


def refuse_encoding(line: bytes, file: Path | None) -> None:
    """Raises HeedfulError if a first line begins with the mark of another encoding."""
    foreign = next((encoding for mark, encoding in FOREIGN if line.startswith(mark)), None)
    if foreign:
        names = f" {shlex.quote(str(file))} > {shlex.quote(f'{file.stem}.utf8{file.suffix}')}" if file else ""
        raise HeedfulError(
            f"{file or 'standard input'} is {foreign}, and UTF-8 is needed.",
            f"Convert it: iconv -f {foreign} -t UTF-8{names}",
        )


def decode_line(line: bytes, where: str) -> str:
    """A line without its end; raises HeedfulError where it is not UTF-8, or holds a NUL."""
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise HeedfulError(f"{where} is not UTF-8: {error.reason} at byte {error.start + 1}.") from None
    if problem := problem_of(text):
        raise HeedfulError(f"{where} {problem}, which no model can read.")
    return text


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, until there are none."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
