"""Plain results as text on a terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.results import Alignment, Comparison, Findings, Measure, Paired, Scores

SHADES = " ░▒▓█"


def columns(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Lines with the cells of `rows` one below the other; nothing is cut.

    >>> columns([["gru", "12.1"], ["vaswani2017", "9.4"]])
    ['gru          12.1', 'vaswani2017  9.4']
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def value(measure: "Measure") -> str:
    """A measure with half of its 95 % interval, where it has one."""
    half = (measure.high - measure.low) / 2
    return f"{measure.value:.2f} ± {half:.2f}" if half else f"{measure.value:.2f}"


def scores(result: "Scores") -> str:
    """A table of measures beside the baseline's, then quality by length, then the signatures."""
    head = ["", "score (95 %)"] + ([f"baseline: {result.baseline_name}"] if result.baseline else []) + ["better is"]
    rows = [head]
    for name, measure in result.measures.items():
        beside = [value(result.baseline[name]) if name in result.baseline else "–"] if result.baseline else []
        rows.append([measure.name, value(measure), *beside, "higher" if measure.higher_is_better else "lower"])
    lines = [f"{result.count:,} examples, scored by {result.primary}", "", *columns(rows)]
    if result.by_length:
        bins = [[f"{one.low}–{one.high}", f"{one.count:,}", f"{one.value:.2f}"] for one in result.by_length]
        lines += ["", *columns([["source length", "examples", result.primary], *bins])]
    signed = [f"{measure.name}: {measure.signature}" for measure in result.measures.values() if measure.signature]
    return "\n".join(lines + (["", *signed] if signed else []))


def paired(result: "Paired", one: str, other: str) -> str:
    """Whether one model is better than another on the same examples."""
    sure = "no difference can be told" if result.low <= 0 <= result.high else "a difference that luck hardly explains"
    return (
        f"{result.measure}, {one} minus {other}: {result.difference:+.2f} "
        f"(95 %: {result.low:+.2f} to {result.high:+.2f}, p = {result.p:.3f}): {sure}."
    )


def comparison(result: "Comparison") -> str:
    """A row for each network and seed, then who is better than whom, then the notes."""
    rows = [["network", "seed", *measures(result), "weights", "learns", "answers", "memory"]]
    for entry in result.entries:
        cells = [value(entry.scores.measures[name]) for name in measures(result)]
        speed = [f"{entry.train_tokens_per_second:,.0f}/s", f"{entry.generate_tokens_per_second:,.0f}/s"]
        size = f"{entry.weights / 1e6:.1f} M"
        rows.append([entry.network, str(entry.seed), *cells, size, *speed, f"{entry.peak_memory_mb:,.0f} MB"])
    first = result.entries[0].scores
    if first.baseline:
        cells = [value(first.baseline[name]) if name in first.baseline else "–" for name in measures(result)]
        rows.append([f"({first.baseline_name})", "", *cells, "", "", "", ""])
    told = [paired(pair, *names.split(" vs ", 1)) for names, pair in result.paired.items()]
    return "\n".join([f"{result.data}, {result.budget} each", "", *columns(rows), "", *told, *result.notes]).rstrip()


def measures(result: "Comparison") -> list[str]:
    """The measures all entries have, the one that "best" goes by first."""
    first = result.entries[0].scores
    shared = [name for name in first.measures if all(name in entry.scores.measures for entry in result.entries)]
    return sorted(shared, key=lambda name: name != first.primary)


def findings(result: "Findings") -> str:
    """What `check` noticed, one line each, with the first places."""
    lines = [result.summary]
    for finding in result.findings:
        where = f"   (first: {', '.join(finding.lines[:3])})" if finding.lines else ""
        lines.append(f"  {finding.level} {finding.text}{where}")
    return "\n".join(lines)


def alignment(result: "Alignment") -> str:
    """The mean of all maps from target to source as shades: a row for each target token, a column a source token."""
    rows = mean(result)
    width = max(map(len, result.target), default=0)
    cells = max(map(len, result.source), default=1)
    head = " ".join(token.ljust(cells) for token in result.source)
    lines = [f"{'':{width}}  {head}"]
    for token, row in zip(result.target, rows, strict=True):
        shades = (SHADES[min(len(SHADES) - 1, int(weight * len(SHADES)))] * cells for weight in row)
        lines.append(f"{token:<{width}}  {' '.join(shades)}")
    return "\n".join(line.rstrip() for line in lines)


def mean(result: "Alignment") -> list[list[float]]:
    """The mean of the maps in which the decoder looks at the source: one, or one a layer and head."""
    maps = [rows for name, rows in result.maps.items() if name == "decoder.attention" or ".memory." in name]
    if not maps:
        raise HeedfulError("This network looks at nothing: it has no attention.", "heedful networks tells which have.")
    return [[average(weights) for weights in zip(*rows, strict=True)] for rows in zip(*maps, strict=True)]


def average(numbers: Iterable[float]) -> float:
    numbers = list(numbers)
    return sum(numbers) / len(numbers)
