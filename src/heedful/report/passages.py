"""What a language model expects and what it does not, and how it goes on with a text."""

from collections.abc import Sequence

from heedful.report import words
from heedful.report.figures import Table
from heedful.results import Answer, Case

SHOWN = 5
MOST = 400  # characters of a passage


def passages(cases: Sequence[Case], answers: Sequence[Answer]) -> list[tuple[str, str, Table]]:
    """Continuations, and the passages that surprised a model most and least: (title, what it is, table)."""
    found = []
    if answers:
        rows = [[cut(answer.source), cut(answer.output)] for answer in answers]
        note = "Beginnings of held-out texts, and what the model made of them."
        found.append(("How it goes on", note, Table(["text", "continuation"], rows)))
    full = sorted((case for case in cases if len(case.source) >= 20), key=lambda case: case.error)
    for title, note, some in (
        ("What surprised it most", "Bits for each character of a held-out passage: the more, the harder.", full[::-1]),
        ("What it foresaw", "The passages with the fewest bits for each character.", full),
    ):
        rows = [[words.score(case.error, "bits_per_character"), cut(case.source)] for case in some[:SHOWN]]
        if rows:
            found.append((title, note, Table(["bits per character", "passage"], rows)))
    return found


def cut(text: str) -> str:
    """A text short enough for a table, its line ends shown."""
    return words.token(text[:MOST]).replace("␣", " ") + ("…" if len(text) > MOST else "")
