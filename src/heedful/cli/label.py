"""heedful label: ask a trained model what each step of a video, a series or a text is."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import ask
from heedful.cli.ask import File, Json, MoreRuns, Output, Run
from heedful.cli.segments import DIGITS, entity_lines, join_cells, number, segment_lines, track_of, word_lines
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.api.model import Model
    from heedful.results import Answer, Track

Clips = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CLIP",
        help="Videos, folders of frames, .npy, .csv or .tsv files, folders of these; for words the text itself. "
        "Without any, the lines of standard input.",
    ),
]
Rows = Annotated[
    bool,
    typer.Option(
        "--rows",
        help="A row for each segment (start, end, label) or word, as training reads them, or for each entity with "
        "its words.",
    ),
]

CLIPS_AT_ONCE = 8  # videos in memory
BARS = 20  # bars above one legend
RARE_WORDS = "words seen less than twice in training, read by their letters alone"


def run(
    name: Run,
    words: Clips = None,
    file: File = None,
    output: Output = None,
    more_runs: MoreRuns = None,
    rows: Rows = False,
    as_json: Json = False,
) -> None:
    """Ask a trained model what each step of a video, a series or a text is: a bar of labels for each.

    \b
    heedful label runs/mine film.mp4 more/                   a folder: all clips in it
    heedful label runs/mine film.mp4 --rows -o film.tsv      start, end, label; in seconds where they are known
    heedful label runs/mine film.mp4 -o film.csv             a row a step: the probability of each label
    heedful label runs/mine film.mp4 --json                  the same as JSON
    heedful label runs/tagger "each word is a step"
    heedful label runs/a --with runs/b film.mp4              an ensemble: the mean of both

    What --rows writes can be learnt from. The ending of the file decides how it is written: .csv, .tsv or .jsonl;
    words with their labels .conll or .jsonl, entities with their words .csv or .tsv.
    """
    question = ask.parse_question(words, file, output)
    refuse(output, rows, as_json)
    model = ask.load_model("label", name, more_runs)
    kind = model.source_kind
    inputs = question.texts() if kind == "tokens" else clips(question.lines(), kind)
    at_once = question.at_once if kind == "tokens" else CLIPS_AT_ONCE
    unknown_name = ask.UNSEEN if model.published else RARE_WORDS
    answers = single_answers(
        ask.answer_all(
            lambda sources: model.answer(sources, question.changes), inputs, at_once, unknown_name, place=question.place
        )
    )
    if as_json:
        lines: Iterable[str] = map(as_object, answers)
    elif rows:
        lines = row_writer(model)(answers, output)
    elif output:
        lines = step_lines(answers)
    else:
        show(answers, kind)
        return
    ask.write(lines, output, at_once == 1)


def row_writer(model: "Model") -> "Callable[[Iterator[Answer], Path | None], Iterator[str]]":
    """What writes answers in rows: segments of clips, entities of texts, or words where labels mark none."""
    from heedful.metrics.entities import are_entity_tags

    if model.source_kind != "tokens":
        return segment_lines
    return entity_lines if are_entity_tags(model.classes) else word_lines


def refuse(output: Path | None, rows: bool, as_json: bool) -> None:
    """Raises HeedfulError for forms of answers that do not go together."""
    if rows and as_json:
        raise HeedfulError("Answers are written with --rows or with --json, not with both.", "Leave one out.")
    if output and not rows and not as_json and output.suffix.lower() != ".csv":
        raise HeedfulError(
            f"{output} is no .csv file.", "Probabilities go into a .csv; segments with --rows, JSON with --json."
        )


def single_answers(answer_lists: "Iterator[list[Answer]]") -> "Iterator[Answer]":
    """The answers, of which each clip has one; says what is odd about it, and what reading it in windows changed."""
    for answers in answer_lists:
        yield answers[0]
        if answers[0].note:
            print(f"{answers[0].note} (labelled as the frames are).", file=sys.stderr)
        track = track_of(answers[0])
        remark = f"{answers[0].source}: read in {len(track.windows):,} windows that overlap"
        if track.disagreement is not None:
            one_pass = f"one pass over all would have labelled {track.disagreement:.1f} % of its steps otherwise"
            print(f"{remark}; {one_pass}.", file=sys.stderr)
        elif track.windows and not track.words:
            print(f"{remark}.", file=sys.stderr)


def clips(lines: Iterable[str], kind: str) -> Iterator[str]:
    """Clips by name; for a folder that is not one itself, all in it. Blank lines name nothing."""
    from heedful.data.folders import children
    from heedful.data.readers.opening import ending_of
    from heedful.data.steps.forms import SUPPORTED_FILES, TABLES, VIDEOS
    from heedful.data.steps.read import holds_frames

    suffixes = (".npy", *(TABLES if kind == "series" else VIDEOS))
    for line in lines:
        if not line.strip():
            continue
        path = Path(line)
        if "://" in line or not path.is_dir() or holds_frames(path):
            yield line
            continue
        entries = children(path)
        clip_paths = [
            entry
            for entry in entries
            if ending_of(entry.name) in suffixes or (kind == "frames" and holds_frames(entry))
        ]
        if not clip_paths:
            raise HeedfulError(f"The folder {line} has no clip, and {kind} are read here.", SUPPORTED_FILES)
        yield from map(str, clip_paths)


def as_object(answer: "Answer") -> str:
    """One object: labels, the probabilities of all at each step, what is odd, and words that training hardly had."""
    track = track_of(answer)
    fields = {"source": answer.source, "unknown": answer.unknown} | ({"note": answer.note} if answer.note else {})
    fields |= {"engine": answer.engine, "device": answer.device, "precision": answer.precision}
    fields |= asdict(replace(track, probabilities=()))
    for field, is_lacking in (("words", not track.words), ("spans", track.spans is None)):
        if is_lacking:
            del fields[field]
    # row by row: the encoder would hold a text for each number of all
    rows = ", ".join(json.dumps([round(value, DIGITS) for value in row]) for row in track.probabilities)
    empty, key = json.dumps(fields, ensure_ascii=False), '"probabilities": ['
    return empty.replace(f"{key}]", f"{key}{rows}]", 1)


def step_lines(answers: "Iterator[Answer]") -> Iterator[str]:
    """A row a step between commas, all answers below one header; they are named where there is more than one."""
    answers = (answer for answer in answers if not ask.is_blank(answer))  # a blank text has no step
    first = list(islice(answers, 2))
    if not first:
        return
    head = ["step", "seconds", "label", *track_of(first[0]).names]
    yield join_cells([*(["file_name"] if len(first) > 1 else []), *head])
    for answer in chain(first, answers):
        for row in steps(track_of(answer)):
            yield join_cells([*([answer.source] if len(first) > 1 else []), *row])


def steps(track: "Track") -> Iterator[list[str]]:
    """Step, seconds, label, and the probability of every label, for each step."""
    for step, (label, probabilities) in enumerate(zip(track.labels, track.probabilities, strict=True)):
        seconds = number(track.seconds[step]) if step < len(track.seconds) else ""
        yield [str(step), seconds, label, *(number(probability) for probability in probabilities)]


def show(answers: "Iterator[Answer]", kind: str) -> None:
    """Bars of labels on the terminal; words with their labels below."""
    from heedful.cli import bars

    if kind == "tokens":
        for answer in answers:
            bars.show_words(track_of(answer).words, track_of(answer).labels)
        return
    for chunk in ask.chunks(answers, BARS):
        names = track_of(chunk[0]).names
        bars.show([(answer.source, track_of(answer).labels) for answer in chunk], names)
