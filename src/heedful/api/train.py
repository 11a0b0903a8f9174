"""From a recipe to a run: data, training, scores, and the folder that reports them."""

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from heedful.api.choose import choose_network, on_machine_of, settle
from heedful.api.loading import at_hand, load
from heedful.api.lock import is_lock
from heedful.api.model import Model
from heedful.api.model_folder import write_checksums, write_model
from heedful.api.moments import watch_examples
from heedful.api.outlook import in_minutes, seconds_beside
from heedful.api.pretrained import Start, begin_with, freeze_parts, inherit, open_start
from heedful.api.report import REPORT_FILES, compare_measurements, write_report, write_unscored_report
from heedful.api.run_folder import decided_in, default_folder, is_finished, open_run_folder, write_fingerprint
from heedful.api.scores import RunFacts, read_curve, read_scores, with_remarks, write_scores
from heedful.api.scoring import score
from heedful.data import batching
from heedful.data.checksums import find_damage
from heedful.data.folders import WEIGHTS, limits_of
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError, weights_of
from heedful.report.terminal import scores_table
from heedful.report.words import choice_note, title, value_with_interval
from heedful.results import Example, Scores
from heedful.schema import Recipe
from heedful.tasks.learning import Stage
from heedful.tasks.models import LearnableModel, PreparedData
from heedful.tasks.task import find_task
from heedful.training import memory
from heedful.training.checkpoint import delete_checkpoints, put_weights, read_tensors
from heedful.training.loop import Loop
from heedful.training.progress import Listener
from heedful.training.signals import Stopped, stop_at_once
from heedful.training.work import Outcome, Work

SPEED_EXAMPLES = 1000  # answered again to time them
SCORED_LEAST, SCORED_A_MINUTE = 200, 400  # of validation rows at the end, for each minute of training
FEW = 64  # of these, which are enough where all would take longer than LONG
LONG = 10.0  # seconds


@dataclass(frozen=True)
class Prelude:
    """What is trained before a run itself, and scores it: how much that is, in a line, and what does it, in the folder
    of the run, whose data are then prepared.
    """

    plan: str
    train: Callable[[Path], Scores]


def run(user_recipe: Recipe, output: Path | None, listener: Listener, prelude: Prelude | None = None) -> Model:
    """Trains a recipe in a folder (runs/<data> if none is given), or goes on with what stands there.

    Raises Stopped where a signal asked for it, and says that the same command goes on.
    """
    try:
        with stop_at_once():
            return run_to_end(user_recipe, output, listener, prelude)
    except Stopped as stop:
        if not stop.saved:
            listener.note(f"stopped by {stop.name}. The same command goes on from what is done.")
            stop.saved = True
        raise


def run_to_end(user_recipe: Recipe, output: Path | None, listener: Listener, prelude: Prelude | None = None) -> Model:
    """Trains what is left of a run, scores and reports it."""
    learning = find_task(user_recipe.task).learning
    start = open_start(user_recipe.start) if user_recipe.start else None
    folder = output or default_folder(user_recipe)
    asked = inherit(user_recipe, start) if start else user_recipe
    decided = decided_in(folder, asked)
    recipe = settle(learning, decided or asked)
    cores, threads = torch.get_num_threads(), int(recipe.train.threads)
    torch.set_num_threads(threads)
    if is_finished(folder, user_recipe, recipe):
        listener.note(
            f"{folder} is finished: it was trained with this recipe. To train longer, start from it with a larger "
            "budget, in a new folder:"
        )
        listener.note(f"heedful train … --from {shlex.quote(str(folder))} -o OTHER")
        model = load(folder)
        complete(model, recipe, start, listener)
        return model
    started_at = time.time()
    if asked.train.threads in ("auto", 0) and threads < cores:
        listener.note(
            f"{cores - threads} of {count(cores, 'core')} left to other work that is busy there (train.threads)"
        )
    if prelude:
        listener.note(prelude.plan)
    with open_run_folder(folder, user_recipe):
        setup = set_up_run(recipe, start, folder, listener, None if decided else on_machine_of(recipe, asked))
        write_model(folder, setup.recipe, setup.model, weights=False)
        scores = prelude.train(folder) if prelude else None
        return learn(setup, folder, started_at, listener, scores)


def complete(model: Model, recipe: Recipe, start: Start | None, listener: Listener) -> None:
    """Does what a finished run may lack: prepares its data again if they are spoilt, writes report and card if they are
    missing (0.1.0 wrote them last), lets its checkpoints go. The folder of one that lacks nothing may be read-only.
    """
    folder, spoilt = model.folder, bool(find_damage(model.folder / "data"))
    unreported = not all((folder / name).exists() for name in REPORT_FILES)
    if spoilt or unreported or any(is_lock(path.name) for path in folder.iterdir()):  # that of a killed process
        with open_run_folder(folder):
            if spoilt:
                pretrained = start.pretrained if start else None
                find_task(recipe.task).learning.prepare(recipe, folder, listener.note, pretrained)
            if unreported:
                report_again(model, listener)
    keep_or_drop(recipe, folder)


def report_again(model: Model, listener: Listener) -> None:
    """Writes report and card of a finished run from what was measured; says so where that is no longer there."""
    try:
        facts, scores = read_scores(model.folder)
        write_report(model, scores, facts, read_curve(model.folder))
    except HeedfulError as error:
        listener.note(f"no report can be written: {error.problem}")


def learn(
    setup: "RunSetup", folder: Path, started_at: float, listener: Listener, scores: Scores | None = None
) -> Model:
    """Trains what is set up, and scores and reports it; `scores`: those of its folds."""
    recipe, learning = setup.recipe, find_task(setup.recipe.task).learning
    if difference := write_fingerprint(folder, recipe, setup.data.fingerprint):
        listener.note(difference)
    model = at_hand(folder, recipe, setup.model)
    listener.note(opening_line(recipe, model.name, model.weights))
    if stage := learning.first(setup.model, setup.data, recipe):
        recipe = run_first(stage, recipe, folder, listener)
    listener.begin(recipe.network.name, budget(recipe))
    watch = watch_examples(learning, setup.model, setup.data, recipe, folder, listener.note)
    work = replace(learning.work(setup.model, setup.data, recipe), unit=find_task(recipe.task).facts.unit, watch=watch)
    if recipe.train.minutes is not None and not (folder / "checkpoints").exists():
        listener.note(whole_time(work, setup, recipe, scores is not None))
    outcome = Loop(work, recipe.train, recipe.seed, folder, listener).run()
    write_checksums(folder)
    model = load(folder)
    conclude(model, outcome, setup, started_at, listener, scores)
    keep_or_drop(recipe, folder)
    return model


def keep_or_drop(recipe: Recipe, folder: Path) -> None:
    """Removes the checkpoints of a finished run, unless its recipe says that they stay."""
    if not recipe.train.keep:
        delete_checkpoints(folder)


@dataclass(frozen=True)
class RunSetup:
    """A run before its first step: the recipe resolved for the data, the data, the model with its initial weights, and
    lines on where these come from.
    """

    recipe: Recipe
    data: PreparedData
    model: LearnableModel
    start_lines: list[str]


def set_up_run(
    recipe: Recipe, start: Start | None, folder: Path, listener: Listener, asked: Recipe | None = None
) -> RunSetup:
    """Prepares the data, and builds the network; `asked`: the recipe before anything was decided, if nothing was in an
    earlier run of it.
    """
    learning, pretrained = find_task(recipe.task).learning, start.pretrained if start else None
    data = learning.prepare(recipe, folder, listener.note, pretrained)
    if asked and not start:
        recipe, lines = choose_network(learning, asked, data)
        for line in lines:
            listener.note(line)
    recipe = learning.resolve_for_data(recipe, data)
    with torch.device("meta"):
        weights = sum(weight.numel() for weight in learning.build(recipe, data, pretrained).network.parameters())
    memory.refuse_too_large(weights, torch.device(recipe.train.device))
    model = learning.build(recipe, data, pretrained)
    transferred = begin_with(model.network, learning.pretrained(model), start) if start else None
    start_lines = (transferred.lines(str(start)) if transferred else []) + freeze_parts(
        model.network, recipe, transferred
    )
    data, long_notes = learning.fit(model, data, recipe)
    for line in long_notes:
        listener.note(line)
    advice = "" if recipe.start else learning.advice(recipe, data)
    for line in start_lines or [advice]:
        if line:
            listener.note(line)
    return RunSetup(recipe, data, model, start_lines)


def run_first(stage: Stage, recipe: Recipe, folder: Path, listener: Listener) -> Recipe:
    """Trains a task's first stage (a codebook) in a folder of its own; the recipe with the remaining budget."""
    codebook_folder = folder / "codebook"
    codebook_folder.mkdir(exist_ok=True)
    listener.begin("codebook", budget(replace(recipe, train=stage.train)))
    Loop(stage.work, stage.train, recipe.seed, codebook_folder, listener).run()
    put_weights(stage.work.network, read_tensors(codebook_folder / WEIGHTS), codebook_folder)
    return replace(recipe, train=stage.remaining)


def conclude(
    model: Model,
    outcome: Outcome,
    setup: RunSetup,
    started_at: float,
    listener: Listener,
    folds: Scores | None = None,
) -> None:
    """Scores the best weights once, writes the report, and then the scores, which say that the run is finished. Where
    all rows but those of a test file were learnt from, the scores are those of its `folds`.

    Whatever fails meanwhile, what was learnt is reported. Raises HeedfulError, and the same command scores again.
    """
    data = setup.data
    examples, split, part = scored_at_the_end(data, model.recipe)
    facts = run_facts(model, outcome, setup, started_at, split)
    try:
        if folds is not None and not data.test:
            facts, scores = replace(facts, on="folds"), folds
        else:
            listener.note(f"scoring {count(len(examples), f'{split} example')}")
            limits = limits_of(model.folder / "data", split)
            scores = with_remarks(score(model, examples, model.recipe), choice_note(split), part, *limits)
            scores = with_folds(scores, folds) if folds is not None else scores
        scores = with_remarks(scores, compare_measurements(model.recipe, facts, scores.count))
        speed = answering_speed(model, [example.source for example in examples[:SPEED_EXAMPLES]])
        remarks = list(find_task(model.task).learning.remarks(model.learnable[0], data))
        for line in remarks:
            listener.note(line)
        facts = replace(
            facts,
            generate_tokens_per_second=speed,
            wall_seconds=time.time() - started_at,
            notes=[*data.notes, *remarks],
        )
    except Exception as error:
        raise report_failure(model, facts, error) from error
    write_report(model, scores, facts, read_curve(model.folder))
    write_scores(model.folder, facts, scores)
    for line in scores_table(scores).splitlines():
        listener.note(line)


def with_folds(scores: Scores, folds: Scores) -> Scores:
    """Scores on a test file beside those of a cross-validation on the training rows."""
    mean = folds.measures[folds.primary]
    note = f"by {count(len(folds.folds), 'fold')} of the training rows: {title(mean.name)} {value_with_interval(mean)}"
    return with_remarks(replace(scores, folds=folds.folds), note)


def run_facts(model: Model, outcome: Outcome, setup: RunSetup, started_at: float, split: str) -> RunFacts:
    """What is known of a run before it is scored."""
    return RunFacts(
        on=split,
        weights=model.weights,
        train_tokens_per_second=outcome.tokens_per_second,
        generate_tokens_per_second=0.0,
        peak_memory_mb=outcome.peak_memory_mb,
        training_seconds=outcome.position.seconds,
        wall_seconds=time.time() - started_at,
        best_step=outcome.position.best_step,
        steps=outcome.position.step,
        notes=list(setup.data.notes),
        start=[line.strip() for line in setup.start_lines],
        validated=outcome.validated,
    )


def report_failure(model: Model, facts: RunFacts, error: Exception) -> HeedfulError:
    """Writes the report of a run that could not be scored; the error that says so."""
    why = error.problem if isinstance(error, HeedfulError) else f"{type(error).__name__}: {error}"
    write_unscored_report(model, facts, read_curve(model.folder), why)
    cure = error.cure if isinstance(error, HeedfulError) else ""
    saved = f"The weights and report.html of what was learnt are in {model.folder}; the same command scores it again."
    return HeedfulError(f"The run is trained, but could not be scored: {why}", "\n".join(filter(None, [cure, saved])))


def answering_speed(model: Model, inputs: list[str]) -> float:
    """Tokens a second that the model writes, end tokens counted: by a few inputs, or by all if that is soon done."""
    prompts = model.prompts(inputs)
    for some in (prompts[:FEW], prompts):
        clock = time.perf_counter()
        answers = model.answer(some)
        seconds = time.perf_counter() - clock
        if seconds * len(prompts) > LONG * len(some):
            break
    return sum(len(best[0].tokens) + 1 for best in answers) / seconds


def whole_time(work: Work, setup: RunSetup, recipe: Recipe, has_folds: bool) -> str:
    """What a run takes in all, before it begins: its budget of minutes, and about how much beside it, for what.

    `has_folds`: its scores are there already, but for those on a test file.
    """
    task, (examples, split, _) = find_task(recipe.task), scored_at_the_end(setup.data, recipe)
    searches = task.facts.searches and recipe.generate.beam > 1
    scored = 0 if has_folds and split != "test" else task.learning.count_scored(setup.model, examples)
    seconds = seconds_beside(work, recipe.train, scored, recipe.generate.beam if searches else 1)
    beam = f" with beam {recipe.generate.beam}" if searches else ""
    end = f", and at the end {count(scored, f'{split} example')}{beam}" if scored else ""
    validations = f"validations on {count(work.scored, 'example')}"
    return f"in all {budget(setup.recipe)} of training + {in_minutes(seconds)}: {validations}{end}"


def scored_at_the_end(data: PreparedData, recipe: Recipe) -> tuple[list[Example], str, str]:
    """The examples that a run is scored on, which split they are and, where they are not all of it, what is said of it.

    Of validation rows whose answers are written step by step, a few minutes of training have no more than they can pay
    for; the same ones for every network. Test files and folds are scored whole.
    """
    if data.test:
        return data.test, "test", ""
    is_limited = find_task(recipe.task).facts.writes and not recipe.data.folds
    minutes = recipe.train.minutes if is_limited else None
    most = len(data.valid) if minutes is None else max(SCORED_LEAST, round(SCORED_A_MINUTE * minutes))
    examples = batching.sample(data.valid, most, 0)
    if len(examples) == len(data.valid):
        return examples, "valid", ""
    part = f"scored on {len(examples):,} of {count(len(data.valid), 'validation row')}, drawn with seed 0"
    return examples, "valid", f"{part}, as the budget is {budget(recipe)}; heedful evaluate RUN scores all"


def opening_line(recipe: Recipe, network: str, weights: int) -> str:
    """What is about to happen, in a line."""
    train = recipe.train
    threads = int(train.threads)
    device = f"{threads} core{'s' * (threads != 1)}" if train.device == "cpu" else train.device
    return f"{budget(recipe)} on {device} ({train.precision}) · {network}, {weights_of(weights)}"


def total_minutes(recipe: Recipe, runs: int) -> str:
    """The minutes that all runs together will train."""
    return f" = {recipe.train.minutes * runs:g} minutes of training" if recipe.train.minutes else ""


def budget(recipe: Recipe) -> str:
    """The budget as people say it."""
    train = recipe.train
    if train.minutes is not None:
        return f"{train.minutes:g} minute{'s' * (train.minutes != 1)}"
    if train.steps is not None:
        return f"{train.steps:,} step{'s' * (train.steps != 1)}"
    return f"{train.epochs:g} epoch{'s' * (train.epochs != 1)}"
