"""What stands in the rows that findings name: a person looks at a row sooner than at its number."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from heedful.data.pairs.read import Pair
from heedful.results import Finding


def show_rows(findings: Sequence[Finding], rows: Iterable[Pair], text: Callable[[Pair], str]) -> list[Finding]:
    """The findings with the text of the rows that they name; `rows` are read until all of these are found."""
    wanted = {line for finding in findings if finding.level != "x" for line in finding.lines}
    texts: dict[str, str] = {}
    for row in rows if wanted else ():
        if row.where in wanted:
            texts.setdefault(row.where, text(row))
            if len(texts) == len(wanted):
                break
    return [
        replace(finding, rows=tuple(texts.get(line, "") for line in finding.lines))
        if finding.level != "x" and texts.keys() & set(finding.lines)
        else finding
        for finding in findings
    ]
