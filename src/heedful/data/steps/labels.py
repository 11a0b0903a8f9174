"""Labels for each step of a clip, from a file of lines or from rows of start, end and label.

A label is one text without tabs; "" and "_" say that a step has none, and it counts neither in loss nor in score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from heedful.data.readers.lines import read_lines
from heedful.data.readers.opening import ending_of
from heedful.data.readers.rows import BadRow, TextRow, count, quote
from heedful.data.steps.delimited import open_table
from heedful.data.steps.forms import Steps
from heedful.data.steps.series import number
from heedful.data.steps.video import NEAR

MASK = ("", "_")
BOUNDS = (("start", "end"), ("start_step", "end_step"))
"""Columns of rows: in seconds (in steps, for what has no time), and in steps in any case."""


@dataclass(frozen=True, slots=True)
class Span:
    """A label from `start` until just before `end`; `in_steps` counted from 0, or else in seconds."""

    start: float
    end: float
    label: str
    in_steps: bool
    where: str


Labels = tuple[str, ...] | tuple[Span, ...]


@dataclass(frozen=True)
class LabelledSource:
    """A clip before it is opened: its reference (for words: their text), and labels, perhaps still by seconds."""

    source: str
    labels: Labels
    group: str
    file: str
    line: int
    paths: tuple[str, ...] = ()
    """What it is read from, beside the files that the recipe names."""
    words: bool = False
    """Whether the source is a text, and no reference."""

    @property
    def where(self) -> str:
        """As people write it: "clips.csv line 7"."""
        return f"{self.file} line {self.line}"


def label_file(file: str) -> Labels | BadRow:
    """The labels in a .txt (one a line) or a .csv or .tsv (rows of start, end, label, or a column `label`)."""
    if ending_of(file) == ".txt":
        lines = list(read_lines(file))
        bad = next((text for _, text in lines if isinstance(text, BadRow)), None)
        return bad or check_labels([(str(text), f"{file} line {line}") for line, text in lines])
    rows = list(open_table(file))
    bad = next((row for row in rows if isinstance(row, BadRow)), None)
    if bad:
        return bad
    return from_rows([row for row in rows if isinstance(row, TextRow)], file)


def from_rows(rows: Sequence[TextRow], file: str, name: str = "label") -> Labels | BadRow:
    """Rows of one clip as spans, or as labels where they have no start and end."""
    if not rows:
        return BadRow(f"{file} line 1", "there is no row of labels", "")
    names = rows[0].columns
    if name not in names:
        return BadRow(f"{file} line 1", f"there is no column {name}", ", ".join(names))
    bounds = next((pair for pair in BOUNDS if set(pair) <= names.keys()), None)
    if bounds is None:
        return check_labels([(row.columns[name], row.where) for row in rows])
    spans = [span_of(row, bounds, name) for row in rows]
    bad = next((span for span in spans if isinstance(span, BadRow)), None)
    return bad or sort_spans([span for span in spans if isinstance(span, Span)])


def span_of(row: TextRow, bounds: tuple[str, str], name: str) -> Span | BadRow:
    """The span of a row."""
    if any(key not in row.columns for key in (*bounds, name)):
        return BadRow(row.where, f"a row needs {bounds[0]}, {bounds[1]} and {name}", "\t".join(row.columns.values()))
    start, end = (number(row.columns[key]) for key in bounds)
    label = check_labels([(row.columns[name], row.where)])
    if isinstance(label, BadRow):
        return label
    text = f"{row.columns[bounds[0]]}, {row.columns[bounds[1]]}, {row.columns[name]}"
    if not (start >= 0 and end < float("inf")):
        return BadRow(row.where, "start and end must be numbers, and not below 0", text)
    if end <= start:
        return BadRow(row.where, "the end is not behind the start", text)
    return Span(start, end, str(label[0]), bounds == BOUNDS[1], row.where)


def sort_spans(spans: Sequence[Span]) -> tuple[Span, ...] | BadRow:
    """The spans by time, if no two of them overlap."""
    ordered = sorted(spans, key=lambda span: span.start)
    for current, following in pairwise(ordered):
        if following.start < current.end - NEAR:
            ranges = (f"{span.start:g} to {span.end:g} {span.label}" for span in (current, following))
            text = ", ".join(ranges)
            return BadRow(following.where, f"this row overlaps that of {current.where}", text)
    return tuple(ordered)


def check_labels(labels: Iterable[tuple[str, str]]) -> tuple[str, ...] | BadRow:
    """Labels without white space around them, "" for masked ones; bad if one holds a tab, named by where it stands."""
    names = []
    for text, where in labels:
        label = text.strip()
        if "\t" in label:
            return BadRow(where, "a label holds a tab", text)
        names.append("" if label in MASK else label)
    return tuple(names)


def label_steps(labels: Labels, steps: Steps, where: str) -> tuple[str, ...] | BadRow:
    """A label for each step of a sequence; bad if their numbers differ, or a row says something about no step.

    Steps without a label that would stand behind the last step say nothing, and are no labels too many.
    """
    if labels and isinstance(labels[0], Span):
        return label_by_spans([span for span in labels if isinstance(span, Span)], steps)
    while len(labels) > len(steps) and not labels[-1]:  # blank lines at the end of a file
        labels = labels[:-1]
    if len(labels) != len(steps):
        noun = "frame" if steps.kind == "frames" else "step"
        return BadRow(where, f"{count(len(labels), 'label')} for {count(len(steps), noun)}", "")
    return tuple(str(label) for label in labels)


def label_by_spans(spans: Sequence[Span], steps: Steps) -> tuple[str, ...] | BadRow:
    """Each step's label is that of the span it begins in; steps between spans are masked."""
    labels = [""] * len(steps)
    for span in spans:
        times = range(len(steps)) if span.in_steps or not steps.seconds else steps.seconds
        inside_span = [step for step, time in enumerate(times) if span.start - NEAR <= time < span.end - NEAR]
        if not inside_span:
            unit = "seconds" if steps.seconds and not span.in_steps else "steps"
            last = f"the last of {count(len(steps), 'step')} begins at {times[-1]:g} {unit}"
            text = f"{span.start:g} to {span.end:g} {span.label}"
            return BadRow(span.where, f"no step begins in this row ({last})", text)
        for step in inside_span:
            labels[step] = span.label
    return tuple(labels)


def labels_of_text(text: str, where: str) -> tuple[str, ...] | BadRow:
    """Labels in one text, separated by spaces; "_" masks a step."""
    labels = text.split()
    return check_labels([(label, where) for label in labels]) if labels else BadRow(where, "no labels", quote(text))
