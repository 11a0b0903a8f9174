"""The table of peers.py in docs/speed.md: the last measurement of each way, ours beside the others'."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cells import read_lines

BEGIN, END = "<!-- benchmarks/peers.py writes from here -->", "<!-- to here -->"
HEAD = "| what | Heedful `auto` | its other engines | the best peer | other peers | ours / theirs | bar |"
CLOCKS = {"clock": "the clock", "processor": "processor time, on a core that others used"}


def write(results: Path, page: Path) -> None:
    """Puts the table of all results into a page, between its marks."""
    text = page.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{table(read_lines(results))}\n{END}{after}", encoding="utf-8")


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a heading and a table for each model."""
    newest = {(line["case"], line["way"], line["precision"], line["threads"]): line for line in lines}
    parts = list[str]()
    for case in dict.fromkeys(line["case"] for line in newest.values()):
        own = [line for line in newest.values() if line["case"] == case]
        clocks = " and ".join(dict.fromkeys(CLOCKS[line["clock"]] for line in own))
        parts += ["", f"**{case}**, {own[0]['unit']} by {clocks}:", "", HEAD, "|" + "---|" * HEAD.count(" | ") + "---|"]
        parts += map(row, own)
    return "\n".join([*parts, ""])


def row(line: Mapping[str, Any]) -> str:
    """A line of the table."""
    [auto] = [name for name in line["ours"] if name.startswith("auto")]
    best = max(line["theirs"], key=line["theirs"].__getitem__)
    what = f"{line['way']}, {line['precision']}" + f", {line['threads']} threads" * (line["threads"] > 1)
    ours, theirs = (listed(line[side], but) for side, but in (("ours", auto), ("theirs", best)))
    verdict = f"{line['bar']:g}: {'reached' if line['ratio'] >= line['bar'] else '**missed**'}"
    cells = what, figure(line["ours"][auto]), ours, f"{best} {figure(line['theirs'][best])}", theirs
    return f"| {' | '.join(cells)} | {line['ratio']:.2f} | {verdict} |"


def listed(speeds: Mapping[str, float], but: str) -> str:
    """All sides but one."""
    return " · ".join(f"{name} {figure(speed)}" for name, speed in speeds.items() if name != but) or "–"


def figure(speed: float) -> str:
    """Three digits or all before the point."""
    return f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"
