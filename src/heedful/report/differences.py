"""An answer beside what would have been right, with what differs marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from rapidfuzz.distance import Levenshtein

from heedful.results import Case

MOST = 400  # characters of a text that a table of examples shows; the sign … says that there is more


@dataclass(frozen=True)
class Marked:
    """One example for a table: `answer` has what is too much struck out, `right` has what is missing underlined."""

    source: str
    answer: Markup
    right: Markup
    others: int
    error: float


def marked(case: Case) -> Marked:
    """Holds the answer against the reference that differs least."""
    said = pieces(case.output)
    nearest = min(case.references, key=lambda reference: Levenshtein.distance(said, pieces(reference)))
    due = pieces(nearest)
    answer, right = [], []
    for edit in Levenshtein.opcodes(said, due):
        answer.append((edit.tag != "equal", said[edit.src_start : edit.src_end]))
        right.append((edit.tag != "equal", due[edit.dest_start : edit.dest_end]))
    return Marked(
        source=case.source if len(case.source) <= MOST else case.source[:MOST] + "…",
        answer=written(answer, Markup("<del>{}</del>")),
        right=written(right, Markup("<ins>{}</ins>")),
        others=len(case.references) - 1,
        error=case.error,
    )


def pieces(text: str) -> list[str]:
    """Words with the blanks before them, so that joining gives the text back; characters where there is one word."""
    words = text.split(" ")
    return [words[0], *(f" {word}" for word in words[1:])] if len(words) > 1 else list(text)


def written(parts: Sequence[tuple[bool, Sequence[str]]], changed: Markup) -> Markup:
    """The pieces in order, changed ones in their mark, up to MOST characters."""
    shown, room = Markup(""), MOST
    for differs, words in parts:
        text = "".join(words)
        if text and room > 0:
            cut = text[:room]
            # A mark does not cover the blank before its first word.
            lead = cut[: len(cut) - len(cut.lstrip(" "))]
            shown += lead + changed.format(cut[len(lead) :]) if differs else Markup("{}").format(cut)
            room -= len(text)
    return shown + ("…" if room < 0 else "")
