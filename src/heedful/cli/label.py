"""heedful label: ask a trained model what each step of a video, a series or a text is."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import ask
from heedful.cli.ask import File, Json, MoreRuns, Run
from heedful.cli.words import OutputFlag
from heedful.errors import HeedfulError

if TYPE_CHECKING:
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
    bool, typer.Option("--rows", help="A row for each segment: start, end, label, as training reads them.")
]

CLIPS_AT_ONCE = 8  # videos in memory
BARS = 20  # bars above one legend
DIGITS = 6
RARE_WORDS = "words seen less than twice in training, read by their letters alone"


def run(
    name: Run,
    words: Clips = None,
    file: File = None,
    output: OutputFlag = None,
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

    What --rows writes can be learnt from: it has a column file_name where there is more than one clip.
    """
    question = ask.parse_question(words, file, output)
    refuse(output, rows, as_json)
    model = ask.load_model("label", name, more_runs)
    kind = model.source_kind
    inputs = question.lines() if kind == "tokens" else clips(question.lines(), kind)
    at_once = question.at_once if kind == "tokens" else CLIPS_AT_ONCE
    unknown_name = ask.UNSEEN if model.published else RARE_WORDS
    answers = single_answers(
        ask.answer_all(lambda sources: model.answer(sources, question.changes), inputs, at_once, unknown_name)
    )
    if as_json:
        lines: Iterable[str] = map(as_object, answers)
    elif rows or output:
        lines = table(answers, rows)
    else:
        show(answers, kind)
        return
    ask.write(lines, output, at_once == 1)


def refuse(output: Path | None, rows: bool, as_json: bool) -> None:
    """Raises HeedfulError for forms of answers that do not go together."""
    if rows and as_json:
        raise HeedfulError("Answers are written with --rows or with --json, not with both.", "Leave one out.")
    if output and not rows and not as_json and output.suffix.lower() != ".csv":
        raise HeedfulError(
            f"{output} is no .csv file.", "Probabilities go into a .csv; stretches with --rows, JSON with --json."
        )


def single_answers(answer_lists: "Iterator[list[Answer]]") -> "Iterator[Answer]":
    """The answers, of which each clip has one; says what is odd about it, and what reading it in windows changed."""
    for answers in answer_lists:
        yield answers[0]
        if answers[0].note:
            print(f"{answers[0].note} (labelled as the frames are).", file=sys.stderr)
        track = track_of(answers[0])
        if track.disagreement is not None:
            remark = f"{answers[0].source}: read in {len(track.windows):,} windows that overlap; one pass over all "
            print(f"{remark}would have labelled {track.disagreement:.1f} % of its steps otherwise.", file=sys.stderr)


def clips(lines: Iterable[str], kind: str) -> Iterator[str]:
    """Clips by name; for a folder that is not one itself, all in it. Blank lines name nothing."""
    from heedful.data.folders import children
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
            entry for entry in entries if entry.suffix.lower() in suffixes or (kind == "frames" and holds_frames(entry))
        ]
        if not clip_paths:
            raise HeedfulError(f"The folder {line} has no clip, and {kind} are read here.", SUPPORTED_FILES)
        yield from map(str, clip_paths)


def track_of(answer: "Answer") -> "Track":
    """The probabilities at each step, which these answers have."""
    assert answer.track is not None, "label keeps them"
    return answer.track


def as_object(answer: "Answer") -> str:
    """One object: labels, the probabilities of all at each step, what is odd, and words that training hardly had."""
    track = asdict(track_of(answer))
    track["probabilities"] = [[round(probability, DIGITS) for probability in row] for row in track["probabilities"]]
    note = {"note": answer.note} if answer.note else {}
    return json.dumps({"source": answer.source, "unknown": answer.unknown} | note | track, ensure_ascii=False)


def table(answers: "Iterator[Answer]", rows: bool) -> Iterator[str]:
    """All answers below one header: a row a stretch (tabs), or a row a step (commas)."""
    first_answer = next(answers, None)
    if first_answer is None:
        return
    second_answer = next(answers, None)
    with_names = second_answer is not None
    track = track_of(first_answer)
    head = ["start", "end", "label"] if rows else ["step", "seconds", "label", *track.names]
    yield join_cells([*(["file_name"] if with_names else []), *head], rows)
    for answer in chain([first_answer], [second_answer] if second_answer else [], answers):
        for row in stretches(track_of(answer)) if rows else steps(track_of(answer)):
            yield join_cells([*([answer.source] if with_names else []), *row], rows)


def join_cells(cells: list[str], tabs: bool) -> str:
    """Cells as a line, quoted where they must be."""
    line = io.StringIO()
    csv.writer(line, delimiter="\t" if tabs else ",", lineterminator="").writerow(cells)
    return line.getvalue()


def stretches(track: "Track") -> Iterator[list[str]]:
    """Start, end and label of each stretch of equal labels, in seconds where they are known, else in steps."""
    from heedful.report.timebars import edges, has_times
    from heedful.report.timebars import stretches as equal_stretches

    start = track.seconds[0] if has_times(track) else 0.0
    ends = [start + edge for edge in edges(len(track.labels), track)]
    for label, start_step, end_step in equal_stretches(track.labels):
        yield [number(ends[start_step]), number(ends[end_step]), label]


def steps(track: "Track") -> Iterator[list[str]]:
    """Step, seconds, label, and the probability of every label, for each step."""
    for step, (label, probabilities) in enumerate(zip(track.labels, track.probabilities, strict=True)):
        seconds = number(track.seconds[step]) if step < len(track.seconds) else ""
        yield [str(step), seconds, label, *(number(probability) for probability in probabilities)]


def number(value: float) -> str:
    """A number without what is beyond the sixth digit.

    >>> number(2.0), number(1 / 3)
    ('2', '0.333333')
    """
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")


def show(answers: "Iterator[Answer]", kind: str) -> None:
    """Bars of labels on the terminal; words with their labels below."""
    from heedful.cli import bars
    from heedful.data.steps.forms import words_of

    if kind == "tokens":
        for answer in answers:
            bars.show_words(words_of(answer.source), track_of(answer).labels)
        return
    for chunk in ask.chunks(answers, BARS):
        names = track_of(chunk[0]).names
        bars.show([(answer.source, track_of(answer).labels) for answer in chunk], names)
