"""Answers of label as files: segments of clips and words with their labels, as training reads them, and entities.

A clip is named as it is seen from the folder of the file, since training looks for it from there.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from heedful.errors import HeedfulError
from heedful.report.stretches import edges, has_times, stretches

if TYPE_CHECKING:
    from heedful.results import Answer, Track

DIGITS = 6
HEAD = ("start", "end", "label")
SEGMENT_ENDINGS = (".csv", ".tsv", ".jsonl")
WORD_ENDINGS = (".conll", ".jsonl")
SPAN_HEAD = ("start", "end", "label", "text")
SPAN_ENDINGS = (".csv", ".tsv")


def segment_lines(answers: "Iterable[Answer]", output: Path | None) -> Iterator[str]:
    """A row a segment, in the format that the output's ending names (tabs on standard output).

    A file names the clip of each row; standard output does so where there is more than one clip. A clip that was
    asked for twice stands in a file once. Raises HeedfulError for an ending that is not known.
    """
    ending = known_ending(output, SEGMENT_ENDINGS, "segments") if output else ".tsv"
    answers, names = iter(answers), set[str]()
    first = list(islice(answers, 2))
    with_names = bool(output) or len(first) > 1
    head = ["file_name", *HEAD] if with_names else [*HEAD]
    if first and ending != ".jsonl":
        yield join_cells(head, ending)
    for answer in chain(first, answers):
        name = name_from(answer.source, output)
        if output and name in names:
            continue
        names.add(name)
        for row in segments(track_of(answer)):
            cells = [name, *row] if with_names else row
            yield as_json(dict(zip(head, cells, strict=True))) if ending == ".jsonl" else join_cells(cells, ending)


def entity_lines(answers: "Iterable[Answer]", output: Path | None) -> Iterator[str]:
    """A row an entity: its first word, that behind the last, its type and its words; before them, in a file and where
    there is more than one text, the number of the text. Files for training have words with their labels.

    Raises HeedfulError for an ending that is not known.
    """
    ending = known_ending(output, (*SPAN_ENDINGS, *WORD_ENDINGS), "entities") if output else ".tsv"
    if ending in WORD_ENDINGS:
        yield from word_lines(answers, output)
        return
    answers = iter(answers)
    first = list(islice(answers, 2))
    with_numbers = bool(output) or len(first) > 1
    if first:
        yield join_cells([*(["text_number"] if with_numbers else []), *SPAN_HEAD], ending)
    for text_number, answer in enumerate(chain(first, answers), 1):
        for span in track_of(answer).spans or ():
            cells = [str(span.start), str(span.end), span.label, span.text]
            yield join_cells([str(text_number), *cells] if with_numbers else cells, ending)


def word_lines(answers: "Iterable[Answer]", output: Path | None) -> Iterator[str]:
    """Words with their labels: in CoNLL columns with an empty line behind each sentence, or an object a sentence, which
    has entities too where there are such.

    Raises HeedfulError for an ending that is not known.
    """
    ending = known_ending(output, WORD_ENDINGS, "words with labels") if output else ".conll"
    for answer in answers:
        words, labels, spans = track_of(answer).words, track_of(answer).labels, track_of(answer).spans
        if ending == ".jsonl":
            entities = {} if spans is None else {"spans": [asdict(span) for span in spans]}
            yield as_json({"tokens": words, "tags": labels} | entities)
        else:
            yield from ("\t".join(row) for row in zip(words, labels, strict=True))
            yield ""


def known_ending(output: Path, endings: tuple[str, ...], content: str) -> str:
    """The ending of a file in small letters; raises HeedfulError if nothing of this kind is written with it."""
    ending = output.suffix.lower()
    if ending not in endings:
        allowed = f"{', '.join(endings[:-1])} or {endings[-1]}"
        raise HeedfulError(
            f'{output}: {content} are not written to a file that ends in "{ending}".',
            f"Name one that ends in {allowed}.",
        )
    return ending


def name_from(source: str, output: Path | None) -> str:
    """A clip's name as it is seen from the folder of the output."""
    return source if output is None or "://" in source else os.path.relpath(source, output.parent)


def join_cells(cells: Iterable[str], ending: str = ".csv") -> str:
    """Cells as a line: of .csv between commas and quoted where they must be, of .tsv between tabs as they are."""
    if ending == ".csv":
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(cells)
        return line.getvalue()
    broken = next((cell for cell in cells if "\t" in cell or "\n" in cell or "\r" in cell), None)
    if broken is not None:
        raise HeedfulError(f"{broken!a} does not fit between tabs.", "Name a file that ends in .csv or .jsonl.")
    return "\t".join(cells)


def as_json(record: Mapping[str, object]) -> str:
    """An object on a line."""
    return json.dumps(record, ensure_ascii=False)


def track_of(answer: "Answer") -> "Track":
    """The probabilities at each step, which these answers have."""
    assert answer.track is not None, "label keeps them"
    return answer.track


def segments(track: "Track") -> Iterator[list[str]]:
    """Start, end and label of each segment of equal labels, in seconds where they are known, else in steps."""
    start = track.seconds[0] if has_times(track) else 0.0
    ends = [start + edge for edge in edges(len(track.labels), track)]
    for label, start_step, end_step in stretches(track.labels):
        yield [number(ends[start_step]), number(ends[end_step]), label]


def number(value: float) -> str:
    """A number without what is beyond the sixth digit.

    >>> number(2.0), number(1 / 3)
    ('2', '0.333333')
    """
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
