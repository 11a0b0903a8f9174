"""Results as plain text in columns, the same on a terminal, in a pipe and in a log."""

from collections.abc import Sequence, Set

from rich.cells import cell_len

from heedful.report import compared, words
from heedful.results import Comparison, Findings, Scores

SIGNS = {"x": "x", "!": "!", "i": "i"}


def scores_table(scores: Scores) -> str:
    """A measure a line: value, interval, baseline.

    >>> from heedful.results import Measure
    >>> print(scores_table(Scores("word_error", {"word_error": Measure("word_error", 31.2, 30.4, 32.0, False)}, 12606)))
    12,606 examples   value  95 % interval
    words wrong      31.2 %   30.4 to 32.0
    """
    head = [
        f"{scores.count:,} examples",
        "value",
        "95 % interval",
        *([scores.baseline_name] if scores.baseline else []),
    ]
    rows = []
    for name, measure in scores.measures.items():
        row = [words.title(name), words.score(measure.value, name), words.spread(measure) or "–"]
        if scores.baseline:
            row.append(words.score(scores.baseline[name].value, name) if name in scores.baseline else "–")
        rows.append(row)
    signed = [f"{words.title(name)}: {m.signature}" for name, m in scores.measures.items() if m.signature]
    return "\n".join([columns([head, *rows]), *signed])


def compare_table(comparison: Comparison) -> str:
    """A network a line, the baseline last, and below them what the paired tests say."""
    rows = compared.rows(comparison)
    primary, scores = compared.primary(comparison), comparison.entries[0].scores
    names = [primary.name, *(name for name in scores.measures if name != primary.name)]
    head = ["network", *map(words.title, names), "weights", "learns", "answers", "memory", "as the weakest", ""]
    table = [
        [
            row.network,
            *(words.with_spread(row.measures[name]) for name in names),
            words.large(row.weights),
            f"{words.large(row.train_tokens_per_second)}/s",
            f"{words.large(row.generate_tokens_per_second)}/s",
            f"{row.peak_memory_mb:,.0f} MB",
            "–" if row.reached is None else words.clock(row.reached),
            row.verdict,
        ]
        for row in rows
    ]
    if scores.baseline:
        base = [words.score(scores.baseline[name].value, name) if name in scores.baseline else "–" for name in names]
        table.append([scores.baseline_name, *base, "", "", "", "", "", "baseline"])
    tests = [
        f"{pair}: {words.title(test.measure)} {test.difference:+.1f} ({test.low:+.1f} to {test.high:+.1f}), "
        f"p {test.p:.3f}: {words.verdict(pair, test, primary.higher_is_better)}"
        for pair, test in comparison.paired.items()
    ]
    return "\n".join([columns([head, *table], left={len(head) - 1}), *tests])


def findings_text(findings: Findings) -> str:
    """The summary, then a finding a line behind its sign, with the first places it was seen.

    >>> from heedful.results import Finding
    >>> print(findings_text(Findings("pairs", "3 pairs", (Finding("!", "2 pairs twice", 2, ("line 1", "line 3")),))))
    3 pairs
      ! 2 pairs twice  (line 1, line 3)
    """
    lines = [findings.summary]
    for one in findings.findings:
        shown = ", ".join(one.lines[:3]) + (", …" if len(one.lines) > 3 else "")
        lines.append(f"  {SIGNS.get(one.level, one.level)} {one.text}" + (f"  ({shown})" if shown else ""))
    return "\n".join(lines)


def columns(rows: Sequence[Sequence[str]], left: Set[int] = frozenset()) -> str:
    """Cells in columns: the first one and those in `left` begin together, all others end together."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - cell_len(cell))
            cells.append(cell + blanks if i == 0 or i in left else blanks + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
