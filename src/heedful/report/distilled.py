"""A student beside its teacher, as rows and sentences that a terminal, a card and a page have in common."""

from heedful.data.readers.rows import count
from heedful.distillations import Distillation
from heedful.metrics.verdicts import is_decided
from heedful.report import words

TINY = 1e-12  # what nobody measured is not divided by


def rows(result: Distillation) -> list[list[str]]:
    """The table, its head first."""
    name = result.student.measure.name
    head = ["", "network", words.title(name), "weights", "one input", "in batches", "cost"]
    cost = f"{(result.answering_seconds + result.training_seconds) / 60:.1f} min"
    parties = (("teacher", result.teacher, "–"), ("student", result.student, cost))
    return [head] + [
        [
            part,
            party.network,
            words.value_with_interval(party.measure),
            f"{party.weights:,}",
            f"{party.milliseconds:,.1f} ms",
            f"{party.per_second:,.0f} {result.unit}/s",
            spent,
        ]
        for part, party, spent in parties
    ]


def sentences(result: Distillation) -> list[str]:
    """What the table says: whether the student is as good, how much smaller and faster it is, what it learnt from."""
    teacher, student = result.teacher, result.student
    return [
        f"student minus teacher: {words.title(student.measure.name)} {words.difference(result.against_teacher)}, "
        f"{words.p_value(result.against_teacher.p)}: {verdict(result)}",
        f"the student is {ratio(teacher.weights, student.weights, 'smaller', 'larger')}, "
        f"{ratio(teacher.milliseconds, student.milliseconds, 'faster', 'slower')} on one input and "
        f"{ratio(student.per_second, teacher.per_second, 'faster', 'slower')} in batches",
        learnt_from(result),
    ]


def verdict(result: Distillation) -> str:
    """Which of the two is better, by the paired test."""
    test = result.against_teacher
    if not is_decided(test):
        return words.undecided(test, "no difference can be told")
    is_better = (test.difference > 0) == result.student.measure.higher_is_better
    return f"the {'student' if is_better else 'teacher'} is better, by more than chance explains"


def learnt_from(result: Distillation) -> str:
    """What the student learnt from and what that took, and what both are scored on."""
    originals = f" and {count(result.originals, 'original pair')}" if result.originals else ""
    answering, training = (seconds / 60 for seconds in (result.answering_seconds, result.training_seconds))
    answers, scored = count(result.answers, "answer"), count(result.examples, f"{result.split} example")
    return (
        f"learnt from {answers} of {result.teacher.name} ({answering:.1f} min){originals} in {training:.1f} min; both "
        f"are scored on {scored} of the data's own"
    )


def ratio(large: float, small: float, better: str, worse: str) -> str:
    """How many times as much, in words.

    >>> ratio(9.0, 3.0, "smaller", "larger"), ratio(2.0, 3.0, "smaller", "larger")
    ('3.0 times smaller', '1.5 times larger')
    """
    first, second = max(large, TINY), max(small, TINY)
    return f"{first / second:.1f} times {better}" if first >= second else f"{second / first:.1f} times {worse}"
