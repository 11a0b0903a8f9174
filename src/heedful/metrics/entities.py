"""Entities among tagged words: where each begins and ends, and how many are found, as conlleval counts them.

One rule reads all schemes (IOB1, BIO, BIOES, BILOU, BMES), that of conlleval and of seqeval: an entity begins at B and
S, behind an end, and wherever the type changes; so what is out of order (an I at the beginning) is read, not refused.

T words   N sequences
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from heedful.metrics.counts import Counts, References
from heedful.metrics.segments import accuracy_counts, f1, nearest_references
from heedful.results import ClassScore

OUTSIDE = "O"
BEGIN, INSIDE, END, SINGLE = "B", "IM", "EL", "SUW"
TAG = re.compile(f"([{BEGIN}{INSIDE}{END}{SINGLE}])(?:[-_](.+))?", re.DOTALL)
SLIPS = 5  # labels for each of them that is no entity tag
UNNAMED = "entity"
"""The type of tags that name none: B, I, O."""

Entity = tuple[str, int, int]
"""A type, its first word, and where it ends."""


@cache
def are_entity_tags(names: tuple[str, ...]) -> bool:
    """Whether labels mark entities: all are O or a place in an entity, mostly with a type behind it.

    Tags with types need an O or two places among them, those without need a B and another place, so that parts of
    speech called "S" and "I" are none. Among tags with types up to a fifth may be others (`odd_labels`), as slips are.

    >>> are_entity_tags(("B-PER", "I-PER", "O")), are_entity_tags(("B", "E", "M", "S")), are_entity_tags(("NOUN", "O"))
    (True, True, False)
    """
    places = [place for place in map(match_tag, names) if place]
    letters, typed = {letter for letter, _ in places}, [kind for _, kind in places if kind != UNNAMED]
    odd = odd_labels(names)
    if not typed:
        return BEGIN in letters and len(names) > 1 and not odd
    if odd:
        return OUTSIDE in names and BEGIN in letters and len(letters) > 1 and SLIPS * len(odd) <= len(names)
    return len(typed) == len(places) and (OUTSIDE in names or len(letters) > 1)


def odd_labels(names: Iterable[str]) -> list[str]:
    """The labels that are no entity tags, and count as outside.

    >>> odd_labels(["B-PER", "O", "BPER", "0"])
    ['BPER', '0']
    """
    return [name for name in names if name != OUTSIDE and not match_tag(name)]


def match_tag(label: str) -> tuple[str, str] | None:
    """The place in an entity and the type that a label names; None for one that is outside.

    >>> match_tag("B-PER"), match_tag("I_first name"), match_tag("S"), match_tag("O")
    (('B', 'PER'), ('I', 'first name'), ('S', 'entity'), None)
    """
    match = TAG.fullmatch(label)
    return (match[1], match[2] or UNNAMED) if match else None


def entities_of(labels: Sequence[str]) -> list[Entity]:
    """The entities of a sequence, in order.

    >>> entities_of(["B-PER", "I-PER", "O", "I-LOC", "I-ORG", "B-ORG"])
    [('PER', 0, 2), ('LOC', 3, 4), ('ORG', 4, 5), ('ORG', 5, 6)]
    """
    entities: list[Entity] = []
    before: tuple[str, str] | None = None
    for step, label in enumerate(labels):
        tag = match_tag(label)
        if tag:
            place, kind = tag
            goes_on = before and before[1] == kind and before[0] in BEGIN + INSIDE and place in INSIDE + END
            start = entities.pop()[1] if goes_on else step
            entities.append((kind, start, step + 1))
        before = tag
    return entities


def scheme_of(sequences: Iterable[Sequence[str]]) -> str:
    """What the scheme of these entity tags is called.

    >>> scheme_of([["I-PER", "I-PER", "B-PER", "O"]]), scheme_of([["B-PER", "I-PER"]]), scheme_of([["S-PER", "O"]])
    ('IOB1', 'BIO', 'BIOES')
    """
    letters, openings = Counter[str](), Counter[str]()
    for labels in sequences:
        before = None
        for tag in map(match_tag, labels):
            if tag:
                letters[tag[0]] += 1
                openings[tag[0]] += before is None or before[1] != tag[1]
            before = tag
    if letters["M"] or letters["W"]:
        return "BMES"
    if letters["L"] or letters["U"]:
        return "BILOU"
    if letters["E"] or letters["S"]:
        return "BIOES"
    if not letters[BEGIN]:
        return "IO"
    return "IOB1" if openings["I"] > openings[BEGIN] else "BIO"


def entity_counts(outputs: Sequence[str], references: References) -> list[Counts]:
    """F1, precision and recall of entities, and accuracy of tags, in percent, over all sequences.

    An entity is right if its type and all of its words are. Answers and references are tags joined by tabs; of several
    references the one counts that most tags agree with, and words whose reference is "" or "_" count nowhere. Raises
    HeedfulError if an answer has more or fewer tags than its reference.

    >>> counts = entity_counts(["B-PER\\tO\\tB-LOC"], [("B-PER\\tI-PER\\tB-LOC",)])
    >>> [(one.name, round(one.value(), 1)) for one in counts]
    [('entity_f1', 50.0), ('entity_precision', 50.0), ('entity_recall', 50.0), ('accuracy', 66.7)]
    """
    pairs = nearest_references(outputs, references)
    rows = np.array([match_entities(*pair) for pair in pairs], float)
    return [
        Counts("entity_f1", rows, f1),
        Counts("entity_precision", rows, lambda sums: share(sums[0], sums[0] + sums[1])),
        Counts("entity_recall", rows, lambda sums: share(sums[0], sums[0] + sums[2])),
        accuracy_counts(pairs),
    ]


def match_entities(predicted: Sequence[str], truth: Sequence[str]) -> tuple[int, int, int]:
    """True positives, false positives and false negatives."""
    answered, true = set(entities_of(predicted)), set(entities_of(truth))
    hits = len(answered & true)
    return hits, len(answered) - hits, len(true) - hits


def share(part: float, total: float) -> float:
    """Part of total in percent; 0 of nothing."""
    return float(100 * part / total) if total else 0.0


def score_types(outputs: Sequence[str], references: References) -> tuple[ClassScore, ...]:
    """Each type of entity by itself, in percent; 0 where nothing was answered or nothing was there.

    >>> score_types(["B-PER\\tO"], [("B-PER\\tB-LOC",)])[0]
    ClassScore(name='LOC', count=1, precision=0.0, recall=0.0, f1=0.0)
    """
    hits, answered, true = Counter[str](), Counter[str](), Counter[str]()
    for predicted, truth in nearest_references(outputs, references):
        found, there = set(entities_of(predicted)), set(entities_of(truth))
        for counter, entities in ((hits, found & there), (answered, found), (true, there)):
            counter.update(kind for kind, _, _ in entities)
    return tuple(
        ClassScore(
            kind,
            true[kind],
            share(hits[kind], answered[kind]),
            share(hits[kind], true[kind]),
            share(2 * hits[kind], answered[kind] + true[kind]),
        )
        for kind in sorted({*answered, *true})
    )
