"""Every measure has one title, unit and direction, which all that shows measures takes from one table."""

import pytest

from heedful.metrics.counts import PRIMARY, Kind
from heedful.metrics.kinds import count
from heedful.metrics.measures import MEASURES, describe
from heedful.report import words

ANSWERS: dict[Kind, tuple[str, str]] = {
    "symbols": ("AH B", "AH B"),
    "words": ("hat", "hat"),
    "text": ("a hat", "a hat"),
    "classes": ("cat", "cat"),
    "captions": ("a hat", "a hat"),
    "steps": ("a\tb", "a\tb"),
    "tags": ("a\tb", "a\tb"),
    "entities": ("B-a\tO", "B-a\tO"),
    "ranks": ("1", "1"),
    "passages": ("6.9", "5 10"),
    "gaps": ("a", "a"),
}


@pytest.mark.parametrize("kind", PRIMARY)
def test_every_measure_is_declared_and_best_when_all_is_right(kind: Kind) -> None:
    answer, right = ANSWERS[kind]
    counts = count(kind, [answer], [(right,)])
    assert PRIMARY[kind] in counts
    for name in counts:
        facts = describe(name)
        assert name in MEASURES or facts.title != name.replace("_", " "), name
        assert words.title(name) == facts.title and words.axis(name).endswith(facts.unit or facts.title)


def test_no_two_measures_share_a_title() -> None:
    titles = [facts.title for facts in MEASURES.values()]
    assert len(set(titles)) == len(titles)


def test_the_same_of_something_else_keeps_unit_and_direction() -> None:
    ceiling = describe("ceiling_reverse_recall_at_5")
    assert (ceiling.title, ceiling.unit) == ("ceiling reverse recall@5", "%")
    assert not describe("reverse_median_rank").higher_is_better
    assert words.title("zero_shot_macro_f1") == "zero-shot macro F1"
    assert words.score(12.3456, "bits_per_character") == "12.346"
