"""A language model's continuations, and the passages of highest and lowest cross-entropy."""

from collections.abc import Sequence

from heedful.report import words
from heedful.report.figures import Table
from heedful.results import Answer, Case

PASSAGES = 5
MAX_LENGTH = 400  # characters of a passage


def passage_tables(cases: Sequence[Case], answers: Sequence[Answer]) -> list[tuple[str, str, Table]]:
    """Continuations, and the passages with the most and the fewest bits per character: (title, note, table)."""
    tables = []
    if answers:
        rows = [[shorten(answer.source), shorten(answer.output)] for answer in answers]
        note = "Beginnings of held-out texts, and what the model made of them."
        tables.append(("How it goes on", note, Table(["text", "continuation"], rows)))
    long_cases = sorted((case for case in cases if len(case.source) >= 20), key=lambda case: case.error)
    for title, note, table_cases in (
        (
            "What surprised it most",
            "Bits for each character of a held-out passage: the more, the harder.",
            long_cases[::-1],
        ),
        ("What it foresaw", "The passages with the fewest bits for each character.", long_cases),
    ):
        rows = [
            [words.score(case.error, "bits_per_character"), shorten(case.source)] for case in table_cases[:PASSAGES]
        ]
        if rows:
            tables.append((title, note, Table(["bits per character", "passage"], rows)))
    return tables


def shorten(text: str) -> str:
    """A text short enough for a table, its line ends shown."""
    return words.token(text[:MAX_LENGTH]).replace("␣", " ") + ("…" if len(text) > MAX_LENGTH else "")
