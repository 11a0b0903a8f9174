"""A verdict is given where the examples can bear one; where they cannot, it is said what would."""

import pytest

from heedful.metrics.significance import paired_test, paired_test_over_runs
from heedful.metrics.verdicts import SIGNIFICANCE_LEVEL, examples_needed, fewest_examples, is_decidable, is_decided
from heedful.report import words
from heedful.results import Paired


@pytest.mark.parametrize("number", range(1, 10))
def test_smallest_p_of_few_examples_is_that_of_all_exchanges(number: int) -> None:
    """One is right everywhere and the other nowhere: no difference could be larger."""
    test = paired_test(["a"] * number, ["b"] * number, [("a",)] * number, "classes", "accuracy")
    assert test.p == pytest.approx(2 ** (1 - number)) and test.examples == number
    assert is_decidable(test) == (number >= fewest_examples()) == is_decided(test)


def test_one_clip_decides_nothing_however_far_apart_two_are() -> None:
    truth = ["walk"] * 1000
    outputs = [["walk"] * right + ["run"] * (1000 - right) for right in (669, 986)]
    first, other = ["\t".join(labels) for labels in outputs]
    test = paired_test([first], [other], [("\t".join(truth),)], "steps", "accuracy")
    assert test.difference == pytest.approx(-31.7)
    assert words.verdict("a vs b", test, True) == "too few to tell: 1 example, and it takes 6"
    several = paired_test_over_runs([[first]] * 3, [[other]] * 3, [("\t".join(truth),)], "steps", "accuracy")
    assert words.verdict("a vs b", several, True) == "too few to tell: 1 example, and it takes 6"


def test_as_many_examples_as_are_said_to_be_needed_tell_the_difference() -> None:
    """The same rows as often as that takes: what was a tie is none; a tenth as often it still is one."""
    a, b = ["a"] * 54 + ["b"] * 6, ["b"] * 12 + ["a"] * 48
    test = paired_test(a, b, [("a",)] * 60, "classes", "accuracy")
    needed = examples_needed(test)
    assert needed and needed > 60 and not is_decided(test)
    assert f"about {needed:,} examples would tell" in words.verdict("a vs b", test, True)
    for share, decided in ((1, True), (0.1, False)):
        times = max(1, round(share * needed / 60))
        again = paired_test(a * times, b * times, [("a",)] * 60 * times, "classes", "accuracy", samples=200)
        assert is_decided(again) == decided


def test_nothing_is_estimated_where_nothing_is_known() -> None:
    assert examples_needed(Paired("accuracy", 2.0, -2.0, 6.0, 0.4)) is None
    assert examples_needed(Paired("accuracy", 0.0, 0.0, 0.0, 1.0, examples=9)) is None
    assert examples_needed(Paired("accuracy", 2.0, -2.0, 6.0, 0.4, examples=9, runs=3)) is None
    assert is_decided(Paired("accuracy", 2.0, 1.0, 3.0, SIGNIFICANCE_LEVEL / 2))
    assert "it takes about 150" in words.undecided(Paired("accuracy", 1.0, -5.0, 7.0, 0.5, examples=2), "a tie")
