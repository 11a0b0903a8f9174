"""An answer beside what would have been right, with what differs marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from rapidfuzz.distance import Levenshtein

from heedful.results import Case

MAX_LENGTH = 400  # characters of a text that a table of examples shows; the sign … says that there is more


@dataclass(frozen=True)
class MarkedCase:
    """An example for a table: `answer` has its wrong words struck out, `reference` has the missing words underlined."""

    source: str
    answer: Markup
    reference: Markup
    other_references: int
    error: float


def mark_differences(case: Case) -> MarkedCase:
    """Marks where an answer differs from the nearest of its references (Levenshtein distance over words)."""
    answer_words = split_words(case.output)
    nearest = min(case.references, key=lambda reference: Levenshtein.distance(answer_words, split_words(reference)))
    reference_words = split_words(nearest)
    answer_parts, reference_parts = [], []
    for edit in Levenshtein.opcodes(answer_words, reference_words):
        answer_parts.append((edit.tag != "equal", answer_words[edit.src_start : edit.src_end]))
        reference_parts.append((edit.tag != "equal", reference_words[edit.dest_start : edit.dest_end]))
    return MarkedCase(
        source=case.source if len(case.source) <= MAX_LENGTH else case.source[:MAX_LENGTH] + "…",
        answer=render(answer_parts, Markup("<del>{}</del>")),
        reference=render(reference_parts, Markup("<ins>{}</ins>")),
        other_references=len(case.references) - 1,
        error=case.error,
    )


def split_words(text: str) -> list[str]:
    """Words with the blanks before them, so that joining gives the text back; the characters of a single word."""
    words = text.split(" ")
    return [words[0], *(f" {word}" for word in words[1:])] if len(words) > 1 else list(text)


def render(parts: Sequence[tuple[bool, Sequence[str]]], template: Markup) -> Markup:
    """The pieces in order, changed ones wrapped in `changed`, up to MAX_LENGTH characters."""
    markup, room = Markup(""), MAX_LENGTH
    for differs, words in parts:
        text = "".join(words)
        if text and room > 0:
            visible_text = text[:room]
            # A mark does not cover the blank before its first word.
            blanks = visible_text[: len(visible_text) - len(visible_text.lstrip(" "))]
            markup += (
                blanks + template.format(visible_text[len(blanks) :]) if differs else Markup("{}").format(visible_text)
            )
            room -= len(text)
    return markup + ("…" if room < 0 else "")
