"""Rows of texts as aligned columns, as wide as a terminal shows their letters."""

from collections.abc import Sequence, Set

from rich.cells import cell_len

from heedful.data.readers.rows import one_line


def columns(rows: Sequence[Sequence[str]], left_aligned: Set[int] = frozenset()) -> str:
    """Cells in columns: the first one and those in `left_aligned` begin together, all others end together."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - cell_len(cell))
            cells.append(cell + blanks if i == 0 or i in left_aligned else blanks + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
