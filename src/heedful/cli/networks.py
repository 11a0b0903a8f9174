"""heedful networks: the history of the field as a table."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer

Markdown = Annotated[bool, typer.Option("--markdown", help="As the tables of docs/networks.md.")]

Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="The timeline as a figure (.svg) or page (.html).")
]


def run(markdown: Markdown = False, output: Output = None) -> None:
    """The history of the field as a table: read downwards, what each network added and what it still lacked."""
    if output is None:
        print(tables() if markdown else history())
        return
    from heedful.networks.settings import describe
    from heedful.report.slides import write_lineage

    write_lineage(describe(), output)
    print(output)


def history() -> str:
    """A few lines a network, with its weights by size, and which network can do what."""
    from heedful.networks.settings import describe
    from heedful.networks.weights import VOCABULARY, tensors_at
    from heedful.schema import SIZES
    from heedful.tasks import TASKS
    from heedful.tasks.joins import allowed

    lines: list[str] = []
    for row in describe():
        counts = {size: sum(tensors.weights for tensors in tensors_at(row["name"], size)) for size in SIZES}
        sizes = ", ".join(f"{size} {count / 1e6:.2f} M" for size, count in counts.items())
        lines.append(row["name"])
        for key, value in {**row, "weights": sizes}.items():
            if key != "name":
                lines.append(textwrap.fill(value, 100, initial_indent=f"  {key + ':':<10}", subsequent_indent=" " * 12))
        lines.append("")
    for name in TASKS:
        excluded = [row["name"] for row in describe() if row["name"] not in allowed(name)]
        lines.append(f"{name + ':':<11}every network" + (f" but {', '.join(excluded)}" if excluded else ""))
    lines.append(f"\nWeights are counted with vocabularies of {VOCABULARY:,} entries.\nheedful info NETWORK draws one.")
    return "\n".join(lines)


def tables() -> str:
    """Both tables for a page: the history, and which network can do what."""
    from heedful.networks.settings import describe
    from heedful.tasks import TASKS
    from heedful.tasks.joins import allowed

    history_rows, task_rows = [["network", "paper", "added", "still lacked"]], [["network", *TASKS]]
    for row in describe():
        name = row["name"]
        history_rows.append([f"`{name}`", row["paper"], row["added"], row["lacked"]])
        task_rows.append([f"`{name}`", *("yes" if name in allowed(task) else "–" for task in TASKS)])
    return f"{table(history_rows)}\n\n{table(task_rows)}"


def table(rows: list[list[str]]) -> str:
    """Rows in Markdown, the first of them the head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])
