"""Results as plain text in columns, the same on a terminal, in a pipe and in a log."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from string import ascii_letters, digits

from rich.cells import cell_len

from heedful.report import compared, words
from heedful.report.classes import mixed_up
from heedful.report.samples import samples
from heedful.results import ClassScore, Comparison, Confusion, Findings, Scores

SIGNS = {"x": "x", "!": "!", "i": "i"}
MEASURES = 4  # columns of measures that a comparison's table has room for
CELL = 100  # letters of an answer in a table of answers
MASKED, OTHER = ".", "?"


def scores_table(scores: Scores) -> str:
    """A measure a line: value, interval, baseline.

    >>> from heedful.results import Measure
    >>> print(scores_table(Scores("word_error", {"word_error": Measure("word_error", 31.2, 30.4, 32.0, False)}, 12606)))
    12,606 examples   value  95 % interval
    words wrong      31.2 %   30.4 to 32.0
    """
    head = [
        words.counted(scores.count, "example"),
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
    names = compared.measures(comparison)
    head = [
        "network",
        *map(words.title, names[:MEASURES]),
        "weights",
        "learns",
        "answers",
        "memory",
        "as the weakest",
        "",
    ]
    table = [
        [
            row.network,
            *(compared.told(row, name) for name in names[:MEASURES]),
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
        table.append([scores.baseline_name, *yardsticks(scores, names[:MEASURES]), "", "", "", "", "", "baseline"])
    tests = [
        f"{pair}: {words.title(test.measure)} {words.change(test.difference, test.measure)} "
        f"({words.change(test.low, test.measure)} to {words.change(test.high, test.measure)}), "
        f"p {test.p:.3f}: {words.verdict(pair, test, primary.higher_is_better)}"
        for pair, test in comparison.paired.items()
    ]
    return "\n".join([columns([head, *table], left={len(head) - 1}), *further(comparison, rows, names), *tests])


def further(comparison: Comparison, rows: Sequence[compared.Row], names: Sequence[str]) -> list[str]:
    """The measures that the first table has no room for, as many as fit in each further one."""
    scores, tables = comparison.entries[0].scores, []
    for first in range(MEASURES, len(names), MEASURES):
        some = names[first : first + MEASURES]
        table = [["", *map(words.title, some)]]
        table += [[row.network, *(compared.told(row, name) for name in some)] for row in rows]
        if scores.baseline:
            table.append([scores.baseline_name, *yardsticks(scores, some)])
        tables.append("\n" + columns(table))
    return [*tables, ""] if tables else []


def yardsticks(scores: Scores, names: Sequence[str]) -> list[str]:
    """The baseline's measures; a dash where it has none."""
    return [words.score(scores.baseline[name].value, name) if name in scores.baseline else "–" for name in names]


def samples_table(comparison: Comparison) -> str:
    """The same sources through every network, or nothing where there are none; drawings are left to the page.

    A line a source, so what is long ends in an ellipsis here, and stands whole on the page.
    """
    table = samples(comparison, {}).table
    if not any(cell not in ("", "–") for row in table.rows for cell in row[1:]):
        return ""
    rows = [[" ".join(cell.split()) for cell in row] for row in table.rows]
    short = [[cell if len(cell) <= CELL else f"{cell[: CELL - 1]}…" for cell in row] for row in rows]
    whole = ["Whole on the page."] if short != rows else []
    return "\n".join([columns([table.head, *short], left=set(range(len(table.head)))), *whole])


def classes_table(scores: Sequence[ClassScore], most: int = 10) -> str:
    """The classes that are answered worst, worst first; those without an example are left out, and counted.

    >>> print(classes_table([ClassScore("cat", 5, 50.0, 60.0, 54.5), ClassScore("dog", 5, 40.0, 40.0, 40.0)]))
    class  examples  precision  recall    F1
    dog           5       40.0    40.0  40.0
    cat           5       50.0    60.0  54.5
    """
    known = sorted((one for one in scores if one.count), key=lambda one: one.f1)
    rows = [[one.name, f"{one.count:,}", *(f"{n:.1f}" for n in (one.precision, one.recall, one.f1))] for one in known]
    more = [f"and {words.counted(len(known) - most, 'class', 'classes')} that did better"] if len(known) > most else []
    unseen = len(scores) - len(known)
    more += [f"and {words.counted(unseen, 'class', 'classes')} without an example"] if unseen else []
    return "\n".join([columns([["class", "examples", "precision", "recall", "F1"], *rows[:most]]), *more])


def confusion_table(confusion: Confusion, most: int = 10) -> str:
    """The most frequent mix-ups, a pair a line; nothing if nothing was mixed up.

    >>> print(confusion_table(Confusion(("cat", "dog"), ((8, 2), (1, 9)))))
    truth  answered as  times  of that class
    cat    dog              2         20.0 %
    dog    cat              1         10.0 %
    """
    found = mixed_up(confusion)
    rows = [[true, said, f"{count:,}", f"{100 * share:.1f} %"] for true, said, count, share in found[:most]]
    return columns([["truth", "answered as", "times", "of that class"], *rows], left={1}) if rows else ""


def time_bars(rows: Sequence[tuple[str, Sequence[str]]], names: Sequence[str] = (), width: int = 72) -> str:
    """Answers in step as lines of letters, a letter a label; the row "truth" is the first, if there is one.

    Where there are more steps than `width`, a letter stands for several: for the label that most of them have. `names`
    fixes the order in which labels get their letters, so that several clips agree. ^ marks what is wrong anywhere.

    >>> print(time_bars([("truth", ("", "walk", "walk", "run")), ("answer", ("walk", "walk", "run", "run"))]))
    truth   .wwr
    answer  wwrr
              ^
            each sign is 1 step   w walk   r run   . masked
    """
    whole = max(len(labels) for _, labels in rows)
    every = -(-whole // width) or 1
    signs = signs_of([*names, *(label for _, labels in rows for label in labels)])
    lines = []
    truth = rows[0][1] if rows[0][0] == "truth" else ()
    for who, labels in rows:
        lines.append([who, "".join(signs[commonest(labels[at : at + every])] for at in range(0, len(labels), every))])
        wrong = {n // every for n, (true, said) in enumerate(zip(truth, labels, strict=False)) if true and true != said}
        if wrong:
            lines.append(["", "".join("^" if n in wrong else " " for n in range(max(wrong) + 1))])
    seen = dict.fromkeys(label for _, labels in rows for label in labels if label)
    meant = [f"{signs[label]} {label}" for label in signs if label in seen]
    meant += [f"{MASKED} masked"] if any("" in labels for _, labels in rows) else []
    lines.append(["", "   ".join([f"each sign is {words.counted(every, 'step')}", *meant])])
    return columns(lines, left={1})


def commonest(labels: Sequence[str]) -> str:
    """The label that most of these steps have; the first of several equals."""
    return Counter(labels).most_common(1)[0][0]


def signs_of(labels: Sequence[str]) -> Mapping[str, str]:
    """A letter for each label, its own first one where that is free; ? for those that come after all letters."""
    signs = {"": MASKED}
    for label in dict.fromkeys(label for label in labels if label):
        # Its own letters, then any.
        candidates = (c for c in label + label.upper() + digits + ascii_letters if c.isascii() and c.isalnum())
        signs[label] = next((c for c in candidates if c not in signs.values()), OTHER)
    return signs


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
