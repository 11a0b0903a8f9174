"""Results as a notebook and a terminal show them: parts of the report's pages, and at most ten lines of text."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import Any

from markupsafe import Markup

from heedful.beam_tree import BeamTree
from heedful.data.readers.rows import count
from heedful.distillations import Distillation
from heedful.explanations import Explanation
from heedful.report import (
    compared,
    computed_page,
    distilled,
    explained,
    explained_page,
    explained_picture,
    figures,
    gallery,
    pages,
    terminal,
    tree,
    tree_page,
    words,
)
from heedful.report.columns import columns
from heedful.report.figures import Table
from heedful.results import Alignment, Answer, Comparison, Findings, Result, Scores

LINES, WIDTH = 10, 120  # of a result as text
ROWS = 10  # classes and maps that are shown of an answer
NAMES_IN_MATRIX = 30
STYLED_BY_NOTEBOOKS = "table, thead, tbody, tr, th, td, dl, dt, dd, ul, ol, li, p, h2, h3, details, summary, figure"


def text_of(result: Result) -> str:
    """What matters of a result, in at most ten lines."""
    if isinstance(result, Scores):
        return shorten_lines(terminal.scores_table(result).splitlines())
    if isinstance(result, Comparison):
        return shorten_lines(terminal.compare_table(result, brief=True).splitlines())
    if isinstance(result, Distillation):
        return shorten_lines([*columns(distilled.rows(result), {1}).splitlines(), *distilled.sentences(result)])
    if isinstance(result, Findings):
        return shorten_lines([result.title, *terminal.findings_text(result).splitlines()])
    if isinstance(result, Alignment):
        return shorten_lines(alignment_lines(result))
    if isinstance(result, Explanation):
        return shorten_lines(explained.lines_of(result))
    if isinstance(result, BeamTree):
        return shorten_lines(tree.tree_text(result).splitlines())
    assert isinstance(result, Answer)
    return shorten_lines([answer_line(result)])


def shorten_lines(lines: Sequence[str]) -> str:
    """At most ten lines, none of them too long; how many more there are is said. Where there is room, long ones go on
    in the next.
    """
    wrapped = [
        part for line in lines for part in ([line] if len(line) <= WIDTH else wrap(line, WIDTH, subsequent_indent="  "))
    ]
    lines = wrapped if len(wrapped) <= LINES else lines
    kept = lines if len(lines) <= LINES else [*lines[: LINES - 1], f"… and {len(lines) - LINES + 1:,} more lines"]
    return "\n".join(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in kept)


def alignment_lines(alignment: Alignment) -> list[str]:
    """Each output and what it looked at most, in the first of the maps."""
    parts = ((alignment.target, "output"), (alignment.source, "input"), (alignment.maps, "map"))
    lines = [f"Alignment: {', '.join(count(len(part), noun) for part, noun in parts)}"]
    for target, weights in zip(alignment.target, next(iter(alignment.maps.values()), []), strict=False):
        best = max(range(len(weights)), key=weights.__getitem__)
        lines.append(f"  {words.token(target)} ← {words.token(alignment.source[best])} {weights[best]:.2f}")
    return lines


def answer_line(answer: Answer) -> str:
    """Source, output and log probability."""
    output = f"a picture of {len(answer.picture):,} bytes" if answer.picture else repr(cut(answer.output, 60))
    unfinished = "" if answer.complete else ", unfinished"
    return f"Answer({output}, score {answer.score:.4f}{unfinished}, to {cut(answer.source, 60)!r})"


def cut(text: str, most: int) -> str:
    """The beginning of a text, for what is one of many things."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def html_of(result: Result) -> str:
    """A result as a part of a page, with its own style, which touches nothing around it."""
    if isinstance(result, Scores):
        return fragment(**pages.score_values(result), **matrix_values(result))
    if isinstance(result, Comparison):
        costs = pages.cost_table(result, compared.rows(result))
        return fragment(comparison=pages.comparison_values(result), costs=costs, title=result.data)
    if isinstance(result, Distillation):
        head, *rows = distilled.rows(result)
        return fragment(title=distilled.sentences(result)[0], table=Table(head, rows))
    if isinstance(result, Findings):
        charts = [figures.histogram(name, bins) for name, bins in result.histograms.items() if bins]
        return fragment(findings=result, title=result.title, charts=charts, sheet=pages.sheet_of(result))
    if isinstance(result, Explanation):
        table = explained_page.most_table(result)
        return fragment(title=explained.heading(result), page=computed_page.page_of(result), table=table)
    if isinstance(result, Alignment):
        return fragment(view=figures.alignment_view(result) if result.maps else None, blind=not result.maps)
    if isinstance(result, BeamTree):
        return fragment(title=tree.summary(result), tree=tree_page.drawing(result))
    assert isinstance(result, Answer)
    drawing = gallery.picture(result.picture, "", result.source) if result.picture else None
    return fragment(answer=result, table=answer_table(result), picture=drawing)


def png_of(explanation: Explanation) -> bytes:
    """An explanation as a picture: what a notebook shows that nobody trusts, or that is looked at without scripts."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "explanation.png"
        explained_picture.explanation_picture(explanation, path)
        return path.read_bytes()


def matrix_values(scores: Scores) -> dict[str, Any]:
    """What a classifier mixes up, where the classes are few enough for a cell of a notebook."""
    few = scores.confusion and len(scores.confusion.names) <= NAMES_IN_MATRIX
    return {"matrix": pages.class_values(scores)["matrix"] if few else None}


def model_html(title: str, facts: Mapping[str, str], scores: Scores | None) -> str:
    """A model as a part of a page: facts, and how good it is."""
    return fragment(title=title, facts=facts, **pages.score_values(scores))


def answer_table(answer: Answer) -> Table:
    """What was asked and answered; of one of several classes the likeliest with their probabilities."""
    rows = [["asked", answer.source], ["answer", answer.output], ["log probability", f"{answer.score:.4f}"]]
    track = answer.track
    if track and len(track.probabilities) == 1 and len(track.names) > 1:
        ranked = sorted(zip(track.probabilities[0], track.names, strict=False), reverse=True)[:ROWS]
        rows += [[name, f"{100 * probability:.1f} %"] for probability, name in ranked]
    elif track:
        sure = [max(row) for row in track.probabilities if row]
        rows.append(
            ["steps", f"{len(track.labels):,}, {100 * math.fsum(sure) / max(1, len(sure)):.1f} % sure on average"]
        )
    rows += [[span.label, span.text] for span in (track.spans or () if track else ())[:ROWS]]
    if answer.unknown:
        rows.append(["unknown", " ".join(answer.unknown)])
    return Table(["", ""], rows)


def fragment(**values: Any) -> str:
    """Parts of pages in a box of their own; what is not given is not shown."""
    names = (
        "title",
        "facts",
        "scores",
        "hero",
        "measures",
        "folds",
        "signatures",
        "matrix",
        "comparison",
        "costs",
        "findings",
        "charts",
        "sheet",
    )
    names += ("view", "blind", "answer", "table", "picture", "tree", "page")
    template = pages.environment().get_template("notebook.html")
    return template.render(dict.fromkeys(names) | {"scoped_style": scoped_style()} | values)


@cache
def scoped_style() -> Markup:
    """The style of pages for what stands in the box alone, by nesting; colours are those of its paper in any theme.

    What a notebook's own style says of tables and lists in outputs is taken back; the box outweighs it by its name,
    said three times.
    """
    style = (resources.files("heedful.report") / "templates/style.css").read_text(encoding="utf-8")
    nested = re.sub(r"(?m)^(\s*)(:root|body) \{", r"\1& {", style)
    box = ".heedful-result" * 3
    return Markup(
        f"{box} {{ :where({STYLED_BY_NOTEBOOKS}) {{ all: revert; }} {nested} "
        "& { padding: 1rem; border-radius: 6px; } h2 { margin-top: 1.2rem; } }"
    )
