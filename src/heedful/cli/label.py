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

from heedful.cli import ask as asking
from heedful.cli.ask import File, Json, Run, With
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
Rows = Annotated[bool, typer.Option("--rows", help="A row a stretch: start, end, label, as training reads them.")]

CLIPS_AT_ONCE = 8  # videos in memory
SHOWN = 20  # bars above one legend
DIGITS = 6
RARE = "words seen less than twice in training, read by their letters alone"


def run(
    model: Run,
    words: Clips = None,
    file: File = None,
    output: OutputFlag = None,
    others: With = None,
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
    asked = asking.request(words, file, output)
    refuse(output, rows, as_json)
    loaded = asking.loaded("label", model, others)
    kind = loaded.source_kind
    inputs = asked.lines() if kind == "tokens" else clips(asked.lines(), kind)
    at_once = asked.at_once if kind == "tokens" else CLIPS_AT_ONCE
    unseen = asking.UNSEEN if loaded.published else RARE
    found = one_each(asking.answered(lambda some: loaded.answer(some, asked.changes), inputs, at_once, unseen))
    if as_json:
        lines: Iterable[str] = map(plain, found)
    elif rows or output:
        lines = table(found, rows)
    else:
        show(found, kind)
        return
    asking.write(lines, output, at_once == 1)


def refuse(output: Path | None, rows: bool, as_json: bool) -> None:
    """Raises HeedfulError for forms of answers that do not go together."""
    if rows and as_json:
        raise HeedfulError("Answers are written with --rows or with --json, not with both.", "Leave one out.")
    if output and not rows and not as_json and output.suffix.lower() != ".csv":
        raise HeedfulError(
            f"{output} is no .csv file.", "Probabilities go into a .csv; stretches with --rows, JSON with --json."
        )


def one_each(found: "Iterator[list[Answer]]") -> "Iterator[Answer]":
    """The answers, of which each clip has one; says what is odd about it, and what reading it in windows changed."""
    for answers in found:
        yield answers[0]
        if answers[0].note:
            print(f"{answers[0].note} (labelled as the frames are).", file=sys.stderr)
        track = track_of(answers[0])
        if track.disagreement is not None:
            told = f"{answers[0].source}: read in {len(track.windows):,} windows that overlap; one pass over all "
            print(f"{told}would have labelled {track.disagreement:.1f} % of its steps otherwise.", file=sys.stderr)


def clips(lines: Iterable[str], kind: str) -> Iterator[str]:
    """Clips by name; for a folder that is not one itself, all in it. Blank lines name nothing."""
    from heedful.data.steps.forms import KNOWN, TABLES, VIDEOS
    from heedful.data.steps.read import holds_frames

    endings = (".npy", *(TABLES if kind == "series" else VIDEOS))
    for line in lines:
        if not line.strip():
            continue
        path = Path(line)
        if "://" in line or not path.is_dir() or holds_frames(path):
            yield line
            continue
        inside = sorted(one for one in path.iterdir() if not one.name.startswith("."))
        found = [one for one in inside if one.suffix.lower() in endings or (kind == "frames" and holds_frames(one))]
        if not found:
            raise HeedfulError(f"The folder {line} has no clip, and {kind} are read here.", KNOWN)
        yield from map(str, found)


def track_of(answer: "Answer") -> "Track":
    """The probabilities at each step, which these answers have."""
    assert answer.track is not None, "label keeps them"
    return answer.track


def plain(answer: "Answer") -> str:
    """One object: labels, the probabilities of all at each step, what is odd, and words that training hardly had."""
    track = asdict(track_of(answer))
    track["probabilities"] = [[round(share, DIGITS) for share in row] for row in track["probabilities"]]
    odd = {"note": answer.note} if answer.note else {}
    return json.dumps({"source": answer.source, "unknown": answer.unknown} | odd | track, ensure_ascii=False)


def table(found: "Iterator[Answer]", rows: bool) -> Iterator[str]:
    """All answers below one header: a row a stretch (tabs), or a row a step (commas)."""
    first = next(found, None)
    if first is None:
        return
    second = next(found, None)
    several = second is not None
    track = track_of(first)
    head = ["start", "end", "label"] if rows else ["step", "seconds", "label", *track.names]
    yield joined([*(["file_name"] if several else []), *head], rows)
    for answer in chain([first], [second] if second else [], found):
        for row in stretches(track_of(answer)) if rows else steps(track_of(answer)):
            yield joined([*([answer.source] if several else []), *row], rows)


def joined(cells: list[str], tabs: bool) -> str:
    """Cells as a line, quoted where they must be."""
    line = io.StringIO()
    csv.writer(line, delimiter="\t" if tabs else ",", lineterminator="").writerow(cells)
    return line.getvalue()


def stretches(track: "Track") -> Iterator[list[str]]:
    """Start, end and label of each stretch of equal labels, in seconds where they are known, else in steps."""
    from heedful.report.timebars import edges, timed
    from heedful.report.timebars import stretches as equal

    began = track.seconds[0] if timed(track) else 0.0
    ends = [began + at for at in edges(len(track.labels), track)]
    for label, low, high in equal(track.labels):
        yield [number(ends[low]), number(ends[high]), label]


def steps(track: "Track") -> Iterator[list[str]]:
    """Step, seconds, label, and the probability of every label, for each step."""
    for step, (label, shares) in enumerate(zip(track.labels, track.probabilities, strict=True)):
        seconds = number(track.seconds[step]) if step < len(track.seconds) else ""
        yield [str(step), seconds, label, *(number(share) for share in shares)]


def number(value: float) -> str:
    """A number without what is beyond the sixth digit.

    >>> number(2.0), number(1 / 3)
    ('2', '0.333333')
    """
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")


def show(found: "Iterator[Answer]", kind: str) -> None:
    """Bars of labels on the terminal; words with their labels below."""
    from heedful.cli import bars
    from heedful.data.steps.forms import words_of

    if kind == "tokens":
        for answer in found:
            bars.show_words(words_of(answer.source), track_of(answer).labels)
        return
    for chunk in asking.chunks(found, SHOWN):
        names = track_of(chunk[0]).names
        bars.show([(answer.source, track_of(answer).labels) for answer in chunk], names)
