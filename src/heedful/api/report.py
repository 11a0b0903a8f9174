"""The run folder's own report: a page and a model card, made of what was measured."""

import shlex
from dataclasses import replace

from heedful.api.model import Model
from heedful.api.moments import read_moments
from heedful.api.scores import RunFacts
from heedful.api.taught import read_result, read_taught
from heedful.data.folders import write_file
from heedful.data.readers.rows import count
from heedful.data.samples.read import attribution
from heedful.errors import weights_of
from heedful.report.card import TaskCard, model_card
from heedful.report.pages import run_page
from heedful.results import Progress, Scores
from heedful.schema import Recipe
from heedful.tasks.facts import SourceKind, TaskFacts
from heedful.tasks.task import find_task

REPORT_FILES = ("report.html", "README.md")
READABLE = 60  # letters of a source whose alignment is drawn
ALIGNED = 3  # alignments in a report


def write_report(model: Model, scores: Scores, facts: RunFacts, curve: list[Progress]) -> None:
    """Writes report.html and README.md into the run's folder."""
    task = find_task(model.task).facts
    taught = read_taught(model.folder)
    rows = describe_facts(model, task, facts)
    credits = attribution([*model.recipe.data.train, *(taught.data if taught else [])])
    title = f"{model.task}: {model.recipe.network.name}"
    folder = shlex.quote(str(model.folder))
    commands = [
        f"heedful {model.task} {folder} {model.asked_with}",
        f"heedful evaluate {folder} FILE",
        f"heedful explain {folder} {model.asked_with} -o page.html",
    ]
    exhibits = model.exhibits(scores)
    if task.aligns:
        alignments = [model.align(source) for source in worth_aligning(scores)]
        exhibits = replace(exhibits, alignments=[alignment for alignment in alignments if alignment.maps])
    history = read_moments(model.folder)
    page = run_page(title, rows, commands, scores, curve, exhibits, credits, model.recipe.network.name, history)
    card = model_card(
        title,
        card_of(task, model.source_kind),
        rows,
        scores,
        commands,
        data=", ".join(model.recipe.data.test),
        attribution=credits,
        distillation=read_result(model.folder),
    )
    for name, text in zip(REPORT_FILES, (page, card), strict=True):
        write_file(model.folder / name, lambda path, text=text: path.write_text(text, encoding="utf-8"))


def write_unscored_report(model: Model, facts: RunFacts, curve: list[Progress], why: str) -> None:
    """Writes report.html of a run that could not be scored: what was learnt, and why there are no scores."""
    rows = describe_facts(model, find_task(model.task).facts, facts)
    for measured in ("answers", "scored on"):
        del rows[measured]
    page = run_page(f"{model.task}: {model.recipe.network.name}", rows | {"scoring failed": why}, curve=curve)
    write_file(model.folder / "report.html", lambda path: path.write_text(page, encoding="utf-8"))


def card_of(task: TaskFacts, source: SourceKind) -> TaskCard:
    """What a card says of a task, for a model that is asked with this."""
    return TaskCard(task.verb, task.hub_tasks.get(source, ""), task.takes_from(source), task.gives)


def describe_facts(model: Model, task: TaskFacts, facts: RunFacts) -> dict[str, str]:
    """Measured facts as people read them."""
    recipe, unit = model.recipe, f"{task.unit}/s"
    beam = f" (beam {recipe.generate.beam})" if task.searches else ""
    taught = read_taught(model.folder)
    return {
        "data": ", ".join(recipe.data.train),
        **({"taught by": taught.describe()} if taught else {}),
        "how it was prepared": "; ".join(facts.notes),
        "network": f"{model.name}, {weights_of(model.weights)}",
        **({"began with": "; ".join(facts.start)} if facts.start else {}),
        "training": f"{facts.training_seconds / 60:.1f} minutes, {count(facts.steps, 'step')}, "
        f"best on valid at step {facts.best_step:,}",
        "in all": f"{facts.wall_seconds / 60:.1f} minutes of this sitting, with preparation, validation and scoring",
        "precision": f"{recipe.train.precision} on {recipe.train.device}, "
        + count(int(recipe.train.threads), "thread"),
        "learns": f"{facts.train_tokens_per_second:,.0f} {unit}",
        "answers": f"{facts.generate_tokens_per_second:,.0f} {unit}{beam}",
        "memory": f"{facts.peak_memory_mb:,.0f} MB at the most",
        "scored on": "each fold, by a network that did not learn from it"
        if facts.on == "folds"
        else f"the {facts.on} split",
    }


def compare_measurements(recipe: Recipe, facts: RunFacts, scored: int) -> str:
    """In what the scores of so many examples differ from those in training, which chose the weights; "": nothing."""
    is_greedy = find_task(recipe.task).facts.searches and recipe.generate.beam > 1
    if (
        not facts.validated
        or (facts.on == "folds" and recipe.data.valid != "auto")
        or (facts.on == "valid" and facts.validated == scored and not is_greedy)
    ):
        return ""
    way, other_way = (" by greedy search", f" with beam {recipe.generate.beam}") if is_greedy else ("", "")
    if facts.on == "folds":
        in_training = count(facts.validated, "valid example")
        return f"validations in training scored {in_training} that were learnt from too; these scores are of the folds"
    in_training, here = count(facts.validated, "valid example"), count(scored, f"{facts.on} example")
    return f"validations in training scored {in_training}{way}; these scores are of {here}{other_way}"


def worth_aligning(scores: Scores) -> list[str]:
    """A few sources whose alignments are worth a look: short enough to be read, the longest of those first."""
    readable = {case.source for case in scores.cases if len(case.source) <= READABLE}
    return sorted(readable, key=lambda text: -len(text))[:ALIGNED]
