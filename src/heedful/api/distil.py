"""A small network taught by a large one: the teacher's answers, an ordinary training on them, and both side by side."""

import statistics
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heedful import recipe as recipes
from heedful.api.choose import settle
from heedful.api.given import INPUTS, files_of
from heedful.api.loading import load
from heedful.api.model import Changes, Model
from heedful.api.report import write_report
from heedful.api.run_folder import check_run_folder, open_run_folder, refuse_another
from heedful.api.scores import RunFacts, read_curve, read_scores
from heedful.api.sources import read_sources
from heedful.api.taught import (
    RESULT,
    Taught,
    files_of_student,
    prepare_lesson,
    read_result,
    teach,
    write_held_out,
    write_result,
)
from heedful.api.train import SPEED_EXAMPLES, answering_speed, run
from heedful.api.verbs import listening
from heedful.distillations import Distillation, Party
from heedful.errors import HeedfulError
from heedful.metrics.scores import evaluate
from heedful.metrics.significance import paired_test
from heedful.recipe import as_table, flat
from heedful.report.words import join_words
from heedful.results import Example, Measure, Scores
from heedful.schema import Recipe
from heedful.tasks import TASKS
from heedful.tasks.recipes import build, change
from heedful.tasks.task import find_task
from heedful.training.progress import Listener
from heedful.training.signals import Stopped, stop_at_once

TIMED = 30  # inputs that are answered one by one, of which the median counts
OF_TEXTS = tuple(
    f"data.{key}"
    for key in ("train", "valid", "test", "format", "columns", "group", "bad_rows", "overlap", "valid_rows", "fold")
)
"""How keys begin that say how texts and references are read; the student's own files need none."""
OF_READING = tuple(
    f"data.{key}" for key in ("normalize", "source_tokenizer", "target_tokenizer", "shared_tokenizer", "lowercase")
)
"""Keys of the teacher's recipe that say how a student reads and writes, too."""


def distil(
    teacher: str | Path | Model,
    texts: Any = None,
    *,
    network: str | None = None,
    size: str | None = None,
    seed: int | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    valid: Any = None,
    test: Any = None,
    originals: bool = True,
    output: Path | str | None = None,
    settings: Changes | None = None,
    listener: Listener | None = None,
) -> Distillation:
    """Trains a network on what another one answers, and compares the two on what is right (Kim & Rush 2016).

    `teacher` is a run, a folder or name of published weights, or several that answer together, separated by commas.
    `texts` is what it answers: data as `train` takes them, or a .txt file with a text a line; None: the training rows
    of its run. What is held out stays the teacher's own, or `valid` and `test`. `originals`: where it is known what is
    right for a source, that is learnt from as well. The keywords are those of `train`.

    Raises HeedfulError for a task whose models hand on nothing, and where nothing says what is right.

    heedful.distil("runs/teacher", network="ssru2019", size="tiny", minutes=3).student.measure
    """
    model = teacher if isinstance(teacher, Model) else load(teacher)
    name = str(model.folder if isinstance(teacher, Model) else teacher)
    facts, folder = find_task(model.task).facts, None if output is None else Path(output)
    inputs = INPUTS if folder is None else folder.parent / "inputs"
    given = {"data.train": texts, "data.valid": valid, "data.test": test}
    short = {"network.name": network, "network.size": size, "seed": seed}
    budget = {"train.minutes": minutes, "train.steps": steps, "train.epochs": epochs}
    changes: dict[str, Any] = {key: files_of(data, facts, inputs) for key, data in given.items() if data is not None}
    changes |= {key: value for key, value in (short | budget).items() if value is not None} | dict(settings or {})
    with listening(listener) as told:
        return distil_model(model, name, changes, originals, folder, told)


def distil_model(
    teacher: Model, name: str, changes: Changes, originals: bool, output: Path | None, listener: Listener
) -> Distillation:
    """Distils a teacher that is opened and goes by its `name`; `changes` are dotted keys of the student's recipe."""
    refuse_task(teacher)
    asked = build(teacher.task, changes)
    folder = output or default_folder(name, asked)
    check_run_folder(folder)
    with stopping(listener):
        sources = read_sources(teacher, asked)
        recipe = student_recipe(teacher, changes, folder, bool(sources.test))
        lesson = prepare_lesson(teacher, name, sources, originals, folder)
        if (folder / recipes.REQUESTED).exists():
            refuse_another(folder, recipes.differences(recipes.load(folder / recipes.REQUESTED), recipe))
        with open_run_folder(folder, recipe):
            write_held_out(sources, folder)
            refuse_recipe(recipe, folder)
            taught = teach(teacher, lesson, sources, folder, listener)
    student = run(recipe, folder, listener)
    if not (folder / RESULT).exists():
        facts, scores = read_scores(folder)
        listener.note(f"{name} answers the same {facts.on} examples")
        # opened again, as its teacher is: then both are timed as they are asked, by the same choice of engine
        write_result(folder, side_by_side(teacher, load(folder), taught, facts, scores))
        write_report(student, scores, facts, read_curve(folder))
    result = read_result(folder)
    assert result, "it was written"
    return result


@contextmanager
def stopping(listener: Listener) -> Generator[None]:
    """Says, where a signal stops what is done before a training, that the same command goes on."""
    try:
        with stop_at_once():
            yield
    except Stopped as stop:
        listener.note(f"stopped by {stop.name}. The same command goes on from what is answered.")
        stop.saved = True
        raise


def refuse_task(teacher: Model) -> None:
    """Raises HeedfulError for a teacher whose task hands on nothing."""
    lesson = find_task(teacher.task).facts.lesson
    if not lesson.is_for(teacher.source_kind):
        able = [verb for verb in TASKS if find_task(verb).facts.lesson.hands_on != "nothing"]
        raise HeedfulError(
            f"A model that was trained to {teacher.task} teaches no student: {lesson.reason}.",
            f"Those of {join_words(able)} do.",
        )


def default_folder(name: str, asked: Recipe) -> Path:
    """runs/<teacher>-<network of the student>."""
    network = "student" if asked.network.name == "auto" else asked.network.name
    return Path("runs") / f"{Path(name.partition(',')[0]).name}-{network}"


def student_recipe(teacher: Model, changes: Changes, folder: Path, has_test: bool) -> Recipe:
    """The recipe of the student: its data are the files in its own folder, its texts and answers are as the teacher's
    recipe says where `changes` do not.
    """
    files = files_of_student(folder)
    usual = flat(as_table(Recipe()))
    inherited = {
        key: value
        for key, value in flat(as_table(teacher.recipe)).items()
        if (key in OF_READING or key.startswith("generate.")) and value != usual[key]
    }
    own = {key: value for key, value in changes.items() if not key.startswith(OF_TEXTS)}
    data = {f"data.{split}": [files[split]] for split in ("train", "valid", *(["test"] if has_test else []))}
    return build(teacher.task, inherited | own | data)


def refuse_recipe(recipe: Recipe, folder: Path) -> None:
    """Raises HeedfulError for a student that cannot be, before its teacher answers for minutes; by what is held out,
    since it has no other data yet.
    """
    settle(find_task(recipe.task).learning, change(recipe, {"data.train": [files_of_student(folder)["valid"]]}))


def side_by_side(teacher: Model, student: Model, taught: Taught, facts: RunFacts, scores: Scores) -> Distillation:
    """Both on the examples that the student was scored on, by its measures, and timed in turn on this machine."""
    examples = [Example(case.source, case.references) for case in scores.cases]
    sources, references = [example.source for example in examples], [example.references for example in examples]
    answering, kind = find_task(teacher.task).answering, find_task(student.task).answering.kind(student.trained[0])
    answers = answering.evaluate(teacher.trained, examples, teacher.recipe.generate, samples=0)
    outputs = [case.output for case in answers.cases]
    teacher_scores = evaluate(kind, sources, outputs, references, ter=False)
    student_outputs = [case.output for case in scores.cases]
    return Distillation(
        run=str(student.folder),
        teacher=party(taught.teacher, teacher, teacher_scores.measures[scores.primary], sources),
        student=party(str(student.folder), student, scores.measures[scores.primary], sources),
        against_teacher=paired_test(student_outputs, outputs, references, kind, scores.primary),
        examples=len(examples),
        split=facts.on,
        unit=find_task(student.task).facts.unit,
        answers=taught.answers,
        originals=taught.original_pairs,
        answering_seconds=taught.seconds,
        training_seconds=facts.training_seconds,
    )


def party(name: str, model: Model, measure: Measure, sources: Sequence[str]) -> Party:
    """One of the two, asked one by one and in batches."""
    weights = sum(weight.numel() for part in model.learnable for weight in part.network.parameters())
    timed = [model.prompts([source])[0] for source in sources[: TIMED + 1]]
    seconds = list[float]()
    for source in timed:
        clock = time.perf_counter()
        model.answer([source])
        seconds.append(time.perf_counter() - clock)
    median = statistics.median(seconds[1:] or seconds)  # the first one pays for what is made once
    speed = answering_speed(model, list(sources[:SPEED_EXAMPLES]))
    network = f"{len(model.trained)} × {model.name}" if len(model.trained) > 1 else model.name
    return Party(name, network, measure, weights, 1000 * median, speed)
