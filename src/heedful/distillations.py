"""Plain results of distillation: how good, how large, how fast and how dear a student is, beside its teacher."""

from dataclasses import dataclass

from heedful.results import Measure, Paired, Result


@dataclass(frozen=True)
class Party:
    """A teacher or a student: its first measure, its weights, and how fast it answers on this machine."""

    name: str
    network: str
    measure: Measure
    weights: int
    milliseconds: float
    """For one input by itself: the median of several."""
    per_second: float
    """Of the task's unit, in batches."""


@dataclass(frozen=True, repr=False)
class Distillation(Result):
    """A student beside its teacher, both scored on the same `examples`, whose references are the data's own.

    `against_teacher` is the paired test of the student, less the teacher; `answers` are what the student learnt from,
    beside `originals` pairs of the data; `run` is the student's folder.
    """

    run: str
    teacher: Party
    student: Party
    against_teacher: Paired
    examples: int
    split: str
    unit: str
    answers: int
    originals: int
    answering_seconds: float
    training_seconds: float
