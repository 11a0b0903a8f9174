"""CPython's own help texts as sample://topics: one document, all topics of `pydoc_data` one after another."""

import platform
from collections.abc import Iterator

from heedful.data.readers.rows import TextRow
from heedful.errors import HeedfulError

NAME = "topics"


def read(name: str) -> Iterator[TextRow]:
    """The one row of sample://topics, with the column text; raises HeedfulError for a part of it."""
    if name.removeprefix("sample://").rstrip("/") != NAME:
        raise HeedfulError(f"{name} has no parts.", "It is one document: sample://topics. Its end is held out.")
    from pydoc_data.topics import topics

    yield TextRow({"text": "\n".join(topics.values())}, name, 1)


def version() -> str:
    """The Python that the texts are from, for a run's fingerprint."""
    return f"Python {platform.python_version()}"
