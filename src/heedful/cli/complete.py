"""heedful complete: ask a trained model how a text goes on."""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli import ask
from heedful.cli.ask import File, Json, MoreRuns, Output, Question, Run, Score, Texts
from heedful.data.readers.rows import one_line
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.api.model import Model
    from heedful.results import Answer

Number = Annotated[int | None, typer.Option("--n", metavar="N", help="N continuations of each text.")]
Tokens = Annotated[int | None, typer.Option("--tokens", metavar="N", help="Longest continuation in tokens.")]
Stop = Annotated[
    list[str] | None, typer.Option("--stop", metavar="TEXT", help="Stop before this text; can be repeated.")
]

SEPARATOR = "---"
"""The line between two continuations."""


def run(
    name: Run,
    words: Texts = None,
    file: File = None,
    output: Output = None,
    more_runs: MoreRuns = None,
    n: Number = None,
    tokens: Tokens = None,
    stop: Stop = None,
    score: Score = False,
    as_json: Json = False,
) -> None:
    """Ask a trained model how a text goes on: the text and what it adds, on a terminal as it is written.

    \b
    heedful complete runs/mine "Once upon a time"
    heedful complete runs/mine "Once" --n 3 --tokens 100 seed=7 temperature=0.5
    heedful complete runs/mine "Q: why?" --stop "Q:"
    heedful complete runs/mine "Once" sample=false             always the likeliest token
    heedful complete runs/mine --file beginnings.txt --json
    heedful complete runs/a --with runs/b "Once"               both decide each token together
    heedful complete runs/mine --score "Once" " upon a time"

    A line --- stands between two continuations. Where the texts are lines (--file, standard input), so are the
    continuations, with line ends as JSON writes them (\\n), and a blank line stays blank. What is drawn hangs on the
    seed and the text alone; without a seed it is the same each time.
    """
    question = parse_question(words, file, output, n, tokens, stop)
    if score:
        ask.refuse_search_flags(question, as_json)
    model = ask.load_model("complete", name, more_runs)
    if score:
        ask.write(ask.score_lines(model, question), output, question.at_once == 1)
    elif output is None and not as_json and sys.stdout.isatty():
        stream(model, question)
    else:
        ask.write(lines(model, question, as_json), output, question.at_once == 1)


def parse_question(
    words: list[str] | None,
    file: Path | None,
    output: Path | None,
    n: int | None,
    tokens: int | None,
    stop: list[str] | None,
) -> Question:
    """What the words of a command line ask; raises HeedfulError for what is said twice."""
    question = ask.parse_question(words, file, output, n)
    for flag, key, value in (("--tokens", "generate.max_length", tokens), ("--stop", "generate.stop", stop)):
        if value and key in question.changes:
            raise HeedfulError(f"{key} is set twice.", f"Once as {flag}; keep one.")
        if value is not None:
            question.changes[key] = value
    return question


def lines(model: "Model", question: Question, as_json: bool) -> Iterator[str]:
    """The continuations, as texts or as an object for each prompt.

    Those of lines are lines; those of texts on the command line, between which stands the separator, may have many.
    """
    first, done = True, 0
    for chunk in ask.chunks(question.texts(), question.at_once):
        names = ask.line_names(question.place, done, len(chunk))
        answer_lists = answer_prompts(model, question, chunk, names, scored=as_json)
        done += len(chunk)
        remark(answer_lists, names)
        for answers in answer_lists:
            if as_json:
                yield as_object(answers)
                continue
            for answer in answers:
                if not question.inputs:
                    yield one_line(answer.source + answer.output)
                    continue
                yield from ([] if first else [SEPARATOR])
                yield answer.source + answer.output
                first = False


def answer_prompts(
    model: "Model", question: Question, prompts: list[str], names: list[str], scored: bool
) -> "list[list[Answer]]":
    """The continuations of each prompt: of a blank line none, but from "" a model writes from the beginning."""
    if question.inputs:
        return model.answer(prompts, question.changes, scored)

    def answer(texts: list[str]) -> "list[list[Answer]]":
        return model.answer(texts, question.changes, scored)

    return [*ask.answer_texts(answer, prompts, question.n_best, names)]


def stream(model: "Model", question: Question) -> None:
    """The continuations on a terminal: one is written as it grows, several when they are done."""
    first = True
    for text in question.texts():
        if not question.inputs and not text.strip():
            print()
            continue
        print(end="" if first else f"{SEPARATOR}\n")
        pieces: list[str] = []

        def tell(piece: str, text: str = text, pieces: list[str] = pieces) -> None:
            print(piece if pieces else text + piece, end="", flush=True)
            pieces.append(piece)

        [answers] = answer_lists = model.stream(text, tell, question.changes)
        print(end="\n" if pieces else "")
        if not pieces:
            print(f"\n{SEPARATOR}\n".join(answer.source + answer.output for answer in answers))
        remark(answer_lists)
        first = False


def as_object(answers: "list[Answer]") -> str:
    """One object: the prompt and all of its continuations."""
    if ask.is_blank(answers[0]):
        return ask.blank_object(answers[0])
    fields: list[dict[str, Any]] = [
        {key: value for key, value in answer.plain().items() if key != "source"} for answer in answers
    ]
    return json.dumps({"source": answers[0].source, "answers": fields}, ensure_ascii=False)


def remark(answer_lists: "list[list[Answer]]", names: Sequence[str] = ()) -> None:
    """Reports unknown tokens of the prompts, and prompts and answers longer than the network's context.

    `names`: what the prompts are called, where they are lines of a file.
    """
    unknown = [answers[0].unknown for answers in answer_lists]
    pieces = dict.fromkeys(chain.from_iterable(unknown))
    first = next((name for name, its_own in zip(names, unknown, strict=False) if its_own), "")
    ask.report_unknown(sum(map(bool, unknown)), len(unknown), list(pieces), first=first)
    notes = [answer.note for answers in answer_lists for answer in answers if answer.note]
    for note in dict.fromkeys(notes):
        times, named = notes.count(note), zip(names, answer_lists, strict=False)
        first = next((name for name, answers in named if any(answer.note == note for answer in answers)), "")
        parts = [f"so {times:,} answers"] * (times > 1) + [f"first: {first}"] * bool(first)
        details = f" ({'; '.join(parts)})" if parts else ""
        print(f"{note[0].upper()}{note[1:]}{details}.", file=sys.stderr)
