"""Scores of a trained model: on which examples, beside which baseline, against which other model."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from heedful import recipe as recipes
from heedful.api.known_rows import known_rows
from heedful.api.opened import Question
from heedful.api.scores import with_remarks
from heedful.data.checksums import find_damage
from heedful.data.folders import limits_of
from heedful.data.readers.rows import BadRow, count
from heedful.errors import HeedfulError
from heedful.metrics.counts import PRIMARY
from heedful.report import words
from heedful.results import Example, Paired, Scores
from heedful.schema import DataSettings, Recipe
from heedful.tasks import TASKS
from heedful.tasks.long import fit_examples, way_of
from heedful.tasks.models import PreparedData, TrainedModel
from heedful.tasks.task import find_task
from heedful.training.progress import say


class Scored(Protocol):
    """A model that can be scored."""

    @property
    def task(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    @property
    def recipe(self) -> Recipe: ...

    @property
    def trained(self) -> tuple[TrainedModel, ...]: ...

    def trained_for(self, question: Question) -> tuple[TrainedModel, ...]: ...


Examples = Sequence[Example]


def evaluate(model: Scored, data: Any, recipe: Recipe, examples: Examples | None = None) -> Scores:
    """Scores on data or the run's own, with what is to be said of them; see `Model.evaluate`."""
    examples = examples or examples_of(model, data, recipe)
    scores = score(model, examples, recipe)
    if is_given(data):
        return with_remarks(scores, known_rows(model.folder, model.task, model.trained[0], examples))
    own = own_data(model)
    side = "test" if own is None or own.test else valid_side(model.recipe.data)
    return with_remarks(scores, words.choice_note(side), *limits_of(model.folder / "data", side))


def score(model: Scored, examples: Examples, recipe: Recipe) -> Scores:
    """Scores on given examples; without the run's training data there is no baseline, which is said."""
    from heedful.metrics.significance import paired_test

    answering, data = find_task(model.task).answering, own_data(model)
    question = question_of(examples, recipe)
    scores = answering.evaluate(model.trained_for(question), examples, recipe.generate, data=data)
    if recipe.generate.shortlist:
        scores = with_remarks(scores, shortlist_note(model, scores, examples, recipe))
    if data is None:
        say(f"no baseline: it is made of training data, and {model.folder} holds none")
        return scores
    name, baseline = answering.baseline(model.trained[0], data, examples)
    outputs, baseline_outputs = ([case.output for case in each.cases] for each in (scores, baseline))
    references, kind = [case.references for case in scores.cases], answering.kind(model.trained[0])
    test = paired_test(outputs, baseline_outputs, references, kind, scores.primary)
    return replace(scores, baseline_name=name, baseline=baseline.measures, against_baseline=test)


def shortlist_note(model: Scored, scores: Scores, examples: Examples, recipe: Recipe) -> str:
    """How many answers a shortlist changes, and what they score without it."""
    plain = replace(recipe, generate=replace(recipe.generate, shortlist=0))
    trained = model.trained_for(question_of(examples, plain))
    without = find_task(model.task).answering.evaluate(trained, examples, plain.generate, samples=0)
    pairs = zip(scores.cases, without.cases, strict=True)
    changed = sum(case.output != other.output for case, other in pairs)
    measure, answers = without.measures[without.primary], count(len(examples), "answer")
    return (
        f"generate.shortlist={recipe.generate.shortlist} changes {changed:,} of {answers} "
        f"({changed / len(examples):.1%}); without it: "
        f"{words.title(measure.name)} {words.score(measure.value, measure.name)}"
    )


def judge(model: Scored, by: Scored, data: Any, recipe: Recipe, examples: Examples | None = None) -> Scores:
    """What a model of `match` takes a model's drawings for; see `Model.judge_by`."""
    if find_task(model.task).facts.judged_by != by.task:
        raise cannot_judge(model, by)
    answering, examples = find_task(model.task).answering, examples or examples_of(model, data, recipe)
    question = Question(recipe.generate, len(examples))
    return answering.judge(model.trained_for(question), examples, recipe.generate, by.trained_for(question))


def compare(model: Scored, other: Scored, data: Any, recipe: Recipe, examples: Examples | None = None) -> Paired:
    """Whether a model is better than another on the same examples; see `Model.compare_with`."""
    from heedful.metrics.significance import paired_test

    if model.task != other.task:
        raise HeedfulError(
            f"{model.folder} ({model.task}) and {other.folder} ({other.task}) do not answer the same.",
            "A paired test is of two models of one task.",
        )
    examples = examples or examples_of(model, data, recipe)
    answering, own, question = find_task(model.task).answering, own_data(model), question_of(examples, recipe)
    scores, other_scores = (
        answering.evaluate(each.trained_for(question), examples, recipe.generate, samples=0, data=own)
        for each in (model, other)
    )
    answers, other_answers = ([case.output for case in each.cases] for each in (scores, other_scores))
    kind = answering.kind(model.trained[0])
    return paired_test(answers, other_answers, [case.references for case in scores.cases], kind, PRIMARY[kind])


def examples_of(model: Scored, data: Any, recipe: Recipe) -> list[Example]:
    """The examples of data, read as the recipe says, or the run's own; raises HeedfulError if there are none."""
    if is_given(data):
        return fit(model, given_examples(model, data, recipe), recipe)
    own = own_data(model)
    if own is None:
        raise HeedfulError(f"{model.folder} holds no data of its own.", "Name a file to score it on.")
    return fit(model, own.test or own.valid, recipe)


def given_examples(model: Scored, data: Any, recipe: Recipe) -> list[Example]:
    """The examples of given data; says what was left out."""
    from heedful.api.given import INPUTS, files_of

    bad_rows: list[BadRow] = []
    answering = find_task(model.task).answering
    paths = files_of(data, answering.facts, INPUTS)
    for note in answering.example_notes(model.trained[0], paths, recipe.data):
        say(note)
    examples = answering.examples(model.trained[0], paths, recipe.data, bad_rows.append)
    if bad_rows:
        first = f"{bad_rows[0].where}: {bad_rows[0].problem}"
        say(f"left out: {count(len(bad_rows), 'bad row')} (first: {first})")
    return examples


def fit(model: Scored, examples: list[Example], recipe: Recipe) -> list[Example]:
    """What of examples is scored where some are longer than the network reads; says how many are cut."""
    task = find_task(model.task)
    lengths = task.answering.example_lengths(model.trained, examples)
    return fit_examples(examples, lengths, way_of(recipe.data.long, task.facts), "to be scored", say)


def own_data(model: Scored) -> PreparedData | None:
    """The data that a run was trained on, if they are still in its folder; HeedfulError where they are spoilt."""
    if damage := find_damage(model.folder / "data"):
        command = shlex.join(["heedful", "train", str(model.folder / recipes.COMPLETE), "-o", str(model.folder)])
        raise HeedfulError(f"{damage}.", f"This prepares the data again: {command}")
    return find_task(model.task).answering.open_data(model.folder)


def question_of(examples: Examples, recipe: Recipe) -> Question:
    """What examples ask."""
    return Question.of([example.source for example in examples], recipe.generate)


def valid_side(data: DataSettings) -> str:
    """What the validation rows of a run are: in the last training of a cross-validation they are learnt from too."""
    return "learnt" if data.folds and data.fold == "auto" and data.valid == "auto" else "valid"


def is_given(data: Any) -> bool:
    """Whether there are data beside the run's own."""
    return data is not None and not (isinstance(data, str | list) and not data)


def cannot_judge(model: Scored, by: Scored) -> HeedfulError:
    """The error for a judge of the wrong task, or of answers that nobody judges."""
    pairs = {verb: judge_verb for verb in TASKS if (judge_verb := find_task(verb).facts.judged_by)}
    possibilities = "; ".join(
        f"a run of {judge_verb} judges a run of {verb}: heedful evaluate RUN --judge JUDGE"
        for verb, judge_verb in pairs.items()
    )
    return HeedfulError(
        f"{by.folder} ({by.task}) cannot judge {model.folder} ({model.task}).", f"{possibilities.capitalize()}."
    )
