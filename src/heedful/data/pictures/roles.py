"""Rows of pictures with the roles of pairs: the picture is the source, and what is usual beside it the target."""

from dataclasses import replace

from heedful.data.readers.rows import TextRow

TARGETS = ("label", "text", "caption")


def with_roles(row: TextRow, picture: str) -> TextRow:
    """A row with a picture as its source, and its label, text or caption as target; its own columns come first."""
    names = row.names or tuple(row.columns)
    target = next((name for name in TARGETS if name in names), "")
    roles = {"source": picture} | ({"target": row.columns[target]} if target in row.columns else {})
    missing = ["source", *(["target"] if target else []), *row.names] if row.names else []
    return replace(row, columns=roles | row.columns, names=tuple(dict.fromkeys(missing)))
