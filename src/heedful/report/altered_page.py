"""The page of a network of which a part was cut or held: both scores, their difference, and answers side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap

from heedful.data.readers.rows import count
from heedful.metrics.verdicts import is_decidable, is_decided
from heedful.report import draw, figures, pages, samples, tagged, timebars, words
from heedful.report.figures import Figure, Table
from heedful.report.samples import Grid, SampleCell
from heedful.results import Answer, Case, Exhibits, Measure, Paired, Scores

AS_IT_IS = "as it is"
SHOWN = 10  # examples
BARS = 3  # of them, where answers are bars


@dataclass(frozen=True)
class Altered:
    """What a page of an alteration shows; `paired`: altered minus as it is."""

    network: str
    alteration: str
    scores: Scores
    altered: Scores
    paired: Paired
    exhibits: Exhibits


def altered_page(result: Altered) -> str:
    """The page."""
    name = result.scores.primary
    both = {AS_IT_IS: result.scores.measures[name], result.alteration: result.altered.measures[name]}
    changed = sum(starmap(differs, cases_of(result)))
    return pages.page(
        "altered.html",
        kind=f"altered · {result.network}",
        title=finding(result),
        lead=f"{result.network} answered the same {count(result.scores.count, 'example')} twice: as it is, and altered "
        f"({result.alteration}). Nothing was trained in between.",
        charts=[figures.score_intervals(both, result.scores, "network"), difference_figure(result)],
        conclusion=conclusion(result.paired),
        measures=measure_table(result),
        changed=f"{count(changed, 'answer')} of {len(result.scores.cases):,} became another." if changed else "",
        **examples(result),
    )


def finding(result: Altered) -> str:
    """What the paired test shows, in a sentence."""
    name, test = result.scores.primary, result.paired
    scores = result.altered.measures[name], result.scores.measures[name]
    numbers = f"{words.title(name)} {' against '.join(words.score(each.value, name) for each in scores)}"
    altered = f"{words.shorten(result.network, 40)}, {words.shorten(result.alteration, 60)},"
    if not is_decidable(test):
        return f"Too few examples to tell {altered} from the same as it is: {numbers}"
    if not is_decided(test):
        return f"No test tells {altered} from the same as it is: {numbers}"
    is_better = (test.difference > 0) == scores[0].higher_is_better
    return f"{altered} is {'better' if is_better else 'worse'} than as it is: {numbers}"


def conclusion(test: Paired) -> str:
    """The paired test in numbers and words."""
    told = "more than chance explains" if is_decided(test) else words.undecided(test, "no difference can be told")
    title = words.title(test.measure)
    found = f"{words.difference(test)}, {words.p_value(test.p)}"
    return f"{title[0].upper()}{title[1:]}, altered minus as it is: {found}: {told}."


def difference_figure(result: Altered) -> Figure:
    """The paired difference with its interval, beside no difference at all."""
    test, higher = result.paired, result.scores.measures[result.scores.primary].higher_is_better
    measure = Measure(test.measure, test.difference, test.low, test.high, higher)
    drawing = draw.intervals(
        [("", measure)], f"{words.axis(test.measure)}, altered minus as it is", {"no difference": 0.0}
    )
    caption = (
        f"What the alteration adds to each example's share of the score. {'Above' if higher else 'Below'} 0 it helps."
    )
    caption += " Where the bar, its 95 % interval, leaves out 0, chance does not explain it."
    row = [
        words.difference(test).partition(" ")[0],
        words.interval(test) or "–",
        words.p_value(test.p).removeprefix("p "),
    ]
    return Figure(
        "The difference, example by example", drawing, caption, Table(["difference", "95 % interval", "p"], [row])
    )


def measure_table(result: Altered) -> Table:
    """Every measure of both."""
    rows = []
    for name, measure in result.scores.measures.items():
        pair = [measure, result.altered.measures[name]]
        cells = [text for each in pair for text in (words.score(each.value, name), words.interval(each) or "–")]
        rows.append([words.title(name), *cells])
    return Table(["measure", AS_IT_IS, "95 % interval", result.alteration, "95 % interval"], rows)


def cases_of(result: Altered) -> list[tuple[Case, Case]]:
    """Each example as it is and altered, those first whose error changed most."""
    pairs = zip(result.scores.cases, result.altered.cases, strict=True)
    return sorted(pairs, key=lambda pair: -abs(pair[1].error - pair[0].error))


def differs(case: Case, altered: Case) -> bool:
    """Whether the answer became another."""
    return said(case) != said(altered)


def examples(result: Altered) -> dict[str, Grid | timebars.Bars | Table | None]:
    """The examples that changed most: as bars of steps, as texts with what is wrong struck out, or as errors."""
    pairs, view = cases_of(result), result.exhibits.view
    none: dict[str, Grid | timebars.Bars | Table | None] = {"bars": None, "grid": None, "errors": None}
    if view == "steps":
        timed = [pair for pair in pairs if pair[0].source in result.exhibits.tracks]
        return none | {"bars": bars(result, (timed or pairs)[:BARS])}
    if not any(said(case) for pair in pairs for case in pair):
        rows = [[words.shorten(case.source, 80), *map(error, (case, other))] for case, other in pairs[:SHOWN]]
        return none | {"errors": Table(["example", f"error, {AS_IT_IS}", f"error, {result.alteration}"], rows)}
    return none | {"grid": grid(result, pairs[:SHOWN])}


def bars(result: Altered, pairs: Sequence[tuple[Case, Case]]) -> timebars.Bars | None:
    """Steps: the truth, and both answers below it."""
    clips = {
        case.source: [
            ("truth", timebars.steps(case.references[0])),
            (AS_IT_IS, timebars.steps(case.output)),
            ("altered", timebars.steps(other.output)),
        ]
        for case, other in pairs
    }
    tracks = {source: timebars.timing(track) for source, track in result.exhibits.tracks.items() if source in clips}
    return tagged.figures_of(clips, tracks, series=result.exhibits.series)


def grid(result: Altered, pairs: Sequence[tuple[Case, Case]]) -> Grid:
    """Texts and classes: the question, what is right, and both answers."""
    are_texts = result.exhibits.view in samples.TRUTHS_ARE_TEXTS
    rows = []
    for pair in pairs:
        source, accepted = pair[0].source, pair[0].references if are_texts else ()
        pictures = samples.source_pictures(pair[0].references, source, result.exhibits.pictures)
        answers = [samples.cell(Answer(source, said(case), 0.0, 0.0), "", accepted) for case in pair]
        right = [SampleCell(samples.right_text(accepted))] if are_texts else []
        rows.append([SampleCell(source, pictures), *right, *answers])
    return Grid(["source", *([samples.RIGHT] if are_texts else []), AS_IT_IS, result.alteration], rows)


def said(case: Case) -> str:
    """An answer as a line."""
    return (case.said or case.output).replace("\t", " ")


def error(case: Case) -> str:
    """How far off an answer is."""
    return f"{case.error:.2f}"
