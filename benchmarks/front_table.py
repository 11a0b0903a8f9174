"""Table and plot of front.py: which systems no other one is both better and faster than."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cells import read_lines

Line = Mapping[str, Any]
POINTS = 1.0  # of chrF, by which a student may be behind its teacher
QUARTER = 0.25  # of the teacher's weights
HEAD = "| set | system | search | weights | chrF | one sentence, ms | sentences/s | one × | all × | difference | |"
TITLES = {"help": "LibreOffice help, English to German", "verses": "Bible verses, 1769 to 1898"}


def write(results: Path) -> None:
    """Writes the page and the plot beside the results."""
    lines = read_lines(results)
    page = results.with_suffix(".md")
    page.write_text(table(lines), encoding="utf-8")
    plot(lines, results.with_suffix(".svg"))
    print(page.read_text(encoding="utf-8"))


def table(lines: Sequence[Line]) -> str:
    """Markdown: a line a way of asking, by set, search and speed."""
    rows = [row(line, lines) for line in sorted(lines, key=lambda line: (line["set"], line["search"], line["ms"]))]
    processors = ", ".join(dict.fromkeys(line["processor"] for line in lines))
    return "\n".join(
        [
            "# Quality against speed",
            "",
            "`python benchmarks/front.py`: one thread, from text to text; × is how many times as fast as CTranslate2",
            "in int8 on the teacher, asked in turn with it by the same search. Differences of chrF on test to its",
            "answers, with 95 % intervals of a paired test.",
            f"Processor: {processors}.",
            "",
            HEAD,
            "|---" * HEAD.count(" | ") + "|---|---|",
            *rows,
            "",
        ]
    )


def row(line: Line, lines: Sequence[Line]) -> str:
    """A line of the table."""
    chrf = f"{line['chrf']:.1f} ({line['low']:.1f} to {line['high']:.1f})"
    one, many = times(line)
    cells = [line["set"], called(line), line["search"], f"{line['weights'] / 1e6:.2f} M", chrf]
    cells += [f"{line['ms']:.2f}", f"{line['rate']:,.0f}", f"{one:.2f}", f"{many:.2f}", difference(line)]
    return f"| {' | '.join(cells)} | {remarks(line, lines)} |"


def called(line: Line) -> str:
    """A system, how it is answered, and of how many answers a shortlist changes."""
    if line["by"] != "Heedful":
        return f"{line['system']}, {line['by']}"
    engines = ", ".join(dict.fromkeys((line["one_by"], line["many_by"])))
    short = f", shortlist (changes {line['changed']:.1%})" if line["shortlist"] else ""
    return f"{line['system']}, Heedful {engines}{short}"


def times(line: Line) -> tuple[float, float]:
    """How many times as fast as CTranslate2 on the teacher: one sentence, and all together."""
    return line["peer_ms"] / line["ms"], line["rate"] / line["peer_rate"]


def difference(line: Line) -> str:
    """chrF beside CTranslate2 on the teacher."""
    if line["by"] != "Heedful":
        return "–"
    return f"{line['difference']:+.2f} ({line['difference_low']:+.2f} to {line['difference_high']:+.2f})"


def remarks(line: Line, lines: Sequence[Line]) -> str:
    """Whether a student is as good as was asked for, and whether it stands on the front."""
    notes = ["on the front"] if is_on_front(line, lines) else []
    if "teacher" in line and line["difference_low"] > -POINTS:
        notes.append("surely within a point")
    elif "teacher" in line and line["difference"] > -POINTS:
        notes.append("within a point")
    teacher = next((other for other in lines if is_teacher_of(other, line)), None)
    if teacher and line["weights"] > QUARTER * teacher["weights"]:
        notes.append(f"{line['weights'] / teacher['weights']:.0%} of the weights")
    return ", ".join(notes)


def is_teacher_of(other: Line, line: Line) -> bool:
    """Whether a line is of another one's teacher."""
    return other["set"] == line["set"] and other["system"] == line.get("teacher")


def is_on_front(line: Line, lines: Sequence[Line]) -> bool:
    """Whether no other system is as good and faster, or as fast and better, at one sentence."""
    return not any(
        other["set"] == line["set"]
        and (other["chrf"], -other["ms"]) != (line["chrf"], -line["ms"])
        and other["chrf"] >= line["chrf"]
        and other["ms"] <= line["ms"]
        for other in lines
    )


def plot(lines: Sequence[Line], path: Path) -> None:
    """chrF by the time of a sentence, one by one and in the mass, a panel a set and a way of asking."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(line["set"] for line in lines))
    figure = Figure(figsize=(10, 4.2 * max(1, len(names))), layout="constrained")
    for panels, name in zip(figure.subplots(max(1, len(names)), 2, squeeze=False), names, strict=False):
        of_set = [line for line in lines if line["set"] == name]
        for axes, title, milliseconds in zip(
            panels,
            ("one sentence", "all of test together"),
            ([line["ms"] for line in of_set], [1000 / line["rate"] for line in of_set]),
            strict=True,
        ):
            draw(axes, of_set, milliseconds)
            axes.set(xscale="log", xlabel="ms a sentence, one thread", ylabel="chrF", title=f"{TITLES[name]}: {title}")
    figure.savefig(path)


def draw(axes: Any, lines: Sequence[Line], milliseconds: Sequence[float]) -> None:
    """The points of a panel, and the front, whose steps go up where a slower system is better than all faster ones."""
    kinds = {"CTranslate2 int8 on a teacher": "tab:red", "Heedful": "tab:blue", "Heedful, shortlist": "tab:cyan"}
    points = list(zip(milliseconds, [line["chrf"] for line in lines], lines, strict=True))
    for kind, colour in kinds.items():
        own = [(x, y, line) for x, y, line in points if kind_of(line) == kind]
        axes.scatter([x for x, *_ in own], [y for _, y, _ in own], color=colour, label=kind, s=18, zorder=3)
        for x, y, line in own:
            label = f"{line['system']}{'' if line['search'] == 'greedy' else ', beam'}"
            axes.annotate(label, (x, y), xytext=(3, 3), textcoords="offset points", fontsize=6)
    best: list[tuple[float, float]] = []
    for x, y, _ in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or y > best[-1][1]:
            best.append((x, y))
    axes.step([x for x, _ in best], [y for _, y in best], where="post", color="gray", linewidth=0.8)
    axes.legend(fontsize=7, loc="best")


def kind_of(line: Line) -> str:
    """What a point is drawn as."""
    if line["by"] != "Heedful":
        return "CTranslate2 int8 on a teacher"
    return "Heedful, shortlist" if line["shortlist"] else "Heedful"
