"""What a trained model hands on to a student, by which a smaller network learns what it does (distillation).

answers        by tasks that write: the student learns from what the teacher wrote, as from any data: sequence-level
               knowledge distillation (Kim & Rush 2016, section 3.2)
probabilities  by tasks that choose: of every class, by which the student learns what resembles what (Hinton, Vinyals &
               Dean 2015, section 2)
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Lesson:
    """What the trained models of a task hand on; where that is nothing, `reason` says why."""

    hands_on: Literal["answers", "probabilities", "nothing"]
    reason: str = ""


ANSWERS = Lesson("answers")
PROBABILITIES = Lesson("probabilities")
