"""The same sources through every network of a comparison: as texts, as pictures, or as bars."""

from collections.abc import Mapping
from dataclasses import dataclass

from heedful.report import compared, gallery, timebars, words
from heedful.report.figures import Table
from heedful.report.gallery import Picture
from heedful.results import Answer, Comparison, Entry


@dataclass(frozen=True)
class Shown:
    """A cell: what was said, and what was drawn or given as a picture."""

    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Grid:
    """Rows of cells below a head; the first column holds the source."""

    head: list[str]
    rows: list[list[Shown]]


@dataclass(frozen=True)
class Samples:
    """One of three: a plain table, a grid with pictures, or bars."""

    table: Table
    grid: Grid | None = None
    bars: timebars.Bars | None = None


def samples(comparison: Comparison, pictures: Mapping[str, bytes]) -> Samples:
    """The answers of each network's first seed to the same sources, in the form that suits them."""
    firsts, sources = answered(comparison)
    said = {name: {answer.source: answer for answer in entry.samples} for name, entry in firsts.items()}
    every = [answer for answers in said.values() for answer in answers.values()]
    texts = [[source, *(text(said[name].get(source)) for name in firsts)] for source in sources]
    table = Table(["source", *firsts], texts)
    if comparison.view == "steps" and every:
        return Samples(table, bars=bars(comparison, said, sources))
    if any(answer.picture for answer in every) or any(source in pictures for source in sources):
        rows = [
            [
                Shown(source, given(comparison, source, pictures)),
                *(cell(said[name].get(source), name) for name in firsts),
            ]
            for source in sources
        ]
        return Samples(table, grid=Grid(["source", *firsts], rows))
    return Samples(table)


def answered(comparison: Comparison) -> tuple[dict[str, Entry], list[str]]:
    """The first entry of each network that answered any sample, and the sources of all of them."""
    firsts = {name: entries[0] for name, entries in compared.by_network(comparison).items() if entries[0].samples}
    return firsts, list(dict.fromkeys(answer.source for entry in firsts.values() for answer in entry.samples))


def bars(comparison: Comparison, said: Mapping[str, Mapping[str, Answer]], sources: list[str]) -> timebars.Bars | None:
    """A clip a source: the truth, where a scored example tells it, and below it every network."""
    truths = {case.source: case.references[0] for case in comparison.entries[0].scores.cases if case.references}
    clips, tracks = {}, {}
    for source in sources:
        rows = [("truth", timebars.steps(truths[source]))] if source in truths else []
        for name, answers in said.items():
            if source in answers:
                answer = answers[source]
                labels = answer.track.labels if answer.track else timebars.steps(answer.output)
                rows.append((words.cut(name), labels))
                # Only the time of each step is told of a clip that several networks answered.
                if answer.track and source not in tracks:
                    tracks[source] = timebars.timing(answer.track)
        clips[source] = rows
    return timebars.bars(clips, tracks)


def text(answer: Answer | None) -> str:
    """An answer as a line; steps stand side by side."""
    return answer.output.replace("\t", " ") or "–" if answer else "–"


def given(comparison: Comparison, source: str, pictures: Mapping[str, bytes]) -> tuple[Picture, ...]:
    """The source's picture, or the real one, where the source is a prompt."""
    right = next((case.references for case in comparison.entries[0].scores.cases if case.source == source), ())
    return tuple(gallery.found(next((one for one in (source, *right) if one in pictures), source), pictures))


def cell(answer: Answer | None, network: str) -> Shown:
    """An answer as text, as a drawing, or as both."""
    if answer is None or not answer.picture:
        return Shown(text(answer))
    return Shown(answer.output, (gallery.picture(answer.picture, "", f"{network}: {answer.source}"),))
