"""Models with parts of their networks cut or held, beside the same models as they are."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from heedful.api.model import Changes, Model
from heedful.metrics.significance import paired_test
from heedful.results import Example, Paired, Scores
from heedful.tasks.recipes import change
from heedful.tasks.task import find_task


@dataclass(frozen=True)
class Cuts:
    """What is done to a network, in the words of `parse_cuts`."""

    without: tuple[str, ...] = ()
    attend: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = {"without": self.without, "attend": self.attend, "hold": self.hold}
        return ", ".join(f"{verb} {' '.join(names)}" for verb, names in parts.items() if names)


@dataclass(frozen=True)
class TwoAnswers:
    """The best answers to one input of a model as it is and altered, and the scores that both give to the first."""

    cuts: Cuts
    answer: str
    altered: str
    score: float
    altered_score: float

    @property
    def difference(self) -> float:
        """What the alteration adds to the score of the first answer."""
        return self.altered_score - self.score


@dataclass(frozen=True)
class TwoScores:
    """The scores of a model as it is and altered, on the same examples; `paired`: altered minus as it is."""

    cuts: Cuts
    scores: Scores
    altered: Scores
    paired: Paired


def answer_altered(model: Model, source: Any, cuts: Cuts, output: str | None = None) -> TwoAnswers:
    """How a model answers as it is (or `output`, in place of what it answers) and altered."""
    first = model.answer([source])[0][0].output if output is None else output
    [score] = model.score([(source, first)])
    with model.altered(*astuple(cuts)):
        [other_score] = model.score([(source, first)])
        return TwoAnswers(cuts, first, model.answer([source])[0][0].output, score, other_score)


def evaluate_altered(
    model: Model, cuts: Cuts, data: Any, changes: Changes | None, examples: Sequence[Example]
) -> TwoScores:
    """How good a model is as it is and altered, on the same examples, with the paired difference."""
    scores, recipe = model.evaluate(data, changes, examples), change(model.recipe, changes or {})
    answering = find_task(model.task).answering
    with model.altered(*astuple(cuts)):
        other = answering.evaluate(model.trained, examples, recipe.generate, data=model.data())
    outputs, other_outputs = ([case.output for case in each.cases] for each in (scores, other))
    references, kind = [case.references for case in scores.cases], answering.kind(model.trained[0])
    return TwoScores(cuts, scores, other, paired_test(other_outputs, outputs, references, kind, scores.primary))
