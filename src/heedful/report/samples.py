"""The same sources through every network of a comparison: as texts, as pictures, or as bars."""

from collections.abc import Mapping
from dataclasses import dataclass

from heedful.report import compared, gallery, tagged, timebars, words
from heedful.report.figures import Table
from heedful.report.gallery import Picture
from heedful.results import Answer, Comparison, Entry


@dataclass(frozen=True)
class SampleCell:
    """A cell of the grid: text and pictures."""

    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Grid:
    """Rows of cells below a head; the first column holds the source."""

    head: list[str]
    rows: list[list[SampleCell]]


@dataclass(frozen=True)
class SampleAnswers:
    """The samples as a table, and as a grid with pictures or as bars where answers are such."""

    table: Table
    grid: Grid | None = None
    bars: timebars.Bars | None = None


def samples(comparison: Comparison, pictures: Mapping[str, bytes]) -> SampleAnswers:
    """The answers of each network's first seed to the same sources, in the form that suits them."""
    first_entries, sources = sampled_entries(comparison)
    answers_by_network = {
        name: {answer.source: answer for answer in entry.samples} for name, entry in first_entries.items()
    }
    all_answers = [answer for answers in answers_by_network.values() for answer in answers.values()]
    texts = [
        [source, *(answer_text(answers_by_network[name].get(source)) for name in first_entries)] for source in sources
    ]
    table = Table(["source", *first_entries], texts)
    if comparison.view == "steps" and all_answers:
        return SampleAnswers(table, bars=bars(comparison, answers_by_network, sources))
    if any(answer.picture for answer in all_answers) or any(source in pictures for source in sources):
        rows = [
            [
                SampleCell(source, source_pictures(comparison, source, pictures)),
                *(cell(answers_by_network[name].get(source), name) for name in first_entries),
            ]
            for source in sources
        ]
        return SampleAnswers(table, grid=Grid(["source", *first_entries], rows))
    return SampleAnswers(table)


def sampled_entries(comparison: Comparison) -> tuple[dict[str, Entry], list[str]]:
    """The first entry of each network that answered any sample, and the sources of all of them."""
    first_entries = {
        name: entries[0] for name, entries in compared.by_network(comparison).items() if entries[0].samples
    }
    return first_entries, list(
        dict.fromkeys(answer.source for entry in first_entries.values() for answer in entry.samples)
    )


def bars(
    comparison: Comparison, answers_by_network: Mapping[str, Mapping[str, Answer]], sources: list[str]
) -> timebars.Bars | None:
    """A clip a source: the truth, where a scored example tells it, and below it every network."""
    truths = {case.source: case.references[0] for case in comparison.entries[0].scores.cases if case.references}
    clips, tracks = {}, {}
    for source in sources:
        rows = [("truth", timebars.steps(truths[source]))] if source in truths else []
        for name, answers in answers_by_network.items():
            if source in answers:
                answer = answers[source]
                labels = answer.track.labels if answer.track else timebars.steps(answer.output)
                rows.append((words.shorten(name), labels))
                # Only the time of each step is told of a clip that several networks answered.
                if answer.track and source not in tracks:
                    tracks[source] = timebars.timing(answer.track)
        clips[source] = rows
    return tagged.figures_of(clips, tracks)


def answer_text(answer: Answer | None) -> str:
    """An answer as a line; steps stand side by side."""
    return answer.output.replace("\t", " ") or "–" if answer else "–"


def source_pictures(comparison: Comparison, source: str, pictures: Mapping[str, bytes]) -> tuple[Picture, ...]:
    """The source's picture, or the real one, where the source is a prompt."""
    references = next((case.references for case in comparison.entries[0].scores.cases if case.source == source), ())
    return tuple(
        gallery.pictures_of(
            next((reference for reference in (source, *references) if reference in pictures), source), pictures
        )
    )


def cell(answer: Answer | None, network: str) -> SampleCell:
    """An answer as text, as a drawing, or as both."""
    if answer is None or not answer.picture:
        return SampleCell(answer_text(answer))
    return SampleCell(answer.output, (gallery.picture(answer.picture, "", f"{network}: {answer.source}"),))
