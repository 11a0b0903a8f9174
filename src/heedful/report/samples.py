"""The same sources through every network of a comparison: as texts, as pictures, or as bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from heedful.data.readers.rows import count
from heedful.report import compared, gallery, tagged, timebars, words
from heedful.report.differences import mark_differences
from heedful.report.figures import Table
from heedful.report.gallery import Picture
from heedful.results import Answer, Case, Comparison, Entry, Exhibits, Series, View

RIGHT = "right"  # the column of what would be right
TRUTHS_ARE_TEXTS: tuple[View, ...] = ("texts", "classes", "captions")


@dataclass(frozen=True)
class SampleCell:
    """A cell of the grid: text, in which what is wrong is marked, and pictures. `right`: None where nobody knows."""

    text: str | Markup
    pictures: tuple[Picture, ...] = ()
    right: bool | None = None


@dataclass(frozen=True)
class Grid:
    """Rows of cells below a head; the first column holds the source."""

    head: Sequence[str]
    rows: list[list[SampleCell]]


@dataclass(frozen=True)
class SampleAnswers:
    """The samples as a table of texts, as a grid, and as bars where answers are such."""

    table: Table
    grid: Grid | None = None
    bars: timebars.Bars | None = None


def samples(comparison: Comparison, exhibits: Exhibits) -> SampleAnswers:
    """The answers of each network's first seed to the same sources, beside what is right, in the form that suits them.

    Of exhibits: pictures by source, or by what is right, and series by source.
    """
    first_entries, sources = sampled_entries(comparison)
    answers = {name: {answer.source: answer for answer in entry.samples} for name, entry in first_entries.items()}
    all_truths = {case.source: case.references for case in comparison.entries[0].scores.cases}
    truths = all_truths if comparison.view in TRUTHS_ARE_TEXTS else {}
    known = [RIGHT] if any(source in truths for source in sources) else []
    texts = [
        [
            source,
            *(words.join_words(truths.get(source, ()), "or") for _ in known),
            *(answer_text(answers[name].get(source)) for name in first_entries),
        ]
        for source in sources
    ]
    table = Table(["source", *known, *first_entries], texts)
    if not sources:
        return SampleAnswers(table)
    if comparison.view == "steps":
        return SampleAnswers(table, bars=bars(comparison, answers, sources, exhibits.series))
    rows = [
        [
            SampleCell(source, source_pictures(all_truths.get(source, ()), source, exhibits.pictures)),
            *(SampleCell(right_text(truths.get(source, ()))) for _ in known),
            *(cell(answers[name].get(source), name, truths.get(source, ())) for name in first_entries),
        ]
        for source in sources
    ]
    return SampleAnswers(table, Grid(table.head, rows))


def right_text(accepted: Sequence[str]) -> str:
    """What is right, and how much else would be."""
    more = f" or {count(len(accepted) - 1, 'other')}" if len(accepted) > 1 else ""
    return f"{accepted[0]}{more}" if accepted else "–"


def sampled_entries(comparison: Comparison) -> tuple[dict[str, Entry], list[str]]:
    """The first entry of each network that answered any sample, and the sources of all of them."""
    first_entries = {
        name: entries[0] for name, entries in compared.by_network(comparison).items() if entries[0].samples
    }
    return first_entries, list(
        dict.fromkeys(answer.source for entry in first_entries.values() for answer in entry.samples)
    )


def bars(
    comparison: Comparison,
    answers_by_network: Mapping[str, Mapping[str, Answer]],
    sources: list[str],
    series: Mapping[str, Series],
) -> timebars.Bars | None:
    """A clip a source: what was measured, the truth, where a scored example tells it, and below it every network."""
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
    return tagged.figures_of(clips, tracks, series=series)


def answer_text(answer: Answer | None) -> str:
    """An answer as a line; steps stand side by side."""
    return answer.output.replace("\t", " ") or "–" if answer else "–"


def source_pictures(accepted: Sequence[str], source: str, pictures: Mapping[str, bytes]) -> tuple[Picture, ...]:
    """The source's picture, or the real one, where the source is a prompt."""
    found = next((reference for reference in (source, *accepted) if reference in pictures), source)
    return tuple(gallery.pictures_of(found, pictures))


def cell(answer: Answer | None, name: str, accepted: Sequence[str]) -> SampleCell:
    """An answer as text, in which what is wrong is struck out, as a drawing, or as both."""
    if answer is None:
        return SampleCell(answer_text(answer))
    drawing = (gallery.picture(answer.picture, "", f"{name}: {answer.source}"),) if answer.picture else ()
    if not accepted:
        return SampleCell(answer.output if drawing else answer_text(answer), drawing)
    marked = mark_differences(Case(answer.source, answer.output, tuple(accepted), 0.0))
    return SampleCell(marked.answer or "(nothing)", drawing, answer.output in accepted)
