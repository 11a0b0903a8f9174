"""What commands print beyond the tables of `heedful.report.terminal`."""

from collections.abc import Sequence

from heedful.distillations import Distillation
from heedful.metrics.entities import are_entity_tags
from heedful.metrics.verdicts import is_decided
from heedful.report import compared, distilled, words
from heedful.report.columns import columns
from heedful.report.letter_bars import time_bars
from heedful.report.tagged import entities_in_words
from heedful.report.terminal import (
    classes_table,
    compare_table,
    confusion_table,
    samples_table,
    scores_table,
)
from heedful.results import Comparison, Paired, Scores, Track


def scores(result: Scores) -> str:
    """The measures; where there are such, the first of them by the length of the source, classes, and mix-ups."""
    parts = [scores_table(result)]
    if result.by_length:
        rows = [
            [words.span(bin_), f"{bin_.count:,}", words.score(bin_.value, result.primary)] for bin_ in result.by_length
        ]
        parts.append(columns([["source length", "examples", words.title(result.primary)], *rows]))
    if result.by_class:
        parts.append(classes_table(result.by_class))
    if result.confusion:
        parts.append(confusion_table(result.confusion))
    return "\n\n".join(part for part in parts if part)


def paired_test(result: Paired, model: str, other: str) -> str:
    """Whether one model is better than another on the same examples."""
    decided = is_decided(result)
    conclusion = "more than chance explains" if decided else words.undecided(result, "no difference can be told")
    return (
        f"{words.title(result.measure)}, {model} minus {other}: {words.difference(result)}, {words.p_value(result.p)}: "
        f"{conclusion}."
    )


def comparison(result: Comparison) -> str:
    """The table, the notes, and the same inputs answered by every network, where there are such."""
    parts = [compare_table(result), "\n".join([compared.interval_note(result), *result.notes])]
    parts += step_bars(result) if result.view == "steps" else []
    if result.view not in ("steps", "drawings"):  # drawings stand on the page
        parts.append(samples_table(result))
    return "\n\n".join(part for part in parts if part)


def distillation(result: Distillation) -> str:
    """The student beside its teacher, and what that says."""
    return "\n".join([columns(distilled.rows(result), left_aligned={1}), "", *distilled.sentences(result)])


def step_bars(result: Comparison) -> list[str]:
    """Each sample as bars, of words as labels or entities: the truth, and what every network's first seed answered."""
    tracks = {answer.source: answer.track for entry in result.entries for answer in entry.samples if answer.track}
    truths = {case.source: case.references[0].split("\t") for case in result.entries[0].scores.cases}
    first_entries = {entry.network: entry for entry in reversed(result.entries)}
    clips: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for name, entry in reversed(first_entries.items()):
        for answer in {answer.source: answer for answer in entry.samples}.values():
            rows = clips.setdefault(
                answer.source, [("truth", truths[answer.source])] if answer.source in truths else []
            )
            rows.append((name, answer.output.split("\t")))
    return [f"{source}\n{steps_text(rows, tracks.get(source))}" for source, rows in clips.items()]


def steps_text(rows: Sequence[tuple[str, Sequence[str]]], track: Track | None) -> str:
    """Labels of a clip as bars, and of words as a line a row."""
    if track is None or not track.words:
        return time_bars(rows)
    in_entities = are_entity_tags(track.names)
    lines = [
        [name, entities_in_words(labels, track.words) if in_entities else " ".join(label or "_" for label in labels)]
        for name, labels in rows
    ]
    return columns(lines, left_aligned={1})
