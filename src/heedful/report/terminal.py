"""Results as plain text in columns, the same on a terminal, in a pipe and in a log."""

from collections.abc import Sequence

from heedful.data.readers.rows import count
from heedful.report import compared, words
from heedful.report.classes import class_values, mixed_up, rank_classes
from heedful.report.columns import columns
from heedful.report.folds import fold_rows
from heedful.report.samples import samples
from heedful.results import ClassScore, Comparison, Confusion, Exhibits, Findings, Scores

SIGNS = {"x": "x", "!": "!", "i": "i"}
SHOWN = 3  # rows that a finding names
MEASURES = 4  # columns of measures that a comparison's table has room for
MAX_CELL = 100  # letters of an answer in a table of answers


def scores_table(scores: Scores) -> str:
    """A line for each measure: value, interval, baseline; then in words whether the baseline is surpassed, folds,
    signatures, and what is to be known with it all.

    >>> from heedful.results import Measure
    >>> print(scores_table(Scores("word_error", {"word_error": Measure("word_error", 31.2, 30.4, 32.0, False)}, 12606)))
    12,606 examples   value  95 % interval
    word error       31.2 %   30.4 to 32.0
    """
    head = [
        count(scores.count, "example"),
        "value",
        "95 % interval",
        *([scores.baseline_name] if scores.baseline else []),
    ]
    rows = []
    for name, measure in scores.measures.items():
        row = [words.title(name), words.score(measure.value, name), words.interval_or_why(measure, scores.count)]
        if scores.baseline:
            row.append(words.value_with_interval(scores.baseline[name]) if name in scores.baseline else "–")
        rows.append(row)
    signatures = [f"{words.title(name)}: {m.signature}" for name, m in scores.measures.items() if m.signature]
    folds = [columns(fold_table)] if (fold_table := fold_rows(scores)) else []
    standing = [sentence] if (sentence := words.standing(scores)) else []
    return "\n".join([columns([head, *rows]), *standing, *folds, *signatures, *scores.remarks])


def compare_table(comparison: Comparison, brief: bool = False) -> str:
    """A line for each network, the baseline last, and the paired tests below; `brief`: by the first measure alone."""
    rows = compared.rows(comparison)
    primary, scores = compared.primary(comparison), comparison.entries[0].scores
    names = compared.measures(comparison)[: 1 if brief else None]
    head = [
        comparison.noun,
        *map(words.title, names[:MEASURES]),
        "weights",
        "learns",
        "answers",
        "memory",
        compared.reach_title(comparison),
        "",
    ]
    table = [
        [
            row.network,
            *(compared.format_measure(row, name) for name in names[:MEASURES]),
            words.abbreviate(row.weights),
            f"{words.abbreviate(row.train_tokens_per_second)}/s",
            f"{words.abbreviate(row.generate_tokens_per_second)}/s",
            f"{row.peak_memory_mb:,.0f} MB",
            "–" if row.time_to_score is None else words.clock(row.time_to_score),
            "; ".join(filter(None, [row.verdict, row.shortfall])),
        ]
        for row in rows
    ]
    if scores.baseline:
        table.append([scores.baseline_name, *yardsticks(scores, names[:MEASURES]), "", "", "", "", "", "baseline"])
    tests = [
        f"{pair}: {words.title(test.measure)} {words.difference(test)}, "
        f"{words.p_value(test.p)}: {words.verdict(pair, test, primary.higher_is_better)}"
        for pair, test in comparison.paired.items()
    ]
    tests += filter(None, [compared.tests_note(comparison)])
    return "\n".join(
        [columns([head, *table], left_aligned={len(head) - 1}), *further_tables(comparison, rows, names), *tests]
    )


def further_tables(comparison: Comparison, rows: Sequence[compared.NetworkRow], names: Sequence[str]) -> list[str]:
    """The measures that the first table has no room for, as many as fit in each further one."""
    scores, tables = comparison.entries[0].scores, []
    for first in range(MEASURES, len(names), MEASURES):
        chunk = names[first : first + MEASURES]
        table = [["", *map(words.title, chunk)]]
        table += [[row.network, *(compared.format_measure(row, name) for name in chunk)] for row in rows]
        if scores.baseline:
            table.append([scores.baseline_name, *yardsticks(scores, chunk)])
        tables.append("\n" + columns(table))
    return [*tables, ""] if tables else []


def yardsticks(scores: Scores, names: Sequence[str]) -> list[str]:
    """The baseline's measures; a dash where it has none."""
    return [words.score(scores.baseline[name].value, name) if name in scores.baseline else "–" for name in names]


def samples_table(comparison: Comparison) -> str:
    """The same sources through every network, or nothing where there are none; drawings are left to the page.

    A line a source, so what is long ends in an ellipsis here, and stands whole on the page.
    """
    table = samples(comparison, Exhibits()).table
    if not any(cell not in ("", "–") for row in table.rows for cell in row[1:]):
        return ""
    rows = [[" ".join(cell.split()) for cell in row] for row in table.rows]
    shortened = [[cell if len(cell) <= MAX_CELL else f"{cell[: MAX_CELL - 1]}…" for cell in row] for row in rows]
    note = ["Whole on the page."] if shortened != rows else []
    return "\n".join([columns([table.head, *shortened], left_aligned=set(range(len(table.head)))), *note])


def classes_table(scores: Sequence[ClassScore], max_rows: int = 10) -> str:
    """The classes that are answered worst, worst first; those without an example have no scores.

    >>> print(classes_table([ClassScore("cat", 5, 50.0, 60.0, 54.5), ClassScore("dog", 5, 40.0, 40.0, 40.0)]))
    class  examples  precision  recall    F1
    dog           5       40.0    40.0  40.0
    cat           5       50.0    60.0  54.5
    """
    ranked = rank_classes(scores)
    scored = sum(score.count > 0 for score in scores)
    rows = [[score.name, f"{score.count:,}", *class_values(score)] for score in ranked]
    better, unscored = (max(0, number) for number in (scored - max_rows, len(rows) - max(scored, max_rows)))
    notes = [f"and {count(better, 'class', 'classes')} that did better"] if better else []
    notes += [f"and {count(unscored, 'class', 'classes')} without an example"] if unscored else []
    return "\n".join([columns([["class", "examples", "precision", "recall", "F1"], *rows[:max_rows]]), *notes])


def confusion_table(confusion: Confusion, max_rows: int = 10) -> str:
    """The most frequent mix-ups, a pair a line; nothing if nothing was mixed up.

    >>> print(confusion_table(Confusion(("cat", "dog"), ((8, 2), (1, 9)))))
    truth  answered as  times  of that class
    cat    dog              2         20.0 %
    dog    cat              1         10.0 %
    """
    pairs = mixed_up(confusion)
    rows = [
        [true, predicted, f"{count:,}", f"{100 * fraction:.1f} %"]
        for true, predicted, count, fraction in pairs[:max_rows]
    ]
    return columns([["truth", "answered as", "times", "of that class"], *rows], left_aligned={1}) if rows else ""


def findings_text(findings: Findings) -> str:
    """The summary, then each finding behind its sign, with the first rows that it was seen in and what to do about it.

    >>> from heedful.results import Finding
    >>> twice = Finding("!", "2 pairs twice", 2, ("line 1", "line 3"))
    >>> empty = Finding("!", "1 empty pair", 1, ("line 7",), ('"" → "x"',), "Fill it in.")
    >>> print(findings_text(Findings("pairs", "3 pairs", (twice, empty))))
    3 pairs
      ! 2 pairs twice  (line 1, line 3)
      ! 1 empty pair
          line 7: "" → "x"
          Fill it in.
    """
    lines = [findings.summary]
    for finding in findings.findings:
        sign, examples = SIGNS.get(finding.level, finding.level), ", ".join(finding.lines[:SHOWN])
        more = ", …" if len(finding.lines) > SHOWN else ""
        lines.append(f"  {sign} {finding.text}" + (f"  ({examples}{more})" if examples and not finding.rows else ""))
        rows = zip(finding.lines[:SHOWN], finding.rows, strict=False)
        lines += [f"      {where}: {row}" for where, row in rows]
        lines += [f"      {finding.advice}"] if finding.advice else []
    return "\n".join(lines)
