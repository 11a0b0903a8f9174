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
    """What the trained models of a task hand on; where that is nothing, or nothing but `of` some kinds of sources,
    `reason` says why.
    """

    hands_on: Literal["answers", "probabilities", "nothing"]
    reason: str = ""
    of: tuple[str, ...] = ()

    def is_for(self, source_kind: str) -> bool:
        """Whether a model that is asked with this hands on anything."""
        return self.hands_on != "nothing" and (not self.of or source_kind in self.of)


ANSWERS = Lesson("answers")
PROBABILITIES = Lesson("probabilities")
