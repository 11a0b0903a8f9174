"""Self-contained pages from plain results: one file that opens from disk, asks no network, and can be sent on."""

import base64
import hashlib
import random
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from heedful.report import compared, figures, words
from heedful.report.differences import Marked, marked
from heedful.report.figures import Table
from heedful.results import Alignment, Answer, Case, Comparison, Findings, Progress, Scores

SHOWN = 10


def run_page(
    *,
    title: str,
    facts: dict[str, str],
    curve: Sequence[Progress] = (),
    scores: Scores | None = None,
    alignments: Sequence[Alignment] = (),
    how: Sequence[str] = (),
) -> str:
    """The report of one run: what it learned from, how good it is, how it learned, where it is weak, what to do next.

    `facts` are short and measured (data, network, weights, time, speed, memory); `how` holds commands, one a line.
    """
    primary = scores.measures[scores.primary] if scores else None
    return page(
        "run.html",
        kind="run",
        title=title,
        facts=facts,
        scores=scores,
        hero=hero(scores) if scores else None,
        measures=measure_table(scores) if scores else None,
        signatures=signed(scores) if scores else [],
        curves=figures.learning(curve, primary),
        weak=figures.lengths(scores) if scores else None,
        views=[figures.aligned(alignment) for alignment in alignments],
        examples=examples(scores.cases) if scores else [],
        how=how,
    )


def compare_page(comparison: Comparison, lineage: Sequence[dict[str, str]] | None = None) -> str:
    """Several networks beside each other: table, intervals, curves, quality by length, answers, alignments.

    `lineage` has a row a network, in order, with the keys name, paper, added (to the row above) and lacked.
    """
    rows = compared.rows(comparison)
    scores, primary = comparison.entries[0].scores, compared.primary(comparison)
    bar = compared.weakest_best(comparison)
    seen, blind = looked(comparison)
    return page(
        "compare.html",
        kind="comparison",
        title=f"{comparison.task}: {words.listed([row.network for row in rows])}",
        summary=f"{comparison.data}. Each network had the same budget ({comparison.budget}), was chosen on the "
        f"validation split, and answered the same {scores.count:,} examples.",
        names=[primary.name, *(name for name in scores.measures if name != primary.name)],
        rows=rows,
        reach=words.score(bar, primary.name) if bar is not None else "",
        baseline=scores.baseline,
        baseline_name=scores.baseline_name,
        notes=[compared.luck(comparison), *comparison.notes],
        standing=figures.standing(comparison, rows),
        figures=[figures.races(comparison), figures.lengths_compared(comparison)],
        verdicts=verdict_table(comparison),
        sure=words.SURE,
        samples=sample_table(comparison),
        views=seen,
        blind=blind,
        lineage=Table(
            ["network", "paper", "what it added", "what it still lacked"],
            [[row[key] for key in ("name", "paper", "added", "lacked")] for row in lineage or []],
        ),
        signatures=signed(scores),
    )


def explain_page(source: str, answers: Sequence[Answer], alignment: Alignment | None) -> str:
    """One answer to point at: what each output looked at, and the other answers there were."""
    rows = [
        [answer.output + ("" if answer.complete else " …"), f"{answer.score:.2f}", f"{answer.normalised:.2f}"]
        for answer in answers
    ]
    return page(
        "explain.html",
        kind="explanation",
        title=answers[0].output if answers and 0 < len(answers[0].output) <= 60 else "One answer, looked into",
        source=source,
        view=figures.aligned(alignment) if alignment and alignment.maps else None,
        answers=Table(["answer", "score", "normalised"], rows),
        cut=not all(answer.complete for answer in answers),
    )


def check_page(findings: Findings) -> str:
    """What was noticed in the data, and how long its texts are."""
    histograms = [figures.histogram(name, bins) for name, bins in findings.histograms.items() if bins]
    return page("check.html", kind="data check", title=findings.title, findings=findings, figures=histograms)


def page(template: str, **values: Any) -> str:
    """A whole page from a template; everything that is not Markup is escaped."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """The templates, with the style sheet and the one script to be written into each page."""
    made = Environment(
        loader=PackageLoader("heedful.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    here = resources.files("heedful.report")
    module = (here / "views/alignment.js").read_text(encoding="utf-8")
    script = f'\n{module}\ndocument.querySelectorAll(".alignment").forEach(mount);\n'
    # Only this very script may run: whatever text a page shows, the browser refuses every other.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made.globals.update(
        style=Markup((here / "templates/style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=Markup(f"'sha256-{digest}'"),
    )
    made.filters.update(
        token=words.token,
        short=lambda text, most=160: text if len(text) <= most else text[:most] + "…",
        title_of=words.title,
        score_of=words.score,
        spread_of=words.spread,
        large=words.large,
        clock=words.clock,
    )
    return made


def hero(scores: Scores) -> dict[str, str]:
    """The one number of a run, in words."""
    measure = scores.measures[scores.primary]
    baseline = scores.baseline.get(scores.primary)
    return {
        "value": words.score(measure.value, measure.name),
        "name": words.title(measure.name),
        "spread": words.spread(measure),
        "baseline": words.score(baseline.value, measure.name) if baseline else "",
    }


def measure_table(scores: Scores) -> Table:
    """Every measure with its interval, and the baseline's beside it."""
    head = [
        "measure",
        "value",
        "95 % interval",
        *([f"baseline: {scores.baseline_name}"] if scores.baseline else []),
        "",
    ]
    rows = []
    for name, measure in scores.measures.items():
        row = [words.title(name), words.score(measure.value, name), words.spread(measure) or "–"]
        if scores.baseline:
            row.append(words.score(scores.baseline[name].value, name) if name in scores.baseline else "–")
        rows.append([*row, "higher is better" if measure.higher_is_better else "lower is better"])
    return Table(head, rows)


def signed(scores: Scores) -> list[tuple[str, str]]:
    """The signatures of the measures that have one."""
    return [(words.title(name), measure.signature) for name, measure in scores.measures.items() if measure.signature]


def examples(cases: Sequence[Case]) -> list[tuple[str, str, list[Marked]]]:
    """Ten best, ten worst and ten drawn at random: (title, what they are, rows)."""
    if not cases:
        return []
    best = sorted(cases, key=lambda case: (case.error, -len(case.source)))[:SHOWN]
    worst = sorted(cases, key=lambda case: (-case.error, len(case.source)))[:SHOWN]
    drawn = random.Random(0).sample(list(cases), min(SHOWN, len(cases)))
    shown = [
        ("Its best answers", "The longest of those with the fewest errors.", best),
        (
            "Its worst answers",
            "The most errors for their length. Struck out: said, and wrong; underlined: missing.",
            worst,
        ),
        ("A random few", f"{len(drawn)} of {len(cases):,}, drawn with seed 0.", drawn),
    ]
    return [(name, note, [marked(case) for case in chosen]) for name, note, chosen in shown]


def verdict_table(comparison: Comparison) -> Table:
    """Every paired test in numbers and in words."""
    primary = compared.primary(comparison)
    rows = [
        [
            pair.replace(" vs ", " – "),
            words.title(test.measure),
            f"{test.difference:+.1f}",
            f"{test.low:+.1f} to {test.high:+.1f}",
            f"{test.p:.3f}" if test.p >= 0.001 else "< 0.001",
            words.verdict(pair, test, primary.higher_is_better),
        ]
        for pair, test in comparison.paired.items()
    ]
    return Table(["networks", "measure", "difference", "95 % interval", "p", "in words"], rows)


def sample_table(comparison: Comparison) -> Table:
    """The same sources through every network (the first seed of each)."""
    firsts = {name: entries[0] for name, entries in compared.by_network(comparison).items() if entries[0].samples}
    sources = list(dict.fromkeys(answer.source for entry in firsts.values() for answer in entry.samples))
    said = {name: {answer.source: answer.output for answer in entry.samples} for name, entry in firsts.items()}
    return Table(
        ["source", *firsts], [[source, *(said[name].get(source, "–") for name in firsts)] for source in sources]
    )


def looked(comparison: Comparison) -> tuple[list[figures.View], str]:
    """A view a network that has attention, and a line on those that have none."""
    firsts = {name: entries[0].alignment for name, entries in compared.by_network(comparison).items()}
    views = [figures.aligned(found, name) for name, found in firsts.items() if found and found.maps]
    without = [name for name, found in firsts.items() if not (found and found.maps)]
    blind = f"{words.listed(without)}: no attention, so there is nothing to draw." if without else ""
    return views, blind if views else ""
