"""What CTranslate2's search has in common with ours: where its rules are the same, and its answers in our terms.

They are in greedy search, and for beams with `finish=full renormalize=true`: the same answers in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heedful.generation.batch import Hypothesis
from heedful.generation.greedy import unusual
from heedful.schema import GenerateSettings


def lacks(settings: GenerateSettings, models: int = 1, watched: bool = False) -> str | None:
    """What is asked for that its search does by other rules than ours, or not at all; None: nothing.

    >>> lacks(GenerateSettings(beam=1)), lacks(GenerateSettings(finish="full", renormalize=True))
    (None, None)
    >>> lacks(GenerateSettings(beam=1, prefix="a"))
    'generate.prefix=a'
    """
    # of its shortlists, too (vmap.txt): those are joined over a batch, so that neighbours would matter
    if what := unusual(settings):
        return what
    if beams_of(settings) > 1 and not (settings.finish == "full" and settings.renormalize):
        return "beams without generate.finish=full generate.renormalize=true"
    if models > 1:
        return "several models together"
    return "every hypothesis of its search" if watched else None


def beams_of(settings: GenerateSettings) -> int:
    """Hypotheses of a source."""
    return max(settings.beam, settings.n_best)


def limits_are_near(settings: GenerateSettings) -> bool:
    """Whether what is found within a limit of length is the beginning of what is found beyond."""
    return beams_of(settings) == 1 and not settings.renormalize


@dataclass(frozen=True)
class Found:
    """An answer as it was found, its end included if it has one, and what it is ranked by.

    `closed`: it grew too long, and its end, which costs nothing, is there for that alone (generate.close).
    """

    tokens: list[int]
    rank: float
    closed: bool = False


def within(found: Sequence[Found], limit: int, settings: GenerateSettings, end: int) -> list[Found]:
    """The n best answers of at most `limit` tokens, of what was searched for without regard to `close`."""

    def closed(each: Found) -> Found:
        kept = each.tokens[: limit - 1]
        if each.tokens[-1:] == [end] and len(each.tokens) < limit:
            return each
        return Found([*kept, end], each.rank * (len(kept) / limit) ** settings.length_penalty, closed=True)

    if not settings.close:
        return [Found(each.tokens[:limit], each.rank) for each in found]
    return sorted(map(closed, found), key=lambda each: -each.rank)[: settings.n_best]


def hypothesis(found: Found, gained: np.ndarray, settings: GenerateSettings, end: int) -> Hypothesis:
    """An answer with its teacher-forced score, ranked as the search of ours ranks it."""
    length, ended = len(found.tokens), found.tokens[-1:] == [end]
    score = float(gained[: length - found.closed].sum())
    rank = found.rank if settings.renormalize else score / length**settings.length_penalty
    return Hypothesis(tuple(found.tokens[: length - ended]), score, rank, ended and not found.closed)
