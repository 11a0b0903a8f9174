"""Self-contained pages from plain results: one file that opens from disk, asks no network, and can be sent on."""

import base64
import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from heedful.data.readers.rows import count
from heedful.explanations import History
from heedful.metrics.verdicts import SIGNIFICANCE_LEVEL, fewest_examples
from heedful.report import classes, compared, figures, filled, finding, tagged, words
from heedful.report.differences import MarkedCase, mark_differences
from heedful.report.figures import Table
from heedful.report.folds import fold_rows
from heedful.report.gallery import Picture, galleries, picture
from heedful.report.moments import moments_view
from heedful.report.passages import passage_tables
from heedful.report.samples import samples
from heedful.results import Case, Comparison, Exhibits, Findings, Progress, Scores

EXAMPLES = 10
MEASURES = 4  # columns of measures that a comparison's table has room for; the others stand in one of their own
VIEWS = {"alignment": ("alignment", "mount"), "guess": ("study", "mountGuess")}
"""The modules in report/views: the class of the elements that each brings to life, and the function that does."""
EVERYWHERE = {"scroll": ("scroll", "mountScroll")}
IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
"""Of a module by another: in a page they stand behind one another, in one script."""


def run_page(
    title: str,
    facts: dict[str, str],
    commands: Sequence[str] = (),
    scores: Scores | None = None,
    curve: Sequence[Progress] = (),
    exhibits: Exhibits | None = None,
    attribution: Sequence[str] = (),
    network: str = "",
    history: History | None = None,
) -> str:
    """The report of one run: how good it is, what it learned from, how it learned, where it is weak, what to do next.

    `facts` are short and measured (data, network, weights, time, speed, memory); `commands` holds commands, one a line;
    `attribution` stands below every gallery. Its title is what was found of the `network`, if it was scored; `history`
    is how a few of its answers came about.
    """
    exhibits = exhibits or Exhibits()
    primary = scores.measures[scores.primary] if scores else None
    cases = scores.cases if scores else ()
    return page(
        "run.html",
        kind=f"run · {title}" if scores else "run",
        title=finding.of_run(network or title, scores) if scores else title,
        facts=facts,
        standing=figures.score_intervals({"": scores.measures[scores.primary]}, scores) if scores else None,
        **score_values(scores),
        curves=figures.learning_curves(curve, primary),
        moments=moments_view(history, curve, primary) if history else None,
        weak=figures.scores_by_length(scores) if scores else None,
        **class_values(scores),
        views=[figures.alignment_view(alignment) for alignment in exhibits.alignments],
        examples=examples(cases) if exhibits.view == "texts" else [],
        filled=filled.passages(cases) if exhibits.view == "gaps" else [],
        passages=passage_tables(cases, exhibits.answers) if exhibits.view == "passages" else [],
        galleries=galleries(cases, exhibits),
        bars=tagged.figures_of_cases(cases, exhibits.tracks, exhibits.series) if exhibits.view == "steps" else None,
        attribution=attribution,
        commands=commands,
        **view_script({"alignment": ("alignment", "mount"), "moments": ("moments", "mountMoments")}),
    )


def score_values(scores: Scores | None) -> dict[str, Any]:
    """The template's values for scores: the primary one, the table of all, folds, signatures."""
    return {
        "scores": scores,
        "hero": hero(scores) if scores else None,
        "measures": measure_table(scores) if scores else None,
        "folds": fold_table(scores) if scores else None,
        "signatures": signatures(scores) if scores else [],
    }


def class_values(scores: Scores | None) -> dict[str, Any]:
    """The template's values for a classifier: confusion matrix, scores by class, reliability diagram."""
    return {
        "matrix": classes.matrix(scores.confusion) if scores else None,
        "ranked": classes.by_class(scores.by_class) if scores else None,
        "reliability": classes.reliability(scores) if scores else None,
    }


def compare_page(
    comparison: Comparison,
    lineage: Sequence[Mapping[str, str]] = (),
    exhibits: Exhibits | None = None,
    attribution: Sequence[str] = (),
) -> str:
    """Several networks beside each other: what was found, intervals, tables, curves, quality by length, answers,
    alignments.

    `lineage` has a row a network, in order, with the keys name, paper, added (to the row above) and lacked, and idea,
    where it is the idea that is compared. `exhibits`: pictures and series by the source of a sample; `attribution`
    stands below them.
    """
    rows = compared.rows(comparison)
    scores, names = comparison.entries[0].scores, compared.measures(comparison)
    ideas = {row["name"]: row["idea"] for row in lineage if row.get("idea")}
    standing = {row.network: row.measures[names[0]] for row in rows}
    return page(
        "compare.html",
        kind=f"comparison · {comparison.task}: {words.join_words([*standing])}",
        title=finding.of_comparison(comparison, ideas),
        summary=f"{comparison.data}. Each {comparison.noun} had {comparison.budget}, was chosen on the validation "
        f"split, and answered the same {count(scores.count, 'example')}.",
        called=[f"{idea}: {name}" for name, idea in ideas.items() if name in standing and idea != name],
        **comparison_values(comparison),
        further=further_table(comparison, rows, names[MEASURES:]),
        notes=[compared.interval_note(comparison), *comparison.notes],
        standing=figures.score_intervals(standing, scores, comparison.noun),
        figures=[figures.validation_curves(comparison), figures.length_curves(comparison)],
        costs=cost_table(comparison, rows),
        verdicts=verdict_table(comparison),
        tests_note=compared.tests_note(comparison),
        significance_level=SIGNIFICANCE_LEVEL,
        fewest_examples=fewest_examples(SIGNIFICANCE_LEVEL / max(1, len(comparison.paired))),
        samples=samples(comparison, exhibits or Exhibits()),
        attribution=attribution,
        **attention_views(comparison),
        lineage=lineage_table(lineage),
        signatures=signatures(scores),
    )


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """The template's values for the table of a comparison."""
    scores, names = comparison.entries[0].scores, compared.measures(comparison)
    return {
        "noun": comparison.noun,
        "names": names[:MEASURES],
        "rows": compared.rows(comparison),
        "baseline": scores.baseline,
        "baseline_name": scores.baseline_name,
    }


def cost_table(comparison: Comparison, rows: Sequence[compared.NetworkRow]) -> Table:
    """What each network takes: weights, time, speed, memory."""
    reach, pace = compared.reach_title(comparison), f"{comparison.unit}/s"
    head = [comparison.noun, "weights", "minutes of training", *([reach] if reach else [])]
    table = [
        [
            row.network,
            words.abbreviate(row.weights),
            words.clock(row.training_seconds) if row.training_seconds else "–",
            *([words.clock(row.time_to_score or 0)] if reach else []),
            words.abbreviate(row.train_tokens_per_second),
            words.abbreviate(row.generate_tokens_per_second),
            f"{row.peak_memory_mb:,.0f}",
        ]
        for row in rows
    ]
    return Table([*head, f"learns, {pace}", f"answers, {pace}", "memory, MB"], table)


def lineage_table(lineage: Sequence[Mapping[str, str]]) -> Table:
    """What each network added to the one above it."""
    rows = [[row[key] for key in ("name", "paper", "added", "lacked")] for row in lineage]
    return Table(["network", "paper", "what it added", "what it still lacked"], rows)


def check_page(findings: Findings) -> str:
    """What was noticed in the data, how long its texts are, and some of its pictures."""
    histograms = [figures.histogram(name, bins) for name, bins in findings.histograms.items() if bins]
    values = {"findings": findings, "figures": histograms, "sheet": sheet_of(findings)}
    return page("check.html", kind="data check", title=findings.title, **values)


def sheet_of(findings: Findings) -> dict[str, list[Picture]]:
    """The pictures that a check shows, by what stands above them."""
    return {title: [picture(png, "", name) for name, png in pictures] for title, pictures in findings.pictures.items()}


def page(template: str, **values: Any) -> str:
    """A whole page from a template; everything that is not Markup is escaped."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """The templates, with the style sheet and the one script to be written into each page."""
    environment = Environment(
        loader=PackageLoader("heedful.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(style=Markup(style()), **view_script(VIEWS))
    environment.filters.update(
        token=words.token,
        short=lambda text, limit=160: text if len(text) <= limit else text[:limit] + "…",
        title_of=words.title,
        score_of=words.score,
        interval_of=words.interval,
        shorten=words.shorten,
        abbreviate=words.abbreviate,
        clock=words.clock,
    )
    return environment


def view_script(views: Mapping[str, tuple[str, str] | None]) -> dict[str, Markup]:
    """The one script of a page and its hash: modules by name, each with a class of elements and what is called of them,
    or with nothing, where it is what those behind it import. Those of every page come last.

    Only this very script may run: whatever text a page shows, the browser refuses every other.
    """
    folder, views = resources.files("heedful.report"), {**views, **EVERYWHERE}
    sources = ((folder / f"views/{name}.js").read_text(encoding="utf-8") for name in views)
    modules = "\n".join(IMPORT.sub("", source) for source in sources)
    calls = [view for view in views.values() if view]
    mounted = "".join(f'document.querySelectorAll(".{name}").forEach({mount});\n' for name, mount in calls)
    script = f"\n{modules}\n{mounted}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"script": Markup(script), "script_hash": Markup(f"'sha256-{digest}'")}


def style() -> str:
    """The style sheet of all pages."""
    return (resources.files("heedful.report") / "templates/style.css").read_text(encoding="utf-8")


def hero(scores: Scores) -> dict[str, str]:
    """The primary score as text, with its interval and the baseline."""
    measure = scores.measures[scores.primary]
    baseline = scores.baseline.get(scores.primary)
    return {
        "value": words.score(measure.value, measure.name),
        "name": words.title(measure.name),
        "interval": words.interval(measure),
        "baseline": words.value_with_interval(baseline) if baseline else "",
        "standing": words.standing(scores),
    }


def measure_table(scores: Scores) -> Table:
    """Every measure with its interval, and the baseline's beside it."""
    head = [
        "measure",
        "value",
        "95 % interval",
        *(["baseline"] if scores.baseline else []),
        "better",
    ]
    rows = []
    for name, measure in scores.measures.items():
        row = [words.title(name), words.score(measure.value, name), words.interval_or_why(measure, scores.count)]
        if scores.baseline:
            row.append(words.value_with_interval(scores.baseline[name]) if name in scores.baseline else "–")
        rows.append([*row, "higher" if measure.higher_is_better else "lower"])
    return Table(head, rows)


def fold_table(scores: Scores) -> Table | None:
    """The folds of a cross-validation."""
    rows = fold_rows(scores)
    return Table(rows[0], rows[1:]) if rows else None


def signatures(scores: Scores) -> list[tuple[str, str]]:
    """The signatures of the measures that have one."""
    return [(words.title(name), measure.signature) for name, measure in scores.measures.items() if measure.signature]


def examples(cases: Sequence[Case]) -> list[tuple[str, str, list[MarkedCase]]]:
    """Ten best, ten worst and ten drawn at random: (title, what they are, rows)."""
    if not cases:
        return []
    best = sorted(cases, key=lambda case: (case.error, -len(case.source)))[:EXAMPLES]
    worst = sorted(cases, key=lambda case: (-case.error, len(case.source)))[:EXAMPLES]
    sample = random.Random(0).sample(list(cases), min(EXAMPLES, len(cases)))
    sections = [
        ("Its best answers", "The longest of those with the fewest errors.", best),
        (
            "Its worst answers",
            "The most errors for their length. Struck out: said, and wrong; underlined: missing.",
            worst,
        ),
        ("A random few", f"{len(sample)} of {len(cases):,}, drawn with seed 0.", sample),
    ]
    return [(name, note, [mark_differences(case) for case in section_cases]) for name, note, section_cases in sections]


def verdict_table(comparison: Comparison) -> Table:
    """Every paired test in numbers and in words."""
    primary = compared.primary(comparison)
    rows = [
        [
            pair.replace(" vs ", " – "),
            words.title(test.measure),
            words.change(test.difference, test.measure),
            words.interval(test) or "–",
            words.p_value(test.p).removeprefix("p "),
            words.verdict(pair, test, primary.higher_is_better),
        ]
        for pair, test in comparison.paired.items()
    ]
    p = "p, adjusted" if len(rows) > 1 else "p"
    return Table([f"{comparison.noun}s", "measure", "difference", "95 % interval", p, "in words"], rows)


def further_table(comparison: Comparison, rows: Sequence[compared.NetworkRow], names: Sequence[str]) -> Table:
    """The measures that the first table has no room for."""
    scores = comparison.entries[0].scores
    table = [[row.network, *(compared.format_measure(row, name) for name in names)] for row in rows]
    if scores.baseline:
        base = [words.value_with_interval(scores.baseline[name]) if name in scores.baseline else "–" for name in names]
        table.append([scores.baseline_name, *base])
    return Table([comparison.noun, *map(words.title, names)], table if names else [])


def attention_views(comparison: Comparison) -> dict[str, Any]:
    """An alignment for each network that has attention, and a note on those that have none."""
    alignments = {name: entries[0].alignment for name, entries in compared.by_network(comparison).items()}
    views = [
        figures.alignment_view(alignment, name)
        for name, alignment in alignments.items()
        if alignment and alignment.maps
    ]
    without_attention = [name for name, alignment in alignments.items() if not (alignment and alignment.maps)]
    note = (
        f"{words.join_words(without_attention)}: no attention, so there is nothing to draw."
        if without_attention
        else ""
    )
    return {"views": views, "without_attention": note if views else ""}
