"""Table and plot of first_minutes.py: a cell passes if `auto` is about as good as the best fixed choice there."""

from base64 import b85decode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import decompress

import numpy as np
from first_minutes import AUTO, HOUR, RESULTS, read_results

from heedful.metrics.counts import Counts
from heedful.metrics.significance import counts_of_measure, paired_test_of_counts

NEAR, POINTS, FAR = 1.05, 0.5, 1.2  # times the best error, or so many points from it; what counts as far behind
SURE = 0.05
BITS = "bits_per_character"  # of which half a point is much

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A cell: `auto` (the mean of its seeds) beside the best fixed choice and the baseline."""

    set: str
    minutes: float
    measure: str
    auto: float
    choices: str
    best: float | None
    best_name: str
    baseline: float | None
    p: float | None

    @property
    def passes(self) -> bool:
        """Whether `auto` is near the best, or not shown to be behind it."""
        if self.best is None:
            return True
        near = self.auto <= max(self.best * NEAR, self.best + (0 if self.measure == BITS else POINTS))
        return near or (self.p is not None and self.p >= SURE)

    @property
    def is_far(self) -> bool:
        """Whether `auto` is far behind, and surely so."""
        return self.best is not None and self.auto > self.best * FAR and not (self.p is not None and self.p >= SURE)

    @property
    def is_under_baseline(self) -> bool:
        """Whether counting is better than `auto`, where a choice is better than counting."""
        return (
            self.baseline is not None
            and self.auto > self.baseline
            and self.best is not None
            and self.best < self.baseline
        )


def write() -> None:
    """Writes the page and the plot beside the results."""
    lines = list(read_results().values())
    verdicts = judge(lines)
    page = RESULTS.with_suffix(".md")
    page.write_text("\n".join([table(verdicts), *beside_random(lines), *of_an_hour(lines)]), encoding="utf-8")
    plot(verdicts)
    print(page.read_text(encoding="utf-8"))


def judge(lines: Sequence[Line]) -> list[Verdict]:
    """A verdict for each set and budget in which `auto` was tried, and a fixed choice to hold it against."""
    cells = defaultdict[tuple[str, float], list[Line]](list)
    for line in lines:
        if line["error"] is not None and not line["keys"]:
            cells[line["set"], line["minutes"]].append(line)
    return [
        verdict(name, minutes, cell)
        for (name, minutes), cell in cells.items()
        if {line["choice"] == AUTO for line in cell} == {True, False}
    ]


def verdict(name: str, minutes: float, lines: Sequence[Line]) -> Verdict:
    """`auto` and the best of the others."""
    autos = [line for line in lines if line["choice"] == AUTO]
    others = [line for line in lines if line["choice"] != AUTO]
    best = min(others, key=lambda line: line["error"], default=None)
    first = autos[0]
    return Verdict(
        set=name,
        minutes=minutes,
        measure=first["measure"],
        auto=mean_error(autos),
        choices=", ".join(dict.fromkeys(f"{line['network']} {line['width']}" for line in autos)),
        best=best and best["error"],
        best_name=f"{best['choice']} {best['size']}" if best else "",
        baseline=first["baseline"],
        p=p_of(autos, best) if best else None,
    )


def mean_error(lines: Sequence[Line]) -> float:
    """The mean over seeds."""
    return float(np.mean([line["error"] for line in lines]))


def p_of(autos: Sequence[Line], best: Line) -> float:
    """The paired test of `auto`, the seed nearest to its mean, and the best fixed choice on the same rows."""
    mean = mean_error(autos)
    typical = min(autos, key=lambda line: abs(line["error"] - mean))
    return paired_test_of_counts(counts(typical), counts(best)).p


def counts(line: Line) -> Counts:
    """The counts that a line holds, as the measure makes scores of them."""
    columns, _, text = str(line["rows"]).partition(" ")
    rows = np.frombuffer(decompress(b85decode(text)), "<f4").reshape(int(columns), -1).T.astype(float)
    reference = "1 1" if line["kind"] == "passages" else "1"  # its tokens and characters
    example = counts_of_measure(line["kind"], ["1"], [(reference,)], line["measure"])
    return replace(example, rows=rows)


def table(verdicts: Sequence[Verdict]) -> str:
    """Markdown: a line a cell, and the sum of it."""
    lines = [
        "# First minutes",
        "",
        "`python benchmarks/first_minutes.py`: errors on a test side, `auto` (mean of two seeds) beside the best fixed",
        "choice of network and size; minutes are those of one core of 59 GFLOP/s in float32.",
        "",
        "| set | minutes | measured | `auto` | what it took | best fixed choice | | baseline | paired p | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in sorted(verdicts, key=lambda cell: (cell.set, cell.minutes)):
        best, baseline = number(cell.best), number(cell.baseline)
        p = "–" if cell.p is None else f"{cell.p:.3f}" if cell.p >= 0.001 else "< 0.001"
        outcome = "passes" if cell.passes else "**far behind**" if cell.is_far else "**behind**"
        outcome += ", under the baseline" if cell.is_under_baseline else ""
        lines.append(
            f"| {cell.set} | {cell.minutes:g} | {cell.measure} | {number(cell.auto)} | {cell.choices} | {best} | "
            f"{cell.best_name} | {baseline} | {p} | {outcome} |"
        )
    passed = sum(cell.passes for cell in verdicts)
    far, under = sum(cell.is_far for cell in verdicts), sum(cell.is_under_baseline for cell in verdicts)
    lines += ["", f"{passed} of {len(verdicts)} cells pass; {far} far behind; {under} under the baseline.", ""]
    return "\n".join(lines)


def beside_random(lines: Sequence[Line]) -> list[str]:
    """Markdown: `auto` beside settings that were drawn at random for its other keys, a line a set."""
    drawn = defaultdict[str, list[Line]](list)
    for line in lines:
        if line["keys"] and line["choice"] == AUTO and line["error"] is not None:
            drawn[line["set"]].append(line)
    rows = list[str]()
    for name, tried in drawn.items():
        autos = [line for line in lines if not line["keys"] and is_beside(line, tried[0])]
        best = min(tried, key=lambda line: line["error"])
        middle = float(np.median([line["error"] for line in tried]))
        errors = f"{number(mean_error(autos))} | {number(best['error'])} | {number(middle)} | {len(tried)}"
        rows.append(f"| {name} | {best['minutes']:g} | {errors} | `{' '.join(best['keys'])}` |")
    head = ["| set | minutes | `auto` | best drawn | median | drawn | the best one |", "|---|---|---|---|---|---|---|"]
    command = "`python benchmarks/first_minutes.py --random`: `auto`'s other keys, and settings drawn at random."
    return [command, "", *head, *rows, ""] if rows else []


def of_an_hour(lines: Sequence[Line]) -> list[str]:
    """Markdown: `auto` by growing budgets up to an hour, and small rows with dropout for an hour, a line a set."""
    rows = list[str]()
    for name in HOUR:
        of_set = [line for line in lines if line["set"] == name and line["error"] is not None]
        autos = {minutes: [line for line in of_set if is_auto(line, minutes)] for minutes in (1, 3, 10, 60)}
        small = [line for line in of_set if line["minutes"] == 60 and line["choice"] != AUTO]
        if not autos[60]:
            continue
        grown = " | ".join(number(mean_error(cell)) if cell else "–" for cell in autos.values())
        last = autos[60][0]
        beside = ", ".join(
            f"{line['choice']} {line['width']}: {number(line['error'])} (p {p_of(autos[60], line):.3f})"
            for line in small
        )
        rows.append(f"| {name} | {last['measure']} | {grown} | {last['network']} {last['width']} | {beside} |")
    head = "| set | measured | 1 | 3 | 10 | 60 minutes | its network | small rows, dropout 0.1, 60 minutes |"
    command = "`python benchmarks/first_minutes.py --hour`: `auto` by budget, and small rows for as long as the last."
    return [command, "", head, "|---" * 8 + "|", *rows, ""] if rows else []


def is_auto(line: Line, minutes: float) -> bool:
    """Whether this is `auto` without a key."""
    return line["choice"] == AUTO and not line["keys"] and line["minutes"] == minutes


def is_beside(line: Line, drawn: Line) -> bool:
    """Whether this is `auto` on the same set with the same budget."""
    return all(line[key] == drawn[key] for key in ("set", "minutes", "choice")) and line["error"] is not None


def number(value: float | None) -> str:
    """Three digits that tell something."""
    return "–" if value is None else f"{value:.2f}"


def plot(verdicts: Sequence[Verdict]) -> None:
    """`auto`'s error by the best fixed choice's: a point a cell, on the diagonal where both are alike."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    for minutes in sorted({cell.minutes for cell in verdicts}):
        cells = [cell for cell in verdicts if cell.minutes == minutes and cell.best is not None]
        axes.scatter([cell.best for cell in cells], [cell.auto for cell in cells], label=f"{minutes:g} min")
        for cell in cells:
            axes.annotate(cell.set, (cell.best, cell.auto), xytext=(4, -8), textcoords="offset points", fontsize=7)
    axes.axline((0.1, 0.1), (1, 1), color="gray", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="error of the best fixed choice", ylabel="error of auto")
    axes.legend(title="budget")
    figure.savefig(RESULTS.with_suffix(".svg"))
