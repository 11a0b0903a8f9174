"""Passages with their gaps filled in place: what was said, and where that is wrong, what stood there."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from heedful.data.readers.rows import count
from heedful.report import words
from heedful.results import Case, spread_out

GAP = "[MASK]"
MAX_LENGTH = 700  # characters that are shown of a passage
BLANK = "▁"  # how tokens write one


@dataclass(frozen=True)
class Passage:
    """A passage with its gaps filled, and a sentence on how many of them are right."""

    text: Markup
    caption: str


def passages(cases: Sequence[Case]) -> list[Passage]:
    """The passages filled worst, in the middle and best."""
    return [fill_in(case) for case in spread_out(cases)]


def fill_in(case: Case) -> Passage:
    """The passage of a case: its source has gaps, its output and its reference the tokens in them, joined by tabs.

    >>> fill_in(Case("The [MASK] sat[MASK]", "cat\\t?", ("cat\\t.",), 50.0)).caption
    '1 of 2 gaps is right.'
    """
    said, right = case.output.split("\t"), case.references[0].split("\t")
    first, *parts = case.source.split(GAP)
    markup, length = Markup("{}").format(first[:MAX_LENGTH]), len(first)
    for token, truth, part in zip(said, right, parts, strict=False):
        if length >= MAX_LENGTH:
            markup += " …"
            break
        markup += gap(without_blanks(token), without_blanks(truth), token == truth) + part
        length += len(token) + len(part)
    right_count = sum(map(str.__eq__, said, right))
    verb = "is" if right_count == 1 else "are"
    return Passage(markup, f"{right_count:,} of {count(len(right), 'gap')} {verb} right.")


def without_blanks(token: str) -> str:
    """A token without the blanks around it, or the sign of one.

    >>> without_blanks("▁the"), without_blanks("▁▁")
    ('the', '␣')
    """
    return token.strip(BLANK).replace(BLANK, " ") or words.token(" ")


def gap(said: str, right: str, is_right: bool) -> Markup:
    """A gap with what was said; where that is wrong, struck out before what stood there."""
    if is_right:
        return Markup('<mark class="gap"><span class="spoken">right: </span>{}</mark>').format(said)
    return Markup('<mark class="gap wrong"><del>{}</del> <ins>{}</ins></mark>').format(said, right)
